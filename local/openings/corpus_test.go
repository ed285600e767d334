package openings

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
	"github.com/evenkeel/evenkeel/testdata/evasion"
)

var (
	healed  = events.SecurityGroupHealed{}.DetailType()
	exposed = events.SecurityGroupExposed{}.DetailType()
	stopped = events.SecurityGroupHealingStopped{}.DetailType()
)

// elsewhere are the cases that the local cloud cannot play, and where they are
// tested instead.
var elsewhere = map[string]string{
	"throttled":             "the local EC2 throttles nobody: `evenkeel heal benchmark` does",
	"list-shared":           "the local EC2 shares no prefix list between accounts (local/ec2.md): `evenkeel heal benchmark` does",
	"list-shared-swept":     "the local EC2 shares no prefix list between accounts (local/ec2.md): `evenkeel heal benchmark` does",
	"link-local-list":       "the lists of AWS are moto's own, and none is of link-local addresses: `evenkeel heal benchmark` has one",
	"exception-last-second": "nobody knows in which second the queue hands the event over: `evenkeel heal benchmark` does",
	"undo-expired":          "an exception would have to last both a day and a second in one run: TestOpenings/undo waits for one to expire",
}

// side by side, so that neither the emulators nor the wait for them is idle.
const workers = 8

// each does something with every play, some at a time.
func each(plays []*play, do func(*play) error) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var faults []string
	next := make(chan *play)
	for range workers {
		wait.Go(func() {
			for p := range next {
				if err := do(p); err != nil {
					mu.Lock()
					faults = append(faults, p.c.ID+": "+err.Error())
					mu.Unlock()
				}
			}
		})
	}
	for _, p := range plays {
		next <- p
	}
	close(next)
	wait.Wait()
	if len(faults) > 0 {
		slices.Sort(faults)
		return fmt.Errorf("%s", strings.Join(faults, "\n"))
	}
	return nil
}

// stages gives each case a place: an account of its own when it needs a policy
// of its own, or has the healer look at every group, else one that it shares.
func (w *world) stages(cases []benchmark.Case) []*play {
	var plays []*play
	for i, c := range cases {
		account := fmt.Sprintf("7000%08d", i)
		seen, err := healing.Parser{Role: role}.Parse(c.Event)
		if c.Policy == nil && c.Delivery != benchmark.Lost && err == nil && !seen.Everything {
			account = fmt.Sprintf("6000%08d", i%6)
		}
		p := &play{c: c, stage: stage{world: w, at: healing.Place{Account: account, Region: region}, ids: map[string]string{"222222222222": account}}}
		if r := p.record(c.Event); r.fields != nil {
			if in, ok := r.fields["awsRegion"].(string); ok && in != "" {
				p.at.Region = in
			}
		}
		plays = append(plays, p)
	}
	return plays
}

// document is one policy for all cases: each case's own as a scope of its
// account, its exceptions with the real ids and times.
func document(plays []*play) (map[string]any, error) {
	var scopes, exceptions []any
	for _, p := range plays {
		if p.c.Policy == nil {
			continue
		}
		var own map[string]any
		if err := json.Unmarshal([]byte(p.real(string(p.c.Policy))), &own); err != nil {
			return nil, err
		}
		for _, e := range list(own["exceptions"]) {
			exception := e.(map[string]any)
			expires, err := time.Parse(time.RFC3339, exception["expires"].(string))
			if err != nil {
				return nil, err
			}
			exception["expires"] = time.Now().Add(expires.Sub(p.c.Question().Now)).UTC().Format(time.RFC3339)
			exceptions = append(exceptions, exception)
		}
		inner := list(own["scopes"])
		delete(own, "exceptions")
		delete(own, "scopes")
		for i, s := range append(inner, map[string]any{"name": "base"}) {
			scope := maps.Clone(own)
			maps.Copy(scope, s.(map[string]any))
			scope["name"], scope["accounts"] = fmt.Sprintf("%s %d", p.c.ID, i), []string{p.at.Account}
			if len(scope) > 2 {
				scopes = append(scopes, scope)
			}
			if scope["groups"] == nil && scope["vpcs"] == nil && scope["tags"] == nil {
				break // it is that of every group of the account: DecodePolicy refuses those after it
			}
		}
	}
	return map[string]any{"mode": healing.Enforce, "scopes": scopes, "exceptions": exceptions}, nil
}

func list(value any) []any {
	found, _ := value.([]any)
	return found
}

