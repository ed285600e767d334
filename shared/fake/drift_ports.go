package fake

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// DriftTokens implements drift.Tokens. Fault, if set, is asked before each
// call ("Keep", "Find", "Forget").
type DriftTokens struct {
	Fault func(call string) error
	kept  map[drift.Wait]string
}

// Keep implements drift.Tokens.
func (t *DriftTokens) Keep(_ context.Context, wait drift.Wait, token string, _ time.Time) error {
	if err := t.fault("Keep"); err != nil {
		return err
	}
	if t.kept == nil {
		t.kept = map[drift.Wait]string{}
	}
	t.kept[wait] = token
	return nil
}

// Find implements drift.Tokens.
func (t *DriftTokens) Find(_ context.Context, wait drift.Wait) (string, error) {
	if err := t.fault("Find"); err != nil {
		return "", err
	}
	return t.kept[wait], nil
}

// Forget implements drift.Tokens.
func (t *DriftTokens) Forget(_ context.Context, wait drift.Wait, token string) error {
	if err := t.fault("Forget"); err != nil {
		return err
	}
	if t.kept[wait] == token {
		delete(t.kept, wait)
	}
	return nil
}

// Len is how many tokens are kept.
func (t *DriftTokens) Len() int { return len(t.kept) }

func (t *DriftTokens) fault(call string) error {
	if t.Fault == nil {
		return nil
	}
	return t.Fault(call)
}

// DriftTasks implements drift.Tasks. It records the first answer to each
// token, as Step Functions does; later ones change nothing.
type DriftTasks struct {
	// Answered, if set, receives each first answer: the output as JSON, or the
	// name and cause of a failure. False says that no task waits for it; then it
	// is not recorded.
	Answered func(token string, output json.RawMessage, kind, cause string) bool
	Fault    func(call string) error // asked before each answer

	answers map[string]DriftAnswer
}

// DriftAnswer is how a task ended.
type DriftAnswer struct {
	Output      json.RawMessage
	Kind, Cause string // of a failure
	Times       int    // how often the token was answered
}

// Succeed implements drift.Tasks.
func (t *DriftTasks) Succeed(_ context.Context, token string, output any) error {
	text, err := json.Marshal(output)
	if err != nil {
		return err
	}
	return t.answer("Succeed", token, DriftAnswer{Output: text})
}

// Fail implements drift.Tasks.
func (t *DriftTasks) Fail(_ context.Context, token, kind, cause string) error {
	return t.answer("Fail", token, DriftAnswer{Kind: kind, Cause: cause})
}

func (t *DriftTasks) answer(call, token string, a DriftAnswer) error {
	if t.Fault != nil {
		if err := t.Fault(call); err != nil {
			return err
		}
	}
	if t.answers == nil {
		t.answers = map[string]DriftAnswer{}
	}
	if first, ok := t.answers[token]; ok {
		first.Times++
		t.answers[token] = first
		return nil
	}
	if t.Answered != nil && !t.Answered(token, a.Output, a.Kind, a.Cause) {
		return nil
	}
	a.Times = 1
	t.answers[token] = a
	return nil
}

// Answer returns how the task with the token ended; Times is 0 while it waits.
func (t *DriftTasks) Answer(token string) DriftAnswer { return t.answers[token] }

// DriftInventory implements drift.Inventory.
type DriftInventory []events.StackRef

// Stacks implements drift.Inventory.
func (i DriftInventory) Stacks(context.Context) ([]events.StackRef, error) {
	return slices.Clone([]events.StackRef(i)), nil
}

// DriftFacts implements drift.Publisher. Like a consumer on the bus it keeps
// each fact id once.
type DriftFacts struct {
	Fault func() error

	facts []events.Fact
}

// Publish implements drift.Publisher.
func (p *DriftFacts) Publish(_ context.Context, facts ...events.Fact) error {
	if p.Fault != nil {
		if err := p.Fault(); err != nil {
			return err
		}
	}
	for _, f := range facts {
		if !slices.ContainsFunc(p.facts, func(known events.Fact) bool { return known.Metadata.ID == f.Metadata.ID }) {
			p.facts = append(p.facts, f)
		}
	}
	return nil
}

// Facts returns what was published, in order.
func (p *DriftFacts) Facts() []events.Fact { return slices.Clone(p.facts) }

// Types returns the detail types of what was published, in order.
func (p *DriftFacts) Types() []string {
	types := make([]string, 0, len(p.facts))
	for _, f := range p.facts {
		types = append(types, f.Data.DetailType())
	}
	return types
}

var (
	_ drift.Tokens    = (*DriftTokens)(nil)
	_ drift.Tasks     = (*DriftTasks)(nil)
	_ drift.Inventory = DriftInventory(nil)
	_ drift.Publisher = (*DriftFacts)(nil)
)

// DriftBaselines implements drift.Baselines.
type DriftBaselines struct {
	Fault func(call string) error
	kept  map[string]response.Accepted
}

