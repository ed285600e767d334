package pipeline

import (
	"strconv"
	"time"
)

var (
	checkNamePattern = newPattern(`^[^\x00-\x1f\x7f]{1,128}$`)
	urlPattern       = newPattern(`^(https?://|\$\{output\.)[^\s]+$`)
	durationPattern  = newPattern(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)
	statusPattern    = newPattern(`^[1-5][0-9]{2}(-[1-5][0-9]{2})?$`)
	// Source: RFC 9110, 5.1 "Field Names" and 5.6.2 "Tokens".
	headerPattern = newPattern("^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,128}$")
	// $.a.b[0]['c d']
	pathPattern          = newPattern(`^\$(\.[a-zA-Z_][a-zA-Z0-9_-]*|\[[0-9]{1,6}\]|\['[^'\\\x00-\x1f]{1,128}'\])*$`)
	checkVariablePattern = newPattern(`^[a-zA-Z_][a-zA-Z0-9_]{0,127}$`)
	// An output of the check's own stack, or of another.
	ownOutputPattern = newPattern(`^([a-zA-Z][a-zA-Z0-9-]{0,31}\.)?[a-zA-Z0-9]{1,255}$`)
	// Only these secrets may be read for a check: whoever may push chooses the
	// URL that a value is sent to.
	checkSecretPattern = newPattern(`^` + SecretPrefix + `[a-zA-Z0-9/_+=.@-]{1,400}(#[^#:\s]+)?$`)
)

// SecretPrefix begins the names of the secrets that http checks may send.
const SecretPrefix = "evenkeel/verify/"

var (
	onFailures = []string{OnFailureStop, OnFailureRollback}
	noDatas    = []string{NoDataWait, NoDataPass, NoDataFail}
	methods    = []string{"GET", "HEAD", "POST"}

	// The workflow waits by a fixed list, so that waiting costs nothing.
	waits = []string{"10s", "30s", "1m", "5m"}
)

var (
	scalarOrNull       = map[string]any{"type": []string{"string", "number", "boolean", "null"}}
	scalarOrText       = map[string]any{"anyOf": []any{scalar, ref("output")}}
	duration           = text(durationPattern)
	statusItem         = map[string]any{"anyOf": []any{map[string]any{"type": "integer", "minimum": 100, "maximum": 599}, text(statusPattern)}}
	verifySchema       = map[string]any{"type": "array", "maxItems": maxChecks, "items": ref("check")}
	secretValue        = map[string]any{"anyOf": []any{scalar, ref("output"), ref("checkSecret")}}
	checkVariableValue = map[string]any{"anyOf": []any{scalar, ref("output"), merge(object(checkVariableKeys), oneKey)}}
	oneKey             = map[string]any{"minProperties": 1, "maxProperties": 1}
)

var checkKeys = []key{
	{"name", false, "Name of the check in results. Without it, its kind and what it looks at.", text(checkNamePattern)},
	{"http", false, "Asks a URL.", ref("httpCheck")},
	{"lambda", false, "Invokes a function, which must not fail.", ref("lambdaCheck")},
	{"alarm", false, "CloudWatch alarms, which must be OK.", ref("alarmCheck")},
	{"build", false, "Runs a CodeBuild project, such as integration tests; it must succeed.", ref("buildCheck")},
	{"attempts", false, "How often it is tried, 1 to " + strconv.Itoa(MaxAttempts) + "; 4 with a warm-up, 2 for a build. Without it, " + strconv.Itoa(DefaultAttempts) + ", and 1 for a build.", map[string]any{"type": "integer", "minimum": 1, "maximum": MaxAttempts}},
	{"interval", false, "The least time from one attempt to the next. Without it, 10s.", map[string]any{"enum": waits}},
	{"timeout", false, "The longest that one attempt may take. Without it, 5s, and 30m for a build, of which 5m is the least.", duration},
	{"warmup", false, "The time before the first attempt.", map[string]any{"enum": waits}},
}

var httpKeys = []key{
	{"url", true, "The URL; ${output.Name} stands for an output of the stack, ${output.stack.Name} for one of another.", map[string]any{"anyOf": []any{text(urlPattern), ref("output")}}},
	{"method", false, "GET (the default), HEAD or POST.", map[string]any{"enum": methods}},
	{"headers", false, "Headers of the request; a value may come from Secrets Manager.", mapOf(secretValue)},
	{"body", false, "Body of the request.", map[string]any{"type": "string"}},
	{"expect", false, "What the answer must be like.", ref("httpExpect")},
}

