package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
)

// open reports whether the group lets the world in on port 22, whatever became
// of the rule.
func open(rules map[string]events.SecurityGroupRule) bool {
	for _, r := range rules {
		if (r.CIDRv4 == "0.0.0.0/0" || r.CIDRv6 == "::/0") && r.FromPort <= 22 && r.ToPort >= 22 {
			return true
		}
	}
	return false
}

// TestBatchAgainstMoto: ten messages about two open groups, duplicates and
// poison among them. Both groups are closed by one heal each, and a second
// delivery of everything begins no other.
func TestBatchAgainstMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	a := newAccount(t)
	web, db := a.group, a.createGroup("db")
	var bodies []string
	for _, group := range []string{web, db} {
		a.group = group
		a.authorize(permissions(ipv4(tcp(443, 443), "0.0.0.0/0", "web")))
		a.authorize(permissions(ipv4(tcp(22, 22), "0.0.0.0/0", "for a minute")))
		first := string(a.event("nested-ipv4"))
		bodies = append(bodies, first, string(a.event("nested-ipv4")), first, string(a.event("range-20-25")))
	}
	bodies = append(bodies, "not an event", string(a.event("revoke")))
	heals := map[string]bool{}
	for range 2 {
		payload, errorType := a.fn.Invoke(queued(t, bodies...))
		if errorType != "" || string(payload) != `{"batchItemFailures":[{"itemIdentifier":"m8"}]}` {
			t.Fatalf("answer %s %s\n%s", payload, errorType, a.fn.Log())
		}
		lines := strings.Split(strings.TrimSpace(a.fn.Log()), "\n")
		var line struct {
			Actions []struct{ Action, HealID string }
		}
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
			t.Fatal(err)
		}
		for _, action := range line.Actions {
			heals[action.HealID] = true
		}
	}
	if len(heals) != 2 {
		t.Errorf("heals %v, want one for each group", heals)
	}
	for _, group := range []string{web, db} {
		a.group = group
		if rules := a.ingress(); open(rules) || len(rules) == 0 {
			t.Errorf("%s has %+v", group, rules)
		}
	}
}
