package live

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// ErrUnsupported says that a type has no read handler in Cloud Control.
var ErrUnsupported = errors.New("Cloud Control cannot read this type")

// Models reads what is live.
type Models interface {
	// Read returns the model of a resource, and whether there is one. An error
	// that is ErrUnsupported is about the type; any other one is about this read.
	Read(ctx context.Context, stack events.StackRef, typeName, identifier string) (properties map[string]any, found bool, err error)
}

// Deployments knows what stacks were deployed from, and what they give to
// others.
type Deployments interface {
	// Deployed returns the stack's deployment.
	Deployed(ctx context.Context, stack events.StackRef) (Deployed, error)
	// Revision says what the stack's deployment is now.
	Revision(ctx context.Context, stack events.StackRef) (Revision, error)
	// Exports returns the exports of the stack's account and region, by name.
	Exports(ctx context.Context, stack events.StackRef) (map[string]string, error)
	// Outputs returns the outputs of another stack, named or by ARN, in the same
	// account and region; nil if there is no such stack.
	Outputs(ctx context.Context, stack events.StackRef, of string) (map[string]string, error)
}

// Snapshots keeps documents by key.
type Snapshots interface {
	Find(ctx context.Context, key string) (data []byte, found bool, err error)
	Put(ctx context.Context, key string, data []byte) error
}

// Deployed is what a stack was deployed from.
type Deployed struct {
	Template         []byte // as CloudFormation processed it: without transforms
	Parameters       []Parameter
	Tags             map[string]string // of the stack
	NotificationARNs []string
	Revision
}

// Revision tells the deployments of a stack apart.
type Revision struct {
	Updated time.Time // when the stack was created or updated last
	Status  string    // of the stack
}

// Parameter is a parameter of a deployment.
type Parameter struct {
	Name  string
	Value string
	// Resolved is what the Systems Manager parameter named by Value held, for
	// parameters of an SSM type.
	Resolved string
}
