package healing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var hub = healing.Place{Account: "222222222222", Region: "us-east-1"}

// published collects facts; a consumer is idempotent on the fact's id.
type published struct {
	facts []events.Fact
	fail  func() error
}

func (p *published) Publish(_ context.Context, facts ...events.Fact) error {
	if p.fail != nil {
		if err := p.fail(); err != nil {
			return err
		}
	}
	p.facts = append(p.facts, facts...)
	return nil
}

// distinct returns the facts as an idempotent consumer sees them, and reports
// two that have the same id and are not the same.
func (p *published) distinct(t *testing.T) []events.Fact {
	t.Helper()
	seen := map[string]events.Fact{}
	var list []events.Fact
	for _, f := range p.facts {
		if first, ok := seen[f.Metadata.ID]; ok {
			if !reflect.DeepEqual(first, f) {
				t.Errorf("fact %s was published with two contents:\n%+v\n%+v", f.Metadata.ID, first, f)
			}
			continue
		}
		seen[f.Metadata.ID] = f
		list = append(list, f)
	}
	return list
}

// world is a service over fakes, with the group of the samples in it.
type world struct {
	*healing.Service
	groups *fake.SecurityGroups
	state  *fake.HealingState
	bus    *published
	now    time.Time
	policy healing.Policy
}

// newWorld is a world whose policy revokes.
func newWorld() *world {
	w := newQuarantine()
	w.policy.Remediation = healing.Revoke
	return w
}

// both runs a test of what is the same whether rules are revoked or put into
// quarantine.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("revoke", func(t *testing.T) { test(t, newWorld()) })
	t.Run("quarantine", func(t *testing.T) { test(t, newQuarantine()) })
}

// newQuarantine is a world with the default policy, enforced.
func newQuarantine() *world {
	w := &world{
		groups: &fake.SecurityGroups{}, state: &fake.HealingState{}, bus: &published{},
		now: time.Date(2026, 11, 2, 9, 14, 30, 0, time.UTC), policy: healing.DefaultPolicy(), // 23 s after the samples' eventTime
	}
	w.policy.Mode = healing.Enforce
	w.state.Current = &w.policy
	w.Service = &healing.Service{
		Parser: parser, Groups: w.groups, Changes: w.groups, Records: w.state, Policies: w.state, Publisher: w.bus,
		Now: func() time.Time { w.now = w.now.Add(time.Millisecond); return w.now },
	}
	w.groups.AddGroup(hub, group)
	return w
}

// open adds a rule to the group of the samples.
func (w *world) open(span, source string) events.SecurityGroupRule {
	r := rule("", span, source)
	r.GroupID = group
	return w.groups.AddRule(hub, r)
}

// live lists the rules that admit somebody.
func (w *world) live() []string {
	var keys []string
	for _, r := range w.groups.Live(hub) {
		if !quarantined(r) {
			keys = append(keys, healing.RuleKey(r))
		}
	}
	slices.Sort(keys)
	return keys
}

func quarantined(r events.SecurityGroupRule) bool {
	return strings.HasPrefix(r.CIDRv4, "192.0.2.") && strings.HasSuffix(r.CIDRv4, "/32") ||
		strings.HasPrefix(r.CIDRv6, "2001:db8:") && strings.HasSuffix(r.CIDRv6, "/128")
}

// changes counts the calls that close.
func (w *world) changes() int { return w.groups.Calls("Revoke") + w.groups.Calls("Modify") }

// calls counts the calls of EC2.
func (w *world) calls() int {
	return w.changes() + w.groups.Calls("Rules") + w.groups.Calls("Group") + w.groups.Calls("Entries") + w.groups.Calls("Authorize")
}

