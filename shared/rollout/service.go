package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// How long things may take.
const (
	// invocationTime is the longest that an invocation may still be under way: the
	// TimeoutSeconds of the workflow's Task states. One that was overtaken may
	// set a weight until then that is no longer wanted.
	invocationTime = 2 * time.Minute
	repairTime     = 10 * time.Minute // after a promotion, in which another weight counts as one that came late
	settleWait     = 10 * time.Second // between two looks whether a weight is in force
	lockTime       = 15 * time.Minute // of the old side's stack, while its deletion is begun
)

const (
	writes    = 10  // how often a record is read and written again when somebody else was faster
	rounds    = 8   // of decisions in one invocation; each changes the state
	maxStarts = 5   // of a rollout's workflow, by its failures
	maxWhy    = 300 // characters of a reason
)

// Service performs the actions of the rollout workflow, hears of its
// executions, and does what a person commands. Each may be repeated, at any
// time and in any order: the record says what is left to do.
type Service struct {
	Traffic    Traffic
	Metrics    Metrics
	Checks     Checks
	Records    Records
	Executions Executions
	Tasks      Tasks
	Files      Files
	Stacks     Stacks
	Locks      StackLocks
	Registry   Registry
	Publisher  Publisher
	Now        func() time.Time
}

// Key is where a rollout's record is kept in the bucket.
func Key(id string) string { return "rollouts/" + id + ".json" }

// Blank is the record as it may be shown: without the tokens with which
// whoever has them answers a workflow.
func (r Record) Blank() Record {
	r.ReleaseTask, r.PauseTask = "", ""
	return r
}

// errGone says that the record is of another rollout, or of none.
var errGone = errors.New("there is no such rollout")

// change reads the record of the rollout and lets act change and write it. When
// somebody else wrote meanwhile, it is read and decided on again. Errors:
// errGone.
func (s *Service) change(ctx context.Context, ref Ref, act func(r *Record) error) error {
	var err error
	for range writes {
		r, ok, readErr := s.Records.Read(ctx, ref.Target)
		if readErr != nil {
			return readErr
		}
		if !ok || r.ID != ref.ID {
			return errGone
		}
		if err = act(&r); !errors.As(err, new(*overtaken)) {
			return err
		}
	}
	return fault.Transient("the record of the rollout %s changed %d times while it was written: %w", ref.ID, writes, err)
}

// overtaken is a write that came too late. A conflict of anything else than the
// record is not repeated here.
type overtaken struct{ error }

func (o *overtaken) Unwrap() error { return o.error }

// write stores the record.
func (s *Service) write(ctx context.Context, r *Record) error {
	err := s.Records.Write(ctx, r.target(), *r)
	if fault.Is(err, fault.ConflictError) {
		return &overtaken{err}
	}
	if err == nil {
		r.Version++
	}
	return err
}

// keep writes the copy in the bucket, from which graphs are drawn later.
func (s *Service) keep(ctx context.Context, r *Record) error {
	data, err := json.Marshal(r.Blank())
	if err != nil {
		return fault.Permanent("keep the rollout %s: %w", r.ID, err)
	}
	return s.Files.Put(ctx, Key(r.ID), data)
}

// target is where the rollout is. The repository goes with every assumption of
// the stage's role.
func (r *Record) target() events.Target {
	to := r.Request.Target
	to.Owner = r.Request.Run.Repository
	return to
}

// promoted reports whether the candidate is the live side.
func (r *Record) promoted() bool { return same(r.Live, r.Request.Candidate) }

func same(a, b Side) bool { return a.Name == b.Name && a.Endpoint == b.Endpoint }

// routing is the router with both sides as they were when the rollout began.
func (r *Record) routing() Routing {
	live := r.Live
	if r.promoted() {
		live = r.Old
	}
	return Routing{Target: r.target(), Router: r.Request.Rollout.Router, Live: live, Candidate: r.Request.Candidate}
}

// highest is the most that the candidate had.
func (r *Record) highest() int {
	most := r.State.Weight
	for _, e := range r.Timeline {
		most = max(most, e.Weight)
	}
	return most
}

// told bounds a text that goes into records and facts, and hides what looks
// like a secret.
func told(text string) string {
	text = strings.ToValidUTF8(redact.Line(text), "\uFFFD")
	if runes := []rune(text); len(runes) > maxWhy {
		return string(runes[:maxWhy-1]) + "…"
	}
	return text
}
