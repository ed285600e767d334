// Package simulator simulates CloudFormation and Cloud Control in memory, for
// any number of accounts and regions. Its behaviour, with the AWS source of
// each rule, is written in ../cloudformation.md; comments and tests quote the
// numbers of that document (CFN-n).
//
// It is for demonstrations and tests: no resource that it makes is real,
// except those whose types the EC2 port backs.
package simulator

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Options connect a Simulator with its surroundings. The zero value works:
// wall clock, no events, generic models only.
type Options struct {
	// Now is the clock of every timestamp. Nil means time.Now.
	Now func() time.Time
	// Publish receives each EventBridge event, in order. Nil drops them. It is
	// called from one goroutine and never under a lock.
	Publish func(account, region string, event Event)
	// EC2 gives the backend of the EC2 types that are real somewhere (a moto
	// server). Nil, or a nil answer, means generic models.
	EC2 func(account, region string) EC2
	// FetchTemplate reads the object behind a TemplateURL. Nil refuses
	// TemplateURL.
	FetchTemplate func(ctx context.Context, account, url string) ([]byte, error)
	// ReadParameter reads a Parameter Store value for SSM parameter types and
	// {{resolve:ssm:…}} that no simulated AWS::SSM::Parameter has. Nil: none.
	ReadParameter func(ctx context.Context, account, region, name string) (string, error)
	// AlarmStates reads the states of CloudWatch alarms by ARN: OK, ALARM or
	// INSUFFICIENT_DATA. One that does not exist is left out (CFN-83). Nil knows
	// no alarm but those of simulated stacks.
	AlarmStates func(ctx context.Context, account, region string, arns []string) (map[string]string, error)
	// Minute is how long a minute of a rollback configuration's monitoring
	// time lasts (CFN-83). Zero means a real minute.
	Minute time.Duration
	// ResourceDelay is the time that each create, update and delete of a
	// resource takes; negative means none. Zero means 20 ms.
	ResourceDelay time.Duration
	// OperationDelay is the time that change-set creation and drift detection
	// take, and the pause before a stack operation begins; negative means
	// none. Zero means 50 ms.
	OperationDelay time.Duration
}

// EC2 is the port to a real (or really emulated) EC2. Models are resource
// models of the published provider schemas; identifiers are primary
// identifiers. Errors of kind *ResourceError say what went wrong.
type EC2 interface {
	// Backs tells whether this backend holds resources of the type.
	Backs(typeName string) bool
	Create(ctx context.Context, typeName string, desired map[string]any) (identifier string, err error)
	Read(ctx context.Context, typeName, identifier string) (map[string]any, error)
	Update(ctx context.Context, typeName, identifier string, previous, desired map[string]any) error
	Delete(ctx context.Context, typeName, identifier string) error
	List(ctx context.Context, typeName string) ([]string, error)
}

// Simulator holds the stacks and resources of all accounts and regions.
type Simulator struct {
	opts   Options
	faults *faults
	outbox *outbox
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	regions map[regionKey]*region
}

type regionKey struct{ account, region string }

// New makes an empty simulator. Close it when done.
func New(opts Options) *Simulator {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.ResourceDelay == 0 {
		opts.ResourceDelay = 20 * time.Millisecond
	}
	if opts.OperationDelay == 0 {
		opts.OperationDelay = 50 * time.Millisecond
	}
	if opts.Minute == 0 {
		opts.Minute = time.Minute
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Simulator{opts: opts, ctx: ctx, cancel: cancel, regions: map[regionKey]*region{}}
	s.faults = &faults{now: opts.Now, used: map[string]int{}}
	s.outbox = newOutbox(opts.Publish, s.faults)
	s.work.Go(func() { s.outbox.run(ctx) })
	return s
}

// Close stops running operations where they are and waits for them.
func (s *Simulator) Close() {
	s.cancel()
	s.work.Wait()
}

// CloudFormation serves the CloudFormation API of one account and region.
func (s *Simulator) CloudFormation(account, region string) http.Handler {
	return queryHandler{s.in(account, region)}
}

// CloudControl serves the Cloud Control API of one account and region.
func (s *Simulator) CloudControl(account, region string) http.Handler {
	return cloudControlHandler{s.in(account, region)}
}

// in gives the region's state, made on first use.
func (s *Simulator) in(account, name string) *region {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := regionKey{account, name}
	r, ok := s.regions[key]
	if !ok {
		r = &region{sim: s, account: account, name: name, detections: map[string]*detection{}, requests: map[string]*request{}}
		r.models = newModels(r)
		s.regions[key] = r
	}
	return r
}

// region is one account's state in one region. mu guards everything but
// models, which guards itself; it is never held during a call to a backend.
type region struct {
	sim     *Simulator
	account string
	name    string
	models  *models

	mu         sync.Mutex
	stacks     []*stack // in order of creation, deleted ones included
	detections map[string]*detection
	requests   map[string]*request // Cloud Control requests by token
}

func (r *region) now() time.Time { return r.sim.opts.Now().UTC() }

func (r *region) arn(service, rest string) string {
	return "arn:" + partition(r.name) + ":" + service + ":" + r.name + ":" + r.account + ":" + rest
}

// start runs an operation in the background until it ends or the simulator is
// closed.
func (r *region) start(operation func(ctx context.Context)) {
	r.sim.work.Go(func() { operation(r.sim.ctx) })
}

// pause waits for d or the end of ctx; it reports whether ctx still runs.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
