package drift

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Discovery lists what is deployed, whoever deployed it.
type Discovery interface {
	// Found returns the stacks of an account and region, all pages.
	Found(ctx context.Context, account, region string) ([]Found, error)
}

// Found is a stack that Discovery found.
type Found struct {
	events.StackRef // Parent is set for a nested stack
	Status          string
	Tags            map[string]string
}

// Scope is where stacks are looked for that Evenkeel did not deploy.
type Scope struct {
	Accounts []string
	Regions  []string
	All      bool // a request that names nothing is for all stacks there
}

// unscanned are the statuses of what is no stack, or not yet one.
// Source: CloudFormation user guide, "Stack status codes".
var unscanned = []string{"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}

// chosen are the stacks that a request is for: those that it names, or the
// deployed ones, or all of the scope, less what its filters leave out. Nested
// stacks are followed from their parents.
func (s *Service) chosen(ctx context.Context, request Request) ([]events.StackRef, error) {
	if err := s.checkFilters(request); err != nil {
		return nil, err
	}
	known, err := s.Inventory.Stacks(ctx)
	if err != nil {
		return nil, err
	}
	stacks := known
	all := request.All || s.Scope.All && len(request.Stacks) == 0 && !request.Revert
	switch {
	case len(request.Stacks) > 0:
		stacks, err = choose(known, request.Stacks)
	case all:
		stacks, err = s.discover(ctx, request, known)
	}
	if err != nil {
		return nil, err
	}
	stacks = slices.DeleteFunc(slices.Clone(stacks), func(r events.StackRef) bool { return !request.wants(r) })
	if len(request.Tags) > 0 {
		return s.tagged(ctx, request, stacks)
	}
	return stacks, nil
}

// checkFilters refuses a request that could only mean less than it says.
func (s *Service) checkFilters(request Request) error {
	if request.All && len(request.Stacks) > 0 {
		return fault.Invalid("either all stacks are asked for, or the ones that are named")
	}
	if request.All && request.Revert {
		return fault.Invalid("all stacks cannot be reverted at once: name the ones that shall be")
	}
	if (request.All || s.Scope.All) && s.Discovery == nil {
		return fault.Invalid("no account or region is configured to look for stacks in")
	}
	for _, name := range request.Names {
		if _, err := path.Match(name, ""); err != nil {
			return fault.Invalid("%q is no pattern of stack names: use *, ? and [a-z]", name)
		}
	}
	for _, tag := range request.Tags {
		if key, _, _ := strings.Cut(tag, "="); key == "" {
			return fault.Invalid("%q is no tag: use key=value, or key for any value", tag)
		}
	}
	if !request.All {
		return nil
	}
	for _, account := range request.Accounts {
		if !slices.Contains(s.Scope.Accounts, account) {
			return fault.Invalid("%s is no workload account; those are %s (setting workloadAccounts)", account, strings.Join(s.Scope.Accounts, ", "))
		}
	}
	for _, region := range request.Regions {
		if !slices.Contains(s.Scope.Regions, region) {
			return fault.Invalid("%s is no region that is watched; those are %s (setting driftRegions)", region, strings.Join(s.Scope.Regions, ", "))
		}
	}
	return nil
}

// wants applies the filters that need no tags. A filter that is not set wants
// everything.
func (r Request) wants(stack events.StackRef) bool {
	return among(r.Accounts, stack.Account) && among(r.Regions, stack.Region) &&
		(len(r.Names) == 0 || slices.ContainsFunc(r.Names, func(pattern string) bool {
			ok, err := path.Match(pattern, stack.StackName) // a stack's name has no slash
			return ok && err == nil
		}))
}

func among(values []string, value string) bool {
	return len(values) == 0 || slices.Contains(values, value)
}

// discover returns the stacks of the scope, with what the registry knows about
// those that Evenkeel deployed.
func (s *Service) discover(ctx context.Context, request Request, known []events.StackRef) ([]events.StackRef, error) {
	var stacks []events.StackRef
	for _, account := range s.Scope.Accounts {
		for _, region := range s.Scope.Regions {
			if !among(request.Accounts, account) || !among(request.Regions, region) {
				continue
			}
			found, err := s.Discovery.Found(ctx, account, region)
			if err != nil {
				return nil, err
			}
			for _, f := range found {
				if f.Parent == "" && !slices.Contains(unscanned, f.Status) {
					stacks = append(stacks, registered(f.StackRef, known))
				}
			}
		}
	}
	return stacks, nil
}

func registered(stack events.StackRef, known []events.StackRef) events.StackRef {
	if at := slices.IndexFunc(known, func(k events.StackRef) bool { return k.StackID == stack.StackID }); at >= 0 {
		return known[at]
	}
	return stack
}

// tagged keeps the stacks that have every tag that is asked for.
func (s *Service) tagged(ctx context.Context, request Request, stacks []events.StackRef) ([]events.StackRef, error) {
	if s.Discovery == nil {
		return nil, fault.Invalid("tags cannot be read: no account or region is configured to look for stacks in")
	}
	tags, listed := map[string]map[string]string{}, map[[2]string]bool{}
	for _, stack := range stacks {
		place := [2]string{stack.Account, stack.Region}
		if listed[place] {
			continue
		}
		listed[place] = true
		found, err := s.Discovery.Found(ctx, stack.Account, stack.Region)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			tags[f.StackID] = f.Tags
		}
	}
	return slices.DeleteFunc(slices.Clone(stacks), func(stack events.StackRef) bool { return !hasTags(tags[stack.StackID], request.Tags) }), nil
}

func hasTags(tags map[string]string, wanted []string) bool {
	for _, want := range wanted {
		key, value, exact := strings.Cut(want, "=")
		got, ok := tags[key]
		if !ok || exact && got != value {
			return false
		}
	}
	return true
}