func (w *world) mustHandle(t *testing.T, event []byte) healing.Result {
	t.Helper()
	result, err := w.Handle(context.Background(), event)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestHealClosesExactlyTheOpenRule(t *testing.T) {
	for sampleName, opened := range map[string][2]string{
		"nested-ipv4": {"tcp/22", "0.0.0.0/0"},
		"nested-ipv6": {"tcp/22", "::/0"},
		"range-20-25": {"tcp/20-25", "0.0.0.0/0"},
		"flat-form":   {"tcp/22", "0.0.0.0/0"},
	} {
		t.Run(sampleName, func(t *testing.T) {
			w := newWorld()
			w.open("tcp/443", "0.0.0.0/0")
			w.open("tcp/22", "203.0.113.0/24")
			before := w.live()
			bad := w.open(opened[0], opened[1])

			result := w.mustHandle(t, opening(t, sampleName, bad))
			if got := w.live(); !reflect.DeepEqual(got, before) {
				t.Errorf("live rules %q, want %q", got, before)
			}
			if len(result.Actions) != 1 || result.Actions[0].Action != healing.ActionHealed || !reflect.DeepEqual(result.Actions[0].Rules, []string{bad.RuleID}) {
				t.Errorf("actions %+v", result.Actions)
			}
			facts := w.bus.distinct(t)
			if len(facts) != 1 {
				t.Fatalf("%d facts, want 1", len(facts))
			}
			healed, ok := facts[0].Data.(events.SecurityGroupHealed)
			if !ok || healed.GroupID != group || healed.Kept != 2 || healed.VPCID != "vpc-1" || healed.Account != hub.Account ||
				len(healed.Removed) != 1 || healed.Removed[0].Rule.RuleID != bad.RuleID ||
				!strings.HasPrefix(healed.Trigger.Principal, "arn:aws:sts::222222222222:assumed-role/developer/") {
				t.Errorf("fact %+v", facts[0])
			}
			if healed.Exposure < 23*time.Second || healed.Exposure > 24*time.Second {
				t.Errorf("exposure %s, want the time since the call", healed.Exposure)
			}
			if facts[0].Metadata.CausationID != result.EventID || facts[0].Metadata.CorrelationID != healed.HealID {
				t.Errorf("metadata %+v", facts[0].Metadata)
			}
		})
	}
}

// A heal costs four EC2 calls (read, describe, revoke or modify, read back), an
// event that needs nothing one, and nothing of the healer's memory.
func TestCalls(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		claims := 0
		w.state.Fail = func(method string) error {
			if method != "Policy" {
				claims++
			}
			return nil
		}
		w.open("tcp/443", "0.0.0.0/0")
		result, err := w.HandleFirst(context.Background(), sample(t, "nested-ipv4"))
		if n := w.calls(); err != nil || n != 1 || claims != 0 || result.Skipped != healing.NothingOpen || result.Groups != 1 {
			t.Errorf("%d calls and %d of the memory for nothing, want 1 and 0: %+v, %v", n, claims, result, err)
		}
		w.open("tcp/22", "0.0.0.0/0")
		if _, err := w.HandleFirst(context.Background(), sample(t, "nested-ipv6")); err != nil {
			t.Fatal(err)
		}
		if n := w.calls(); n != 1+4 || len(w.live()) != 1 {
			t.Errorf("%d calls more for a heal, want 4", n-1)
		}
	})
}

func TestSkips(t *testing.T) {
	for _, name := range []string{"error-call", "dry-run", "revoke", "own-role", "egress"} {
		w := newWorld()
		w.open("tcp/22", "0.0.0.0/0")
		result := w.mustHandle(t, sample(t, name))
		if result.Skipped == "" || len(w.live()) != 1 || w.groups.Calls("Rules") != 0 {
			t.Errorf("%s: %+v, live %q", name, result, w.live())
		}
	}
}

func TestObserveReportsOnceAndTouchesNothing(t *testing.T) {
	w := newWorld()
	w.policy.Mode = healing.Observe
	w.open("tcp/22", "0.0.0.0/0")
	result := w.mustHandle(t, sample(t, "nested-ipv4"))
	if len(w.live()) != 1 || w.groups.Calls("Revoke") != 0 {
		t.Fatal("observe mode changed the group")
	}
	if len(result.Actions) != 1 || result.Actions[0].Action != healing.ActionExposed {
		t.Errorf("actions %+v", result.Actions)
	}
	for i := range 3 { // each sweep sees it again
		if _, err := w.Sweep(context.Background(), fmt.Sprint(i), []healing.Place{hub}); err != nil {
			t.Fatal(err)
		}
	}
	facts := w.bus.distinct(t)
	exposed := slices.DeleteFunc(slices.Clone(facts), func(f events.Fact) bool { return f.Data.DetailType() == events.SecurityGroupsSwept{}.DetailType() })
	if len(exposed) != 1 || len(facts) != 4 {
		t.Errorf("%d facts, want one for one exposure and one a sweep", len(facts))
	}
	if _, ok := w.bus.facts[0].Data.(events.SecurityGroupExposed); !ok {
		t.Errorf("fact %+v", w.bus.facts[0])
	}
	if _, err := w.Undo(context.Background(), result.Actions[0].HealID, "dana"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("undo of what was not removed: %v", err)
	}
}

