package benchmark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// DecodeAnswer reads the answer of another tool strictly: an action, and the
// ids of the rules that it closes or tells of.
func DecodeAnswer(data []byte) (Answer, error) {
	var said struct {
		Action string   `json:"action"`
		Rules  []string `json:"rules"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&said); err != nil {
		return Answer{}, fmt.Errorf("the answer is not {\"action\": …, \"rules\": […]}: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Answer{}, errors.New("something follows the answer")
	}
	if !slices.Contains([]string{Close, Observe, Stop, None, Error}, said.Action) {
		return Answer{}, fmt.Errorf("the answer's action is %q: want close, observe, stop, none or error", said.Action)
	}
	slices.Sort(said.Rules)
	return Answer{Action: said.Action, Rules: slices.Compact(said.Rules)}, nil
}

// Verdict is how a healer did in one case.
type Verdict struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Kind     Kind     `json:"kind"`
	Passed   bool     `json:"passed"`
	Fired    bool     `json:"fired"` // it did or told something, right or wrong
	Expected Expected `json:"expected"`
	Got      Answer   `json:"got"`
	Faults   []string `json:"faults,omitempty"` // why it did not pass, a sentence each
}

// Run puts a case to a healer. The action and the rules have to be exactly
// those expected; how, reason and number of calls count for a healer that says
// them.
func Run(ctx context.Context, c Case, h Healer) Verdict {
	v := Verdict{ID: c.ID, Title: c.Title, Kind: c.Kind, Expected: c.Expected}
	answer, err := h.Heal(ctx, c)
	if err != nil {
		v.Faults = []string{err.Error()}
		return v
	}
	v.Got, v.Fired = answer, answer.Action != None
	v.Faults = c.Expected.faults(answer)
	v.Passed = len(v.Faults) == 0
	return v
}

// faults lists how the answer differs from what is expected.
func (e Expected) faults(a Answer) []string {
	faults := slices.Clone(a.Faults)
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if a.Action != e.Action {
		fault("action %s, want %s", a.Action, e.Action)
	}
	for _, id := range e.Rules {
		if !slices.Contains(a.Rules, id) {
			fault("rule %s was passed over", id)
		}
	}
	for _, id := range a.Rules {
		if !slices.Contains(e.Rules, id) {
			fault("rule %s is innocent", id)
		}
	}
	if !a.whole {
		return faults
	}
	for _, id := range sortedKeys(a.How) {
		if e.How != "" && a.How[id] != e.How {
			fault("rule %s: %s, want %s", id, a.How[id], e.How)
		}
	}
	if !strings.Contains(a.Reason, e.Reason) {
		fault("the reason is %q, want %q", strings.TrimSpace(a.Reason), e.Reason)
	}
	if e.Calls != nil && a.Calls > *e.Calls {
		fault("%d EC2 calls, want at most %d", a.Calls, *e.Calls)
	}
	return faults
}

// Score counts verdicts.
type Score struct {
	MustFire     Count `json:"mustFire"`
	MustBeSilent Count `json:"mustBeSilent"`
}

// Count is how many cases of a kind there are, and how many passed. Fired
// counts those in which the healer did anything at all.
type Count struct {
	Cases  int `json:"cases"`
	Passed int `json:"passed"`
	Fired  int `json:"fired"`
}

// Add counts a verdict.
func (s *Score) Add(v Verdict) {
	n := &s.MustFire
	if v.Kind == MustBeSilent {
		n = &s.MustBeSilent
	}
	n.Cases++
	if v.Passed {
		n.Passed++
	}
	if v.Fired {
		n.Fired++
	}
}

// Perfect reports whether every case passed.
func (s Score) Perfect() bool {
	return s.MustFire.Passed == s.MustFire.Cases && s.MustBeSilent.Passed == s.MustBeSilent.Cases
}

// String is "must fire 60 of 61 (fired in 61), must be silent 40 of 40 (fired in 0)".
func (s Score) String() string {
	return fmt.Sprintf("must fire %d of %d (fired in %d), must be silent %d of %d (fired in %d)",
		s.MustFire.Passed, s.MustFire.Cases, s.MustFire.Fired, s.MustBeSilent.Passed, s.MustBeSilent.Cases, s.MustBeSilent.Fired)
}
