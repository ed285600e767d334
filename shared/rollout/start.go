package rollout

import (
	"context"
	"errors"
	"strconv"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

const nothingWhy = "the new side has all traffic already"

func (q Request) id() string { return ID(q.Run.RunID, q.Target.Stage, q.Target.Stack) }

// Start begins a rollout for the release, or goes on with the one that an
// earlier call began, and keeps the token of the release's state. A candidate
// that has all traffic already, and a request to switch back, are answered at
// once. Errors: ConflictError while another rollout of the stack is under way.
func (s *Service) Start(ctx context.Context, q Request, token string) (Answered, error) {
	return s.callback(ctx, q.id(), token, func() (string, error) {
		q.Target.Owner = q.Run.Repository
		if q.SwitchBack {
			return s.switchBack(ctx, q, token)
		}
		return s.begin(ctx, q, token)
	})
}

func (s *Service) begin(ctx context.Context, q Request, token string) (string, error) {
	var err error
	for range writes {
		r, ok, readErr := s.Records.Read(ctx, q.Target)
		if readErr != nil {
			return "", readErr
		}
		var state string
		switch {
		case ok && r.ID == q.id():
			state, err = s.begun(ctx, &r, token)
		case ok && !r.State.Phase.over() && r.Execution == "":
			err = s.abandon(ctx, &r)
		case ok && !r.State.Phase.over():
			return "", fault.Conflict("the rollout %s of %s is not over. Next: evenkeel rollout status %s", r.ID, q.Target.StackName, shownTarget(q.Target))
		case ok && r.Live.Name == q.Candidate.Name && !same(r.Live, q.Candidate):
			return "", fault.Invalid("the %s side of %s is the live one: the other side has to be deployed before traffic can be moved to it", q.Candidate.Name, q.Target.StackName)
		default:
			state, err = s.fresh(ctx, q, token, r)
		}
		if !errors.As(err, new(*overtaken)) && (err != nil || state != "") {
			return state, err
		}
	}
	return "", fault.Transient("the record of the rollout %s changed %d times while it was written: %w", q.id(), writes, err)
}

func shownTarget(to events.Target) string {
	return to.Account + "/" + to.Region + "/" + to.StackName
}

// fresh writes the record of a rollout over the one that was before.
func (s *Service) fresh(ctx context.Context, q Request, token string, before Record) (string, error) {
	now := s.Now().UTC()
	live, err := s.serving(ctx, q, before)
	if err != nil {
		return "", err
	}
	r := Record{
		ID: q.id(), Request: q, Plan: NewPlan(q, live), Live: live, ReleaseTask: token, Began: now, Starts: 1, Version: before.Version,
	}
	r.Request.Why = told(q.Why)
	// Resolvers may still have what the router gave out before.
	r.Plan.MinStep = max(r.Plan.MinStep, before.Plan.MinStep)
	percent, routed, err := s.Traffic.Weight(ctx, r.routing())
	if err != nil && !fault.Is(err, fault.InvalidError) {
		return "", err
	}
	r.State = Begin(r.Plan, now)
	const all = 100
	if err == nil && routed && percent == all {
		// The live side is the one with the traffic, whatever the record said.
		r.Live, r.Starts, r.Ended, r.Left = q.Candidate, 0, now, LeftKept
		r.State.Phase, r.State.Weight, r.State.Target = Retired, all, all
		return s.again(ctx, &r)
	}
	r.note(Entry{Time: now, Action: EntryStarted, Why: "deployed from " + short(q.Candidate.Commit) + ", and its checks passed"})
	if r.Plan.First {
		r.Intent = &Entry{Time: now, Action: EntryStepped, Why: "there is no other side"}
	}
	return s.again(ctx, &r)
}

// abandon gives the traffic back from a rollout that has no workflow, because it
// could not be started or failed too often: nobody else would end it.
func (s *Service) abandon(ctx context.Context, r *Record) error {
	if r.State.Phase != Aborting && r.State.Phase != Promoting {
		s.apply(r, Decision{Action: Abort, Weight: r.State.Stable, Cause: CauseStopped, Why: "it has no workflow any more, and another push came"})
		if err := s.write(ctx, r); err != nil {
			return err
		}
	}
	_, err := s.carry(ctx, r)
	return err
}

// serving is the live side. Before the first rollout it is what has the traffic
// already, if anything has: nobody may lose it to a side that nobody watched.
func (s *Service) serving(ctx context.Context, q Request, before Record) (Side, error) {
	if before.ID != "" {
		return before.Live, nil
	}
	endpoint, found, err := s.Traffic.Serving(ctx, Routing{Target: q.Target, Router: q.Rollout.Router, Candidate: q.Candidate})
	if err != nil || !found || endpoint == q.Candidate.Endpoint {
		return Side{}, err
	}
	side := Side{Name: Blue, Endpoint: endpoint}
	if q.Candidate.Name == Blue {
		side.Name = Green
	}
	return side, nil
}

// short is how a person writes a commit.
func short(commit string) string {
	const digits = 8
	return commit[:min(len(commit), digits)]
}

// begun is a repeated start: the state has a new token.
func (s *Service) begun(ctx context.Context, r *Record, token string) (string, error) {
	r.ReleaseTask = token
	return s.again(ctx, r)
}

// again stores the record with its token, and does what follows.
func (s *Service) again(ctx context.Context, r *Record) (string, error) {
	if err := s.write(ctx, r); err != nil {
		return "", err
	}
	if err := s.conclude(ctx, r); err != nil {
		return "", err
	}
	if r.State.Phase.over() {
		return stateAnswered, nil
	}
	return stateWaiting, s.clock(ctx, r)
}

// clock sees to it that an execution of the workflow exists. The same name
// finds the same one.
func (s *Service) clock(ctx context.Context, r *Record) error {
	if r.Execution != "" || r.State.Phase.Ended() && (r.State.Phase != Retired || r.Left != "") {
		return nil
	}
	if r.Starts == 0 {
		r.Starts = 1
	}
	execution, err := s.Executions.Start(ctx, r.executionName(), Ref{ID: r.ID, Target: r.Request.Target})
	if err != nil {
		return err
	}
	r.Execution = execution
	return s.write(ctx, r)
}

// executionName is the name of the execution that is the rollout's clock now.
func (r *Record) executionName() string {
	if r.Starts <= 1 {
		return r.ID
	}
	return r.ID + "-" + strconv.Itoa(r.Starts)
}

// switchBack gives the traffic back to the old side of a rollout that this run
// promoted.
func (s *Service) switchBack(ctx context.Context, q Request, token string) (string, error) {
	var result Result
	err := s.change(ctx, Ref{ID: q.id(), Target: q.Target}, func(r *Record) error {
		if !r.State.Phase.Ended() {
			now := s.Now().UTC()
			state, err := SwitchBack(r.Plan, r.State, told(q.Why), now)
			if err != nil {
				return err
			}
			r.to(state)
			r.Intent = &Entry{Time: now, Action: EntrySwitchedBack, Why: q.Why}
			if err := s.write(ctx, r); err != nil {
				return err
			}
		}
		if _, err := s.carry(ctx, r); err != nil {
			return err
		}
		if result = r.result(); result.Outcome == OutcomePromoted {
			return fault.Permanent("the time to give traffic back to the old side of %s is over", q.Target.StackName)
		}
		return nil
	})
	if errors.Is(err, errGone) {
		result, err = Result{ID: q.id(), Outcome: OutcomeNothing, Why: "this run has moved no traffic"}, nil
	}
	if err != nil {
		return "", err
	}
	_, err = s.Tasks.Answer(ctx, token, result)
	return stateAnswered, err
}
