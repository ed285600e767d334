package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func TestHealPolicy(t *testing.T) {
	c := newCLI(t)
	c.aws.On("ssm", "GetParameter", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ParameterNotFound", "") })
	c.aws.Reply("ssm", "PutParameter", `{}`)
	c.run("heal", "policy").want(0, "the built-in policy")
	if p, err := healing.DecodePolicy(c.out.Bytes()); err != nil || p.Mode != healing.Observe {
		t.Errorf("what is shown is no policy: %v", err)
	}
	file := filepath.Join(t.TempDir(), "healing.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("mode: close\nmaxIPv4: 40\n")
	c.run("heal", "policy", "check", file).want(1, file+`:1:7: mode: "close" is not one of observe, enforce`, file+":2:10: maxIPv4: 40 is not between 1 and 32")
	c.run("heal", "policy", "set", file).want(1)
	if len(c.aws.Calls("ssm", "PutParameter")) != 0 {
		t.Error("set what is no policy")
	}
	document := "mode: enforce # ours\nexceptions:\n- {group: sg-1, rule: '*', owner: a, reason: b, expires: 2026-01-01}\n"
	write(document)
	c.run("heal", "policy", "check", file).want(0, "enforce, ", "1 exception", "the exception for * of sg-1 ended at 2026-01-02T00:00:00Z")
	c.run("heal", "policy", "set", file).want(0, "within half a minute")
	var put struct{ Name, Value, Tier string }
	if err := json.Unmarshal(c.aws.Calls("ssm", "PutParameter")[0].Body, &put); err != nil || put.Value != document || put.Name != "/evenkeel/healing/policy" || put.Tier != "Intelligent-Tiering" {
		t.Errorf("put %+v, %v", put, err)
	}
	c.aws.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"mode: enforce # ours\n"}}`)
	c.run("heal", "policy", "show").want(0, "mode: enforce # ours")
	c.run("heal", "policy", "show", "--json").want(0)
	if p := decoded[healing.Policy](c); p.Mode != healing.Enforce || p.MaxActions != 20 {
		t.Errorf("%+v", p)
	}
	c.run("heal", "policy", "check", "nowhere.yaml").want(3, "no file")
	c.run("heal", "policy", "schema").want(0, `"title": "Evenkeel healing policy"`)
	c.aws.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"mode: loud"}}`)
	c.run("heal", "policy").want(1, `mode: "loud"`)
}

// TestHealModeKeepsTheDocument: comments and what is left out stay.
func TestHealModeKeepsTheDocument(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"maxIPv4: 8 # ours\nscopes: [{name: eu, regions: [eu-*], mode: enforce}]\n"}}`)
	c.aws.Reply("ssm", "PutParameter", `{}`)
	c.run("heal", "mode").want(0, "observe\nenforce in the scope \"eu\"")
	c.run("heal", "mode", "enforce").want(0, "enforce")
	var put struct{ Value string }
	if err := json.Unmarshal(c.aws.Calls("ssm", "PutParameter")[0].Body, &put); err != nil || put.Value != "mode: enforce\nmaxIPv4: 8 # ours\nscopes: [{name: eu, regions: [eu-*], mode: enforce}]\n" {
		t.Errorf("put %+v, %v", put, err)
	}
}

func TestHealExcept(t *testing.T) {
	c := newCLI(t)
	const path = "POST /2015-03-31/functions/healing/invocations"
	c.aws.Reply("lambda", path, `{"group":"sg-1","rule":"tcp/22/0.0.0.0/0","owner":"net","reason":"course","expires":"2026-02-01T00:00:00Z"}`)
	flags := []string{"--owner", "net", "--reason", "course", "--expires", "2026-01-31"}
	with := func(more ...string) []string { return append(append([]string{"heal", "except"}, more...), flags...) }
	c.run("heal", "except", "sg-1").want(2, "usage:")
	c.run(with("sg-1", "22")...).want(2, "want protocol/ports/source")
	c.run(with("web", "*")...).want(2, "no security group id")
	c.run("heal", "except", "sg-1", "*", "--owner", "net", "--reason", "course").want(2, "say --expires")
	c.run("heal", "except", "sg-1", "*", "--reason", "course", "--expires", "2026-01-31").want(2, "say --owner")
	c.run("heal", "except", "sg-1", "*", "--owner", "net", "--reason", "course", "--expires", "soon").want(2, "neither a day")
	c.run("heal", "except", "sg-1", "*", "--owner", "net", "--reason", "course", "--expires", "2029-01-31", "--yes").want(2, "too far off: an exception ends within 366 days")
	c.run(with("sg-1", "tcp/22/1.2.3.4/0")...).want(2, "tcp/22/0.0.0.0/0 of sg-1 stays open until 2026-02-01T00:00:00Z", "say --yes")
	if len(c.aws.Calls("lambda", path)) != 0 {
		t.Fatal("asked although it was wrong")
	}
	c.run(append(with("sg-1", "tcp/22/1.2.3.4/0"), "--yes")...).want(0, "tcp/22/0.0.0.0/0 of sg-1 stays until 2026-02-01T00:00:00Z")
	var request struct {
		Action, By string
		Exception  healing.Exception
	}
	if err := json.Unmarshal(c.aws.Calls("lambda", path)[0].Body, &request); err != nil {
		t.Fatal(err)
	}
	want := healing.Exception{Group: "sg-1", Rule: "tcp/22/0.0.0.0/0", Owner: "net", Reason: "course", Expires: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	if request.Action != "except" || request.By != "arn:aws:iam::111111111111:user/kim" || request.Exception != want {
		t.Errorf("request %+v", request)
	}
	c.run("heal", "unexcept", "sg-1", "tcp/22/0.0.0.0/0").want(0, "closed by the next event or sweep")
}

func TestHealExceptions(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("ssm", "GetParameter", `{"Parameter":{"Value":"exceptions: [{group: sg-1, rule: '*', owner: net, reason: course, expires: 2026-03-01}, {group: sg-2, rule: '*', owner: a, reason: b, expires: 2025-01-01}]"}}`)
	recorded := `{"Items":[{"document":{"S":"{\"group\":\"sg-2\",\"rule\":\"tcp/22/0.0.0.0/0\",\"owner\":\"ops\",\"reason\":\"undo of heal-1\",\"expires\":\"2026-01-03T00:00:00Z\",\"by\":\"kim\"}"}}]}`
	c.aws.Reply("dynamodb", "Scan", recorded)
	c.aws.Reply("dynamodb", "Query", recorded)
	c.run("heal", "exceptions").want(0)
	c.golden("heal-exceptions")
	c.run("heal", "exceptions", "--all").want(0, "2025-01-02T00:00:00Z (over)")
	c.run("heal", "exceptions", "sg-2", "--json").want(0)
	if list := decoded[[]listedException](c); len(list) != 1 || list[0].Owner != "ops" || list[0].In != "recorded" {
		t.Errorf("%+v", list)
	}
	c.aws.Reply("dynamodb", "Query", `{"Items":[]}`)
	c.run("heal", "exceptions", "sg-3").want(0, "there is no exception")
}
