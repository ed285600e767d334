package main

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/infra/permission"
	"github.com/evenkeel/evenkeel/infra/stack"
	"github.com/evenkeel/evenkeel/shared/config"
)

// TestEveryTargetKeepsWhatItCannotDeliver: a rule without a dead-letter queue
// loses an event silently when its target is unwell for a day.
func TestEveryTargetKeepsWhatItCannotDeliver(t *testing.T) {
	rules := 0
	for name, tmpl := range templates(t) {
		for _, id := range tmpl.named("AWS::Events::Rule") {
			rules++
			for _, raw := range tmpl.Resources[id].Properties["Targets"].([]any) {
				target := raw.(map[string]any)
				dead, _ := target["DeadLetterConfig"].(map[string]any)
				queue := reference(dead["Arn"])
				if tmpl.Resources[queue].Type != "AWS::SQS::Queue" {
					t.Errorf("%s %s: no dead-letter queue", name, id)
				}
				if retry, _ := target["RetryPolicy"].(map[string]any); retry["MaximumRetryAttempts"] == nil || retry["MaximumEventAgeInSeconds"] == nil {
					t.Errorf("%s %s: no retry policy", name, id)
				}
				if !alarmed(tmpl, queue) && name == "evenkeel" {
					t.Errorf("%s %s: nobody is told about dead letters in %s", name, id, queue)
				}
			}
		}
	}
	if rules < 10 {
		t.Fatalf("only %d rules", rules)
	}
}

// TestQueueOfTheHealer: events of groups wait encrypted, come in batches whose
// parts fail alone, at a bounded pace, and what keeps failing is kept aside
// where somebody is told. Only the rule may send.
func TestQueueOfTheHealer(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	mappings := tmpl.named("AWS::Lambda::EventSourceMapping")
	if len(mappings) != 1 {
		t.Fatalf("event source mappings %v, want one", mappings)
	}
	mapping := tmpl.Resources[mappings[0]].Properties
	function := tmpl.Resources[reference(mapping["FunctionName"])].Properties
	id := reference(mapping["EventSourceArn"])
	queue := tmpl.Resources[id].Properties
	if function["FunctionName"] != "evenkeel-healing" || mapping["BatchSize"].(float64) > 10 || mapping["MaximumBatchingWindowInSeconds"] != nil ||
		!reflect.DeepEqual(mapping["FunctionResponseTypes"], []any{"ReportBatchItemFailures"}) {
		t.Errorf("mapping %v", mapping)
	}
	// Lambda takes 2 to 1,000, and the account has 1,000 at first.
	if scaling, _ := mapping["ScalingConfig"].(map[string]any); scaling["MaximumConcurrency"] == nil || scaling["MaximumConcurrency"].(float64) < 2 || scaling["MaximumConcurrency"].(float64) > 20 {
		t.Errorf("a storm takes %v of the account's concurrency", mapping["ScalingConfig"])
	}
	if queue["VisibilityTimeout"].(float64) < 6*function["Timeout"].(float64) {
		t.Errorf("taken messages are invisible for %v s, want six times the function's timeout, %v s", queue["VisibilityTimeout"], function["Timeout"])
	}
	redrive, _ := queue["RedrivePolicy"].(map[string]any)
	dead := reference(redrive["deadLetterTargetArn"])
	if redrive["maxReceiveCount"] == nil || redrive["maxReceiveCount"].(float64) < 5 || !alarmed(tmpl, id) || !alarmed(tmpl, dead) {
		t.Errorf("redrive %v, alarms on the queue %v, on its dead letters %v", redrive, alarmed(tmpl, id), alarmed(tmpl, dead))
	}
	for name, limit := range map[string]any{id: queue["MessageRetentionPeriod"], dead: 1209600.0} {
		if p := tmpl.Resources[name].Properties; tmpl.Resources[reference(p["KmsMasterKeyId"])].Type != "AWS::KMS::Key" || p["MessageRetentionPeriod"] != limit {
			t.Errorf("%s: key %v, kept %v s", name, p["KmsMasterKeyId"], p["MessageRetentionPeriod"])
		}
	}
	for _, rule := range tmpl.named("AWS::Events::Rule") {
		p := tmpl.Resources[rule].Properties
		if p["Name"] != "evenkeel-security-group-changed" {
			continue
		}
		target := p["Targets"].([]any)[0].(map[string]any)
		if reference(target["Arn"]) != id || target["RoleArn"] != nil {
			t.Errorf("the rule's target is %v", target)
		}
		if got := senders(tmpl, id); !slices.Equal(got, []string{rule}) {
			t.Errorf("who may send to the queue: %v, want the rule %s", got, rule)
		}
	}
}

