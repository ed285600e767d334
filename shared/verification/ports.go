package verification

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Request is an HTTP request, all references resolved.
type Request struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    string
	// Secret says that a header holds a secret: it is sent encrypted or not at
	// all.
	Secret  bool
	Timeout time.Duration
}

// HTTP asks URLs that a repository chose.
type HTTP interface {
	// Do returns the answer. A fault.InvalidError says that the URL may not be
	// asked; any other error, that there was no answer.
	Do(ctx context.Context, request Request) (Response, error)
}

// Functions invokes functions in a workload account.
type Functions interface {
	// Invoke invokes once and never repeats it.
	Invoke(ctx context.Context, target events.Target, function string, payload []byte) (Invocation, error)
}

// Alarms reads alarms in a workload account.
type Alarms interface {
	// States returns the alarms in the order of names.
	States(ctx context.Context, target events.Target, names []string) ([]Alarm, error)
}

// BuildInput is what a build is started with.
type BuildInput struct {
	Project   string
	Token     string // idempotency token
	Timeout   time.Duration
	Variables []Variable // sorted by name
}

// Variable is an environment variable in one of its forms.
type Variable struct {
	Name           string
	Text           string
	Secret         string // reference that CodeBuild resolves
	ParameterStore string // the same
}

// Builds runs CodeBuild projects in a workload account.
type Builds interface {
	// Start starts a build. The same token finds the same build again for five
	// minutes.
	Start(ctx context.Context, target events.Target, input BuildInput) (Build, error)
	// Describe reads a build by its ARN.
	Describe(ctx context.Context, target events.Target, id string) (Build, error)
}

// Secrets reads what a check may send, in a workload account.
type Secrets interface {
	// Value returns the secret of the reference, a name or name#jsonKey.
	Value(ctx context.Context, target events.Target, reference string) (string, error)
}
