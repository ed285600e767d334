package rules

import (
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// containerRules are about tasks and services of ECS.
func containerRules() []check.Rule {
	const (
		service = "Resources/AWS::ECS::Service/Properties"
		task    = "Resources/AWS::ECS::TaskDefinition/Properties"
	)
	serviceLink, taskLink := resource("AWS::ECS::Service"), resource("AWS::ECS::TaskDefinition")
	return []check.Rule{
		{ID: "E3046", Severity: check.Error, Title: "The log driver awslogs needs a group and a region",
			Description: "The log driver awslogs does not start without the options for group and region. Set awslogs-group and awslogs-region.",
			Link:        taskLink,
			Places:      []string{task + "/ContainerDefinitions/*/LogConfiguration"}, AllMatches: true, Check: logConfiguration},
		{ID: "E3048", Severity: check.Error, Title: "A task on Fargate needs other properties",
			Description: "A task on Fargate has CPU and memory, the network mode awsvpc, and no placement constraints. Set or remove what the finding names.",
			Link:        taskLink,
			Places:      []string{task}, AllMatches: true, Check: fargateTask},
		{ID: "E3049", Severity: check.Error, Title: "A dynamic port needs a health check of the traffic port",
			Description: "When the host's port is chosen at run time, the target group must check the port of the traffic. Set HealthCheckPort to traffic-port.",
			Link:        serviceLink,
			Places:      []string{service}, Check: dynamicPorts},
		{ID: "E3053", Severity: check.Error, Title: "In the network mode awsvpc, a container's port is the host's",
			Description: "In the network mode awsvpc a container has an interface of its own, so that both ports are one. Use one number, or leave HostPort out.",
			Link:        taskLink,
			Places:      []string{task}, Check: hostPorts},
		{ID: "E3054", Severity: check.Error, Title: "The task of a service on Fargate is not made for Fargate",
			Description: "The service runs on Fargate, the task definition does not say that it can. Add FARGATE to RequiresCompatibilities.",
			Link:        serviceLink,
			Places:      []string{service}, Schema: extension("aws_ecs_service/service_fargate"), AllMatches: true},
		{ID: "E3713", Severity: check.Error, Title: "Fargate does not have this log driver",
			Description: "Fargate has the log drivers awslogs, splunk and awsfirelens. Use one of these.",
			Link:        services + "AmazonECS/latest/developerguide/using_awslogs.html",
			Places:      []string{service}, Schema: extension("aws_ecs_service/service_fargate_log_driver"), AllMatches: true},
	}
}

func logConfiguration(v *check.Validator, n *template.Node, _ *js.Schema) {
	rule := v.Registry.Rule("E3046")
	v.WithoutRules(func() {
		v.With(rule, func() {
			found := v.Collect(func() { v.Walk(n, schema.Extension("aws_ecs_taskdefinition/logging_configuration")) })
			for i := range found {
				if found[i].Rule == "" && !found[i].Keyword.IsFunction() {
					found[i].Rule = rule.ID
				}
			}
			v.Add(check.Known(found)...)
		})
	})
}

func fargateTask(v *check.Validator, n *template.Node, _ *js.Schema) {
	base := v.Path()
	found := v.Collect(func() {
		v.Against(v.Registry.Rule("E3048"), schema.Extension("aws_ecs_taskdefinition/fargate_properties"), n)
	})
	for i := range found {
		if found[i].Keyword == js.Not {
			found[i].Path = base.With(check.Key("PlacementConstraints"))
			found[i].Message = "tasks on Fargate have no placement constraints"
		}
	}
	v.Add(found...)
}

// port is the text of a port, false if it is neither text nor number.
func port(n *template.Node) (string, bool) {
	if n == nil || n.Kind == template.Number && !check.IsType(n, js.Integer) {
		return "", false
	}
	return check.ScalarText(n)
}

func hostPorts(v *check.Validator, n *template.Node, _ *js.Schema) {
	v.ValuesAt(n, []string{"NetworkMode"}, func(mode *template.Node) {
		if mode.Str() != "awsvpc" {
			return
		}
		base := v.Path()[:len(v.Path())-1]
		v.WithPath(base, func() {
			v.ValuesAt(n, []string{"ContainerDefinitions", "*", "PortMappings", "*"}, func(mapping *template.Node) {
				if mapping != nil {
					samePorts(v, mapping)
				}
			})
		})
	})
}

func samePorts(v *check.Validator, mapping *template.Node) {
	v.ValuesAt(mapping, []string{"HostPort"}, func(host *template.Node) {
		have, ok := port(host)
		if !ok {
			return
		}
		at := slices.Clone(v.Path())
		v.ValuesAt(mapping, []string{"ContainerPort"}, func(container *template.Node) {
			if want, ok := port(container); ok && want != have {
				v.Fault("the host's port %s is not the container's, %s", have, want).Path = at
			}
		})
	})
}

// balanced is a container's port behind a load balancer.
type balanced struct{ container, port, group string }

func dynamicPorts(v *check.Validator, n *template.Node, _ *js.Schema) {
	v.ValuesAt(n, []string{"TaskDefinition"}, func(ref *template.Node) {
		task := referred(ref)
		if unusableAttribute(v, ref) || task == "" {
			return
		}
		eachBalanced(v, n, func(b balanced) {
			v.Scoped(func() {
				if node := v.ResourceByName(task, "AWS::ECS::TaskDefinition"); node != nil {
					eachDynamicPort(v, node, b, func() { healthCheck(v, b.group) })
				}
			})
		})
	})
}

// referred is the resource that Ref or Fn::GetAtt names, "" for anything else.
func referred(n *template.Node) string {
	if k, _ := check.Function(n); k != js.FnRef && k != js.FnGetAtt {
		return ""
	}
	id, _ := target(n)
	return id
}

func eachBalanced(v *check.Validator, service *template.Node, visit func(balanced)) {
	v.ValuesAt(service, []string{"LoadBalancers", "*"}, func(balancer *template.Node) {
		v.ValuesAt(balancer, []string{"ContainerName"}, func(name *template.Node) {
			if !name.IsString() {
				return
			}
			v.ValuesAt(balancer, []string{"ContainerPort"}, func(n *template.Node) {
				text, ok := port(n)
				if !ok {
					return
				}
				v.ValuesAt(balancer, []string{"TargetGroupArn"}, func(group *template.Node) {
					if id := referred(group); !unusableAttribute(v, group) && id != "" {
						visit(balanced{name.Text, text, id})
					}
				})
			})
		})
	})
}

// eachDynamicPort calls visit for each mapping of the balanced port to a host
// port that the host chooses.
func eachDynamicPort(v *check.Validator, task *template.Node, b balanced, visit func()) {
	v.ValuesAt(task, []string{"Properties", "ContainerDefinitions", "*"}, func(container *template.Node) {
		v.ValuesAt(container, []string{"Name"}, func(name *template.Node) {
			if !name.IsString() || name.Text != b.container {
				return
			}
			v.ValuesAt(container, []string{"PortMappings", "*"}, func(mapping *template.Node) {
				v.ValuesAt(mapping, []string{"ContainerPort"}, func(n *template.Node) {
					if text, ok := port(n); !ok || text != b.port {
						return
					}
					v.ValuesAt(mapping, []string{"HostPort"}, func(host *template.Node) {
						if text, ok := port(host); ok && text == "0" {
							visit()
						}
					})
				})
			})
		})
	})
}

func healthCheck(v *check.Validator, group string) {
	v.Scoped(func() {
		node := v.ResourceByName(group, "AWS::ElasticLoadBalancingV2::TargetGroup")
		if node == nil {
			return
		}
		v.ValuesAt(node, []string{"Properties", "HealthCheckPort"}, func(n *template.Node) {
			if _, ok := port(n); (n == nil || ok) && n.Str() != "traffic-port" {
				v.Fault("a container whose host port is 0 needs a health check of the port traffic-port")
			}
		})
	})
}
