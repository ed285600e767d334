package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var settings = map[string]string{
	config.Bus: "evenkeel", config.StateTable: "state", config.Bucket: "bucket", config.RoleName: "evenkeel-rollout",
	config.RolloutWorkflow: "arn:aws:states:us-east-1:111111111111:stateMachine:evenkeel-rollout",
}

func start(t *testing.T, stub *awsstub.Stub) *runtimeapi.Runtime {
	env := maps.Clone(settings)
	maps.Copy(env, stub.Env())
	return runtimeapi.Start(t, ".", env)
}

func TestMissingSettingsAreNamedAtOnce(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for name := range settings {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
	if log := runtimeapi.StartFailing(t, ".", map[string]string{config.MetricMargin: "soon"}); !strings.Contains(log, "is not a duration") {
		t.Errorf("%s", log)
	}
}

// table keeps what is put, as DynamoDB does for one item.
type table struct {
	mu   sync.Mutex
	item json.RawMessage
}

func (d *table) serve(stub *awsstub.Stub) {
	stub.On("dynamodb", "PutItem", func(c awsstub.Call) awsstub.Answer {
		var put struct{ Item json.RawMessage }
		if err := json.Unmarshal(c.Body, &put); err != nil {
			return awsstub.JSONError("ValidationException", err.Error())
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.item = put.Item
		return awsstub.Answer{Body: `{}`}
	})
	stub.On("dynamodb", "GetItem", func(awsstub.Call) awsstub.Answer {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.item == nil {
			return awsstub.Answer{Body: `{}`}
		}
		return awsstub.Answer{Body: `{"Item":` + string(d.item) + `}`}
	})
}

// record is what the table has.
func (d *table) record(t *testing.T) rollout.Record {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var item struct {
		Record struct{ S string } `json:"record"`
	}
	var r rollout.Record
	if err := json.Unmarshal(d.item, &item); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(item.Record.S), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// zone has no record set of the name until one is made, and then that of blue.
func zone(stub *awsstub.Stub) {
	const (
		list    = "GET /2013-04-01/hostedzone/Z1/rrset"
		listing = `<ListResourceRecordSetsResponse><ResourceRecordSets>%s</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListResourceRecordSetsResponse>`
		blue    = `<ResourceRecordSet><Name>api.example.com.</Name><Type>CNAME</Type><SetIdentifier>evenkeel-blue</SetIdentifier><Weight>100</Weight><TTL>0</TTL><ResourceRecords><ResourceRecord><Value>blue.example.com</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>`
		change  = `<ChangeInfo><Id>/change/C1</Id><Status>%s</Status><SubmittedAt>2026-01-02T03:08:00Z</SubmittedAt></ChangeInfo>`
	)
	stub.On("route53", list, func(awsstub.Call) awsstub.Answer {
		if len(stub.Calls("route53", made)) == 0 {
			return awsstub.Answer{Body: fmt.Sprintf(listing, "")}
		}
		return awsstub.Answer{Body: fmt.Sprintf(listing, blue)}
	})
	stub.Reply("route53", made, `<ChangeResourceRecordSetsResponse>`+fmt.Sprintf(change, "PENDING")+`</ChangeResourceRecordSetsResponse>`)
	stub.Reply("route53", "GET /2013-04-01/change/C1", `<GetChangeResponse>`+fmt.Sprintf(change, "INSYNC")+`</GetChangeResponse>`)
}

// made is the call that changes record sets.
const made = "POST /2013-04-01/hostedzone/Z1/rrset"

const target = `{"stage":"prod","stack":"api","stackName":"shop-api-prod","account":"222222222222","region":"us-east-1"}`

// request asks for the first rollout of a stack: there is no live side.
const request = `{"run":{"runId":"1f0c9a7b-1bee13","repository":"acme/shop","branch":"main","commit":"1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a","actor":"dana"},
 "target":` + target + `,
 "rollout":{"strategy":"canary","steps":[{"weight":5,"bake":"1s"},{"weight":100,"bake":"1s"}],"promotion":"auto","pauseTimeout":"1h","keep":"0s","retire":"keep",
  "router":{"route53":{"zone":"Z1","name":"api.example.com","type":"CNAME","ttl":"0s","value":"${output.Host}"}}},
 "candidate":{"name":"blue","stackName":"shop-api-prod-blue","commit":"1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a","digest":"d","endpoint":"blue.example.com"},
 "outputs":{"Host":"blue.example.com"}}`

// TestTheFirstRollout: it is begun, its clock is started, the record set is made
// in the workload account, every step is told, and the release goes on.
func TestTheFirstRollout(t *testing.T) {
	stub, state := awsstub.Start(t), &table{}
	state.serve(stub)
	stub.Reply("states", "StartExecution", `{"executionArn":"arn:started","startDate":1767323280}`)
	stub.Reply("states", "SendTaskSuccess", `{}`)
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	stub.Reply("s3", "PUT /bucket/rollouts/1f0c9a7b-1bee13-prod-api.json", ``)
	zone(stub)
	fn := start(t, stub)

	payload, errorType := fn.Invoke([]byte(`{"action":"start","token":"release-token","request":` + request + `}`))
	if errorType != "" || !strings.Contains(string(payload), `"state":"waiting"`) {
		t.Fatalf("%s: %s\n%s", errorType, payload, fn.Log())
	}
	started := stub.Calls("states", "StartExecution")
	if len(started) != 1 || !strings.Contains(string(started[0].Body), `"name":"1f0c9a7b-1bee13-prod-api"`) || !strings.Contains(string(started[0].Body), settings[config.RolloutWorkflow]) {
		t.Fatalf("started %s", started)
	}
	var tick rollout.Tick
	for range 8 {
		payload, errorType = fn.Invoke([]byte(`{"action":"advance","rollout":{"id":"1f0c9a7b-1bee13-prod-api","target":` + target + `}}`))
		if err := json.Unmarshal(payload, &tick); err != nil || errorType != "" {
			t.Fatalf("%s: %s, %v\n%s", errorType, payload, err, fn.Log())
		}
		if state.record(t).State.Phase == rollout.Promoted {
			break
		}
		time.Sleep(time.Second) // as long as a step of this rollout bakes
	}
	if r := state.record(t); r.State.Phase != rollout.Promoted || tick.Next == rollout.NextAsk || r.Live.Name != rollout.Blue || r.State.Weight != 100 {
		t.Errorf("%+v %+v", tick, r.State)
	}
	changed := stub.Calls("route53", made)
	if len(changed) == 0 || changed[0].Account != "222222222222" || !strings.Contains(string(changed[0].Body), "<SetIdentifier>evenkeel-blue</SetIdentifier>") || !strings.Contains(string(changed[0].Body), "<Weight>100</Weight>") {
		t.Errorf("changed %s", changed)
	}
	answered := stub.Calls("states", "SendTaskSuccess")
	if len(answered) != 1 || !strings.Contains(string(answered[0].Body), "release-token") || !strings.Contains(string(answered[0].Body), `\"outcome\":\"promoted\"`) {
		t.Errorf("answered %s", answered)
	}
	var told []string
	for _, c := range stub.Calls("events", "PutEvents") {
		for _, name := range []string{"RolloutStarted.v1", "RolloutStepped.v1", "RolloutPromoted.v1"} {
			if strings.Contains(string(c.Body), name) {
				told = append(told, name)
			}
		}
	}
	if want := []string{"RolloutPromoted.v1", "RolloutStarted.v1", "RolloutStepped.v1"}; !slices.Equal(slices.Compact(slices.Sorted(slices.Values(told))), want) {
		t.Errorf("told %v", told)
	}
	if log := fn.Log(); !strings.Contains(log, `"action":"start"`) || !strings.Contains(log, `"rollout":"1f0c9a7b-1bee13-prod-api"`) || strings.Contains(log, "release-token") {
		t.Errorf("log %s", log)
	}
}

// TestABrokenExecutionIsReplaced, and an event that is nobody's is not.
func TestABrokenExecutionIsReplaced(t *testing.T) {
	stub, state := awsstub.Start(t), &table{}
	state.serve(stub)
	stub.Reply("states", "StartExecution", `{"executionArn":"arn:started","startDate":1767323280}`)
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	stub.Reply("s3", "PUT /bucket/rollouts/1f0c9a7b-1bee13-prod-api.json", ``)
	zone(stub)
	fn := start(t, stub)
	if payload, errorType := fn.Invoke([]byte(`{"action":"start","token":"release-token","request":` + request + `}`)); errorType != "" {
		t.Fatalf("%s: %s", errorType, payload)
	}
	broken, err := os.ReadFile("../../testdata/events/stepfunctions-rollout-failed.json")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`"state":"restarted"`, `"state":"ignored"`} { // the second delivery is of an execution that was replaced
		if payload, errorType := fn.Invoke(broken); errorType != "" || !strings.Contains(string(payload), want) {
			t.Errorf("delivery %d: %s %s, want %s", i, errorType, payload, want)
		}
	}
	started := stub.Calls("states", "StartExecution")
	if len(started) != 2 || !strings.Contains(string(started[1].Body), `"name":"1f0c9a7b-1bee13-prod-api-2"`) {
		t.Errorf("started %s", started)
	}
	if payload, errorType := fn.Invoke([]byte(`{"source":"acme.weather","detail-type":"Rain Started","detail":{}}`)); errorType != "" || !strings.Contains(string(payload), `"state":"ignored"`) {
		t.Errorf("%s %s", errorType, payload)
	}
}

// TestErrorsKeepTheirName: the workflow's Retry and Catch match on it.
func TestErrorsKeepTheirName(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("dynamodb", "GetItem", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	stub.Reply("states", "SendTaskFailure", `{}`)
	fn := start(t, stub)
	ref := `"rollout":{"id":"r-prod-api","target":` + target + `}`
	for payload, want := range map[string]string{
		`{"action":"advance",` + ref + `}`:                      "TransientError",
		`{"action":"command","id":"r","target":` + target + `}`: "InvalidError",
		`{"action":"deploy"}`:                                   "PermanentError",
		`[]`:                                                    "InvalidError",
		`{"detail-type":"Unknown"}`:                             "",
		`{"action":"retire","token":"t","retries":0,` + ref + `}`: "", // it hears of the failure through its token
	} {
		if out, errorType := fn.Invoke([]byte(payload)); errorType != want {
			t.Errorf("%s: %s %s, want %s", payload, errorType, out, want)
		}
	}
	if sent := stub.Calls("states", "SendTaskFailure"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), "TransientError") {
		t.Errorf("sent %s", sent)
	}
}