var httpExpectKeys = []key{
	{"status", false, "Status codes or ranges such as 200-204. Without it, 200-299.", map[string]any{"anyOf": []any{statusItem, map[string]any{"type": "array", "minItems": 1, "items": statusItem}}}},
	{"contains", false, "Text that the body contains.", map[string]any{"type": "string"}},
	{"matches", false, "Regular expression (RE2) that matches in the body.", map[string]any{"type": "string"}},
	{"json", false, "Values in the body's JSON, by path: $.items[0].name.", mapOf(scalarOrNull)},
	{"headers", false, "Headers of the answer, by name, and what their value contains.", mapOf(scalar)},
	{"maxLatency", false, "The longest time until the whole answer was read.", duration},
}

var lambdaKeys = []key{
	{"function", true, "Name or ARN of the function, usually an output.", map[string]any{"anyOf": []any{map[string]any{"type": "string"}, ref("output")}}},
	{"payload", false, "What the function is given, any value; texts may have ${output.Name}.", map[string]any{}},
	{"expect", false, "What the answer must be like.", ref("lambdaExpect")},
}

var lambdaExpectKeys = []key{
	{"contains", false, "Text that the answer contains.", map[string]any{"type": "string"}},
	{"matches", false, "Regular expression (RE2) that matches in the answer.", map[string]any{"type": "string"}},
	{"json", false, "Values in the answer's JSON, by path: $.ok.", mapOf(scalarOrNull)},
}

var alarmKeys = []key{
	{"names", true, "Names of the alarms.", map[string]any{"type": "array", "minItems": 1, "maxItems": maxAlarms, "items": scalarOrText}},
	{"insufficientData", false, "What an alarm without data means: wait (the default), pass or fail.", map[string]any{"enum": noDatas}},
}

var checkBuildKeys = []key{
	{"project", true, "Name of the CodeBuild project in the stage's account.", scalarOrText},
	{"variables", false, "Environment variables of the build. CodeBuild itself reads those that come by reference.", mapOf(checkVariableValue)},
}

var outputKeys = []key{
	{"output", true, "Output of the stack, or of another: stack.OutputName.", text(ownOutputPattern)},
}

var checkSecretKeys = []key{
	{"secret", true, "Name of a secret that begins with " + SecretPrefix + ", with #key for one key of it.", text(checkSecretPattern)},
}

var checkVariableKeys = []key{
	{"parameterStore", false, "Name of a Systems Manager parameter.", text(storePattern)},
	{"secret", false, "Name of a Secrets Manager secret, with #key for one key of it.", text(secretPattern)},
}

// The limits of checks. A list travels through the workflow with its stack.
const (
	maxChecks    = 20
	maxAlarms    = 100 // Source: CloudWatch API reference, DescribeAlarms, AlarmNames
	maxCheckText = 2048
	maxPayload   = 16 << 10
	maxDepth     = 20

	minLatency  = time.Millisecond
	maxAttempt  = 30 * time.Second // of one attempt that is no build
	minTests    = 5 * time.Minute  // Source: CodeBuild API reference, StartBuild, timeoutInMinutesOverride
	maxTests    = 8 * time.Hour
	callTimeout = Duration(5 * time.Second)
	runTimeout  = Duration(30 * time.Minute)
)

// verifySchemas are the definitions of the JSON Schema that checks use.
func verifySchemas() map[string]any {
	return map[string]any{
		"check": merge(object(checkKeys), map[string]any{"oneOf": []any{
			map[string]any{"required": []string{"http"}}, map[string]any{"required": []string{"lambda"}},
			map[string]any{"required": []string{"alarm"}}, map[string]any{"required": []string{"build"}},
		}}),
		"httpCheck": object(httpKeys), "httpExpect": object(httpExpectKeys),
		"lambdaCheck": object(lambdaKeys), "lambdaExpect": object(lambdaExpectKeys),
		"alarmCheck": object(alarmKeys), "buildCheck": object(checkBuildKeys),
		"output": object(outputKeys), "checkSecret": object(checkSecretKeys),
	}
}
