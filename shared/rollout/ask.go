package rollout

import (
	"context"
	"errors"
)

// Ask keeps the token of the state that waits for a person. One that does not
// need to wait any more is answered at once.
func (s *Service) Ask(ctx context.Context, ref Ref, token string) (Answered, error) {
	return s.callback(ctx, ref.ID, token, func() (string, error) {
		state := stateAnswered
		err := s.change(ctx, ref, func(r *Record) error {
			r.PauseTask, state = token, stateWaiting
			if r.State.Phase != Paused {
				state = stateAnswered
			}
			if err := s.write(ctx, r); err != nil {
				return err
			}
			return s.conclude(ctx, r)
		})
		if errors.Is(err, errGone) {
			_, err = s.Tasks.Answer(ctx, token, Answered{ID: ref.ID, State: stateAnswered})
		}
		return state, err
	})
}