// corpus plays every case of the corpus of evasions that the local cloud can
// play: groups and lists are made, the call of the case is made (or its record
// put on the bus), and the built function, behind the template's rule and queue,
// has to close exactly the rules of the case, and to tell of each once.
func (w *world) corpus(ctx context.Context) {
	w.t.Helper()
	started := time.Now()
	plays := w.stages(w.cases())
	if err := each(plays, func(p *play) error { return p.prepare(ctx) }); err != nil {
		w.t.Fatalf("the states before:\n%s", err)
	}
	prepared := time.Since(started)
	policy, err := document(plays)
	if err != nil {
		w.t.Fatal(err)
	}
	w.setPolicy(ctx, policy)
	w.sweptPlaces(ctx, plays)
	w.forgetCalls(ctx)
	// How often a group may be healed is counted by the hour.
	if left := time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)); left < time.Minute {
		time.Sleep(left)
	}
	if err := each(plays, func(p *play) error { return p.act(ctx) }); err != nil {
		w.t.Errorf("the events:\n%s", err)
	}
	acted := time.Since(started)
	seen, err := w.settled(ctx, plays)
	if err != nil {
		w.t.Error(err)
	}
	for _, p := range plays {
		w.t.(*testing.T).Run(p.c.ID, func(t *testing.T) { p.verify(t, seen) })
	}
	w.reported(ctx, plays)
	w.summary(ctx, plays, prepared, acted, time.Since(started))
}

// cases are those that are played here.
func (w *world) cases() (cases []benchmark.Case) {
	w.t.Helper()
	all, err := benchmark.Load(evasion.Cases)
	if err != nil {
		w.t.Fatal(err)
	}
	left := 0
	for _, c := range all {
		var policy map[string]any
		if c.Policy != nil {
			if err := json.Unmarshal(c.Policy, &policy); err != nil {
				w.t.Fatal(err)
			}
		}
		switch {
		case elsewhere[c.ID] != "":
			left++
		case ofAll(policy):
			w.t.Logf("%s: not here; its policy is that of a whole installation: `evenkeel heal benchmark` does", c.ID)
		default:
			cases = append(cases, c)
		}
	}
	if left != len(elsewhere) {
		w.t.Errorf("%d cases are named that are played elsewhere, of which the corpus has %d", len(elsewhere), left)
	}
	return cases
}

// sweptPlaces has the suite sweep the places of the cases whose event was lost.
func (w *world) sweptPlaces(ctx context.Context, plays []*play) {
	w.t.Helper()
	places := []healing.Place{}
	for _, p := range plays {
		if p.way == bySweep {
			places = append(places, p.at)
		}
	}
	w.parameter(ctx, "/accounts", places)
}

// settled waits until the queue is drained, sweeps, and waits until all that
// is expected was told.
func (w *world) settled(ctx context.Context, plays []*play) (told, error) {
	if err := w.drained(ctx, 2*time.Minute); err != nil {
		return nil, err
	}
	if payload, failed, err := w.invoke(ctx, []byte(`{"action":"sweep"}`)); err != nil || failed != "" {
		return nil, fmt.Errorf("sweep: %s %w", payload, err)
	}
	var seen told
	err := await(ctx, time.Minute, 500*time.Millisecond, "the facts of all cases", func() (bool, error) {
		var err error
		if seen, err = w.facts(ctx); err != nil {
			return false, err
		}
		return !slices.ContainsFunc(plays, func(p *play) bool { return len(p.untold(seen)) > 0 }), nil
	})
	if err != nil {
		missing := []string{}
		for _, p := range plays {
			if ids := p.untold(seen); len(ids) > 0 {
				missing = append(missing, fmt.Sprintf("%s (%s): %v", p.c.ID, p.way, ids))
			}
		}
		err = fmt.Errorf("%w:\n%s", err, strings.Join(missing, "\n"))
	}
	return seen, err
}

// kind is the fact that the case expects; "" when none.
func (p *play) kind() string {
	return map[string]string{benchmark.Close: healed, benchmark.Observe: exposed, benchmark.Stop: stopped}[p.c.Expected.Action]
}

// untold are the expected rules that no fact tells of since the earlier steps.
func (p *play) untold(seen told) (ids []string) {
	for _, id := range p.c.Expected.Rules {
		if real := p.ids[id]; seen[p.kind()][real] <= p.earlier[p.kind()][real] {
			ids = append(ids, id)
		}
	}
	return ids
}

