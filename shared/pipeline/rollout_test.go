package pipeline_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// withRollout is a pipeline whose stack b, which depends on a, has the rollout.
// The block begins on line 8, at column 7.
func withRollout(rollout string) string {
	return "version: 1\nstacks:\n  a: {template: t.yaml}\n  c: {template: t.yaml}\n  b:\n    template: t.yaml\n    dependsOn: [a]\n    rollout:\n" +
		rollout + "stages:\n" + stage("test") + stage("prod")
}

const goodRollout = `      strategy: canary
      steps: [5, 10, {weight: 25, bake: 10m, pause: true}, 50, 100]
      bake: 5m
      router:
        route53: {zone: "${output.a.ZoneId}", name: api.example.com, type: CNAME, ttl: 1m, value: "${output.Host}"}
      analysis:
        - name: errors
          cloudwatch:
            queries: {requests: {namespace: Shop, metric: Requests, dimensions: {Side: "${side}"}, stat: Sum}, errors: {namespace: Shop, metric: Errors, dimensions: {Side: "${side}"}, stat: Sum}}
            expression: "100 * errors / requests"
            period: 1m
          success: "< 1"
          failure: ">= 5"
          interval: 2m
          delay: 30s
          count: 2
          failureLimit: 1
          inconclusiveLimit: 2
          errorLimit: 4
          noData: abort
        - alarm: {names: [api-errors]}
        - http: {url: "${output.Url}/health?of=${side}", headers: {A: {secret: evenkeel/verify/api#token}}}
      promotion: manual
      pauseTimeout: 12h
      keep: 30m
      retire: delete
      sideParameter: Side
`

func decodeRollout(t *testing.T, rollout string) pipeline.Rollout {
	t.Helper()
	p, err := pipeline.Decode("evenkeel.yaml", []byte(withRollout(rollout)), all)
	if err != nil {
		t.Fatal(err)
	}
	return *p.For("main")[0].Stacks[2].Rollout
}

