package verification

import (
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// States of a Verdict.
const (
	VerdictPassed = "passed" // every check passed
	VerdictFailed = "failed" // a check used up its attempts
	VerdictAgain  = "again"  // something is left to do, After says when
)

// Verdict is what the results say together.
type Verdict struct {
	State string
	After time.Duration // again: until the next round
	// Builds are the ARNs of the builds that run: the next round comes when the
	// last of them ended, and After is only for when that is not heard.
	Builds []string
	Why    string // failed: one sentence
	// Inconclusive says of a failure that no check found the deployment wrong:
	// the checks could not be made. That is no reason to undo it.
	Inconclusive bool
}

// Decide says whether the checks passed, failed or go on. It is one schedule
// for all: a round makes every check that is not settled, and the next round
// comes when the slowest of their intervals has passed, so there are never
// more rounds than attempts of one check, however many checks there are. The
// first check that used up its attempts decides; what the others saw is kept.
// The last round decides whatever is left.
func Decide(checks []pipeline.Check, results []Result, began, now time.Time, last bool) Verdict {
	var failed []string
	inconclusive := true
	again := Verdict{State: VerdictPassed}
	for _, c := range checks {
		state := settle(c, results)
		switch {
		case state.passed:
		case state.failed, last:
			failed = append(failed, c.Name+": "+state.why())
			// One that is given up before its attempts were used is no reason to undo anything.
			inconclusive = inconclusive && (!state.failed || state.last.Outcome != Failed)
		default:
			again = later(again, c, state, began, now)
		}
	}
	if len(failed) > 0 {
		return Verdict{State: VerdictFailed, Why: fmt.Sprintf("%s did not pass: %s", countChecks(len(failed)), strings.Join(failed, "; ")), Inconclusive: inconclusive}
	}
	return again
}

// Due lists the checks that the next round makes, in order.
func Due(checks []pipeline.Check, results []Result, began, now time.Time) []pipeline.Check {
	var due []pipeline.Check
	for _, c := range checks {
		state := settle(c, results)
		if !state.passed && !state.failed && (state.build != "" || !next(c, state, began).After(now)) {
			due = append(due, c)
		}
	}
	return due
}

// settled is how far a check is.
type settled struct {
	passed, failed bool
	attempts       int // that are over
	last           Result
	build          string // ARN of a build that runs
}

func (s settled) why() string {
	if s.last.Why == "" {
		return Unchecked + "no round was left for it"
	}
	return s.last.Why
}

func settle(c pipeline.Check, results []Result) settled {
	var s settled
	for _, r := range results {
		if r.Check != c.Name {
			continue
		}
		s.last = r
		s.attempts = r.Attempt
		s.passed = s.passed || r.Outcome == Passed
		s.build = ""
		if r.Running {
			s.attempts--
			s.build = r.Build
		}
	}
	s.failed = !s.passed && s.attempts >= c.Attempts
	return s
}

// next is when the check's next attempt begins.
func next(c pipeline.Check, s settled, began time.Time) time.Time {
	if s.attempts == 0 {
		return began.Add(time.Duration(c.Warmup))
	}
	return s.last.Time.Add(time.Duration(s.last.Took) + time.Duration(c.Interval))
}

// later merges what an unsettled check waits for into the verdict.
func later(v Verdict, c pipeline.Check, s settled, began, now time.Time) Verdict {
	v.State = VerdictAgain
	if s.build != "" {
		v.Builds = append(v.Builds, s.build)
		v.After = max(v.After, s.last.Time.Add(time.Duration(c.Timeout)).Sub(now), 0)
		return v
	}
	v.After = max(v.After, next(c, s, began).Sub(now))
	return v
}

func countChecks(n int) string {
	if n == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", n)
}
