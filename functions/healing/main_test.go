package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/functions/internal/runtimeapi"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func settings(more map[string]string) map[string]string {
	env := map[string]string{
		config.Bus: "evenkeel", config.StateTable: "state", config.WritesTable: "writes", config.ParameterPrefix: "/evenkeel", config.RoleName: "evenkeel-heal",
	}
	for name, value := range more {
		env[name] = value
	}
	return env
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "events", "cloudtrail-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// answer decodes a successful answer.
func answer[T any](t *testing.T, payload []byte, errorType string) (v T) {
	t.Helper()
	if errorType != "" {
		t.Fatalf("%s: %s", errorType, payload)
	}
	if err := json.Unmarshal(payload, &v); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return v
}

func TestMissingSettingsAreNamedAtOnce(t *testing.T) {
	log := runtimeapi.StartFailing(t, ".", nil)
	for _, name := range []string{config.Bus, config.StateTable, config.ParameterPrefix, config.RoleName} {
		if !strings.Contains(log, name) {
			t.Errorf("the log does not name %s:\n%s", name, log)
		}
	}
}

func TestEventsThatNeedNothing(t *testing.T) {
	stub := awsstub.Start(t) // answers nothing: a call would fail the test
	fn := runtimeapi.Start(t, ".", settings(stub.Env()))
	for name, event := range map[string][]byte{
		"not a CloudTrail record of EC2": []byte(`{"source":"aws.health","detail-type":"AWS Health Event","detail":{}}`),
		"a revoke closes":                sample(t, "revoke"),
		"done by our own role":           sample(t, "own-role"),
		"a dry run":                      sample(t, "dry-run"),
	} {
		payload, errorType := fn.Invoke(event)
		if got := answer[healing.Result](t, payload, errorType); !strings.HasPrefix(got.Skipped, name) {
			t.Errorf("skipped %q, want %q", got.Skipped, name)
		}
	}
	if log := fn.Log(); strings.Count(log, `"skipped":`) != 4 {
		t.Errorf("want one log line with the reason for each:\n%s", log)
	}
}

func TestPoisonFails(t *testing.T) {
	stub := awsstub.Start(t)
	fn := runtimeapi.Start(t, ".", settings(stub.Env()))
	for _, event := range []string{`[1]`, `{"action":"explode"}`, `{"action":"undo"}`} {
		if payload, errorType := fn.Invoke([]byte(event)); errorType != "InvalidError" {
			t.Errorf("%s: answer %s %q, want an InvalidError", event, payload, errorType)
		}
	}
}

// TestExcept: an exception is kept with who asked, and what is none is refused.
func TestExcept(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "PutItem", `{}`)
	fn := runtimeapi.Start(t, ".", settings(stub.Env()))
	expires := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	payload, errorType := fn.Invoke([]byte(`{"action":"except","by":"kim","exception":{"group":"sg-1","rule":"6/22/1.2.3.4/0","owner":"net","reason":"course","expires":"` + expires + `"}}`))
	if got := answer[healing.Exception](t, payload, errorType); got.Rule != "tcp/22/0.0.0.0/0" || got.By != "kim" {
		t.Errorf("answer %+v", got)
	}
	if body := string(stub.Calls("dynamodb", "PutItem")[0].Body); !strings.Contains(body, "healexception#sg-1") || !strings.Contains(body, `\"by\":\"kim\"`) {
		t.Errorf("request %s", body)
	}
	if payload, errorType := fn.Invoke([]byte(`{"action":"except","by":"kim","exception":{"group":"sg-1","rule":"*"}}`)); errorType != "InvalidError" {
		t.Errorf("answer %s %q, want an InvalidError", payload, errorType)
	}
}

func TestSweepWithoutAccounts(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("dynamodb", "Scan", `{"Items":[]}`)
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	fn := runtimeapi.Start(t, ".", settings(stub.Env()))
	payload, errorType := fn.Invoke([]byte(`{"action":"sweep"}`))
	if got := answer[healing.Result](t, payload, errorType); got.Skipped != "no accounts are configured and nothing was deployed" {
		t.Errorf("answer %+v", got)
	}
}

const openRule = `<DescribeSecurityGroupRulesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><securityGroupRuleSet>
<item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-0e0e0e0e0e0e0e001</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol>
<fromPort>22</fromPort><toPort>22</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4></item></securityGroupRuleSet></DescribeSecurityGroupRulesResponse>`

// In observe mode, the default, the function reads, records and tells, and
// calls nothing else.
func TestObserve(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	stub.Reply("dynamodb", "UpdateItem", `{"Attributes":{}}`)
	stub.Reply("dynamodb", "PutItem", `{}`)
	stub.Reply("dynamodb", "Query", `{"Items":[]}`)
	stub.Reply("ec2", "DescribeSecurityGroupRules", openRule)
	stub.Reply("ec2", "DescribeSecurityGroups", `<DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><securityGroupInfo>
<item><groupId>sg-0e0e0e0e0e0e0e001</groupId><groupName>web</groupName><vpcId>vpc-1</vpcId></item></securityGroupInfo></DescribeSecurityGroupsResponse>`)
	stub.Reply("ec2", "DescribeNetworkInterfaces", `<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><networkInterfaceSet/></DescribeNetworkInterfacesResponse>`)
	stub.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	stub.On("cloudformation", "DescribeStackResources", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 400, Body: `<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack for it does not exist</Message></Error></ErrorResponse>`}
	})
	fn := runtimeapi.Start(t, ".", settings(stub.Env()))

	payload, errorType := fn.Invoke(sample(t, "nested-ipv4"))
	got := answer[healing.Result](t, payload, errorType)
	if len(got.Actions) != 1 || got.Actions[0].Action != healing.ActionExposed || got.Actions[0].Group != "sg-0e0e0e0e0e0e0e001" {
		t.Errorf("answer %+v", got)
	}
	put := stub.Calls("events", "PutEvents")
	if len(put) != 1 || !strings.Contains(string(put[0].Body), `"DetailType":"SecurityGroupExposed.v1"`) || !strings.Contains(string(put[0].Body), `"EventBusName":"evenkeel"`) {
		t.Errorf("published %+v", put)
	}
	if calls := stub.Calls("cloudformation", ""); len(calls) != 2 || calls[0].Account != "222222222222" || !strings.Contains(string(put[0].Body), `\"owner\"`) {
		t.Errorf("owner asked by %+v, published %s", calls, put[0].Body)
	}
	if body := string(put[0].Body); !strings.Contains(body, `\"severity\":\"medium\"`) || !strings.Contains(body, `\"level\":\"unattached\"`) {
		t.Errorf("published %s, want SSH of a group that nothing uses", body)
	}
	if calls := stub.Calls("ec2", ""); len(calls) != 3 || calls[0].Account != "222222222222" {
		t.Errorf("EC2 calls %+v, want three reads in the workload account", calls)
	}
}