// senders returns the logical ids of what the policy of a queue lets send, and
// "unencrypted" when it takes messages over plain HTTP.
func senders(tmpl template, queue string) []string {
	var out []string
	encrypted := false
	for _, id := range tmpl.named("AWS::SQS::QueuePolicy") {
		p := tmpl.Resources[id].Properties
		if reference(p["Queues"].([]any)[0]) != queue {
			continue
		}
		for _, raw := range p["PolicyDocument"].(map[string]any)["Statement"].([]any) {
			s := raw.(map[string]any)
			condition, _ := s["Condition"].(map[string]any)
			if s["Effect"] == "Deny" {
				encrypted = encrypted || reflect.DeepEqual(condition, map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}})
				continue
			}
			source, _ := condition["ArnLike"].(map[string]any)
			out = append(out, reference(source["aws:SourceArn"]))
		}
	}
	if !encrypted {
		out = append(out, "unencrypted")
	}
	return out
}

// TestAlarmsSayWhatToDo: who is woken at night reads the description first.
func TestAlarmsSayWhatToDo(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	want := map[string]string{ // alarm → metric
		"evenkeel-heals-stopped": "HealsStopped", "evenkeel-heals-slow": "HealExposureSeconds", "evenkeel-openings-missed": "OpeningsMissed",
		"evenkeel-sweep-faults": "SweepFaults", "evenkeel-security-group-changed-waiting": "ApproximateAgeOfOldestMessage",
		"evenkeel-security-group-changed-dead-letters": "ApproximateNumberOfMessagesVisible",
	}
	for _, id := range tmpl.named("AWS::CloudWatch::Alarm") {
		p := tmpl.Resources[id].Properties
		name := p["AlarmName"].(string)
		if want[name] == "" {
			continue
		}
		if p["MetricName"] != want[name] || len(p["AlarmDescription"].(string)) < 100 {
			t.Errorf("%s watches %v: %v", name, p["MetricName"], p["AlarmDescription"])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no alarms %v", want)
	}
}

// reference returns the logical id in a Ref or Fn::GetAtt.
func reference(value any) string {
	m, _ := value.(map[string]any)
	if id, ok := m["Ref"].(string); ok {
		return id
	}
	if parts, ok := m["Fn::GetAtt"].([]any); ok {
		return parts[0].(string)
	}
	return ""
}

// alarmed reports whether an alarm with an action watches the queue.
func alarmed(tmpl template, queue string) bool {
	for _, id := range tmpl.named("AWS::CloudWatch::Alarm") {
		properties := tmpl.Resources[id].Properties
		if actions, _ := properties["AlarmActions"].([]any); len(actions) == 0 {
			continue
		}
		text, _ := json.Marshal(properties["Dimensions"])
		if strings.Contains(string(text), `"`+queue+`"`) {
			return true
		}
	}
	return false
}

func TestEveryFunction(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	var names []string
	for _, id := range tmpl.named("AWS::Lambda::Function") {
		p := tmpl.Resources[id].Properties
		name := strings.TrimPrefix(p["FunctionName"].(string), "evenkeel-")
		names = append(names, name)
		logs := tmpl.Resources[reference(p["LoggingConfig"].(map[string]any)["LogGroup"])]
		if days, _ := logs.Properties["RetentionInDays"].(float64); logs.Type != "AWS::Logs::LogGroup" || days == 0 {
			t.Errorf("%s: logs are kept for ever", name)
		}
		if !reflect.DeepEqual(p["Architectures"], []any{"arm64"}) || p["Runtime"] != "provided.al2023" || p["Handler"] != "bootstrap" {
			t.Errorf("%s: %v %v %v", name, p["Architectures"], p["Runtime"], p["Handler"])
		}
		if !reflect.DeepEqual(p["TracingConfig"], map[string]any{"Mode": "Active"}) {
			t.Errorf("%s: X-Ray is off", name)
		}
		environment := p["Environment"].(map[string]any)["Variables"].(map[string]any)
		if environment["AWS_SDK_UA_APP_ID"] != "evenkeel-"+name {
			t.Errorf("%s: its calls cannot be told from others in CloudTrail", name)
		}
		role, _ := environment[config.RoleName].(string)
		if role != stack.WorkloadRoles()[name] {
			t.Errorf("%s assumes %q in workload accounts, want %q", name, role, stack.WorkloadRoles()[name])
		}
		if p["ReservedConcurrentExecutions"] != nil {
			t.Errorf("%s: reserved concurrency would fail in an account with the default limit", name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, functions) {
		t.Errorf("functions %v, want %v", names, functions)
	}
	if async := len(tmpl.named("AWS::Lambda::EventInvokeConfig")); async != len(functions) {
		t.Errorf("%d functions keep failed asynchronous events, want %d", async, len(functions))
	}
}

// TestRolesAreWhatIsDeclared: the actions of each function's role are those of
// its permissions.json and those of the runtime, no more and no less.
func TestRolesAreWhatIsDeclared(t *testing.T) {
	runtime := []string{"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}
	all := templates(t)
	for _, name := range functions {
		declared, err := permission.Read(filepath.Join("..", "functions", name, "permissions.json"))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, all["evenkeel"], "evenkeel-function-"+name, append(actions(declared.Hub), runtime...))
		if role := stack.WorkloadRoles()[name]; role != "" {
			compare(t, all["evenkeel-spoke"], role, actions(declared.Workload))
		}
	}
}

func compare(t *testing.T, tmpl template, role string, want []string) {
	t.Helper()
	got := roleActions(tmpl, role)
	slices.Sort(want)
	want = slices.Compact(want)
	if !slices.Equal(got, want) {
		t.Errorf("role %s allows %v, declared is %v", role, got, want)
	}
}

func actions(statements []permission.Statement) []string {
	var out []string
	for _, s := range statements {
		out = append(out, s.Actions...)
	}
	return out
}

// roleActions returns the actions of a role's inline policies, sorted.
func roleActions(tmpl template, role string) []string {
	var out []string
	for _, s := range roleStatements(tmpl, role) {
		out = append(out, list(s["Action"])...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func roleStatements(tmpl template, role string) []map[string]any {
	var out []map[string]any
	for _, id := range tmpl.named("AWS::IAM::Role") {
		p := tmpl.Resources[id].Properties
		if p["RoleName"] != role {
			continue
		}
		policies, _ := p["Policies"].([]any)
		for _, policy := range policies {
			document := policy.(map[string]any)["PolicyDocument"].(map[string]any)
			for _, s := range document["Statement"].([]any) {
				out = append(out, s.(map[string]any))
			}
		}
	}
	return out
}

func list(value any) []string {
	if s, ok := value.(string); ok {
		return []string{s}
	}
	var out []string
	values, _ := value.([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// TestEveryStarHasAReason: "*" as a resource stands only where permissions.json
// says why ("any", or a workload statement), or where AWS takes nothing else.
func TestEveryStarHasAReason(t *testing.T) {
	takesNothingElse := []string{
		"xray:PutTelemetryRecords", "xray:PutTraceSegments", "xray:GetSamplingRules", "xray:GetSamplingTargets",
		"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
		"logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
	}
	reasons := map[string][]string{} // role → actions that may stand on "*"
	for _, name := range functions {
		declared, err := permission.Read(filepath.Join("..", "functions", name, "permissions.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range declared.Hub {
			if s.On == permission.Any {
				reasons["evenkeel-function-"+name] = append(reasons["evenkeel-function-"+name], s.Actions...)
			}
		}
		for _, s := range declared.Workload {
			if slices.Contains(s.Resources, "*") {
				reasons[stack.WorkloadRoles()[name]] = append(reasons[stack.WorkloadRoles()[name]], s.Actions...)
			}
		}
	}
	for name, tmpl := range templates(t) {
		for _, id := range tmpl.named("AWS::IAM::Role") {
			role, _ := tmpl.Resources[id].Properties["RoleName"].(string)
			for _, s := range roleStatements(tmpl, role) {
				if !slices.Contains(list(s["Resource"]), "*") {
					continue
				}
				for _, action := range list(s["Action"]) {
					if !slices.Contains(takesNothingElse, action) && !slices.Contains(reasons[role], action) {
						t.Errorf("%s %s: %s on every resource, and nobody says why", name, role, action)
					}
				}
			}
		}
	}
}

// TestRolePoliciesFit: the inline policies of a role have at most 10,240
// characters together. Source: IAM user guide, "IAM and AWS STS quotas".
func TestRolePoliciesFit(t *testing.T) {
	for name, tmpl := range templates(t) {
		for _, id := range tmpl.named("AWS::IAM::Role") {
			text, _ := json.Marshal(tmpl.Resources[id].Properties["Policies"])
			if len(text) > 10_240 {
				t.Errorf("%s %s: %d characters of policies", name, id, len(text))
			}
		}
	}
}

// TestPassRoleIsBound: a role that may be passed to anything is a way to
// become anything.
func TestPassRoleIsBound(t *testing.T) {
	for name, tmpl := range templates(t) {
		for _, id := range tmpl.named("AWS::IAM::Role") {
			role, _ := tmpl.Resources[id].Properties["RoleName"].(string)
			for _, s := range roleStatements(tmpl, role) {
				if !slices.Contains(list(s["Action"]), "iam:PassRole") {
					continue
				}
				condition, _ := json.Marshal(s["Condition"])
				if !strings.Contains(string(condition), `"iam:PassedToService":"cloudformation.amazonaws.com"`) || slices.Contains(list(s["Resource"]), "*") {
					t.Errorf("%s %s passes roles without bounds: %v", name, role, s)
				}
			}
		}
	}
}

// TestWorkflowRolesInvokeWhatTheyName and start roles start one workflow.
func TestWorkflowRoles(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	want := map[string][]string{
		"evenkeel-workflow-pipeline":  {"Build", "Deployment", "Rollout", "Validation"},
		"evenkeel-workflow-drift":     {"Drift"},
		"evenkeel-workflow-review":    {"Review", "Validation"},
		"evenkeel-workflow-rollout":   {"Rollout"},
		"evenkeel-start-review":       {"ReviewWorkflow"},
		"evenkeel-start-pipeline":     {"PipelineWorkflow"},
		"evenkeel-workflow-driftscan": {"Drift"},
		"evenkeel-start-driftscan":    {"DriftscanWorkflow"},
	}
	for role, prefixes := range want {
		var got []string
		for _, s := range roleStatements(tmpl, role) {
			if a := list(s["Action"]); !slices.Contains(a, "lambda:InvokeFunction") && !slices.Contains(a, "states:StartExecution") {
				continue
			}
			resources, ok := s["Resource"].([]any)
			if !ok {
				resources = []any{s["Resource"]}
			}
			for _, r := range resources {
				got = append(got, strings.TrimRight(reference(r), "0123456789ABCDEF"))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, prefixes) {
			t.Errorf("role %s reaches %v, want %v", role, got, prefixes)
		}
	}
}

// TestDataOutlivesTheStack: what holds data is kept and encrypted with the
// installation's key.
func TestDataOutlivesTheStack(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	found := 0
	for id, r := range tmpl.Resources {
		switch r.Type {
		case "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key":
			found++
			if r.DeletionPolicy != "Retain" {
				t.Errorf("%s %s is deleted with the stack", r.Type, id)
			}
			text, _ := json.Marshal(r.Properties)
			if r.Type != "AWS::KMS::Key" && !strings.Contains(string(text), `"Key`) {
				t.Errorf("%s %s is not encrypted with the customer key", r.Type, id)
			}
		}
		if strings.HasPrefix(r.Type, "Custom::") || r.Type == "AWS::CloudFormation::CustomResource" {
			t.Errorf("%s is a custom resource: it would bring code that nobody here wrote", id)
		}
	}
	if found != 5 {
		t.Errorf("%d data resources, want 3 tables, a bucket and a key", found)
	}
}

// TestOutputs: the CLI finds the installation by them.
func TestOutputs(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	for _, name := range []string{"WebhookUrl", "Bus", "StateTable", "LedgerTable", "WritesTable", "Bucket", "ParameterPrefix", "PipelineWorkflow",
		"DriftWorkflow", "DriftscanWorkflow", "AlarmTopic", "WebhookFunction", "ValidationFunction", "DeploymentFunction", "DriftFunction", "HealingFunction", "LedgerFunction", "ReviewFunction", "ReviewWorkflow", "RolloutFunction", "RolloutWorkflow", "TrailFunction"} {
		if tmpl.Outputs[name] == nil {
			t.Errorf("no output %s", name)
		}
	}
}

// TestTheSpokeForwardsNothingToItself: beside the hub the forwarding rules
// would send each event round in a circle. Another account, and another region
// of the same account, does forward.
func TestTheSpokeForwardsNothingToItself(t *testing.T) {
	tmpl := templates(t)["evenkeel-spoke"]
	rules := tmpl.named("AWS::Events::Rule")
	if len(rules) != 5 {
		t.Errorf("rules %v, want 5", rules)
	}
	for _, id := range rules {
		if tmpl.Resources[id].Condition != "Elsewhere" {
			t.Errorf("%s exists beside the hub too", id)
		}
	}
	const here, there, other = "222222222222", "333333333333", "eu-west-1"
	tests := []struct {
		name, account, region string
		want                  bool
	}{
		{"one account, no parameters", "", "", false},
		{"the hub's own account and region, named", here, "us-east-1", false},
		{"another region of the hub's account", here, other, true},
		{"the same, its account left out", "", other, true},
		{"another account", there, "us-east-1", true},
		{"another account, its region left out", there, "", true},
	}
	for _, tt := range tests {
		values := map[string]string{"HubAccount": tt.account, "HubRegion": tt.region, "AWS::AccountId": here, "AWS::Region": "us-east-1"}
		if got := holds(t, tmpl.Conditions["Elsewhere"], values); got != tt.want {
			t.Errorf("%s: forwards %v, want %v", tt.name, got, tt.want)
		}
	}
}

// holds evaluates a condition of the template.
func holds(t *testing.T, condition any, values map[string]string) bool {
	t.Helper()
	text := func(v any) string {
		if ref, ok := v.(map[string]any); ok {
			return values[ref["Ref"].(string)]
		}
		return v.(string)
	}
	for function, arguments := range condition.(map[string]any) {
		switch list, _ := arguments.([]any); function {
		case "Fn::Equals":
			return text(list[0]) == text(list[1])
		case "Fn::Not":
			return !holds(t, list[0], values)
		case "Fn::And":
			return !slices.ContainsFunc(list, func(c any) bool { return !holds(t, c, values) })
		case "Fn::Or":
			return slices.ContainsFunc(list, func(c any) bool { return holds(t, c, values) })
		}
	}
	t.Fatalf("the condition %v is not known", condition)
	return false
}

// TestEveryStackDeploysWithoutParameters: "make deploy" passes none, and
// CloudFormation refuses a stack with a parameter that has no value.
func TestEveryStackDeploysWithoutParameters(t *testing.T) {
	for name, tmpl := range templates(t) {
		for parameter, declared := range tmpl.Parameters {
			if _, ok := declared["Default"]; !ok {
				t.Errorf("%s: the parameter %s has no default", name, parameter)
			}
		}
	}
}

// TestRolesExistOnceInAnAccount: a role is global, the spoke is regional. A
// role with a name cannot be made by a second region's spoke.
func TestRolesExistOnceInAnAccount(t *testing.T) {
	tmpl := templates(t)["evenkeel-spoke"]
	for _, id := range tmpl.named("AWS::IAM::Role") {
		_, named := tmpl.Resources[id].Properties["RoleName"]
		if once := tmpl.Resources[id].Condition == "WithRoles"; named != once {
			t.Errorf("%s: named %v, once in an account %v", id, named, once)
		}
	}
}

// TestWorkloadAccountsAreAdmitted: the hub's default bus takes the events of
// the workload accounts, with and without the operations stack; but not what
// they say about repositories and workflows, whose names are not theirs.
func TestWorkloadAccountsAreAdmitted(t *testing.T) {
	all, err := synthesiseWith(map[string]any{"operations": "false", "workloadAccounts": "222222222222,333333333333"})
	if err != nil {
		t.Fatal(err)
	}
	if admitted := all["evenkeel"].named("AWS::Events::EventBusPolicy"); len(admitted) != 2 {
		t.Errorf("admitted %v, want both accounts", admitted)
	}
	own := []string{"evenkeel-build-changed", "evenkeel-codecommit-push", "evenkeel-codecommit-pull-request", "evenkeel-run-broken", "evenkeel-drift-broken", "evenkeel-review-broken", "evenkeel-rollout-broken"}
	for _, id := range all["evenkeel"].named("AWS::Events::Rule") {
		properties := all["evenkeel"].Resources[id].Properties
		pattern, _ := properties["EventPattern"].(map[string]any)
		_, pinned := pattern["account"]
		if name := properties["Name"].(string); pinned != slices.Contains(own, name) {
			t.Errorf("%s: takes the hub's own events only: %v", name, pinned)
		}
	}
}

// TestEventBridgeMayUseTheKey: a condition on the source account in the key's
// policy would keep EventBridge from the encrypted dead-letter queues, whose own
// policies say whose rules may send.
func TestEventBridgeMayUseTheKey(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	statements := func(kind, property string) []map[string]any {
		var all []map[string]any
		for _, id := range tmpl.named(kind) {
			for _, s := range tmpl.Resources[id].Properties[property].(map[string]any)["Statement"].([]any) {
				statement := s.(map[string]any)
				if text, _ := json.Marshal(statement["Principal"]); statement["Effect"] == "Allow" && strings.Contains(string(text), "events.amazonaws.com") {
					all = append(all, statement)
				}
			}
		}
		return all
	}
	key := statements("AWS::KMS::Key", "KeyPolicy")
	if len(key) != 1 || key[0]["Condition"] != nil {
		t.Errorf("the key's statements for EventBridge: %v", key)
	}
	queues := statements("AWS::SQS::QueuePolicy", "PolicyDocument")
	if len(queues) != len(tmpl.named("AWS::SQS::Queue")) {
		t.Errorf("%d queues take events", len(queues))
	}
	for _, s := range queues {
		if text, _ := json.Marshal(s["Condition"]); !strings.Contains(string(text), "aws:SourceArn") {
			t.Errorf("a queue takes the events of every account: %v", s)
		}
	}
}

// TestWhatARolloutMayDo: it changes no record but those of the types that it
// weights, under names that the account bounds; and it modifies and deletes
// nothing that is not tagged as Evenkeel's, and no stack that is not a side.
func TestWhatARolloutMayDo(t *testing.T) {
	bounds := map[string][]string{
		"route53:ChangeResourceRecordSets":    {`"ForAllValues:StringEquals"`, `"route53:ChangeResourceRecordSetsRecordTypes":["A","AAAA","CNAME","TXT"]`, `"route53:ChangeResourceRecordSetsActions":["UPSERT","DELETE"]`, `"ForAllValues:StringLike":{"route53:ChangeResourceRecordSetsNormalizedRecordNames":{"Ref":"RecordNames"}}`, `"Null":{"route53:ChangeResourceRecordSetsNormalizedRecordNames":"false"}`},
		"elasticloadbalancing:ModifyListener": {`:listener/app/*`, `"aws:ResourceTag/evenkeel:repository":"*"`},
		"elasticloadbalancing:ModifyRule":     {`:listener-rule/app/*`, `"aws:ResourceTag/evenkeel:repository":"*"`},
		"lambda:CreateAlias":                  {`"aws:ResourceTag/evenkeel:repository":"*"`},
		"lambda:UpdateAlias":                  {`"aws:ResourceTag/evenkeel:repository":"*"`},
		"cloudformation:DeleteStack":          {`:stack/*-blue/*`, `:stack/*-green/*`, `"aws:ResourceTag/evenkeel:repository":"*"`},
	}
	seen := 0
	for _, s := range roleStatements(templates(t)["evenkeel-spoke"], "evenkeel-rollout") {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range list(s["Action"]) {
			_, verb, _ := strings.Cut(action, ":")
			if read := strings.HasPrefix(verb, "Describe") || strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List"); read {
				continue
			}
			if bounds[action] == nil {
				t.Errorf("a rollout may %s", action)
			}
			seen++
			for _, bound := range bounds[action] {
				if !strings.Contains(string(text), bound) {
					t.Errorf("%s is not bound by %s: %s", action, bound, text)
				}
			}
		}
	}
	if seen != len(bounds) {
		t.Errorf("%d actions that change something, want %d", seen, len(bounds))
	}
}

// TestWhatABuildMayDo: the commands of a repository run in this role. It reads
// sources, writes results, and no secret but those that are kept for builds.
func TestWhatABuildMayDo(t *testing.T) {
	tmpl := templates(t)["evenkeel"]
	var got []string
	for _, s := range roleStatements(tmpl, "evenkeel-build-project") {
		resource, err := json.Marshal(s["Resource"])
		if err != nil {
			t.Fatal(err)
		}
		narrow := ""
		for _, end := range []string{"/sources/*", "/builds/*", ":parameter/evenkeel-build/*", ":secret:evenkeel-build/*"} {
			if strings.HasSuffix(strings.TrimRight(string(resource), `]}"`), end) {
				narrow = end
			}
		}
		got = append(got, strings.Join(list(s["Action"]), " ")+" "+narrow)
	}
	want := []string{
		"s3:GetObject s3:GetObjectVersion /sources/*", "s3:PutObject /builds/*", "s3:GetBucketAcl s3:GetBucketLocation ",
		"logs:CreateLogStream logs:PutLogEvents ", "ssm:GetParameters :parameter/evenkeel-build/*", "secretsmanager:GetSecretValue :secret:evenkeel-build/*",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, id := range tmpl.named("AWS::CodeBuild::Project") {
		p := tmpl.Resources[id].Properties
		environment := p["Environment"].(map[string]any)
		if environment["PrivilegedMode"] != false || p["VpcConfig"] != nil || p["EncryptionKey"] == nil || p["ConcurrentBuildLimit"] == nil || p["TimeoutInMinutes"] == nil {
			t.Errorf("project %v", p)
		}
	}
}
