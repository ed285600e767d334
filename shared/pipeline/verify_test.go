package pipeline_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// withChecks is a pipeline whose stack b, which depends on a, has the checks.
func withChecks(checks string) string {
	return "version: 1\nstacks:\n  a: {template: t.yaml}\n  c: {template: t.yaml}\n  b:\n    template: t.yaml\n    dependsOn: [a]\n    verify:\n" +
		checks + "stages:\n" + stage("test") + stage("prod")
}

const goodChecks = `    - name: health
      http:
        url: "${output.Url}/health?of=${output.a.Id}"
        method: POST
        headers:
          Authorization: {secret: evenkeel/verify/shop#token}
          X-Stack: {output: a.Id}
          X-Plain: 1
        body: '{"id": "${output.Id}"}'
        expect:
          status: [200, 202-204]
          contains: up
          matches: "v[0-9]+"
          json: {"$.items[0].name": shop, "$.ok": true, "$['a b']": null, $.n: 1.50}
          headers: {Content-Type: json}
          maxLatency: 800ms
      attempts: 4
      interval: 1m
      timeout: 20s
      warmup: 30s
    - lambda:
        function: {output: Smoke}
        payload: {url: "${output.Url}", deep: [1, {x: "${output.a.Id}"}], day: 2026-01-01}
        expect: {json: {$.ok: true}}
    - alarm: {names: [errors, {output: Alarm}], insufficientData: pass}
    - build:
        project: tests-${output.a.Id}
        variables:
          URL: {output: Url}
          TOKEN: {secret: shop/test#token}
          LEVEL: {parameterStore: /shop/level}
`

func TestDecodeVerify(t *testing.T) {
	p, err := pipeline.Decode("evenkeel.yaml", []byte(withChecks(goodChecks)), all)
	if err != nil {
		t.Fatal(err)
	}
	stages := p.For("main")
	got := stages[0].Stacks[2].Verify
	if len(got) != 4 {
		t.Fatalf("%d checks", len(got))
	}
	var names []string
	for _, c := range got {
		names = append(names, c.Name+"/"+c.Kind())
	}
	if list := strings.Join(names, " | "); list != "health/http | lambda ${output.Smoke}/lambda | alarm errors, ${output.Alarm}/alarm | build tests-${output.a.Id}/build" {
		t.Errorf("names %s", list)
	}
	web := got[0]
	if web.HTTP.Headers["Authorization"].Secret != "evenkeel/verify/shop#token" || web.HTTP.Headers["X-Stack"].Text != "${output.a.Id}" ||
		!reflect.DeepEqual(web.HTTP.Status, []pipeline.StatusRange{{From: 200, To: 200}, {From: 202, To: 204}}) ||
		string(web.HTTP.Expect.JSON["$.n"]) != "1.5" || string(web.HTTP.Expect.JSON["$['a b']"]) != "null" || web.HTTP.MaxLatency.String() != "800ms" {
		t.Errorf("%+v", web.HTTP)
	}
	if web.Attempts != 4 || web.Interval.String() != "1m" || web.Timeout.String() != "20s" || web.Warmup.String() != "30s" {
		t.Errorf("%d attempts every %s in %s after %s", web.Attempts, web.Interval, web.Timeout, web.Warmup)
	}
	if payload := string(got[1].Lambda.Payload); payload != `{"day":"2026-01-01","deep":[1,{"x":"${output.a.Id}"}],"url":"${output.Url}"}` {
		t.Errorf("payload %s", payload)
	}
	if c := got[1]; c.Attempts != pipeline.DefaultAttempts || c.Timeout.String() != "5s" || c.At().Line != 29 {
		t.Errorf("%d attempts in %s at line %d", c.Attempts, c.Timeout, c.At().Line)
	}
	if c := got[3]; c.Attempts != 1 || c.Timeout.String() != "30m" || c.Build.Variables["LEVEL"].ParameterStore != "/shop/level" {
		t.Errorf("%+v", c)
	}
	if outputs := web.Outputs(); !reflect.DeepEqual(outputs, []string{"", "a"}) {
		t.Errorf("outputs of %q", outputs)
	}
	if stages[0].OnVerificationFailure != pipeline.OnFailureStop || stages[1].OnVerificationFailure != pipeline.OnFailureRollback {
		t.Errorf("on failure %s, then %s", stages[0].OnVerificationFailure, stages[1].OnVerificationFailure)
	}
	data, err := json.Marshal(stages)
	if err != nil {
		t.Fatal(err)
	}
	var again []pipeline.Stage
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if travelled, _ := json.Marshal(again); string(travelled) != string(data) {
		t.Errorf("JSON changes them:\n%s\n%s", data, travelled)
	}
}

