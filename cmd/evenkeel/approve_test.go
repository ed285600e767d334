package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

// plans makes these plans wait for approval. Each has a document with one row.
func (c *cli) plans(plans ...deployment.Approval) {
	c.t.Helper()
	items := []any{}
	for i, p := range plans {
		document := encoded(c.t, deployment.Document{
			Run: p.Run, Target: p.Target, Digest: p.Digest, Risk: p.Risk,
			Rows: []deployment.Row{{Action: "Add", LogicalID: "Vpc", Type: "AWS::EC2::VPC"}},
		})
		if p.Seen == "" {
			p.Seen = approval.Hash([]byte(document))
		}
		plans[i] = p
		item := map[string]any{"approval": map[string]string{"S": encoded(c.t, p)}}
		items = append(items, item)
		c.aws.Reply("s3", "GET /bucket/"+p.Document, document)
	}
	c.aws.Reply("dynamodb", "Scan", encoded(c.t, map[string]any{"Items": items}))
	c.aws.Reply("dynamodb", "GetItem", encoded(c.t, map[string]any{"Item": items[0]}))
	c.aws.On("dynamodb", "UpdateItem", func(call awsstub.Call) awsstub.Answer {
		var in struct {
			ExpressionAttributeValues map[string]struct{ S string }
		}
		if err := json.Unmarshal(call.Body, &in); err != nil {
			c.t.Error(err)
		}
		settled := map[string]any{"approval": map[string]string{"S": encoded(c.t, plans[0])}, "decision": map[string]string{"S": in.ExpressionAttributeValues[":d"].S}}
		return awsstub.Answer{Body: encoded(c.t, map[string]any{"Attributes": settled})}
	})
	c.aws.Reply("states", "SendTaskSuccess", `{}`)
	c.aws.Reply("events", "PutEvents", `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func plan(run, stack string) deployment.Approval {
	return deployment.Approval{
		Run:     events.Run{RunID: run, Repository: "acme/shop", Branch: "main", Commit: "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a", Actor: "dana"},
		Authors: approval.NewAuthors("dana", []string{"dana@example.com"}), Risk: "safe", Digest: "v1:d1", Token: "token-1", Document: "plans/" + run + "/prod/" + stack + ".json",
		Target:    events.Target{Stage: "prod", Stack: stack, StackName: "shop-" + stack + "-prod", Account: "333333333333", Region: "us-east-1"},
		Requested: time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC), Expires: time.Date(2026, 1, 3, 4, 0, 0, 0, time.UTC),
	}
}

func TestApprove(t *testing.T) {
	c := newCLI(t)
	c.plans(plan("1f0c9a7b-1bee13", "network"))
	c.run("approve", "1f0c", "--yes", "--comment", "reviewed").want(0, "Vpc", "approved prod/network", "dana pushed 1f0c9a7b to main", "authors: dana, dana@example.com", "in 23h0m0s", "note: nobody can tell")
	sent := string(c.aws.Calls("states", "SendTaskSuccess")[0].Body)
	if !strings.Contains(sent, `\"approved\":true`) || !strings.Contains(sent, "token-1") || !strings.Contains(sent, "user/kim") {
		t.Errorf("the run was told %s", sent)
	}
	if fact := string(c.aws.Calls("events", "PutEvents")[0].Body); !strings.Contains(fact, "ApprovalDecided.v1") || !strings.Contains(fact, "reviewed") ||
		!strings.Contains(fact, "evenkeel cli") || !strings.Contains(fact, "sha256") || !strings.Contains(fact, `\"relation\":\"unmapped\"`) {
		t.Errorf("published %s", fact)
	}
	c.run("reject", "1f0c", "--stage", "prod", "--stack", "network", "--yes", "--reason", "too late").want(0, "rejected prod/network")
	if sent := string(c.aws.Calls("states", "SendTaskSuccess")[1].Body); !strings.Contains(sent, `\"approved\":false`) || !strings.Contains(sent, "too late") {
		t.Errorf("the run was told %s", sent)
	}
}

func TestApproveAsksAPerson(t *testing.T) {
	c := newCLI(t)
	c.plans(plan("1f0c9a7b-1bee13", "network"))
	c.run("approve", "1f0c").want(2, "say --yes")
	c.app.prompt = true
	for _, answer := range []string{"n\n", "", "maybe\n"} {
		c.app.in = strings.NewReader(answer)
		c.run("approve", "1f0c").want(1, "Vpc", "[y/N]")
	}
	if calls := c.aws.Calls("states", ""); len(calls) != 0 {
		t.Fatalf("the run was told %s without a yes", calls[0].Body)
	}
	c.app.in = strings.NewReader("yes\n")
	c.run("approve", "1f0c").want(0, "approved")
}

