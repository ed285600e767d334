package fake

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

var (
	_ verification.HTTP      = (*VerificationSites)(nil)
	_ verification.Functions = (*VerificationFunctions)(nil)
	_ verification.Alarms    = (*VerificationAlarms)(nil)
	_ verification.Builds    = (*VerificationBuilds)(nil)
	_ verification.Secrets   = (*VerificationSecrets)(nil)
)

// VerificationSites answers URLs.
type VerificationSites struct {
	Faults Faults
	Pages  map[string]verification.Response // by URL; any other refuses the connection
	Asked  []verification.Request
}

// Do implements verification.HTTP.
func (s *VerificationSites) Do(_ context.Context, q verification.Request) (verification.Response, error) {
	s.Asked = append(s.Asked, q)
	if err := s.Faults.at("Do"); err != nil {
		return verification.Response{}, err
	}
	page, ok := s.Pages[q.URL]
	if !ok {
		return verification.Response{}, fault.Transient("%s %s: connection refused", q.Method, q.URL)
	}
	return page, nil
}

// VerificationFunctions answers invocations.
type VerificationFunctions struct {
	Faults  Faults
	Code    map[string]func(payload []byte) verification.Invocation // by function
	Invoked int
}

// Invoke implements verification.Functions.
func (f *VerificationFunctions) Invoke(_ context.Context, _ events.Target, function string, payload []byte) (verification.Invocation, error) {
	f.Invoked++
	if err := f.Faults.at("Invoke"); err != nil {
		return verification.Invocation{}, err
	}
	code, ok := f.Code[function]
	if !ok {
		return verification.Invocation{}, fault.Invalid("the function %s does not exist", function)
	}
	return code(payload), nil
}

// VerificationAlarms has states. A name that begins with "composite" is a
// composite alarm.
type VerificationAlarms struct {
	Faults Faults
	State  map[string]string // by name
}

// States implements verification.Alarms.
func (a *VerificationAlarms) States(_ context.Context, to events.Target, names []string) ([]verification.Alarm, error) {
	if err := a.Faults.at("States"); err != nil {
		return nil, err
	}
	list := make([]verification.Alarm, len(names))
	for i, name := range names {
		list[i] = verification.Alarm{Name: name, State: verification.AlarmMissing}
		if state, ok := a.State[name]; ok {
			list[i].State, list[i].ARN = state, "arn:aws:cloudwatch:"+to.Region+":"+to.Account+":alarm:"+name
			list[i].Composite = strings.HasPrefix(name, "composite")
		}
	}
	return list, nil
}

// tokenLife is how long a token finds its build again.
// Source: CodeBuild API reference, StartBuild, idempotencyToken.
const tokenLife = 5 * time.Minute

// VerificationBuilds runs builds until somebody ends them.
type VerificationBuilds struct {
	Faults  Faults
	Now     func() time.Time
	Inputs  []verification.BuildInput // of the builds that were started, in order
	newest  string
	tokens  map[string]started
	running map[string]verification.Build
}

type started struct {
	id string
	at time.Time
}

// Start implements verification.Builds.
func (b *VerificationBuilds) Start(_ context.Context, to events.Target, input verification.BuildInput) (verification.Build, error) {
	if err := b.Faults.at("StartBuild"); err != nil {
		return verification.Build{}, err
	}
	if known, ok := b.tokens[input.Token]; ok && b.Now().Sub(known.at) < tokenLife {
		return b.running[known.id], b.Faults.at("StartBuild done")
	}
	if b.running == nil {
		b.tokens, b.running = map[string]started{}, map[string]verification.Build{}
	}
	b.Inputs = append(b.Inputs, input)
	id := fmt.Sprintf("arn:aws:codebuild:%s:%s:build/%s:%d", to.Region, to.Account, input.Project, len(b.Inputs))
	b.newest = id
	b.tokens[input.Token] = started{id, b.Now()}
	b.running[id] = verification.Build{ID: id, Status: verification.BuildInProgress}
	return b.running[id], b.Faults.at("StartBuild done")
}

// Describe implements verification.Builds.
func (b *VerificationBuilds) Describe(_ context.Context, _ events.Target, id string) (verification.Build, error) {
	if err := b.Faults.at("DescribeBuild"); err != nil {
		return verification.Build{}, err
	}
	build, ok := b.running[id]
	if !ok {
		return verification.Build{}, fault.Permanent("the build %s does not exist", id)
	}
	return build, nil
}

// Newest is the id of the build that was started last.
func (b *VerificationBuilds) Newest() string { return b.newest }

// End ends the build with a status and the reason of the phase that failed.
func (b *VerificationBuilds) End(id, status, reason string) {
	build := b.running[id]
	build.Status, build.Reason = status, reason
	b.running[id] = build
}

// VerificationSecrets keeps secrets by reference.
type VerificationSecrets struct {
	Faults Faults
	Values map[string]string
}

// Value implements verification.Secrets.
func (s *VerificationSecrets) Value(_ context.Context, _ events.Target, reference string) (string, error) {
	if err := s.Faults.at("Secret"); err != nil {
		return "", err
	}
	value, ok := s.Values[reference]
	if !ok {
		return "", fault.Permanent("the secret %s does not exist", reference)
	}
	return value, nil
}