// The mode is followed from the moment it is switched, whatever the healer
// remembers.
func TestSwitchedModeCountsAtOnce(t *testing.T) {
	for _, mode := range []healing.Mode{healing.Enforce, healing.Observe} {
		w := newWorld()
		stale := healing.DefaultPolicy()
		stale.Mode = healing.Enforce
		if mode == healing.Enforce {
			stale.Mode = healing.Observe
		}
		w.policy.Mode, w.state.Stale = mode, &stale
		w.open("tcp/22", "0.0.0.0/0")
		w.mustHandle(t, sample(t, "nested-ipv4"))
		if closed := len(w.live()) == 0; closed != (mode == healing.Enforce) {
			t.Errorf("switched to %s: closed is %v", mode, closed)
		}
	}
}

func TestEditedPrefixList(t *testing.T) {
	w := newWorld()
	w.groups.SetPrefixList(hub, "pl-0e0e0e0e0e0e0e001", "203.0.113.0/24", "0.0.0.0/0")
	w.open("tcp/22", "pl-0e0e0e0e0e0e0e001")
	w.open("tcp/443", "pl-0e0e0e0e0e0e0e001")
	other := rule("", "tcp/3389", "0.0.0.0/0") // open too, but not what the event is about
	other.GroupID = "sg-other"
	w.groups.AddRule(hub, other)
	w.mustHandle(t, sample(t, "prefix-list-edited"))
	if got, want := w.live(), []string{"tcp/3389/0.0.0.0/0", "tcp/443/pl-0e0e0e0e0e0e0e001"}; !reflect.DeepEqual(got, want) {
		t.Errorf("live %q, want %q", got, want)
	}
}

// A list that another account shares is edited where it is; the groups that use
// it are elsewhere in the region, and no event tells their account.
func TestEditedPrefixListOfAnotherAccount(t *testing.T) {
	w := newWorld()
	other, far := healing.Place{Account: "333333333333", Region: hub.Region}, healing.Place{Account: "333333333333", Region: "eu-west-1"}
	w.Places = func(context.Context) ([]healing.Place, error) { return []healing.Place{far, hub, other}, nil }
	r := rule("", "tcp/22", "pl-0e0e0e0e0e0e0e001")
	r.GroupID = "sg-other"
	w.groups.SetPrefixList(other, "pl-0e0e0e0e0e0e0e001", "0.0.0.0/0")
	w.groups.AddRule(other, r)
	result := w.mustHandle(t, sample(t, "prefix-list-edited"))
	if len(w.groups.Live(other)) != 0 || len(result.Actions) != 1 || result.Actions[0].Account != other.Account || w.groups.Calls("Rules") != 3 {
		t.Errorf("%+v, %d reads of rules, want the group of the other account healed, and the other region left alone", result, w.groups.Calls("Rules"))
	}
}

func TestOneHealForOneEvent(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.open("tcp/22", "0.0.0.0/0")
		first := w.mustHandle(t, sample(t, "nested-ipv4"))
		again := w.mustHandle(t, sample(t, "nested-ipv4"))
		if len(first.Actions) != 1 || again.Skipped != healing.HandledBefore || len(w.bus.distinct(t)) != 1 || w.changes() != 1 {
			t.Errorf("first %+v, again %+v, %d facts", first, again, len(w.bus.facts))
		}
	})
}

// Two deliveries of one event may overlap: one removes the rule and fails
// before it has told; the other finds nothing open and notes the event as
// handled. The repeated first one must still tell.
func TestDoneByAnOverlappingDelivery(t *testing.T) {
	w := newWorld()
	w.open("tcp/22", "0.0.0.0/0")
	w.state.Fail = func(method string) error {
		if method == "Advance" {
			return fault.Transient("throttled")
		}
		return nil
	}
	event := sample(t, "nested-ipv4")
	result, err := w.Handle(context.Background(), event)
	if err == nil {
		t.Fatal("the first delivery did not fail")
	}
	w.state.Fail = nil
	if err := w.state.Finish(context.Background(), result.EventID); err != nil {
		t.Fatal(err)
	}
	if w.mustHandle(t, event); len(w.bus.distinct(t)) != 1 || w.changes() != 1 {
		t.Errorf("%d facts after %d changes, want one of each", len(w.bus.distinct(t)), w.changes())
	}
}