// travelled is the value as the workflow carries it.
func travelled[T any](t *testing.T, value T) T {
	t.Helper()
	var out T
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const minute = pipeline.Duration(time.Minute)

func TestDecodeRollout(t *testing.T) {
	side := map[string]string{"Side": "${side}"}
	want := pipeline.Rollout{
		Strategy: pipeline.StrategyCanary,
		Steps: []pipeline.RolloutStep{
			{Weight: 5, Bake: 5 * minute}, {Weight: 10, Bake: 5 * minute}, {Weight: 25, Bake: 10 * minute, Pause: true}, {Weight: 50, Bake: 5 * minute}, {Weight: 100, Bake: 5 * minute}},
		Router: pipeline.Router{Route53: &pipeline.Route53Router{Zone: "${output.a.ZoneId}", Name: "api.example.com", Type: "CNAME", TTL: minute, Value: "${output.Host}"}},
		Analysis: pipeline.Analysis{Metrics: []pipeline.Metric{
			{Name: "errors", CloudWatch: &pipeline.CloudWatchMetric{
				Queries:    []pipeline.MetricQuery{{ID: "errors", Namespace: "Shop", Metric: "Errors", Dimensions: side, Stat: "Sum"}, {ID: "requests", Namespace: "Shop", Metric: "Requests", Dimensions: side, Stat: "Sum"}},
				Expression: "100 * errors / requests", Period: minute,
			}, Success: "< 1", Failure: ">= 5", Interval: 2 * minute, Delay: minute / 2, Count: 2, FailureLimit: 1, InconclusiveLimit: 2, ErrorLimit: 4, NoData: pipeline.NoDataAbort},
			{Name: "alarm api-errors", Alarm: &pipeline.AlarmCheck{Names: []string{"api-errors"}, InsufficientData: pipeline.NoDataWait}, Interval: minute, ErrorLimit: 3, NoData: pipeline.NoDataPause},
			{Name: "http ${output.Url}/health?of=${side}", HTTP: &pipeline.HTTPCheck{URL: "${output.Url}/health?of=${side}", Method: "GET", Status: []pipeline.StatusRange{{From: 200, To: 299}},
				Headers: map[string]pipeline.Value{"A": {Secret: "evenkeel/verify/api#token"}}}, Interval: minute, ErrorLimit: 3, NoData: pipeline.NoDataPause},
		}},
		Promotion: pipeline.PromotionManual, PauseTimeout: 12 * 60 * minute, Keep: 30 * minute, Retire: pipeline.RetireDelete, SideParameter: "Side",
	}
	got := decodeRollout(t, goodRollout)
	if at := got.At(); at.Line != 9 || at.Column != 7 {
		t.Errorf("the rollout stands at %+v", at)
	}
	if at := got.Analysis.Metrics[1].At(); at.Line != 29 || at.Column != 11 {
		t.Errorf("the metric stands at %+v", at)
	}
	if got = travelled(t, got); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if outputs := got.OwnOutputs(); strings.Join(outputs, " ") != "Host Url" {
		t.Errorf("outputs of its own: %v", outputs)
	}
}

func TestRolloutDefaults(t *testing.T) {
	canary := decodeRollout(t, "      strategy: canary\n      router: {alb: {listener: \"${output.a.Listener}\", targetGroup: \"${output.Group}\"}}\n      analysis: [{cloudwatch: {queries: {m: {namespace: N, metric: M, stat: p99}}, period: 5m}, failure: \"> 1\"}]\n")
	if weights := fmt.Sprint(canary.Steps); weights != "[{5 5m false {0 0}} {10 5m false {0 0}} {25 5m false {0 0}} {50 5m false {0 0}} {100 5m false {0 0}}]" {
		t.Errorf("steps %s", weights)
	}
	metric := canary.Analysis.Metrics[0]
	if metric.Name != "cloudwatch M" || metric.Interval != 5*minute || metric.ErrorLimit != 3 || metric.NoData != pipeline.NoDataPause || metric.Kind() != "cloudwatch" {
		t.Errorf("metric %+v", metric)
	}
	if canary.Promotion != pipeline.PromotionAuto || canary.PauseTimeout != 24*60*minute || canary.Keep != 60*minute || canary.Retire != pipeline.RetireKeep {
		t.Errorf("%+v", canary)
	}
	switched := decodeRollout(t, "      strategy: blue-green\n      bake: 2m\n      router: {route53: {zone: Z1, name: a.example.com., type: A, aliasName: \"${output.Lb}\", aliasZone: \"${output.LbZone}\"}}\n")
	if len(switched.Steps) != 1 || switched.Steps[0].Weight != 100 || switched.Steps[0].Bake != 2*minute || switched.Router.Route53.TTL != 0 || switched.Router.Kind() != "route53" {
		t.Errorf("%+v", switched)
	}
	alias := decodeRollout(t, "      strategy: canary\n      router: {lambdaAlias: {function: {output: Function}, alias: live, version: \"${output.Version}\"}}\n")
	if alias.Router.LambdaAlias.Function != "${output.Function}" || alias.Router.Kind() != "lambdaAlias" {
		t.Errorf("%+v", alias.Router.LambdaAlias)
	}
}

// TestRolloutOfAStage: it takes the place of the stack's own; direct is none.
func TestRolloutOfAStage(t *testing.T) {
	text := withRollout(goodRollout)
	text = strings.Replace(text, "name: prod,", "name: prod, rollout: {b: {strategy: direct}, c: {strategy: blue-green, router: {alb: {rule: '${output.a.Rule}', targetGroup: '${output.Group}'}}}},", 1)
	text = strings.Replace(text, "c: {template: t.yaml}", "c: {template: t.yaml, dependsOn: [a]}", 1)
	p, err := pipeline.Decode("evenkeel.yaml", []byte(text), all)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, stage := range p.For("main") {
		for _, stack := range stage.Stacks {
			strategy := "direct"
			if stack.Rollout != nil {
				strategy = stack.Rollout.Strategy
			}
			got += " " + stage.Name + "/" + stack.Name + ":" + strategy + fmt.Sprint(stack.Sides())
		}
	}
	if want := " test/a:directfalse test/c:directfalse test/b:canarytrue prod/a:directfalse prod/c:blue-greentrue prod/b:directfalse"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRolloutFaults(t *testing.T) {
	const alb = "router: {alb: {listener: '${output.a.L}', targetGroup: '${output.G}'}}"
	canary := func(more string) string { return "      strategy: canary\n      " + more + "\n      " + alb + "\n" }
	routed := func(router string) string { return "      strategy: canary\n      router: {" + router + "}\n" }
	metric := func(metric string) string { return canary("analysis: [{" + metric + "}]") }
	cloudwatch := func(body string) string { return metric("success: '< 1', cloudwatch: {" + body + "}") }
	const query = "{namespace: N, metric: M, stat: Sum}"
	tests := []struct{ name, rollout, want string }{
		{"unknown key", canary("step: [100]"), `10:7: unknown key "step" in the rollout of stack b; allowed are strategy, steps, bake, router, analysis, promotion, pauseTimeout, keep, retire, sideParameter`},
		{"no strategy", "      " + alb + "\n", `9:7: the rollout of stack b lacks the key "strategy"`},
		{"unknown strategy", "      strategy: linear\n", `9:17: strategy "linear" is not one of direct, blue-green, canary`},
		{"direct with steps", "      strategy: direct\n      steps: [100]\n", "10:7: the strategy direct moves no traffic: steps is of blue-green and canary; leave it out"},
		{"direct with a router", "      strategy: direct\n      " + alb + "\n", "10:7: the strategy direct moves no traffic: router"},
		{"blue-green with steps", "      strategy: blue-green\n      steps: [100]\n      " + alb + "\n", "10:7: blue-green switches all traffic at once and has no steps"},
		{"no router", "      strategy: canary\n", "9:7: the strategy canary needs a router that moves the traffic; write router with one of the keys route53, alb, lambdaAlias"},
		{"descending", canary("steps: [10, 5, 100]"), "10:19: the step 5 does not ascend: the one before it is 10"},
		{"twice the same", canary("steps: [10, 10, 100]"), "10:19: the step 10 does not ascend"},
		{"not to 100", canary("steps: [10, 50]"), "10:19: the last step is 50 and must be 100"},
		{"weight 0", canary("steps: [0, 100]"), `10:15: the step "0" is not a number from 1 to 100`},
		{"weight 101", canary("steps: [{weight: 101}]"), `weight "101" is not a number from 1 to 100`},
		{"no steps", canary("steps: []"), "steps must be a list of 1 to 20 percentages, such as [5, 25, 100]"},
		{"step without a weight", canary("steps: [{bake: 1m}, 100]"), `the step lacks the key "weight"`},
		{"long bake", canary("bake: 25h"), `10:13: bake "25h" is not a time from 1s to 24h`},
		{"long together", canary("steps: [1, 2, 3, 4, 5, 6, 7, 100]\n      bake: 23h"), "9:7: the steps bake 184h together; the limit is 168h"},
		{"short of the ttl", "      strategy: canary\n      bake: 30s\n      router: {route53: {zone: Z1, name: a.b, type: A, value: '${output.Ip}'}}\n", "10:13: bake 30s is shorter than the record's ttl 1m: resolvers would not have seen the step; raise bake or lower ttl"},
		{"one step short of the ttl", "      strategy: canary\n      steps: [{weight: 5, bake: 30s}, 100]\n      router: {route53: {zone: Z1, name: a.b, type: A, value: '${output.Ip}'}}\n", "10:15: bake 30s is shorter"},
		{"two routers", routed("alb: {listener: '${output.a.L}', targetGroup: '${output.G}'}, lambdaAlias: {function: f, alias: a, version: '${output.V}'}"), "10:15: router must have exactly one of the keys route53, alb, lambdaAlias"},
		{"value and alias", routed("route53: {zone: Z1, name: a.b, type: A, value: '${output.Ip}', aliasName: '${output.L}'}"), "route53 must have either value, or aliasName and aliasZone"},
		{"alias without a zone", routed("route53: {zone: Z1, name: a.b, type: A, aliasName: '${output.L}'}"), "route53 must have either value"},
		{"alias with a ttl", routed("route53: {zone: Z1, name: a.b, type: A, ttl: 1m, aliasName: '${output.L}', aliasZone: Z2}"), "an alias record has the ttl of what it stands for; leave ttl out"},
		{"alias of a CNAME", routed("route53: {zone: Z1, name: a.b, type: CNAME, aliasName: '${output.L}', aliasZone: Z2}"), "the type of an alias record is A or AAAA, not CNAME"},
		{"bad type", routed("route53: {zone: Z1, name: a.b, type: MX, value: '${output.Ip}'}"), `type "MX" is not one of A, AAAA, CNAME, TXT`},
		{"bad zone", routed("route53: {zone: example.com, name: a.b, type: A, value: '${output.Ip}'}"), `10:32: zone "example.com" is not the id of a hosted zone`},
		{"bad name", routed("route53: {zone: Z1, name: 'a b', type: A, value: '${output.Ip}'}"), `name "a b" is not a domain name`},
		{"zone by side", routed("route53: {zone: '${output.Zone}', name: a.b, type: A, value: '${output.Ip}'}"), "zone is the same for both sides and cannot have ${side} or an output of the stack itself"},
		{"value for both", routed("route53: {zone: Z1, name: a.b, type: A, value: 192.0.2.1}"), `value "192.0.2.1" is the same for both sides; use an output of the stack, such as ${output.Host}, or ${side}`},
		{"value of another stack", routed("route53: {zone: Z1, name: a.b, type: A, value: '${output.a.Ip}'}"), `is the same for both sides`},
		{"unknown reference", routed("route53: {zone: Z1, name: a.b, type: A, value: '${output.Ip}${Side}'}"), `value has "${Side}", which is no reference; there are ${output.Name}, ${output.stack.Name} and ${side}`},
		{"long ttl", routed("route53: {zone: Z1, name: a.b, type: A, ttl: 2h, value: '${output.Ip}'}"), `ttl "2h" is not a time from 0s to 1h`},
		{"listener and rule", routed("alb: {listener: '${output.a.L}', rule: '${output.a.R}', targetGroup: '${output.G}'}"), "alb must have exactly one of the keys listener, rule"},
		{"neither", routed("alb: {targetGroup: '${output.G}'}"), "alb must have exactly one of the keys listener, rule"},
		{"network listener", routed("alb: {listener: 'arn:aws:elasticloadbalancing:us-east-1:222222222222:listener/net/a/b/c', targetGroup: '${output.G}'}"), "is not the ARN of an application load balancer's listener"},
		{"group for both", routed("alb: {listener: '${output.a.L}', targetGroup: arn}"), `targetGroup "arn" is the same for both sides`},
		{"fixed version", routed("lambdaAlias: {function: f, alias: live, version: 7}"), `version "7" stays the same with each deployment; use an output of the stack, such as ${output.Version}`},
		{"alias of digits", routed("lambdaAlias: {function: f, alias: 42, version: '${output.V}'}"), `alias "42" is not the name of an alias`},
		{"side of a function", routed("lambdaAlias: {function: 'f-${side}', alias: live, version: '${output.V}'}"), "function is the same for both versions"},
		{"side parameter of an alias", routed("lambdaAlias: {function: f, alias: live, version: '${output.V}'}") + "      sideParameter: Side\n", "11:22: both versions of an alias are of one stack"},
		{"deleted versions", routed("lambdaAlias: {function: f, alias: live, version: '${output.V}'}") + "      retire: delete\n", "11:15: the versions of an alias are of one stack"},
		{"unknown stack", routed("route53: {zone: '${output.z.Zone}', name: a.b, type: A, value: '${output.Ip}'}"), `10:32: the rollout reads an output of "z", which is no stack; stacks are a, c, b`},
		{"no dependency", routed("route53: {zone: '${output.c.Zone}', name: a.b, type: A, value: '${output.Ip}'}"), "the rollout reads an output of c, which b does not depend on; add it to dependsOn"},
		{"by its own name", metric("http: {url: '${output.b.Url}'}"), "the rollout reads an output of its own stack: write ${output.Url}, which is that of the side at hand"},
		{"bad promotion", canary("promotion: never"), `promotion "never" is not one of auto, manual`},
		{"short pause", canary("pauseTimeout: 1s"), `pauseTimeout "1s" is not a time from 10s to 168h`},
		{"long keep", canary("keep: 200h"), `keep "200h" is not a time from 0s to 168h`},
		{"bad retire", canary("retire: later"), `retire "later" is not one of keep, delete`},
		{"bad side parameter", canary("sideParameter: a-b"), `sideParameter "a-b" is not the name of a parameter`},
		{"no kind of metric", metric("name: x"), "10:18: the metric must have exactly one of the keys cloudwatch, alarm, http"},
		{"two kinds of metric", metric("alarm: {names: [x]}, http: {url: 'https://x'}"), "the metric must have exactly one of the keys"},
		{"same name", canary("analysis: [{alarm: {names: [x]}}, {alarm: {names: [x]}}]"), `10:41: a second metric "alarm x" in analysis; give it a name of its own`},
		{"too many metrics", canary("analysis: [" + repeat(11, func(i int) string { return fmt.Sprintf("{alarm: {names: [x%d]}},", i) }) + "]"), "analysis must be a list of at most 10 metrics"},
		{"foreign secret", metric("http: {url: 'https://x', headers: {A: {secret: prod/db}}}"), "a secret whose name begins with evenkeel/verify/"},
		{"condition of an alarm", metric("alarm: {names: [x]}, success: '< 1'"), "success is a condition on the value of a CloudWatch metric; alarm is good or bad by itself"},
		{"no condition", metric("cloudwatch: {queries: {m: " + query + "}}"), "the metric says neither when its value is good nor when it is bad"},
		{"bad condition", metric("cloudwatch: {queries: {m: " + query + "}}, failure: 'above 5'"), "failure is not a condition, such as \"< 1\" or \">= 0.5 and < 2\": column 1 of \"above 5\""},
		{"upper-case id", cloudwatch("queries: {Errors: " + query + "}"), `the id "Errors" of a query is not a lower-case letter`},
		{"no query", cloudwatch("queries: {}"), "queries has 0 queries; it must have 1 to 10"},
		{"no expression", cloudwatch("queries: {a: " + query + ", b: " + query + "}"), "cloudwatch has 2 queries and no expression that makes one value of them"},
		{"unknown id", cloudwatch("queries: {a: " + query + "}, expression: 'a / total'"), `the expression names "total", which is no query; queries are a`},
		{"unused query", cloudwatch("queries: {a: " + query + ", b: " + query + "}, expression: 'a * 2'"), "the expression does not use the query b; take it out of queries"},
		{"search", cloudwatch("queries: {a: " + query + "}, expression: \"SUM(SEARCH('{N,S} x', 'Sum')) + a\""), "SEARCH gives many series"},
		{"errors only", cloudwatch("queries: {a: {namespace: AWS/ApplicationELB, metric: HTTPCode_Target_5XX_Count, stat: Sum}}"), "HTTPCode_Target_5XX_Count has no data while nothing fails, and no data is never taken for success; use an expression that has a value then: a share of RequestCount, such as 100 * a / requests"},
		{"unknown reference of a dimension", cloudwatch("queries: {a: {namespace: N, metric: M, stat: Sum, dimensions: {V: '${version}'}}}"), "dimension V has \"${version}\", which is no reference; there are ${output.Name}, ${output.stack.Name} and ${side}, ${endpoint}"},
		{"the public name", "      strategy: canary\n      router: {route53: {zone: Z1, name: api.example.com., type: A, value: '${output.Ip}'}}\n      analysis: [{http: {url: 'https://API.example.com/health'}}]\n", "11:18: the URL asks api.example.com, whose traffic the rollout moves: the other side may answer"},
		{"odd period", cloudwatch("queries: {a: " + query + "}, period: 90s"), `period "90s" is not a multiple of 1m, nor 1s, 5s, 10s or 30s`},
		{"short period", cloudwatch("queries: {a: " + query + "}, period: 15s"), `period "15s" is not a multiple of 1m, nor 1s, 5s, 10s or 30s`},
		{"interval shorter than the period", metric("success: '< 1', interval: 1m, cloudwatch: {queries: {a: " + query + "}, period: 5m}"), "interval 1m is shorter than the period 5m: the same value would be judged twice"},
		{"bad statistic", cloudwatch("queries: {a: {namespace: N, metric: M, stat: Median}}"), `stat "Median" is not a statistic, such as Sum, Average or p99`},
		{"bad limit", metric("alarm: {names: [x]}, failureLimit: -1"), `failureLimit "-1" is not a number from 0 to 100`},
		{"bad noData", metric("alarm: {names: [x]}, noData: pass"), `noData "pass" is not one of pause, abort`},
		{"too many rounds", canary("bake: 1h\n      analysis: [{alarm: {names: [x]}, interval: 1s}]"), "9:7: the rollout takes about 18015 looks at its metrics; the limit is 1500, what one workflow execution can hold: raise interval, or lower bake"},
		{"too large", canary("analysis: [" + repeat(5, func(i int) string {
			return fmt.Sprintf("{name: n%d, http: {url: 'https://x', method: POST, body: %s, expect: {contains: %[2]s, matches: %[2]s}}},", i, strings.Repeat("y", 2000))
		}) + "]"), "the limit is 24: use fewer or shorter metrics"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pipeline.Decode("evenkeel.yaml", []byte(withRollout(tt.rollout)), all)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant …%s…", err, tt.want)
			}
		})
	}
	if _, err := pipeline.Decode("evenkeel.yaml", []byte(withRollout(canary("bake: 1m"))), all); err != nil {
		t.Errorf("without a fault: %v", err)
	}
}

