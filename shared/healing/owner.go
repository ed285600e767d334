package healing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
)

// The kinds of an owner.
const (
	OwnerCloudFormation = "cloudformation"
	OwnerTerraform      = "terraform"
	OwnerPulumi         = "pulumi"
	OwnerConsole        = "console"
	OwnerCLI            = "cli"
	OwnerSDK            = "sdk"
	OwnerService        = "service"
	OwnerUnknown        = "unknown"
)

// StackResource is a resource of a CloudFormation stack.
type StackResource struct {
	Stack     string // ARN
	LogicalID string // "" when it is not among those that CloudFormation lists
	Type      string
	Status    string
}

// Gone reports that the stack does not own the resource any more: it deleted
// it, or let go of it. A deleted stack answers for 90 days.
// Source: CloudFormation API reference, DescribeStackResources, and
// StackResource, ResourceStatus.
func (r StackResource) Gone() bool {
	return r.Status == "DELETE_COMPLETE" || r.Status == "DELETE_SKIPPED"
}

// Sources is what CloudFormation knows of an opening.
type Sources struct {
	Rule     StackResource // that is the rule itself; zero: none
	Group    StackResource // that is the group; zero: none
	Template Declaration   // of the group's stack
}

// StackOf finds the group's stack in the tags that CloudFormation gives it. A
// rule has none.
// Source: CloudFormation user guide, "Resource tag".
func StackOf(group events.SecurityGroup) StackResource {
	return StackResource{Stack: group.Tags["aws:cloudformation:stack-id"], LogicalID: group.Tags["aws:cloudformation:logical-id"]}
}

// OwnerOf says who answers for an opening, and where to fix it so that it does
// not come back. What the caller says of its tool is its own claim: the answer
// is advice, and nothing is spared because of it.
func OwnerOf(group events.SecurityGroup, trigger events.Trigger, known Sources) events.Owner {
	kind, tool := toolOf(trigger)
	o := events.Owner{Kind: kind, Tool: tool, Stack: known.Group.Stack, LogicalID: known.Group.LogicalID}
	name := stackName(o.Stack)
	switch {
	case known.Rule.Stack != "":
		o.Kind, o.Stack, o.LogicalID, o.Declared = OwnerCloudFormation, known.Rule.Stack, known.Rule.LogicalID, true
		o.Fix = fmt.Sprintf("stack %s declares it: narrow the source in the Properties of %s in its template; until then a deployment may open the group again",
			stackName(o.Stack), cmp.Or(o.LogicalID, "the "+cmp.Or(known.Rule.Type, "rule")))
	case known.Template.Answer == DeclaresIt:
		o.Kind, o.Declared, o.LogicalID = OwnerCloudFormation, true, cmp.Or(known.Template.LogicalID, o.LogicalID)
		o.Fix = fmt.Sprintf("stack %s declares it: change %s of %s in its template; until then each deployment opens it again",
			name, known.Template.property(), o.LogicalID)
	case kind == OwnerCloudFormation && name != "":
		o.Declared = true
		o.Fix = fmt.Sprintf("CloudFormation opened it, most likely for stack %s: change Properties.SecurityGroupIngress of %s in its template, or the stack that has a rule for it; until then each deployment opens it again",
			name, cmp.Or(o.LogicalID, group.GroupID))
	case kind == OwnerCloudFormation:
		o.Declared = true
		o.Fix = fmt.Sprintf("CloudFormation opened it for a stack that is not known: look for %s in the templates that %s deploys; until then each deployment opens it again", group.GroupID, cmp.Or(trigger.Principal, "the caller"))
	default:
		o.Declared = kind == OwnerTerraform || kind == OwnerPulumi
		o.Fix = advice(o, trigger, known.Template, name)
	}
	return o
}

