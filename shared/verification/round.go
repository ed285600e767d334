package verification

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Verifier makes checks.
type Verifier struct {
	HTTP      HTTP
	Functions Functions
	Alarms    Alarms
	Builds    Builds
	Secrets   Secrets
	Now       func() time.Time
}

// Subject is what is verified, and by what.
type Subject struct {
	Key     string // names the run, the stage and the stack
	Target  events.Target
	Outputs Outputs
	Checks  []pipeline.Check
}

// Record is every attempt so far. It is stored between the rounds.
type Record struct {
	Began   time.Time `json:"began"`
	Results []Result  `json:"results"`
}

// Round makes one attempt of each check that is due, in order, and says how
// things stand. A build is started, or looked at when it was started in an
// earlier round. Whatever goes wrong is a result: the attempts bound how often.
// After the last round nothing is left open.
func (v *Verifier) Round(ctx context.Context, s Subject, r Record, last bool) (Record, Verdict) {
	if r.Began.IsZero() {
		r = Record{Began: v.Now().UTC(), Results: []Result{}}
	}
	for _, c := range Due(s.Checks, r.Results, r.Began, v.Now()) {
		r.Results = v.attempt(ctx, s, c, r.Results)
	}
	return r, Decide(s.Checks, r.Results, r.Began, v.Now(), last)
}

// attempt appends the result of one attempt, or brings the one of a running
// build up to date.
func (v *Verifier) attempt(ctx context.Context, s Subject, c pipeline.Check, results []Result) []Result {
	state := settle(c, results)
	result := Result{Check: c.Name, Kind: c.Kind(), Attempt: state.attempts + 1, Time: v.Now().UTC()}
	if state.build != "" {
		result.Time = state.last.Time
		results = slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Check == c.Name && r.Running })
	}
	a := &attempt{Verifier: v, Subject: s, check: c, expander: expander{outputs: s.Outputs}, number: result.Attempt, began: result.Time, build: state.build}
	o := a.observe(ctx)
	result.Took = pipeline.Duration(rounded(v.Now().Sub(result.Time)))
	outcome, why := Evaluate(c, o)
	result.Outcome, result.Why = outcome, shorten(hide(why, a.secrets), 2*maxWhy)
	if o.Build != nil {
		result.Build, result.Running = o.Build.ID, o.Build.Status == BuildInProgress && o.Failed == ""
	}
	if outcome != Passed {
		result.Seen = seen(o, a.secrets)
	}
	return append(results, result)
}

// attempt is one try of one check.
type attempt struct {
	*Verifier
	Subject
	expander
	check   pipeline.Check
	number  int
	began   time.Time
	build   string   // ARN of the one that was started before
	secrets []string // what was read, to be hidden where it comes back
}

func (a *attempt) observe(ctx context.Context) Observation {
	switch c := a.check; {
	case c.HTTP != nil:
		return a.http(ctx, *c.HTTP)
	case c.Lambda != nil:
		return a.function(ctx, *c.Lambda)
	case c.Alarm != nil:
		return a.alarms(ctx, *c.Alarm)
	case c.Build != nil && a.build != "":
		return a.describe(ctx)
	case c.Build != nil:
		return a.start(ctx, *c.Build)
	default:
		return Observation{Unknown: "the check is of no kind"}
	}
}

func (a *attempt) http(ctx context.Context, h pipeline.HTTPCheck) Observation {
	request := Request{Method: h.Method, URL: a.text(h.URL), Body: a.text(h.Body), Headers: map[string]string{}, Timeout: time.Duration(a.check.Timeout)}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		value := h.Headers[name]
		if value.Secret == "" {
			request.Headers[name] = a.text(value.Text)
			continue
		}
		secret, err := a.Secrets.Value(ctx, a.Target, value.Secret)
		if err != nil {
			return Observation{Unknown: err.Error()}
		}
		request.Headers[name], request.Secret = secret, true
		a.secrets = append(a.secrets, secret)
	}
	if a.problem != "" {
		return Observation{Unknown: a.problem}
	}
	response, err := a.HTTP.Do(ctx, request)
	switch {
	case fault.Is(err, fault.InvalidError):
		return Observation{Unknown: err.Error()}
	case err != nil:
		return Observation{Failed: a.unanswered(err)}
	default:
		return Observation{HTTP: &response}
	}
}

func (a *attempt) function(ctx context.Context, l pipeline.LambdaCheck) Observation {
	function, payload := a.text(l.Function), a.payload(l.Payload)
	if a.problem != "" {
		return Observation{Unknown: a.problem}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.check.Timeout))
	defer cancel()
	invocation, err := a.Functions.Invoke(ctx, a.Target, function, payload)
	switch {
	case err == nil:
		return Observation{Function: &invocation}
	case errors.Is(err, context.DeadlineExceeded), fault.Is(err, fault.InvalidError):
		return Observation{Failed: a.unanswered(err)}
	default:
		return Observation{Unknown: err.Error()}
	}
}

func (a *attempt) unanswered(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "there was no answer within " + a.check.Timeout.String()
	}
	return err.Error()
}

func (a *attempt) alarms(ctx context.Context, c pipeline.AlarmCheck) Observation {
	names := make([]string, len(c.Names))
	for i, name := range c.Names {
		names[i] = a.text(name)
	}
	if a.problem != "" {
		return Observation{Unknown: a.problem}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.check.Timeout))
	defer cancel()
	states, err := a.Alarms.States(ctx, a.Target, names)
	if err != nil {
		return Observation{Unknown: err.Error()}
	}
	return Observation{Alarms: states}
}

func (a *attempt) start(ctx context.Context, b pipeline.BuildCheck) Observation {
	input := BuildInput{Project: a.text(b.Project), Token: a.token(), Timeout: time.Duration(a.check.Timeout)}
	for _, name := range slices.Sorted(maps.Keys(b.Variables)) {
		value := b.Variables[name]
		input.Variables = append(input.Variables, Variable{Name: name, Text: a.text(value.Text), Secret: value.Secret, ParameterStore: value.ParameterStore})
	}
	if a.problem != "" {
		return Observation{Unknown: a.problem}
	}
	build, err := a.Builds.Start(ctx, a.Target, input)
	if err != nil {
		return Observation{Unknown: err.Error()}
	}
	return Observation{Build: &build}
}

// describe looks at a build that runs. One that does not end in time is given
// up; CodeBuild ends it by itself, but counts from when it left the queue.
func (a *attempt) describe(ctx context.Context) Observation {
	build, err := a.Builds.Describe(ctx, a.Target, a.build)
	late := a.Now().Sub(a.began) >= time.Duration(a.check.Timeout)
	switch {
	case err != nil && late:
		return Observation{Unknown: err.Error(), Build: &Build{ID: a.build}}
	case err != nil:
		return Observation{Build: &Build{ID: a.build, Status: BuildInProgress}}
	case build.Status == BuildInProgress && late:
		return Observation{Failed: fmt.Sprintf("the build did not end within %s", a.check.Timeout), Build: &build}
	default:
		return Observation{Build: &build}
	}
}

// token makes a repeated start find the same build: 64 characters.
func (a *attempt) token() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", a.Key, a.check.Name, a.number))
	return hex.EncodeToString(sum[:])
}

// Ended reports whether a build has ended.
func (v *Verifier) Ended(ctx context.Context, target events.Target, build string) (bool, error) {
	seen, err := v.Builds.Describe(ctx, target, build)
	return err == nil && seen.Status != BuildInProgress, err
}
