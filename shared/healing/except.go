package healing

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// LongestException is how far off an exception may end. One that nobody has to
// renew is a change of the policy.
const LongestException = 366 * 24 * time.Hour

// Except records that a rule stays although it is too open, in place of an
// earlier exception for it. e.By is who asks. What cannot be an exception is
// Invalid: no group, a rule that none can be, nobody who answers for it, no
// reason, an end that is past or too far off.
func (s *Service) Except(ctx context.Context, e Exception) (Exception, error) {
	now := s.Now().UTC()
	key, err := CanonicalKey(e.Rule)
	switch {
	case err != nil:
		return Exception{}, fault.Invalid("except: %w", err)
	case !strings.HasPrefix(e.Group, "sg-"):
		return Exception{}, fault.Invalid("except: %q is no security group id, such as sg-0123456789abcdef0", e.Group)
	case strings.TrimSpace(e.Owner) == "" || strings.TrimSpace(e.Reason) == "" || e.By == "":
		return Exception{}, fault.Invalid("except %s of %s: say who answers for it, why it must stay, and who asks", key, e.Group)
	case !now.Before(e.Expires):
		return Exception{}, fault.Invalid("except %s of %s: %s is past", key, e.Group, e.Expires.UTC().Format(time.RFC3339))
	case e.Expires.After(now.Add(LongestException)):
		return Exception{}, fault.Invalid("except %s of %s: an exception ends within %d days", key, e.Group, LongestException/(24*time.Hour))
	}
	e.Rule, e.Expires = key, e.Expires.UTC()
	return e, s.Policies.Except(ctx, e)
}

// Unexcept ends a recorded exception now. Its rule is closed by the next event
// or sweep. That there is none is Invalid; so is one of the policy document,
// which only a change of that document ends.
func (s *Service) Unexcept(ctx context.Context, group, rule, by string) (Exception, error) {
	now := s.Now().UTC()
	key, err := CanonicalKey(rule)
	if err != nil {
		return Exception{}, fault.Invalid("unexcept: %w", err)
	}
	if by == "" {
		return Exception{}, fault.Invalid("unexcept %s of %s: say who asks", key, group)
	}
	recorded, err := s.Policies.Exceptions(ctx, group)
	if err != nil {
		return Exception{}, err
	}
	counts := func(e Exception) bool { return e.Group == group && e.Rule == key && now.Before(e.Expires) }
	i := slices.IndexFunc(recorded, counts)
	if i >= 0 {
		e := recorded[i]
		e.Expires, e.By = now, by
		return e, s.Policies.Except(ctx, e)
	}
	policy, err := s.Policies.Policy(ctx, actAge)
	if err != nil {
		return Exception{}, err
	}
	if slices.ContainsFunc(policy.Exceptions, counts) {
		return Exception{}, fault.Invalid("the exception for %s of %s is in the policy document: change it with `evenkeel heal policy set`", key, group)
	}
	return Exception{}, fault.Invalid("there is no exception for %s of %s; see `evenkeel heal exceptions`", key, group)
}