// advice is what to do about an opening that no stack declares, as far as is
// known.
func advice(o events.Owner, trigger events.Trigger, template Declaration, stack string) string {
	var parts []string
	who := cmp.Or(printed(trigger.Principal), "somebody")
	switch o.Kind {
	case OwnerTerraform, OwnerPulumi:
		again := map[string]string{OwnerTerraform: "apply", OwnerPulumi: "update"}[o.Kind]
		parts = append(parts, fmt.Sprintf("%s, as the caller %s says: remove the rule from its configuration, else the next %s opens it again", o.Tool, who, again))
	case OwnerUnknown:
		parts = append(parts, "who opened it is not known: find the call in CloudTrail, and what it was made from")
	case OwnerService:
		parts = append(parts, fmt.Sprintf("%s opened it for %s: change what asked the service for it", o.Tool, who))
	default:
		with := map[string]string{OwnerConsole: "the console", OwnerCLI: "the command line", OwnerSDK: "a program"}[o.Kind]
		parts = append(parts, fmt.Sprintf("opened out of band by %s with %s: ask them, and put into a template what has to stay", who, with))
	}
	switch {
	case stack == "":
	case template.Answer == DeclaresNothing:
		parts = append(parts, fmt.Sprintf("nothing to fix in stack %s, its template does not open it", stack))
	default:
		parts = append(parts, fmt.Sprintf("whether the template of stack %s opens it could not be told: look at Properties.SecurityGroupIngress of %s", stack, cmp.Or(o.LogicalID, "the group")))
	}
	return strings.Join(parts, "; ")
}

// opening are the calls whose caller made the opening. Others only showed it:
// RunInstances puts an open group to use, a sweep finds one.
var opening = []string{"AuthorizeSecurityGroupIngress", "AuthorizeIngress", "ModifySecurityGroupRules", "ModifyManagedPrefixList", "RestoreManagedPrefixListVersion"}

// agents tell tools by what their user agents have, in this order: Pulumi and
// the CDK for Terraform name what they are built on as well.
var agents = []struct{ kind, mark string }{
	{OwnerPulumi, "pulumi"},
	{OwnerTerraform, "terraform"},
	{OwnerTerraform, "opentofu"},
	{OwnerConsole, "console."},
	{OwnerConsole, "aws-internal"},
	{OwnerCLI, "aws-cli/"},
	{OwnerSDK, "boto3/"},
	{OwnerSDK, "botocore/"},
	{OwnerSDK, "aws-sdk-"},
	{OwnerConsole, "mozilla/"},
}

const (
	serviceSuffix  = ".amazonaws.com"
	cloudFormation = "cloudformation" + serviceSuffix
)

// toolOf says by what the call was made. That a service made it, on behalf of
// the caller, CloudTrail itself says; the rest is the caller's word.
// Source: CloudTrail user guide, "CloudTrail record contents", sourceIPAddress
// and userAgent.
func toolOf(trigger events.Trigger) (kind, tool string) {
	if !slices.Contains(opening, trigger.EventName) {
		return OwnerUnknown, ""
	}
	agent := strings.ToLower(trigger.UserAgent)
	switch service := strings.ToLower(trigger.SourceIP); {
	case service == cloudFormation:
		return OwnerCloudFormation, cloudFormation
	case strings.HasSuffix(service, serviceSuffix):
		return OwnerService, service
	}
	for _, a := range agents {
		if strings.Contains(agent, a.mark) {
			return a.kind, product(trigger.UserAgent, a.mark)
		}
	}
	if strings.HasSuffix(agent, serviceSuffix) {
		return OwnerConsole, printed(trigger.UserAgent) // a console calls from the browser's address
	}
	return OwnerUnknown, product(trigger.UserAgent, "")
}

// product is the word of a user agent that has the mark, or the first one:
// "Terraform/1.9.5".
// Source: RFC 9110, "User-Agent".
func product(agent, mark string) string {
	words := strings.FieldsFunc(agent, func(r rune) bool { return strings.ContainsRune(" ,;()[]", r) })
	for _, word := range words {
		if strings.Contains(strings.ToLower(word), mark) {
			return printed(word)
		}
	}
	return ""
}

// printed keeps what a caller chose from steering a terminal, and short.
func printed(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x7e {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

// stackName is the name in the ARN of a stack:
// arn:aws:cloudformation:region:account:stack/name/id.
func stackName(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) < 2 {
		return arn
	}
	return parts[1]
}
