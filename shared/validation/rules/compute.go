package rules

import (
	"slices"
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// devices are the places of block device mappings.
var devices = []string{
	"Resources/AWS::EC2::Instance/Properties/BlockDeviceMappings/*",
	"Resources/AWS::EC2::LaunchTemplate/Properties/LaunchTemplateData/BlockDeviceMappings/*",
	"Resources/AWS::EC2::SpotFleet/Properties/SpotFleetRequestConfigData/LaunchSpecifications/*/BlockDeviceMappings/*",
	"Resources/AWS::AutoScaling::LaunchConfiguration/Properties/BlockDeviceMappings/*",
	"Resources/AWS::OpsWorks::Instance/Properties/BlockDeviceMappings/*",
}

func below(places []string, name string) []string {
	out := make([]string, len(places))
	for i, p := range places {
		out[i] = p + "/" + name
	}
	return out
}

// computeRules are about instances, groups of them and load balancers.
func computeRules() []check.Rule {
	const targets = "Resources/AWS::ElasticLoadBalancingV2::TargetGroup/Properties"
	targetLink := resource("AWS::ElasticLoadBalancingV2::TargetGroup")
	return []check.Rule{
		{ID: "E3056", Severity: check.Error, Title: "The health check type EC2 stands alone",
			Description: "The health check type EC2 cannot be combined with others. Leave it out, as it is always on.",
			Link:        services + "autoscaling/ec2/userguide/health-checks-overview.html",
			Places:      []string{"Resources/AWS::AutoScaling::AutoScalingGroup/Properties/HealthCheckType"}, Check: healthCheckType},
		{ID: "E3712", Severity: check.Error, Title: "A scaling policy cannot scale a group of fixed size",
			Description: "A group whose smallest and largest size are the same has no room to scale. Change the sizes, or remove the policy.",
			Link:        services + "autoscaling/ec2/userguide/as-scaling-target-tracking.html",
			Places:      []string{"Resources/AWS::AutoScaling::ScalingPolicy/Properties"}, Schema: extension("aws_autoscaling_scalingpolicy/policy_target_tracking_asg"), AllMatches: true},
		{ID: "W3671", Severity: check.Warning, Title: "The volume type ignores Iops",
			Description: "Volumes of this type have no provisioned Iops. Remove Iops, or choose another type.",
			Link:        services + "ebs/latest/userguide/ebs-volume-types.html",
			Places:      below(devices, "Ebs"), Check: ignoredIops},
		{ID: "W3698", Severity: check.Warning, Title: "VirtualName is ignored beside Ebs",
			Description: "A mapping with Ebs is a volume of EBS, for which VirtualName has no meaning. Remove it.",
			Link:        services + "AWSEC2/latest/UserGuide/block-device-mapping-concepts.html",
			Places:      devices, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.IsMap() && n.Get("VirtualName") != nil && n.Get("Ebs") != nil {
					v.Fault("a virtual name has no meaning for a volume of EBS").AtKey("VirtualName")
				}
			}},
		{ID: "W3700", Severity: check.Warning, Title: "EC2 takes every other domain for vpc",
			Description: "Elastic addresses are for VPCs, and EC2 treats any other value as vpc. Write vpc.",
			Link:        resource("AWS::EC2::EIP"),
			Places:      []string{"Resources/AWS::EC2::EIP/Properties/Domain"}, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.IsString() && !strings.EqualFold(n.Text, "vpc") && !strings.EqualFold(n.Text, "standard") {
					v.Fault("the domain is vpc or standard, not %s", check.Excerpt(n))
				}
			}},
		{ID: "E3673", Severity: check.Error, Title: "An instance needs an image",
			Description: "An instance gets its image from ImageId or from a launch template. Set one.",
			Link:        resource("AWS::EC2::Instance"),
			Places:      []string{"Resources/AWS::EC2::Instance/Properties"}, Check: instanceImage},
		{ID: "E3714", Severity: check.Error, Title: "Security group and subnet are in different VPCs",
			Description: "An interface or instance takes security groups of the VPC of its subnet. Choose a group of that VPC.",
			Link:        services + "AWSEC2/latest/UserGuide/ec2-launch-templates.html",
			Places:      []string{"Resources/AWS::EC2::LaunchTemplate/Properties"}, Schema: extension("aws_ec2_launchtemplate/launch_template_sg_subnet_vpc"), AllMatches: true},
		{ID: "E3711", Severity: check.Error, Title: "A listener rule cannot forward GENEVE",
			Description: "GENEVE belongs to gateway load balancers, whose listeners have no rules. Choose another target group.",
			Link:        services + "elasticloadbalancing/latest/gateway/target-groups.html",
			Places:      []string{"Resources/AWS::ElasticLoadBalancingV2::ListenerRule/Properties"}, Schema: extension("aws_elasticloadbalancingv2_listenerrule/listener_rule_target_group_protocol"), AllMatches: true},
		{ID: "E3681", Severity: check.Error, Title: "The type of the targets does not allow this",
			Description: "A target group has other properties for functions than for addresses, instances and load balancers. Set or remove what the finding names.",
			Link:        targetLink,
			Places:      []string{targets}, Schema: extension("aws_elasticloadbalancingv2_targetgroup/targettype_restrictions"), AllMatches: true},
		{ID: "E3683", Severity: check.Error, Title: "The protocol of the targets does not allow this",
			Description: "A target group takes some settings for some protocols only. Set or remove what the finding names.",
			Link:        targetLink,
			Places:      []string{targets}, Schema: extension("aws_elasticloadbalancingv2_targetgroup/protocol_restrictions"), AllMatches: true},
		{ID: "E3684", Severity: check.Error, Title: "The protocol of the health check does not allow this",
			Description: "A health check by TCP has no path and no codes to match. Set or remove what the finding names.",
			Link:        targetLink,
			Places:      []string{targets}, Schema: extension("aws_elasticloadbalancingv2_targetgroup/healthcheckprotocol_restrictions"), AllMatches: true},
	}
}

