// Package benchmark holds healers to a corpus of cases: openings that must be
// closed, with exactly these rules, and changes that must be left alone. The
// corpus is testdata/evasion; its README.md says how a case is written.
package benchmark

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// Kind says what a case asks for.
type Kind string

// The kinds.
const (
	MustFire     Kind = "must-fire"      // something has to be done, or said
	MustBeSilent Kind = "must-be-silent" // nothing may be done
)

// What a healer may do.
const (
	Close   = "close"   // the rules were closed
	Observe = "observe" // it told of the rules and changed nothing
	Stop    = "stop"    // it told that it will not go on, and changed nothing
	None    = "none"    // it did nothing
	Error   = "error"   // it refused the event, so that a person sees it
)

// How an event reaches the healer.
const (
	Once  = "once"
	Twice = "twice" // CloudTrail delivers at least once
	Lost  = "lost"  // the healer looks at everything some minutes later
)

// Case is one file of the corpus.
type Case struct {
	ID           string          `json:"id" about:"The name of the file without .json." pattern:"^[a-z0-9]+(-[a-z0-9]+)*$"`
	Title        string          `json:"title" about:"What happens, in one line."`
	Kind         Kind            `json:"kind" about:"must-fire: a healer that does nothing has failed. must-be-silent: one that does anything has." enum:"must-fire,must-be-silent"`
	Why          string          `json:"why" about:"What makes it hard, or whom it fools."`
	Source       string          `json:"source,omitempty" about:"Where the shape or the behaviour is documented."`
	Policy       json.RawMessage `json:"policy,omitempty" about:"What differs from the benchmark's policy; a healing policy document." type:"object"`
	Before       State           `json:"before" about:"The security groups before the event."`
	Earlier      []Step          `json:"earlier,omitempty" about:"What the healer saw before, in order."`
	Event        json.RawMessage `json:"event" about:"The CloudTrail event as EventBridge delivers it, or a bare CloudTrail record." type:"object"`
	After        *State          `json:"after,omitempty" about:"The security groups when the healer looks; without it, what the event makes of before."`
	AfterBecause string          `json:"afterBecause,omitempty" about:"Why after is not what the event makes of before."`
	Delivery     string          `json:"delivery,omitempty" about:"How the event reaches the healer; once by default." enum:"once,twice,lost"`
	Throttled    int             `json:"throttled,omitempty" about:"How many changes EC2 throttles before it takes one; the event comes again each time."`
	Expected     Expected        `json:"expected" about:"What the healer must do."`

	policy healing.Policy
	at     healing.Place
	time   time.Time
	after  State
	notes  []string // what the event does not tell about the state after it
}

// Step is something that happened before the event.
type Step struct {
	Event json.RawMessage `json:"event,omitempty" about:"An event that changed the groups and that the healer handled." type:"object"`
	Undo  string          `json:"undo,omitempty" about:"The id of a rule: a person undid the heal that closed it."`
}

// Expected is what a healer must do.
type Expected struct {
	Action string   `json:"action" about:"What is done." enum:"close,observe,stop,none,error"`
	Rules  []string `json:"rules,omitempty" about:"The ids of exactly the rules that are closed or told of."`
	How    string   `json:"how,omitempty" about:"How Evenkeel closes them: quarantine keeps the rule and narrows its source, revoke removes it." enum:"quarantine,revoke"`
	Calls  *int     `json:"calls,omitempty" about:"The most EC2 calls that Evenkeel may make. 0: the event alone decides."`
	Reason string   `json:"reason,omitempty" about:"What Evenkeel's reason must contain."`
}