func TestRolloutsAndOtherStacks(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"unknown stack of a stage", "name: prod,", "name: prod, rollout: {z: {strategy: direct}},", `the stage sets the rollout of "z", which is no stack; stacks are a, c, b`},
		{"fault in a stage", "name: prod,", "name: prod, rollout: {c: {strategy: canary}},", "the strategy canary needs a router"},
		{"side parameter set by the stack", "dependsOn: [a]", "dependsOn: [a]\n    parameters: {Side: blue}", "8:24: the parameter Side is told the side by the rollout; do not set it as well"},
		{"side parameter set by the stage", "name: prod,", "name: prod, parameters: {b: {Side: blue}},", "the parameter Side is told the side by the rollout"},
		{"named as a side", "  c: {template: t.yaml}", "  b-test: {template: t.yaml}", "the side blue of b in test would be the stack b-test-blue, which is b-test in blue; rename one of them"},
		{"long name", "version: 1", "version: 1\nname: " + strings.Repeat("n", 32), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(withRollout(goodRollout)+stage("blue"), tt.old, tt.new, 1)
			_, err := pipeline.Decode("evenkeel.yaml", []byte(text), all)
			if tt.want == "" && err == nil {
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant …%s…", err, tt.want)
			}
		})
	}
}

func TestSidesOfAStack(t *testing.T) {
	text := strings.Replace(withRollout(goodRollout), "dependsOn: [a]", "dependsOn: [a]\n    parameters: {Name: \"api-${side}\", Zone: {output: a.Zone}}\n    verify: [http: {url: '${output.Url}/${side}', expect: {json: {$.n: 1.50}}}]", 1)
	p, err := pipeline.Decode("evenkeel.yaml", []byte(text), all)
	if err != nil {
		t.Fatal(err)
	}
	stack := p.For("main")[0].Stacks[2]
	green, err := stack.OfSide("green")
	if err != nil || green.StackName != "b-test-green" || green.Parameters["Name"].Value != "api-green" || green.Parameters["Side"].Value != "green" || green.Parameters["Zone"].Output != "a.Zone" {
		t.Errorf("%+v, %v", green, err)
	}
	if check := green.Verify[0]; check.HTTP.URL != "${output.Url}/green" || string(check.HTTP.Expect.JSON["$.n"]) != "1.5" {
		t.Errorf("%+v", check.HTTP)
	}
	if stack.StackName != "b-test" || stack.Parameters["Name"].Value != "api-${side}" || stack.Verify[0].HTTP.URL != "${output.Url}/${side}" {
		t.Errorf("the stack itself changed: %+v", stack)
	}
	resolved, err := stack.Rollout.Expand(func(stack, output string) (string, bool) { return "<" + stack + "|" + output + ">", output != "None" }, "")
	if err != nil || resolved.Router.Route53.Zone != "<a|ZoneId>" || resolved.Router.Route53.Value != "<|Host>" || resolved.Analysis.Metrics[0].CloudWatch.Queries[0].Dimensions["Side"] != "${side}" {
		t.Errorf("%+v, %v", resolved.Router.Route53, err)
	}
	r := *stack.Rollout
	r.Router.Route53.Zone = "Z1"
	if r, err = r.For("blue", map[string]string{"Host": "h", "Url": "https://h"}); err != nil || r.Router.Route53.Value != "h" || r.Analysis.Metrics[2].HTTP.URL != "https://h/health?of=blue" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := stack.Rollout.For("blue", map[string]string{"Host": "h"}); err == nil || !strings.Contains(err.Error(), "the rollout reads the output Url, which does not exist") {
		t.Errorf("got %v", err)
	}
}

// checkRollout: what is accepted ascends to 100, has one router, and fits a
// workflow and a release.
func checkRollout(t *testing.T, stack pipeline.Stack) {
	t.Helper()
	r := stack.Rollout
	if r == nil {
		return
	}
	last := 0
	for _, step := range r.Steps {
		if step.Weight <= last || step.Bake <= 0 || r.Router.Route53 != nil && step.Bake < r.Router.Route53.TTL {
			t.Fatalf("steps %+v", r.Steps)
		}
		last = step.Weight
	}
	if last != 100 || r.Router.Kind() == "" || r.Strategy == pipeline.StrategyDirect {
		t.Fatalf("%+v", r)
	}
	for _, m := range r.Analysis.Metrics {
		if m.Kind() == "" || m.Interval <= 0 || m.Name == "" {
			t.Fatalf("metric %+v", m)
		}
	}
	if data, err := json.Marshal(r); err != nil || len(data) > 24<<10 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
}
