package review

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// maxBody is the most bytes of a template in a request; a larger one goes by
// URL. Source: CloudFormation user guide, "CloudFormation quotas".
const maxBody = 51_200

const (
	shareTime = time.Hour        // CloudFormation reads a template's URL within minutes
	planTime  = 15 * time.Minute // then a change set counts as not ready
)

// inReview is the status of a stack that a change set created and none was
// executed of: it has no resources.
// Source: CloudFormation API reference, CreateChangeSet, ChangeSetType.
const inReview = "REVIEW_IN_PROGRESS"

// Plan begins to make the change set of the step's stack, or settles why there
// can be none. Of a stack with sides it is that of the side which a push would
// deploy, the one that is not in use. No lock is taken: a plan changes nothing,
// and a stack that somebody operates on is reported as busy.
func (s *Service) Plan(ctx context.Context, r Review) (Review, error) {
	_, stack, to, err := r.current()
	if err != nil {
		return r, err
	}
	r.Plan = Plan{Status: PlanPending, Since: s.Now().UTC(), WaitSeconds: waits[0]}
	if stack.Sides() {
		record, same, err := s.compared(ctx, r, stack, to)
		if err != nil {
			return r, err
		}
		if same {
			return s.settle(ctx, r, StackReview{Target: to, State: StackUnchanged})
		}
		r.Plan.Side = deployment.Candidate(record)
		if _, stack, to, err = r.current(); err != nil {
			return r, err
		}
	}
	found, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return r, err
	}
	kind, err := deployment.Preview(r.Release, to, found)
	if err != nil {
		return s.cannot(ctx, r, to, err)
	}
	parameters, missing, err := s.parameters(ctx, r, stack)
	if err != nil {
		return r, err
	}
	if missing != "" {
		return s.settle(ctx, r, StackReview{Target: to, State: StackNotPlanned, Note: missing})
	}
	input := deployment.ChangeSetInput{
		Name: changeSetName(r.ReviewID, to.Stage), Type: kind, Parameters: parameters, Capabilities: stack.Capabilities,
		Description: "review of pull request " + r.name() + ", commit " + r.PullRequest.Head,
		Tags:        deployment.PreviewTags(r.Release, to.Stage, stack, r.Plan.Side),
	}
	if err := s.template(ctx, r, to, stack, &input); err != nil {
		return r, err
	}
	if err := s.keep(ctx, r, to, input.Name, found); err != nil {
		return r, err
	}
	r.Plan.ChangeSetID, _, err = s.ChangeSets.Create(ctx, to, input)
	if fault.Is(err, fault.InvalidError) || fault.Is(err, fault.ConflictError) {
		return s.cannot(ctx, r, to, err)
	}
	if err != nil {
		return r, err
	}
	return r, s.stillOpen(ctx, r, to, input.Name, found)
}

// record is of the last rollout of a stack; zero when there was none.
func (s *Service) record(ctx context.Context, stack pipeline.Stack, to events.Target) (rollout.Record, error) {
	if s.Rollouts == nil || !stack.Sides() {
		return rollout.Record{}, nil
	}
	record, _, err := s.Rollouts.Read(ctx, to)
	return record, err
}

// compared reads the record of a stack with sides, and reports whether the side
// that is in use is what would be deployed.
func (s *Service) compared(ctx context.Context, r Review, stack pipeline.Stack, to events.Target) (record rollout.Record, same bool, err error) {
	if record, err = s.record(ctx, stack, to); err != nil || record.Live.Digest == "" {
		return record, false, err
	}
	parameters, missing, err := s.parameters(ctx, r, stack)
	if err != nil || missing != "" {
		return record, false, err
	}
	if name := stack.Rollout.SideParameter; name != "" {
		parameters[name] = pipeline.Side
	}
	template, err := s.Files.File(ctx, r.Release.SourceKey, stack.Template)
	if err != nil {
		return record, false, err
	}
	digest, err := deployment.Digest(template, parameters, stack)
	return record, digest != "" && digest == record.Live.Digest, err
}

// live is the target of another stack of the stage, and of its live side if it
// has sides.
func (s *Service) live(ctx context.Context, r Review, name string) (events.Target, error) {
	r.Step.Stack, r.Plan.Side = name, ""
	_, stack, to, err := r.current()
	if err != nil || !stack.Sides() {
		return to, err
	}
	record, err := s.record(ctx, stack, to)
	if record.Live.StackName != "" {
		to.StackName = record.Live.StackName
	}
	return to, err
}

// stillOpen makes sure that what was just made will be removed. When the
// execution was stopped meanwhile, ExecutionEnded has removed what it had open,
// and comes no more: then it is removed here.
func (s *Service) stillOpen(ctx context.Context, r Review, to events.Target, name string, before deployment.Stack) error {
	_, ok, err := s.Reviews.Opened(ctx, r.ReviewID)
	if err != nil || ok {
		return err
	}
	if err := s.remove(ctx, Open{Target: to, Name: name, Created: before.Status == ""}); err != nil {
		return err
	}
	return fault.Permanent("the review %s was stopped", r.ReviewID)
}

// cannot settles a stack that a deployment would refuse, or that is not in a
// state to be planned.
func (s *Service) cannot(ctx context.Context, r Review, to events.Target, why error) (Review, error) {
	state := StackNotPlanned
	switch {
	case fault.Is(why, fault.TransientError):
		return r, why
	case fault.Is(why, fault.InvalidError):
		state = StackRefused
	}
	return s.settle(ctx, r, StackReview{Target: to, State: state, Note: why.Error()})
}