var _ drift.Baselines = (*DriftBaselines)(nil)

// Accepted implements drift.Baselines.
func (b *DriftBaselines) Accepted(_ context.Context, stack events.StackRef) ([]response.Accepted, error) {
	if err := b.fault("Accepted"); err != nil {
		return nil, err
	}
	var list []response.Accepted
	for _, name := range slices.Sorted(maps.Keys(b.kept)) {
		if strings.HasPrefix(name, stack.StackID+"\n") {
			list = append(list, b.kept[name])
		}
	}
	return list, nil
}

// Accept implements drift.Baselines.
func (b *DriftBaselines) Accept(_ context.Context, stack events.StackRef, a response.Accepted) error {
	if err := b.fault("Accept"); err != nil {
		return err
	}
	if b.kept == nil {
		b.kept = map[string]response.Accepted{}
	}
	b.kept[stack.StackID+"\n"+a.LogicalID+"\n"+a.Path] = a
	return nil
}

// Unaccept implements drift.Baselines.
func (b *DriftBaselines) Unaccept(_ context.Context, stack events.StackRef, logicalID, path string) (bool, error) {
	if err := b.fault("Unaccept"); err != nil {
		return false, err
	}
	name := stack.StackID + "\n" + logicalID + "\n" + path
	_, found := b.kept[name]
	delete(b.kept, name)
	return found, nil
}

func (b *DriftBaselines) fault(call string) error {
	if b.Fault == nil {
		return nil
	}
	return b.Fault(call)
}

// DriftStandings implements drift.Standings. Fault, if set, is asked before
// each call ("Standing", "Remember", "Standings").
type DriftStandings struct {
	Fault func(call string) error
	kept  map[string]drift.Standing
}

var _ drift.Standings = (*DriftStandings)(nil)

func standingOf(s events.StackRef) string { return s.Account + "/" + s.Region + "/" + s.StackName }

// Standing implements drift.Standings.
func (s *DriftStandings) Standing(_ context.Context, stack events.StackRef) (drift.Standing, error) {
	if err := s.fault("Standing"); err != nil {
		return drift.Standing{}, err
	}
	return s.kept[standingOf(stack)], nil
}

// Remember implements drift.Standings.
func (s *DriftStandings) Remember(_ context.Context, standing drift.Standing, _ time.Time) error {
	if err := s.fault("Remember"); err != nil {
		return err
	}
	if s.kept == nil {
		s.kept = map[string]drift.Standing{}
	}
	s.kept[standingOf(standing.Stack)] = standing
	return nil
}

// Standings implements drift.Standings.
func (s *DriftStandings) Standings(context.Context) ([]drift.Standing, error) {
	if err := s.fault("Standings"); err != nil {
		return nil, err
	}
	var out []drift.Standing
	for _, name := range slices.Sorted(maps.Keys(s.kept)) {
		out = append(out, s.kept[name])
	}
	return out, nil
}

func (s *DriftStandings) fault(call string) error {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(call)
}

// DriftFiles implements drift.Files. Fault, if set, is asked before each call
// ("Get", "Put").
type DriftFiles struct {
	Fault func(call string) error
	files map[string][]byte
}

var _ drift.Files = (*DriftFiles)(nil)

// Get implements drift.Files.
func (f *DriftFiles) Get(_ context.Context, key string) ([]byte, error) {
	if err := f.fault("Get"); err != nil {
		return nil, err
	}
	data, ok := f.files[key]
	if !ok {
		return nil, fault.Permanent("read %s: %w", key, fs.ErrNotExist)
	}
	return slices.Clone(data), nil
}

// Put implements drift.Files.
func (f *DriftFiles) Put(_ context.Context, key string, data []byte) error {
	if err := f.fault("Put"); err != nil {
		return err
	}
	if f.files == nil {
		f.files = map[string][]byte{}
	}
	f.files[key] = slices.Clone(data)
	return nil
}

// Keys lists what was put, sorted.
func (f *DriftFiles) Keys() []string { return slices.Sorted(maps.Keys(f.files)) }

func (f *DriftFiles) fault(call string) error {
	if f.Fault == nil {
		return nil
	}
	return f.Fault(call)
}

// DriftExecutions implements drift.Executions. A name is taken for good.
type DriftExecutions struct {
	Begin func(name string, input json.RawMessage)
	Fault func(call string) error // asked before each start
	taken map[string]bool
}

var _ drift.Executions = (*DriftExecutions)(nil)

// Start implements drift.Executions.
func (x *DriftExecutions) Start(_ context.Context, name string, input any) (string, error) {
	if x.Fault != nil {
		if err := x.Fault("Start"); err != nil {
			return "", err
		}
	}
	raw, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	if x.taken == nil {
		x.taken = map[string]bool{}
	}
	if !x.taken[name] {
		x.taken[name] = true
		x.Begin(name, raw)
	}
	return "arn:execution:" + name, nil
}
