package deployment

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// maxBody is the most bytes of a template in a request; a larger one goes by
// URL. Source: CloudFormation user guide, "CloudFormation quotas".
const maxBody = 51_200

// waits are the seconds before each look at a change set. There is no event
// for its creation, so it is polled: most are ready after the first look, and
// growing waits bound the transitions of a slow one.
var waits = []int{1, 1, 3, 10, 30, 60, 120, 120, 300, 300}

// What bounds the waiting: a change set takes minutes, the deletion of what a
// failed creation left may take hours (a database is stopped first).
const (
	planTime  = 15 * time.Minute
	clearTime = 6 * time.Hour
)

// Plan begins to make the change set of the step's stack. A stack that a
// failed creation left is deleted first; then ReadPlan makes the change set.
func (s *Service) Plan(ctx context.Context, r Release) (Release, error) {
	if err := s.renew(ctx, r, planTime); err != nil {
		return r, err
	}
	to, err := target(r)
	if err != nil {
		return r, err
	}
	if slices.Contains(r.Validation.Refused, r.Step.Stage) {
		return r, fault.Invalid("the stage %s does not accept what validation found: %s", r.Step.Stage, invalid(r.Validation))
	}
	r.Plan = Plan{Reasons: []string{}, Since: s.Now().UTC(), WaitSeconds: waits[0]}
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return r, err
	}
	if err := owned(r, to, stack); err != nil {
		return r, err
	}
	switch planning(stack.Status) {
	case planBusy:
		return r, fault.Conflict("the stack %s is busy (%s)", to.StackName, stack.Status)
	case planBroken:
		return r, fault.Permanent("the stack %s is in %s and must be repaired first, for example with: %s",
			to.StackName, stack.Status, remedy(stack.Status, to.StackName, to.Region))
	case planClear:
		r.Plan.Status = PlanClearing
		r.Plan.StackID = stack.ID
		return r, s.Stacks.Delete(ctx, to)
	case planCreate:
		return s.createChangeSet(ctx, r, to, planCreate)
	default:
		return s.createChangeSet(ctx, r, to, planUpdate)
	}
}

func (s *Service) createChangeSet(ctx context.Context, r Release, to events.Target, kind string) (Release, error) {
	_, stack, _ := r.Current()
	parameters, err := s.parameters(ctx, r, stack)
	if err != nil {
		return r, err
	}
	input := ChangeSetInput{
		Name: "evenkeel-" + r.RunID + "-" + r.Step.Stage, Type: kind,
		Description: "run " + r.RunID + ", commit " + r.Commit,
		Parameters:  parameters, Capabilities: stack.Capabilities, Tags: tags(r, stack),
	}
	if input.Template, err = s.template(ctx, r, to, stack); err != nil {
		return r, err
	}
	if len(input.Template) > maxBody {
		key := "plans/" + r.RunID + "/" + to.Stage + "/" + to.Stack + ".template"
		if err := s.Files.Put(ctx, key, input.Template); err != nil {
			return r, err
		}
		if input.TemplateURL, err = s.Files.Share(ctx, key, shareTime); err != nil {
			return r, err
		}
	}
	r.Plan.Status = PlanPending
	r.Plan.ChangeSetID, r.Plan.StackID, err = s.ChangeSets.Create(ctx, to, input)
	return r, err
}

// ownerTag names the repository that a stack belongs to.
const ownerTag = "evenkeel:repository"

// owned refuses a stack that is not this repository's: evenkeel.yaml may name
// any stack, also one of another repository, one that something else deployed,
// or one of this suite itself. A stack of the name that was made by hand is
// taken over by giving it the tag. The remains of a failed creation hold
// nothing: without the tag they are nobody's.
func owned(r Release, to events.Target, stack Stack) error {
	owner, kind := stack.Tags[ownerTag], planning(stack.Status)
	switch {
	case kind == planCreate, owner == r.Repository, owner == "" && kind == planClear:
		return nil
	case owner == "":
		return fault.Invalid("the stack %s exists in %s and was not deployed from here; to take it over, give it the tag %s=%s", to.StackName, to.Account, ownerTag, r.Repository)
	default:
		return fault.Invalid("the stack %s in %s belongs to the repository %s", to.StackName, to.Account, owner)
	}
}

// tags are put on the stack and so on its resources. The run and the commit
// are not among them: a tag that is new with every push would change every
// resource with every push. Ours win: one of them says whose the stack is.
func tags(r Release, stack pipeline.Stack) map[string]string {
	all := map[string]string{}
	maps.Copy(all, stack.Tags)
	maps.Copy(all, map[string]string{ownerTag: r.Repository, "evenkeel:stage": r.Step.Stage, "evenkeel:stack": stack.Name})
	return all
}

// parameters gives each parameter its value; outputs are read from the stacks
// of the same stage as they are now.
func (s *Service) parameters(ctx context.Context, r Release, stack pipeline.Stack) (map[string]string, error) {
	values := map[string]string{}
	outputs := map[string]map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(stack.Parameters)) {
		parameter := stack.Parameters[name]
		from, output, isOutput := parameter.OutputOf()
		if !isOutput {
			values[name] = parameter.Literal()
			continue
		}
		if outputs[from] == nil {
			found, err := s.outputs(ctx, r, from)
			if err != nil {
				return nil, err
			}
			outputs[from] = found
		}
		value, ok := outputs[from][output]
		if !ok {
			return nil, fault.Invalid("%s: parameter %s of stack %s reads the output %s, which stack %s does not have in stage %s; it has: %s",
				pipeline.FileName, name, stack.Name, parameter.Output, from, r.Step.Stage,
				strings.Join(slices.Sorted(maps.Keys(outputs[from])), ", "))
		}
		values[name] = value
	}
	return values, nil
}