func TestVerifyOfAStage(t *testing.T) {
	text := withChecks("    - alarm: {names: [x]}\n") + `- name: next
  branch: main
  account: "111111111111"
  region: us-east-1
  approval: never
  verify: [http: {url: "${output.a.Url}"}]
  onVerificationFailure: stop
`
	p, err := pipeline.Decode("evenkeel.yaml", []byte(text), all)
	if err != nil {
		t.Fatal(err)
	}
	last := p.For("main")[2]
	if len(last.Verify) != 1 || last.OnVerificationFailure != pipeline.OnFailureStop {
		t.Errorf("%+v: what is written wins", last)
	}
}

func TestVerifyFaults(t *testing.T) {
	tests := []struct{ name, check, want string }{
		{"unknown key", "http: {url: 'https://x', expects: {}}", `9:33: unknown key "expects" in http`},
		{"no kind", "name: x", "9:7: the check must have exactly one of the keys http, lambda, alarm, build"},
		{"two kinds", "http: {url: 'https://x'}, alarm: {names: [x]}", "must have exactly one of the keys http"},
		{"no url", "http: {}", `http lacks the key "url"`},
		{"file url", "http: {url: 'file:///etc/passwd'}", `is not a URL that begins with https://`},
		{"unknown output", "http: {url: '${output.z.Url}'}", `9:20: the check reads an output of "z", which is no stack; stacks are a, c, b`},
		{"no dependency", "http: {url: '${output.c.Url}'}", `reads an output of c, which b does not depend on`},
		{"broken reference", "http: {url: 'https://${output.a b}'}", `is not ${output.OutputName}`},
		{"open reference", "http: {url: 'https://${output.a'}", `is not ${output.OutputName}`},
		{"bad output", "lambda: {function: {output: a.b.c}}", `output "a.b.c" is not OutputName or stack.OutputName`},
		{"bad method", "http: {url: 'https://x', method: PUT}", `method "PUT" is not one of GET, HEAD, POST`},
		{"body of GET", "http: {url: 'https://x', body: x}", `a body is sent with the method POST only`},
		{"body expected of HEAD", "http: {url: 'https://x', method: HEAD, expect: {contains: x}}", `the answer to HEAD has no body`},
		{"foreign secret", "http: {url: 'https://x', headers: {A: {secret: prod/db}}}", `a secret whose name begins with evenkeel/verify/`},
		{"literal and secret", "http: {url: 'https://x', headers: {A: {secret: evenkeel/verify/a, output: X}}}", `unknown key "output" in header A`},
		{"host header", "http: {url: 'https://x', headers: {Host: y}}", `the header Host is set by the connection`},
		{"same header", "http: {url: 'https://x', headers: {A-b: y, a-B: z}}", `a second header a-B`},
		{"bad header", "http: {url: 'https://x', headers: {'A b': y}}", `is not a header name`},
		{"bad status", "http: {url: 'https://x', expect: {status: 2xx}}", `status "2xx" is not a status code or a range`},
		{"reversed status", "http: {url: 'https://x', expect: {status: 300-200}}", `ends before it begins`},
		{"no status", "http: {url: 'https://x', expect: {status: []}}", `status names no status code`},
		{"bad expression", "http: {url: 'https://x', expect: {matches: '('}}", `matches is not a regular expression of RE2: missing closing )`},
		{"bad path", "http: {url: 'https://x', expect: {json: {$..a: 1}}}", `the path "$..a" is not like $.items[0].name`},
		{"path to a list", "http: {url: 'https://x', expect: {json: {$.a: [1]}}}", `the value of $.a must be text, a number`},
		{"not a number", "http: {url: 'https://x', expect: {json: {$.a: .nan}}}", `cannot be written as JSON`},
		{"many attempts", "alarm: {names: [x]}, attempts: 6", `attempts "6" is not a number from 1 to 5`},
		{"attempts after a warm-up", "alarm: {names: [x]}, attempts: 5, warmup: 10s", `the check takes 6 rounds of the workflow`},
		{"attempts of a build", "build: {project: x}, attempts: 3", `the check takes 6 rounds of the workflow`},
		{"odd interval", "alarm: {names: [x]}, interval: 7s", `interval "7s" is not one of 10s, 30s, 1m, 5m`},
		{"long timeout", "alarm: {names: [x]}, timeout: 31s", `timeout "31s" is not a time from 1ms to 30s`},
		{"short build", "build: {project: x}, timeout: 1m", `timeout "1m" is not a time from 5m to 8h`},
		{"no alarm", "alarm: {names: []}", `names must be a list of 1 to 100 alarms`},
		{"bad data", "alarm: {names: [x], insufficientData: ok}", `insufficientData "ok" is not one of wait, pass, fail`},
		{"bad variable", "build: {project: x, variables: {a-b: 1}}", `the variable "a-b" is not letters`},
		{"alias", "lambda: {function: x, payload: &p [*p]}", `a value must not be an alias`},
		{"deep payload", "lambda: {function: x, payload: " + strings.Repeat("[", 30) + strings.Repeat("]", 30) + "}", `nested deeper than 20 levels`},
		{"large payload", "lambda: {function: x, payload: " + strings.Repeat("x", 20_000) + "}", `the payload has 20002 bytes; the limit is 16384`},
		{"duplicate", "alarm: {names: [x]}}\n    - {alarm: {names: [x]}", `10:7: a second check "alarm x" in verify of stack b`},
		{"slow together", "alarm: {names: [x]}, timeout: 30s}" + repeat(2, func(i int) string { return fmt.Sprintf("\n    - {alarm: {names: [x%d]}, timeout: 30s}", i) }) + "\n    - {alarm: {names: [w]}, timeout: 1s", `may take 1m31s together, one after another; the limit is 1m30s`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pipeline.Decode("evenkeel.yaml", []byte(withChecks("    - {"+tt.check+"}\n")), all)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant …%s…", err, tt.want)
			}
		})
	}
	t.Run("a stage's own output", func(t *testing.T) {
		text := strings.Replace(minimal, "approval: never", "approval: never, verify: [http: {url: '${output.Url}'}]", 1)
		_, err := pipeline.Decode("evenkeel.yaml", []byte(text), all)
		if err == nil || !strings.Contains(err.Error(), "a check of a stage has no stack of its own") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("too many", func(t *testing.T) {
		_, err := pipeline.Decode("evenkeel.yaml", []byte(withChecks(repeat(21, func(i int) string { return fmt.Sprintf("    - {alarm: {names: [a%d]}}\n", i) }))), all)
		if err == nil || !strings.Contains(err.Error(), "has 21 checks; the limit is 20") {
			t.Errorf("got %v", err)
		}
	})
}

func TestExpand(t *testing.T) {
	value := func(stack, output string) (string, bool) {
		if output == "None" {
			return "", false
		}
		return "<" + stack + "|" + output + ">", true
	}
	for text, want := range map[string]string{
		"plain ${x} $": "plain ${x} $", "${output.Url}/a": "<|Url>/a", "${output.a.B}${output.C}": "<a|B><|C>", "": "",
	} {
		if got, _, ok := pipeline.Expand(text, value); !ok || got != want {
			t.Errorf("%q: got %q, %v", text, got, ok)
		}
	}
	for text, want := range map[string]string{"x${output.None}": "None", "${output.a": "a"} {
		if _, unknown, ok := pipeline.Expand(text, value); ok || unknown != want {
			t.Errorf("%q: got %q, %v", text, unknown, ok)
		}
	}
	// A value that looks like a reference is not expanded again.
	if got, _, _ := pipeline.Expand("${output.X}", func(string, string) (string, bool) { return "${output.X}", true }); got != "${output.X}" {
		t.Errorf("got %q", got)
	}
}

// TestSchemaAgreesWithTheDecoder: an editor accepts what the decoder does.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	schema, err := pipeline.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(schema)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("evenkeel.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("evenkeel.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text string) error {
		var document any
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		return compiled.Validate(instance)
	}
	if err := validate(withChecks(goodChecks)); err != nil {
		t.Errorf("%#v", err)
	}
	if err := validate(withRollout(goodRollout)); err != nil {
		t.Errorf("%#v", err)
	}
	for _, rollout := range []string{"strategy: linear", "strategy: canary, router: {}", "strategy: canary, steps: [0]", "strategy: canary, analysis: [{name: x}]", "strategy: canary, router: {alb: {targetGroup: x}}"} {
		if validate(withRollout("      {"+rollout+"}\n")) == nil {
			t.Errorf("accepted %s", rollout)
		}
	}
	for _, check := range []string{"name: x", "http: {url: 'https://x'}, alarm: {names: [x]}", "http: {url: 'file:///x'}", "alarm: {names: [x]}, attempts: 6"} {
		if validate(withChecks("    - {"+check+"}\n")) == nil {
			t.Errorf("accepted %s", check)
		}
	}
}