func TestApproveChooses(t *testing.T) {
	c := newCLI(t)
	c.plans(plan("1f0c9a7b-1bee13", "network"), plan("1f0cffff-000000", "data"))
	c.run("approve").want(0, "1f0c9a7b-1bee13", "prod/data", "EXPIRES", "in 23h0m0s")
	c.run("approve", "1f0c", "--yes").want(2, "--stage and --stack", "1f0cffff-000000 prod/data (expires 2026-01-03T04:00:00Z)")
	c.run("approve", "1f0c", "--stack", "network", "--yes").want(0, "approved prod/network")
	c.run("approve", "ffff", "--yes").want(3, "nothing of run ffff waits")
	c.run("approve", "1f0c", "--stage", "test", "--yes").want(3)
	c.run("approve", "a", "b").want(2, "usage:")
	c.run("approve", "1f0c", "--stack", "network", "--yes", "--json").want(0)
	if out := decoded[map[string]any](c); out["stage"] != "prod" || out["pushedBy"] != "dana" || out["decision"].(map[string]any)["session"] != "kim" {
		t.Errorf("%v", out)
	}
}

// A plan that expired is not listed and cannot be approved.
func TestExpiredPlansAreGone(t *testing.T) {
	c := newCLI(t)
	expired := plan("1f0c9a7b-1bee13", "network")
	expired.Expires = time.Date(2026, 1, 2, 4, 59, 59, 0, time.UTC)
	c.plans(expired)
	c.run("approve").want(0, "Nothing waits")
	c.run("approve", "1f0c", "--yes").want(3)
}

// An author of the push is refused, with an exit code of its own, before any
// question; everybody may reject.
func TestApproveRefusesAnAuthor(t *testing.T) {
	c := newCLI(t)
	own := plan("1f0c9a7b-1bee13", "network")
	own.Authors = approval.NewAuthors("Kim", nil)
	c.plans(own)
	c.run("approve", "1f0c", "--yes").want(4, "you are Kim, whose push this is", "somebody else must decide")
	own.Authors = own.Authors.With(map[string][]string{"dana": {"arn:aws:iam::*:user/kim"}})
	own.Authors.People[0].Name = "lee"
	c.plans(own)
	c.run("approve", "1f0c", "--yes", "--json").want(4, "--identity lee=")
	for _, service := range []string{"states", "events"} {
		if calls := c.aws.Calls(service, ""); len(calls) != 0 {
			t.Fatalf("something was told: %s", calls[0].Body)
		}
	}
	c.run("reject", "1f0c", "--yes", "--reason", "a mistake of mine").want(0, "rejected")
	own.SelfAllowed = true
	c.plans(own)
	c.run("approve", "1f0c", "--yes").want(0, "approved")
}

// A document that was put in the place of the run's own is not decided on.
func TestApproveRefusesAnotherDocument(t *testing.T) {
	c := newCLI(t)
	other := plan("1f0c9a7b-1bee13", "network")
	other.Seen = approval.Hash([]byte("what the run wrote"))
	c.plans(other)
	c.run("approve", "1f0c", "--yes").want(1, "not the one that the run wrote")
	if calls := c.aws.Calls("states", ""); len(calls) != 0 {
		t.Fatalf("the run was told %s", calls[0].Body)
	}
}

func TestRejectNeedsAReason(t *testing.T) {
	c := newCLI(t)
	c.plans(plan("1f0c9a7b-1bee13", "network"))
	c.run("reject", "1f0c", "--yes").want(2, "say --reason")
	c.app.prompt = true
	c.app.in = strings.NewReader("\n")
	c.run("reject", "1f0c").want(2, "a rejection needs a reason")
	c.app.in = strings.NewReader("not before the migration\ny\n")
	c.run("reject", "1f0c").want(0, "Why is it rejected?", "rejected prod/network")
	if sent := string(c.aws.Calls("states", "SendTaskSuccess")[0].Body); !strings.Contains(sent, "not before the migration") {
		t.Errorf("the run was told %s", sent)
	}
}