// Load reads the cases of a folder, by id. Every fault of every file is
// reported.
func Load(folder fs.FS) ([]Case, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	var cases []Case
	var faults []error
	for _, name := range names {
		data, err := fs.ReadFile(folder, name)
		if err == nil {
			var c Case
			if c, err = Decode(strings.TrimSuffix(path.Base(name), ".json"), data); err == nil {
				cases = append(cases, c)
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(names) == 0 {
		faults = append(faults, errors.New("there are no cases (*.json) in the folder"))
	}
	slices.SortFunc(cases, func(a, b Case) int { return cmp.Compare(a.ID, b.ID) })
	return cases, errors.Join(faults...)
}

// Decode reads a case strictly: unknown keys, ids that name nothing and fields
// that contradict each other are errors.
func Decode(id string, data []byte) (Case, error) {
	var c Case
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Case{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Case{}, errors.New("something follows the case")
	}
	if c.ID != id {
		return Case{}, fmt.Errorf("id %q: the file is named %q", c.ID, id)
	}
	var err error
	if c.policy, err = policyOf(c.Policy); err != nil {
		return Case{}, err
	}
	c.at, c.time = occurrence(c.Event)
	for _, s := range []*State{&c.Before, c.After} {
		if s != nil {
			s.place(c.at)
		}
	}
	if err := c.settle(); err != nil {
		return Case{}, err
	}
	return c, c.check()
}

// policyOf is the benchmark's policy, which enforces Evenkeel's default, with
// what a case changes.
func policyOf(document json.RawMessage) (healing.Policy, error) {
	fields := map[string]any{}
	if document != nil {
		if err := json.Unmarshal(document, &fields); err != nil {
			return healing.Policy{}, fmt.Errorf("policy: %w", err)
		}
	}
	if _, stated := fields["mode"]; !stated {
		fields["mode"] = healing.Enforce
	}
	merged, err := json.Marshal(fields)
	if err != nil {
		return healing.Policy{}, err
	}
	return healing.DecodePolicy(merged)
}

// occurrence reads where and when an event happened; the defaults stand for
// what a broken event does not say.
func occurrence(event json.RawMessage) (healing.Place, time.Time) {
	at, when := healing.Place{Account: "222222222222", Region: "eu-west-1"}, time.Date(2026, 11, 2, 9, 14, 7, 0, time.UTC)
	envelope, err := cloudtrail.Object(event)
	if err != nil {
		return at, when
	}
	record, isEnvelope := envelope["detail"].(map[string]any)
	if !isEnvelope {
		record = envelope
	}
	at.Account = cmp.Or(cloudtrail.Text(record, "recipientAccountId"), cloudtrail.Text(envelope, "account"), at.Account)
	at.Region = cmp.Or(cloudtrail.Text(record, "awsRegion"), at.Region)
	if t, err := time.Parse(time.RFC3339, cloudtrail.Text(record, "eventTime")); err == nil {
		when = t
	}
	return at, when
}

// settle finds the state in which the healer looks.
func (c *Case) settle() error {
	if len(c.Earlier) > 0 && c.After != nil {
		return errors.New("after: a case with earlier events has none, because the healer changes what it sees")
	}
	derived, notes, err := c.Before.Next(c.at, c.Event)
	if err != nil && c.Expected.Action != Error {
		return fmt.Errorf("event: %w", err)
	}
	c.after, c.notes = derived, notes
	if c.After == nil {
		if c.AfterBecause != "" {
			return errors.New("afterBecause: there is no after")
		}
		return nil
	}
	same := c.After.equal(derived)
	if !same && c.AfterBecause == "" {
		return fmt.Errorf("after is not what the event makes of before; correct it, or say why in afterBecause. The event makes:\n%s", derived)
	}
	if same && c.AfterBecause != "" {
		return errors.New("afterBecause: after is what the event makes of before")
	}
	c.after = *c.After
	return nil
}

func (c *Case) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Title == "" || c.Why == "" {
		fault("title and why: both are for the reader and needed")
	}
	actions := map[Kind][]string{MustFire: {Close, Observe, Stop, Error}, MustBeSilent: {None}}
	if !slices.Contains(actions[c.Kind], c.Expected.Action) {
		fault("expected.action %q does not go with the kind %q", c.Expected.Action, c.Kind)
	}
	if !slices.Contains([]string{"", Once, Twice, Lost}, c.Delivery) {
		fault("delivery %q: want once, twice or lost", c.Delivery)
	}
	if !slices.Contains([]string{"", string(healing.Quarantine), string(healing.Revoke)}, c.Expected.How) || c.Expected.How != "" && c.Expected.Action != Close {
		fault("expected.how %q: want quarantine or revoke, with the action close", c.Expected.How)
	}
	if names := slices.Contains([]string{Close, Observe, Stop}, c.Expected.Action); names != (len(c.Expected.Rules) > 0) {
		fault("expected.rules: %s names rules if and only if it is close, observe or stop", c.Expected.Action)
	}
	known := map[string]bool{}
	for _, r := range slices.Concat(c.Before.Rules, c.after.Rules) {
		known[r.RuleID] = true
	}
	for _, id := range c.Expected.Rules {
		if !known[id] && len(c.Earlier) == 0 {
			fault("expected.rules: %s is no rule of before or after", id)
		}
	}
	if !slices.IsSorted(c.Expected.Rules) {
		fault("expected.rules: sort them")
	}
	for i, step := range c.Earlier {
		if (step.Event == nil) == (step.Undo == "") {
			fault("earlier[%d]: either event or undo", i)
		}
	}
	for _, s := range []State{c.Before, c.after} {
		faults = append(faults, s.check())
	}
	return errors.Join(faults...)
}

// Alone reports whether the event and the groups decide the case by
// themselves, so that it can be put to a tool without a memory.
func (c Case) Alone() bool {
	return len(c.Earlier) == 0 && c.Throttled == 0 && slices.Contains([]string{"", Once}, c.Delivery) && c.Expected.Action != Error
}

// Question is what another tool is told of a case: nothing that gives the
// answer away.
type Question struct {
	ID     string          `json:"id"`
	Now    time.Time       `json:"now"`
	Policy healing.Policy  `json:"policy"`
	Before State           `json:"before"`
	After  State           `json:"after"`
	Event  json.RawMessage `json:"event"`
}

// Question returns the case as another tool sees it.
func (c Case) Question() Question {
	return Question{ID: c.ID, Now: c.time.Add(delay), Policy: c.policy, Before: c.Before, After: c.after, Event: c.Event}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