// keep remembers the change set that is about to be made, and whether the stack
// exists because of reviews only: there was none, or it is in review and has
// change sets of reviews and of nobody else.
func (s *Service) keep(ctx context.Context, r Review, to events.Target, name string, found deployment.Stack) error {
	created := found.Status == "" || found.Status == "DELETE_COMPLETE"
	if found.Status == inReview {
		list, err := s.Stacks.ChangeSets(ctx, to)
		if err != nil {
			return err
		}
		created = len(list) > 0 && !slices.ContainsFunc(list, func(c ChangeSetRef) bool { return !strings.HasPrefix(c.Name, changeSets) })
	}
	return s.Reviews.Keep(ctx, r.ReviewID, Open{Target: to, Name: name, Created: created})
}

func (s *Service) template(ctx context.Context, r Review, to events.Target, stack pipeline.Stack, input *deployment.ChangeSetInput) (err error) {
	if input.Template, err = s.Files.File(ctx, r.Release.SourceKey, stack.Template); err != nil || len(input.Template) <= maxBody {
		return err
	}
	large := strings.TrimSuffix(key(r.ReviewID, to.Stage, to.Stack), ".json") + ".template"
	if err = s.Files.Put(ctx, large, input.Template); err == nil {
		input.TemplateURL, err = s.Files.Share(ctx, large, shareTime)
	}
	return err
}

// parameters gives each parameter its value. Outputs are read from the stacks
// of the same stage as they are now; missing says which one is not there yet.
func (s *Service) parameters(ctx context.Context, r Review, stack pipeline.Stack) (values map[string]string, missing string, err error) {
	values = map[string]string{}
	read := map[string]map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(stack.Parameters)) {
		parameter := stack.Parameters[name]
		from, output, isOutput := parameter.OutputOf()
		if !isOutput {
			values[name] = parameter.Literal()
			continue
		}
		if _, known := read[from]; !known {
			to, err := s.live(ctx, r, from)
			if err != nil {
				return nil, "", err
			}
			found, err := s.Stacks.Describe(ctx, to)
			if err != nil {
				return nil, "", err
			}
			read[from] = found.Outputs
		}
		value, ok := read[from][output]
		if !ok {
			return nil, fmt.Sprintf("its parameter %s is the output %s, which does not exist before the merge", name, parameter.Output), nil
		}
		values[name] = value
	}
	return values, "", nil
}

// ReadPlan looks at the change set. When it is ready, what it would do is rated
// and kept; when it is not, the plan says how long to wait.
func (s *Service) ReadPlan(ctx context.Context, r Review) (Review, error) {
	stage, stack, to, err := r.current()
	if err != nil {
		return r, err
	}
	set, err := s.ChangeSets.Read(ctx, to, r.Plan.ChangeSetID)
	if err != nil {
		return r, err
	}
	passed := s.Now().Sub(r.Plan.Since)
	found := StackReview{Target: to}
	switch {
	case set.Unchanged(), set.Status == "CREATE_COMPLETE":
		set, err := deployment.WithDrift(ctx, s.Stacks, deployment.Outside{Baselines: s.Baselines, Changers: s.Changers}, to, set, s.Now())
		if err != nil {
			return r, err
		}
		document, err := deployment.PreviewDocument(ctx, s.Templates, s.Exposure, r.Release, to, stage, stack, set, s.Now())
		if err != nil {
			return r, err
		}
		if found.State, found.Document = StackPlanned, &document; document.Empty {
			found.State = StackUnchanged
		}
	case strings.HasPrefix(set.Status, "CREATE_") && passed < planTime:
		r.Plan.WaitSeconds = wait(passed)
		return r, nil
	case strings.HasPrefix(set.Status, "CREATE_"):
		found.State, found.Note = StackNotPlanned, "the change set was not ready after "+passed.Round(time.Second).String()
	case set.Status == "FAILED":
		problems, err := s.ChangeSets.Problems(ctx, to, set.ID)
		if err != nil {
			return r, err
		}
		found.State = StackRefused
		found.Note = stack.Template + ": CloudFormation refused the plan: " + strings.Join(append([]string{set.StatusReason}, problems...), "; ")
	default:
		found.State, found.Note = StackNotPlanned, "the stack was deployed while it was planned"
	}
	return s.settle(ctx, r, found)
}

// waits are the seconds before each look at a change set; the last one is used
// until planTime is over.
var waits = []int{1, 1, 3, 10, 30, 60, 120}

// wait chooses by the time that has passed, so that it does not matter how
// often the action is repeated.
func wait(passed time.Duration) int {
	sum := 0
	for _, seconds := range waits {
		if sum += seconds; passed < time.Duration(sum)*time.Second {
			return seconds
		}
	}
	return waits[len(waits)-1]
}

// settle keeps what was found about the step's stack.
func (s *Service) settle(ctx context.Context, r Review, found StackReview) (Review, error) {
	data, err := json.Marshal(found)
	if err != nil {
		return r, fault.Permanent("encode the review of %s: %w", found.Target.StackName, err)
	}
	r.Plan.Status = PlanSettled
	return r, s.Files.Put(ctx, key(r.ReviewID, found.Target.Stage, found.Target.Stack), data)
}

// found reads what settle kept; ok is false when there is nothing.
func (s *Service) found(ctx context.Context, reviewID, stage, stack string) (found StackReview, ok bool, err error) {
	data, ok, err := s.Files.Find(ctx, key(reviewID, stage, stack))
	if err != nil || !ok {
		return found, false, err
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return found, false, fault.Permanent("read the review of %s/%s: %w", stage, stack, err)
	}
	return found, true, nil
}