func healthCheckType(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsString() || !strings.Contains(n.Text, ",") {
		return
	}
	for part := range strings.SplitSeq(n.Text, ",") {
		if strings.TrimSpace(part) == "EC2" {
			v.Fault("EC2 cannot be combined with other types of health checks")
			return
		}
	}
}

func ignoredIops(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsMap() {
		return
	}
	kind := n.Get("VolumeType")
	if kind.IsString() && n.Get("Iops") != nil && slices.Contains([]string{"gp2", "st1", "sc1", "standard"}, strings.ToLower(kind.Text)) {
		v.Fault("volumes of type %s ignore Iops", kind.Text).AtKey("Iops")
	}
}

// instanceImage finds instances that get an image neither themselves nor from a
// launch template of this template.
func instanceImage(v *check.Validator, n *template.Node, _ *js.Schema) {
	base := v.Path()
	v.ValuesAt(n, []string{"ImageId"}, func(image *template.Node) {
		if filled(image) {
			return
		}
		at := base.With()
		if p := v.Path(); p[len(p)-1].Key != "ImageId" {
			at = slices.Clone(p)
		}
		none := func() { v.Fault("the instance has no ImageId, nor has its launch template").Path = at }
		any := false
		v.ValuesAt(n, []string{"LaunchTemplate"}, func(launch *template.Node) {
			if !filled(launch) {
				return
			}
			any = true
			for _, name := range []string{"LaunchTemplateId", "LaunchTemplateName"} {
				if name == "LaunchTemplateName" && launch.Get("LaunchTemplateId") != nil && !byCondition(launch.Get("LaunchTemplateId")) {
					break
				}
				v.ValuesAt(launch, []string{name}, func(ref *template.Node) {
					if image == nil && withoutImage(v, ref) {
						none()
					}
				})
			}
		})
		if !any {
			none()
		}
	})
}

func byCondition(n *template.Node) bool {
	k, _ := check.Function(n)
	return k == js.FnIf
}

// withoutImage reports whether a reference leads to a launch template without an
// image, in some scenario. Of what is elsewhere nothing can be said.
func withoutImage(v *check.Validator, ref *template.Node) (none bool) {
	if unusableAttribute(v, ref) {
		return false
	}
	if k, arg := check.Function(ref); k == js.FnRef && (arg.IsMap() || arg.IsList()) {
		v.Unusable("Ref does not name anything")
		return false
	}
	id := referred(ref)
	if k, _ := check.Function(ref); id == "" || k == js.FnRef && (v.Parameters[id] != nil || v.Resources[id] == nil) {
		return false
	}
	v.Scoped(func() {
		launch := v.ResourceByName(id, "AWS::EC2::LaunchTemplate")
		if launch == nil {
			none = true
			return
		}
		v.ValuesAt(launch, []string{"Properties", "LaunchTemplateData", "ImageId"}, func(image *template.Node) {
			none = none || image == nil
		})
	})
	return none
}
