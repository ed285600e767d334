package pipeline

import (
	"regexp"
	"strings"
	"sync"
)

// pattern is a regular expression that is compiled when it is first used: long
// repetitions take milliseconds, and every command line pays for what happens
// at start.
type pattern struct {
	source   string
	compiled func() *regexp.Regexp
}

func newPattern(source string) pattern {
	return pattern{source, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(source) })}
}

func (p pattern) matches(text string) bool { return p.compiled().MatchString(text) }

// key is one allowed key of a mapping. The decoder and the JSON Schema are
// both driven by these tables, so they cannot disagree.
type key struct {
	name     string
	required bool
	about    string         // one sentence for the person who writes the file
	schema   map[string]any // JSON Schema of the value
}

var (
	namePattern    = newPattern(`^[a-zA-Z][a-zA-Z0-9-]{0,31}$`)
	accountPattern = newPattern(`^[0-9]{12}$`)
	regionPattern  = newPattern(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	outputPattern  = newPattern(`^[a-zA-Z][a-zA-Z0-9-]{0,31}\.[a-zA-Z0-9]{1,255}$`)

	// Parameter names and logical ids are alphanumeric. Source: CloudFormation
	// user guide, "Parameters" and "Resources", logical name.
	logicalPattern = newPattern(`^[a-zA-Z0-9]{1,255}$`)
	// Ids of rules: EK1003, CKV_AWS_18, AwsSolutions-S1, CT.S3.PR.1, E30*.
	rulePattern     = newPattern(`^[a-zA-Z][a-zA-Z0-9._-]{0,99}\*?$`)
	resourcePattern = newPattern(`^[a-zA-Z0-9*?]{1,255}$`)
	// Source: Systems Manager user guide, "Parameter name requirements".
	storePattern = newPattern(`^[a-zA-Z0-9_./-]{1,1000}(:[0-9]+)?$`)
	// Source: Secrets Manager API reference, CreateSecret, Name; or an ARN.
	secretPattern = newPattern(`^(arn:[a-z-]+:secretsmanager:[a-zA-Z0-9:/_+=.@-]+|[a-zA-Z0-9/_+=.@-]{1,512})(#[^#:\s]+)?$`)
)

// Source: CloudFormation API reference, CreateChangeSet, Capabilities.
var capabilities = []string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}

var approvals = []string{ApprovalAlways, ApprovalOnRisk, ApprovalNever}

func text(p pattern) map[string]any {
	return map[string]any{"type": "string", "pattern": p.source}
}

func mapOf(value map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": value}
}

