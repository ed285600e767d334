package deployment

import (
	"context"
	"encoding/json"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// buildWait is what is stored under each build that a task waits for.
type buildWait struct {
	Token  string   `json:"token"`
	Builds []string `json:"builds"`
}

// buildToken stands in the place of a client request token: a build is not a
// stack operation.
const buildToken = "verification"

// awaitBuilds stores the task token under each build and looks afterwards: an
// end before the token is seen here, one after it comes as an event.
func (s *Service) awaitBuilds(ctx context.Context, to events.Target, builds []string, taskToken string) error {
	data, err := json.Marshal(buildWait{Token: taskToken, Builds: builds})
	if err != nil {
		return fault.Permanent("encode the wait for %v: %w", builds, err)
	}
	for _, build := range builds {
		if err := s.Tokens.Put(ctx, build, buildToken, string(data)); err != nil {
			return err
		}
	}
	for _, build := range builds {
		ended, err := s.Verifier.Ended(ctx, to, build)
		if err != nil || !ended {
			continue // the event comes, or the state's time-out
		}
		if err := s.buildEnded(ctx, build, string(data)); err != nil {
			return err
		}
	}
	return nil
}

// BuildEnded hears the state of a build. The end of the last build that a
// verification waits for lets it go on; every other event does nothing.
func (s *Service) BuildEnded(ctx context.Context, detail events.BuildStateDetail) (Answered, error) {
	if detail.BuildStatus == "" || detail.BuildStatus == verification.BuildInProgress {
		return Answered{State: "ignored"}, nil
	}
	stored, err := s.Tokens.Get(ctx, detail.BuildID, buildToken)
	if err != nil || stored == "" {
		return Answered{State: "ignored"}, err
	}
	return Answered{State: answeredNow}, s.buildEnded(ctx, detail.BuildID, stored)
}

// buildEnded forgets the build, and wakes the task when no other is left. Of
// two that end at the same time, at least one sees that none is.
func (s *Service) buildEnded(ctx context.Context, build, stored string) error {
	var waits buildWait
	if err := json.Unmarshal([]byte(stored), &waits); err != nil {
		return fault.Permanent("what waits for %s cannot be read: %w", build, err)
	}
	for _, other := range waits.Builds {
		if other == build {
			continue
		}
		if left, err := s.Tokens.Get(ctx, other, buildToken); err != nil || left == stored {
			if err == nil {
				err = s.Tokens.Remove(ctx, build, buildToken, stored)
			}
			return err
		}
	}
	if err := s.Tasks.Fail(ctx, waits.Token, VerificationBuildEnded, "the build "+build+" ended"); err != nil {
		return err
	}
	return s.Tokens.Remove(ctx, build, buildToken, stored)
}