func (s *Service) outputs(ctx context.Context, r Release, name string) (map[string]string, error) {
	r.Step.Stack = name
	to, err := target(r)
	if err != nil {
		return nil, err
	}
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return nil, err
	}
	if stack.Outputs == nil {
		return map[string]string{}, nil
	}
	return stack.Outputs, nil
}

// ReadPlan looks at the change set. When it is ready it is rated, kept as a
// document and announced; when it is not, the release says how long to wait.
func (s *Service) ReadPlan(ctx context.Context, r Release) (Release, error) {
	to, err := target(r)
	if err != nil {
		return r, err
	}
	if r.Plan.Status == PlanClearing {
		return s.cleared(ctx, r, to)
	}
	changeSet, err := s.ChangeSets.Read(ctx, to, r.Plan.ChangeSetID)
	if err != nil {
		return r, err
	}
	switch {
	case changeSet.Unchanged():
		r.Plan.Empty = true
		return s.planned(ctx, r, to, changeSet)
	case changeSet.Status == "CREATE_COMPLETE":
		return s.planned(ctx, r, to, changeSet)
	case strings.HasPrefix(changeSet.Status, "CREATE_"):
		return s.waitLonger(r, to, planTime)
	case changeSet.Status == "FAILED":
		return r, s.planFailed(ctx, r, to, changeSet)
	default:
		return r, fault.Conflict("the change set of %s was deleted while it was planned (%s)", to.StackName, changeSet.Status)
	}
}

// cleared waits for the deletion of a failed creation's remains, and keeps the
// lock meanwhile.
func (s *Service) cleared(ctx context.Context, r Release, to events.Target) (Release, error) {
	if err := s.renew(ctx, r, planTime); err != nil {
		return r, err
	}
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil {
		return r, err
	}
	switch {
	case planning(stack.Status) == planCreate:
		r.Plan.WaitSeconds, r.Plan.Since = waits[0], s.Now().UTC()
		return s.createChangeSet(ctx, r, to, planCreate)
	case stack.Status == "DELETE_IN_PROGRESS", stack.Status == "ROLLBACK_COMPLETE":
		return s.waitLonger(r, to, clearTime)
	default:
		return r, fault.Permanent("the remains of the failed creation of %s cannot be deleted (%s: %s); repair it with: %s",
			to.StackName, stack.Status, stack.Reason, remedy(stack.Status, to.StackName, to.Region))
	}
}

// waitLonger chooses the wait by the time that has passed, so that it does not
// matter how often the action is repeated. The last wait is used until limit.
func (s *Service) waitLonger(r Release, to events.Target, limit time.Duration) (Release, error) {
	passed := s.Now().Sub(r.Plan.Since)
	if passed >= limit {
		return r, fault.Permanent("the plan of %s is not ready after %s", to.StackName, passed.Round(time.Second))
	}
	r.Plan.WaitSeconds = waits[len(waits)-1]
	sum := 0
	for _, wait := range waits {
		if sum += wait; passed < time.Duration(sum)*time.Second {
			r.Plan.WaitSeconds = wait
			break
		}
	}
	return r, nil
}

func (s *Service) planned(ctx context.Context, r Release, to events.Target, c ChangeSet) (Release, error) {
	stage, stack, _ := r.Current()
	digest, err := c.Digest()
	if err != nil {
		return r, err
	}
	risk := Assess(c.Changes, Policy{Stateful: s.Stateful, Protect: stack.Protect})
	r.Plan.Status, r.Plan.Digest, r.Plan.Risk = PlanReady, digest, risk.Level
	r.Plan.Gate = gate(stage.Approval, risk.Level, r.Plan.Empty)
	r.Plan.Document = DocumentKey(r.RunID, to.Stage, to.Stack)
	r.Plan.Reasons = firstReasons(risk.Reasons)

	document := Document{
		Run: r.Run(), Target: to, ChangeSetID: c.ID, Digest: digest, Empty: r.Plan.Empty,
		Risk: risk.Level, Reasons: risk.Reasons, Gate: r.Plan.Gate, Planned: s.Now().UTC(), Rows: rows(c.Changes),
	}
	data, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return r, fault.Permanent("encode the plan of %s: %w", to.StackName, err)
	}
	if err := s.Files.Put(ctx, r.Plan.Document, data); err != nil {
		return r, err
	}
	return r, s.Publisher.Publish(ctx, s.fact(r, events.StackPlanned{
		Run: r.Run(), Target: to, ChangeSetID: c.ID, Digest: digest, Changes: document.summary(),
		Empty: r.Plan.Empty, Risk: risk.Level, Reasons: r.Plan.Reasons,
	}, to.Stage, to.Stack))
}

// maxReasons bounds the reasons in the release and in facts.
const maxReasons = 20

func firstReasons(reasons []string) []string { return reasons[:min(len(reasons), maxReasons)] }

// gate says what a plan must pass.
func gate(approval, risk string, empty bool) string {
	switch {
	case empty:
		return GateAuto
	case risk == RiskBlocked:
		return GateBlocked
	case approval == pipeline.ApprovalNever, approval == pipeline.ApprovalOnRisk && risk == RiskSafe:
		return GateAuto
	default:
		return GateApproval
	}
}

// planFailed explains a change set that could not be made, with what early
// validation found. Finish deletes it.
func (s *Service) planFailed(ctx context.Context, r Release, to events.Target, c ChangeSet) error {
	problems, err := s.ChangeSets.Problems(ctx, to, c.ID)
	if err != nil {
		return err
	}
	_, stack, _ := r.Current()
	message := strings.Join(append([]string{c.StatusReason}, problems...), "; ")
	return fault.Invalid("%s: CloudFormation refused the plan of %s in %s: %s", stack.Template, to.Stack, to.Stage, message)
}