func listOf(value map[string]any) map[string]any {
	return map[string]any{"type": "array", "items": value, "uniqueItems": true}
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

var scalar = map[string]any{"type": []string{"string", "number", "boolean"}}

var topKeys = []key{
	{"version", true, "The format of this file: 1.", map[string]any{"const": 1}},
	{"name", false, "Prefix of the CloudFormation stack names.", text(namePattern)},
	{"stacks", true, "The stacks, by name.", map[string]any{"type": "object", "minProperties": 1, "additionalProperties": ref("stack")}},
	{"stages", true, "The stages, in the order in which they are deployed.", map[string]any{"type": "array", "minItems": 1, "items": ref("stage")}},
	{"validation", false, "How the templates are validated.", ref("validation")},
	{"build", false, "How the cloud assembly of a CDK app is made.", ref("build")},
}

var stackKeys = append([]key{
	{"template", false, "Path of the CloudFormation template in the repository; or artifact.", map[string]any{"type": "string"}},
	{"artifact", false, "Id of the stack in the cloud assembly, in place of template; ${stage} stands for the name of the stage.", text(artifactPattern)},
	{"dependsOn", false, "Stacks that must be deployed before this one.", listOf(text(namePattern))},
	{"parameters", false, "Template parameters, by name.", mapOf(ref("parameter"))},
	{"capabilities", false, "What the template may create.", listOf(map[string]any{"enum": capabilities})},
	{"tags", false, "Tags of the stack and its resources.", mapOf(scalar)},
	{"protect", false, "Logical ids of resources whose removal or replacement blocks the deployment.", listOf(text(logicalPattern))},
	{"verify", false, "What is checked after the stack was deployed.", verifySchema},
	{"rollout", false, "How the stack comes into use: at once, or with its traffic moved to it step by step.", ref("rollout")},
}, rollbackTable...)

var stageKeys = append([]key{
	{"name", true, "Name of the stage; part of the stack names.", text(namePattern)},
	{"branch", true, "The branch that the stage follows, or a glob, such as release/*.", text(branchGlob)},
	{"account", true, "AWS account, 12 digits, in quotes.", text(accountPattern)},
	{"region", true, "AWS region.", text(regionPattern)},
	{"approval", true, "When a person must approve: always, on-risk or never.", map[string]any{"enum": approvals}},
	{"approvalTimeout", false, "How long a plan waits for a person: minutes, hours or days, such as 30m, 24h (the default) or 7d; at least 5m, at most 7d.", text(approvalTimePattern)},
	{"selfApproval", false, "Whether an author of the push may approve it: forbidden (the default) or allowed.", map[string]any{"enum": selfApprovals}},
	{"failOn", false, "The least severe finding that stops this stage: error (the default), warning, note, or none.", map[string]any{"enum": failOns}},
	{"role", false, "Role to assume in the account, by its name or ARN; it begins with " + RolePrefix + ". Without it, the installation's own.", text(rolePattern)},
	{"windows", false, "When the stage takes deployments. Without it, always.", map[string]any{"type": "array", "items": ref("window"), "maxItems": maxSpans}},
	{"freezes", false, "When the stage takes no deployments, whatever its windows say.", map[string]any{"type": "array", "items": ref("freeze"), "maxItems": maxSpans}},
	{"parameters", false, "Parameters of this stage, by stack; they win over the stack's own.", mapOf(mapOf(ref("parameter")))},
	{"verify", false, "What is checked when all stacks of the stage were deployed.", verifySchema},
	{"onVerificationFailure", false, "stop ends the run, rollback brings the stack back to its previous template as well. Without it, rollback in the last stage of a branch and stop in the others.", map[string]any{"enum": onFailures}},
	{"artifacts", false, "Artifacts of this stage, by stack; they win over the stack's own.", mapOf(text(artifactPattern))},
	{"rollout", false, "Rollouts of this stage, by stack; each takes the place of the stack's own as a whole.", mapOf(ref("rollout"))},
}, rollbackTable...)

var parameterKeys = []key{
	{"output", false, "Output of an earlier stack: stack.OutputName.", text(outputPattern)},
	{"parameterStore", false, "Name of a Systems Manager parameter; CloudFormation reads it.", text(storePattern)},
	{"secret", false, "Name of a Secrets Manager secret, with #key for one key of it; CloudFormation reads it.", text(secretPattern)},
}

var validationKeys = []key{
	{"ignore", false, "Findings that are switched off.", map[string]any{"type": "array", "items": ref("ignore")}},
	{"include", false, "Rules that are off by default, by id or its beginning; I is for all notes.", listOf(text(rulePattern))},
	{"policies", false, "Folders of the repository with policies in Rego. Without it, policies/.", listOf(map[string]any{"type": "string"})},
	{"baseline", false, "File of the repository with the findings that are known, as evenkeel validate --write-baseline writes it.", map[string]any{"type": "string"}},
}

var ignoreKeys = []key{
	{"rule", true, "Id of the rule, ours or that of another tool; E30* means all ids that begin so.", text(rulePattern)},
	{"paths", false, "Globs of the templates that it is for; ** crosses folders. Without it, all.", listOf(map[string]any{"type": "string"})},
	{"resource", false, "Logical id of the resource that it is for; * and ? stand for other characters. Without it, the whole template.", text(resourcePattern)},
	{"reason", false, "Why.", map[string]any{"type": "string"}},
	{"until", false, "The last day that it holds: 2027-01-31. Without it, for ever.", map[string]any{"type": "string", "format": "date"}},
}

func names(keys []key) string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.name
	}
	return strings.Join(list, ", ")
}