// The undo record is kept before anything is removed.
func TestNoRevokeWithoutRecord(t *testing.T) {
	w := newWorld()
	w.open("tcp/22", "0.0.0.0/0")
	w.state.Fail = func(method string) error {
		if method == "Save" {
			return fault.Permanent("no table")
		}
		return nil
	}
	if _, err := w.Handle(context.Background(), sample(t, "nested-ipv4")); err == nil || len(w.live()) != 1 {
		t.Errorf("error %v, live %q", err, w.live())
	}
}

func TestUnreadableSourcesAreReported(t *testing.T) {
	w := newWorld()
	w.open("tcp/22", "pl-gone")
	result := w.mustHandle(t, sample(t, "nested-ipv4"))
	if len(result.Unread) != 1 || len(w.live()) != 1 {
		t.Errorf("result %+v, live %q", result, w.live())
	}
}

// A prefix list that cannot be read keeps no other rule from being closed. If
// another attempt may read it, the event comes again.
func TestUnreadablePrefixList(t *testing.T) {
	for name, tt := range map[string]struct {
		answer error
		again  bool
	}{"denied": {fault.Permanent("UnauthorizedOperation"), false}, "throttled": {fault.Transient("RequestLimitExceeded"), true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.groups.SetPrefixList(hub, "pl-1", "0.0.0.0/0")
			w.open("tcp/22", "pl-1")
			w.open("tcp/22", "0.0.0.0/0")
			w.groups.Fail = func(method string) error {
				if method == "Entries" {
					return tt.answer
				}
				return nil
			}
			result, err := w.Handle(context.Background(), sample(t, "nested-ipv4"))
			if got := w.live(); !reflect.DeepEqual(got, []string{"tcp/22/pl-1"}) || fault.Is(err, fault.TransientError) != tt.again || len(result.Unread) == 0 {
				t.Errorf("live %q, error %v, unread %q", got, err, result.Unread)
			}
			w.groups.Fail = nil
			if w.mustHandle(t, sample(t, "nested-ipv4")); tt.again && len(w.live()) != 0 {
				t.Errorf("the repeated event left %q", w.live())
			}
		})
	}
}

// The entries of a list that only opens unprotected ports are not even read, and
// those of another one only once by a warm function; but an edit of it is seen.
func TestPrefixListsAreReadOnce(t *testing.T) {
	w := newWorld()
	w.groups.SetPrefixList(hub, "pl-web", "0.0.0.0/0")
	w.groups.SetPrefixList(hub, "pl-0e0e0e0e0e0e0e001", "203.0.113.0/24")
	w.open("tcp/443", "pl-web")
	for i := range 4 {
		w.mustHandle(t, record(t, m{"eventID": fmt.Sprint(i), "awsRegion": hub.Region, "requestParameters": m{"groupId": group}}))
		if i == 1 {
			w.open("tcp/22", "pl-0e0e0e0e0e0e0e001")
		}
	}
	if n := w.groups.Calls("Entries"); n != 1 {
		t.Errorf("%d reads of entries, want 1", n)
	}
	w.groups.SetPrefixList(hub, "pl-0e0e0e0e0e0e0e001", "0.0.0.0/0")
	if w.mustHandle(t, sample(t, "prefix-list-edited")); len(w.live()) != 1 {
		t.Errorf("live %q, want the rule with the edited list closed at once", w.live())
	}
}

func TestPoisonIsAnError(t *testing.T) {
	if _, err := newWorld().Handle(context.Background(), []byte("{")); !fault.Is(err, fault.InvalidError) {
		t.Errorf("error %v", err)
	}
}

func TestResultIsReadable(t *testing.T) {
	w := newWorld()
	w.open("tcp/22", "0.0.0.0/0")
	data, err := json.Marshal(w.mustHandle(t, sample(t, "nested-ipv4")))
	if err != nil || !strings.Contains(string(data), `"action":"healed"`) || !strings.Contains(string(data), `"healId":"heal-`) {
		t.Errorf("%s, %v", data, err)
	}
}
