package deployment

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// exposureFake answers with one policy, or an error.
type exposureFake struct {
	policy healing.Policy
	err    error
}

func (e exposureFake) Policy(context.Context, time.Duration) (healing.Policy, error) {
	return e.policy, e.err
}

// A deployment that would open a group is stopped before: by a person where the
// healer observes, in any case where it enforces. The plan says which rule, and
// that it is the healing policy.
func TestAnOpeningIsStopped(t *testing.T) {
	set := ChangeSet{ID: "arn:new", StackID: "arn:aws:cloudformation:eu-west-1:222222222222:stack/shop-data/1", Status: "CREATE_COMPLETE", Changes: []Change{{
		Action: "Add", LogicalID: "Web", Type: "AWS::EC2::SecurityGroup",
		After: `{"Properties":{"GroupDescription":"web","SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":"22","ToPort":"22","CidrIp":"0.0.0.0/0"}]}}`,
	}}}
	policy := func(document string) exposureFake {
		p, err := healing.DecodePolicy([]byte(document))
		return exposureFake{p, err}
	}
	to := events.Target{StackName: "shop-data", Account: "222222222222", Region: "eu-west-1", Stage: "prod"}
	stage, stack := pipeline.Stage{Name: "prod", Approval: pipeline.ApprovalOnRisk}, pipeline.Stack{Name: "data", Tags: map[string]string{"team": "shop"}}
	for name, tt := range map[string]struct {
		exposure Exposure
		gate     string
		text     string
	}{
		"no policy":             {nil, GateApproval, "opens tcp/22/0.0.0.0/0"},
		"observe":               {policy(`{"mode":"observe"}`), GateApproval, "the healing policy would report (mode observe)"},
		"enforce":               {policy(`{"mode":"enforce"}`), GateBlocked, "the healing policy would close (mode enforce)"},
		"the tags of the stack": {policy(`{"scopes":[{"name":"shop","tags":{"team":["shop"]},"mode":"enforce"}]}`), GateBlocked, "(scope shop)"},
		"the stage is a tag":    {policy(`{"scopes":[{"name":"live","tags":{"evenkeel:stage":["prod"]},"mode":"enforce"}]}`), GateBlocked, "(scope live)"},
		"the port may be open":  {policy(`{"mode":"enforce","openPorts":["22"]}`), GateApproval, "admits 0.0.0.0/0 to tcp 22 as well"},
	} {
		t.Run(name, func(t *testing.T) {
			templates := &templatesFake{texts: map[string]string{"shop-data|": "Resources: {}", "shop-data|arn:new": "Resources: {Web: {Type: 'AWS::EC2::SecurityGroup', Properties: {GroupDescription: web}}}"}}
			got, err := PreviewDocument(t.Context(), templates, tt.exposure, Release{}, to, stage, stack, set, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			if got.Gate != tt.gate {
				t.Errorf("gate %s: %+v", got.Gate, got.Reasons)
			}
			data, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if text := got.Markdown(100000); !strings.Contains(text, tt.text) || !strings.Contains(string(data), tt.text) {
				t.Errorf("%q is missing in %s", tt.text, text)
			}
		})
	}
	broken := exposureFake{err: fault.Invalid("healing policy:1:1: field mode")}
	if _, err := PreviewDocument(t.Context(), &templatesFake{}, broken, Release{}, to, stage, stack, set, time.Unix(0, 0)); !fault.Is(err, fault.InvalidError) {
		t.Errorf("by a broken policy: %v", err)
	}
}