// verify holds the end against what the case expects.
func (p *play) verify(t *testing.T, seen told) {
	t.Logf("%s: %s", p.way, p.why)
	if (p.failure != "") != (p.c.Expected.Action == benchmark.Error) {
		t.Errorf("the function's error is %q", p.failure)
	}
	now, err := p.described(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.verifyRules(t, now)
	if p.c.Expected.Action == benchmark.Close {
		p.verifySafe(t, now)
	}
	var expected []string
	for _, id := range p.c.Expected.Rules {
		expected = append(expected, p.ids[id])
	}
	for kind, counts := range seen {
		for _, id := range p.rulesOfCase() {
			want := p.earlier[kind][id]
			if kind == p.kind() && slices.Contains(expected, id) {
				want++
			}
			if kind == exposed && p.unreadable(id) && counts[id] == 1 {
				continue // told of beside what was closed
			}
			if counts[id] != want {
				t.Errorf("%d facts %s tell of %s, want %d", counts[id], kind, id, want)
			}
		}
	}
}

// unreadable reports whether the rule admits a list that may not be read.
func (p *play) unreadable(id string) bool {
	return slices.ContainsFunc(p.c.Before.PrefixLists, func(l benchmark.PrefixList) bool {
		return l.Unreadable && slices.ContainsFunc(p.c.Question().After.Rules, func(r benchmark.Rule) bool {
			return p.ids[r.RuleID] == id && r.PrefixListID == l.PrefixListID
		})
	})
}

func (p *play) rulesOfCase() (ids []string) {
	for id, real := range p.ids {
		if strings.HasPrefix(id, "sgr-") {
			ids = append(ids, real)
		}
	}
	return ids
}

// verifyRules wants the expected rules to be closed as the case says, with
// their id, tags and description kept in quarantine, and every other rule to be
// what it was, byte for byte.
func (p *play) verifyRules(t *testing.T, now map[string]string) {
	closed := map[string]bool{}
	if p.c.Expected.Action == benchmark.Close {
		for _, id := range p.c.Expected.Rules {
			closed[p.ids[id]] = true
		}
	}
	reference := p.before
	if p.after != nil {
		reference = p.after
	}
	for id, was := range reference {
		_, changed := p.opened[id]
		switch {
		case closed[id]:
		case p.after == nil && changed && now[id] != was:
			p.verifyOpened(t, id, now[id])
		case p.after == nil && !changed && len(p.opened) > 0 && now[id] == "": // the event took it away
		case now[id] != was:
			t.Errorf("an innocent rule changed:\n%s\nis\n%s", was, now[id])
		}
	}
	for id := range p.opened {
		if !closed[id] && reference[id] == "" && len(p.c.Earlier) == 0 {
			p.verifyOpened(t, id, now[id])
		}
	}
	for id := range closed {
		p.verifyClosed(t, id, now[id])
	}
}

// verifyOpened wants a rule that the event made or changed to be so.
func (p *play) verifyOpened(t *testing.T, id, now string) {
	rule, want := ruleOf(t, now), p.opened[id]
	if now == "" || ruleName(rule) != ruleName(want) || rule.Description != want.Description || fmt.Sprint(rule.Tags) != fmt.Sprint(want.Tags) {
		t.Errorf("rule %s of the event is %s, want %+v", id, now, want)
	}
}

func (p *play) verifyClosed(t *testing.T, id, now string) {
	if p.c.Expected.How == string(healing.Revoke) {
		if now != "" {
			t.Errorf("%s was not revoked: %s", id, now)
		}
		return
	}
	if now == "" {
		if p.c.Expected.How == string(healing.Quarantine) {
			t.Errorf("%s was revoked", id)
		}
		return
	}
	rule, want := ruleOf(t, now), p.opened[id]
	if !p.policy.Quarantines(rule) {
		t.Errorf("%s admits %s", id, healing.RuleKey(rule))
	}
	if want.RuleID == "" {
		return // the event did not name it: an edited list, an attachment
	}
	narrowed := rule
	narrowed.CIDRv4, narrowed.CIDRv6 = want.CIDRv4, want.CIDRv6
	if ruleName(narrowed) != ruleName(want) || rule.Description != want.Description || fmt.Sprint(rule.Tags) != fmt.Sprint(want.Tags) {
		t.Errorf("quarantine changed more than the source: %s was %+v", now, want)
	}
}

// closedGroups are the groups of the rules that the case wants closed.
func (p *play) closedGroups(t *testing.T, now map[string]string) (groups []string) {
	for _, id := range p.c.Expected.Rules {
		real := p.ids[id]
		groups = append(groups, cmp.Or(p.opened[real].GroupID, ruleOf(t, now[real]).GroupID, ruleOf(t, p.before[real]).GroupID))
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// verifySafe wants the policy to find nothing to do any more in the groups that
// the case is about.
func (p *play) verifySafe(t *testing.T, now map[string]string) {
	for _, id := range p.closedGroups(t, now) {
		group, ok, err := p.groups.Group(t.Context(), p.at, id)
		if err != nil || !ok {
			t.Errorf("group %s: %v", id, err)
			continue
		}
		rules, err := p.groups.Rules(t.Context(), p.at, id)
		if err != nil {
			t.Fatal(err)
		}
		lists := map[string][]string{}
		for _, r := range rules {
			if r.PrefixListID != "" {
				entries, ok, err := p.groups.Entries(t.Context(), p.at, r.PrefixListID)
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					lists[r.PrefixListID] = entries
				}
			}
		}
		if plan := p.policy.For(group).Plan(rules, lists, time.Now()); !plan.Empty() {
			t.Errorf("%s is still too open: %v", id, plan.RuleIDs())
		}
	}
}
