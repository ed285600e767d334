package deployment

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/risk"
)

// templatesFake answers by "<stack name>|<change set>" and remembers what it
// was asked for.
type templatesFake struct {
	texts map[string]string
	asked []string
	err   error
}

func (f *templatesFake) Template(_ context.Context, t events.Target, changeSetID string) ([]byte, error) {
	f.asked = append(f.asked, t.StackName+"|"+changeSetID)
	return []byte(f.texts[t.StackName+"|"+changeSetID]), f.err
}

func (f *templatesFake) Original(ctx context.Context, t events.Target, changeSetID string) ([]byte, error) {
	return f.Template(ctx, t, changeSetID)
}

// TestRateReadsTheTemplates of the stack and of the nested stacks whose change
// sets are known.
func TestRateReadsTheTemplates(t *testing.T) {
	group := func(cidr string) string {
		return "Resources: {Group: {Type: 'AWS::EC2::SecurityGroup', Properties: {SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: " + cidr + "}]}}}"
	}
	templates := &templatesFake{texts: map[string]string{
		"shop-data|":              "Resources: {Child: {Type: 'AWS::CloudFormation::Stack'}}",
		"arn:child-stack|":        group("10.0.0.0/8"),
		"arn:child-stack|arn:new": group("0.0.0.0/0"),
	}}
	set := ChangeSet{
		ID: "arn:root", Changes: []Change{{Action: "Modify", LogicalID: "Child", Type: stackType, Replacement: "False", Nested: "arn:new"}},
		Nested: map[string]ChangeSet{"arn:new": {ID: "arn:new", StackID: "arn:child-stack", Status: "CREATE_COMPLETE", Changes: []Change{
			{Action: "Modify", LogicalID: "Group", Type: "AWS::EC2::SecurityGroup", Replacement: "False", Details: []Detail{{Attribute: "Properties", Name: "SecurityGroupIngress", Recreation: "Never"}}},
			{Action: "Remove", LogicalID: "Keep", Type: "AWS::SQS::Queue", PolicyAction: "Delete"},
		}}},
	}
	to := events.Target{StackName: "shop-data", Region: "eu-west-1"}
	got, err := rate(t.Context(), templates, to, set, risk.Policy{Protect: []string{"Child/Keep"}})
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{}
	for _, r := range got.Reasons {
		codes = append(codes, r.LogicalID+" "+r.Code)
	}
	if want := []string{"Child/Keep protected-resource", "Child/Group sg-world", "Child/Keep delete-stateful", "Child/Group sg-widened"}; got.Level != risk.Blocked || !slices.Equal(codes, want) {
		t.Errorf("%s %q, want %q", got.Level, codes, want)
	}
	if want := []string{"shop-data|", "shop-data|arn:root", "arn:child-stack|", "arn:child-stack|arn:new"}; !slices.Equal(templates.asked, want) {
		t.Errorf("asked %q, want %q", templates.asked, want)
	}
}

func TestRateOfAnEmptyPlanAsksNobody(t *testing.T) {
	unchanged := ChangeSet{Status: "FAILED", StatusReason: "The submitted information didn't contain changes."}
	if got, err := rate(t.Context(), nil, events.Target{}, unchanged, risk.Policy{}); err != nil || got.Level != risk.Safe {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRateFails: a rating without the templates that exist would be a guess.
func TestRateFails(t *testing.T) {
	failure := errors.New("throttled")
	if _, err := rate(t.Context(), &templatesFake{err: failure}, events.Target{}, ChangeSet{}, risk.Policy{}); !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
	broken := &templatesFake{texts: map[string]string{"|": "a: ["}}
	if got, err := rate(t.Context(), broken, events.Target{}, ChangeSet{Changes: []Change{{Action: "Modify", LogicalID: "G", Type: "AWS::EC2::SecurityGroup", Replacement: "False", Details: []Detail{{Attribute: "Properties", Name: "SecurityGroupIngress"}}}}}, risk.Policy{}); err != nil || got.Level != risk.Dangerous {
		t.Errorf("a template that cannot be read is not known: %+v, %v", got, err)
	}
}

func TestNests(t *testing.T) {
	for text, want := range map[string]bool{
		"Resources: {A: {Type: 'AWS::CloudFormation::Stack'}}": true, "Resources: {A: {Type: 'AWS::Serverless::Application'}}": true,
		"Resources: {A: {Type: 'AWS::SQS::Queue'}}": false, "a: [": false, "": false,
	} {
		if got := nests([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
