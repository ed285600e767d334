package deployment

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/risk"
)

// maxBody is the most bytes of a template in a request; a larger one goes by
// URL. Source: CloudFormation user guide, "CloudFormation quotas".
const maxBody = 51_200

// Plan begins to make the change set of the step's stack, under the stack's
// lock. A stack that cannot be planned as it is, is put in order first: then the
// plan says by which operation, and Plan is called again after it.
func (s *Service) Plan(ctx context.Context, r Release) (Release, error) {
	to, err := target(r)
	if err != nil {
		return r, err
	}
	if err := s.renewBoth(ctx, r, to, planTime); err != nil {
		return r, err
	}
	switching := switchReason(r)
	r = alone(r)
	r.Plan = Plan{Reasons: []string{}, Ringing: []string{}, Recoveries: r.Plan.Recoveries, Side: r.Plan.Side}
	if declared, _ := declared(r); r.Step.Rollback && declared.Rollout != nil {
		return s.switchBack(ctx, r, to, switching)
	}
	r, record, err := s.sided(ctx, r, to)
	if err != nil {
		return r, err
	}
	var made *made
	if to, err = target(r); err == nil && r.Plan.Side != "" && !r.Step.Rollback {
		made, err = s.made(ctx, r, to)
	}
	if err != nil {
		return r, err
	}
	if made != nil {
		if r.Plan.SideDigest = made.digest; made.digest != "" && record.Live.Digest == made.digest {
			r.Plan.Side, r.Plan.Live, r.Plan.Empty = record.Live.Name, true, true
			return r, nil
		}
		if err := s.ready(ctx, r, to, record, made); err != nil {
			return r, err
		}
	}
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
		return r, fault.Permanent("the stack %s is in %s and must be repaired first. Next: %s", to.StackName, stack.Status, remedy(stack.Status, to))
	case planBack:
		return recovering(r, to, stack, OperationRollback)
	case planGoOn:
		return recovering(r, to, stack, OperationContinue)
	case planClear:
		if r.Step.Rollback {
			return r, fault.Permanent("the stack %s is in %s", to.StackName, stack.Status)
		}
		if err := s.nothingLeft(ctx, to, stack); err != nil {
			return r, err
		}
		return recovering(r, to, stack, OperationDelete)
	case planCreate:
		if r.Step.Rollback {
			return r, fault.Permanent("the stack %s is gone", to.StackName)
		}
		return s.createChangeSet(ctx, r, to, planCreate, made)
	default:
		return s.createChangeSet(ctx, r, to, planUpdate, made)
	}
}

func (s *Service) createChangeSet(ctx context.Context, r Release, to events.Target, kind string, from *made) (Release, error) {
	_, stack, _ := r.Current()
	if r.Step.Rollback {
		input, err := s.returnInput(ctx, r, to)
		if err != nil {
			return r, err
		}
		return s.create(ctx, r, to, input)
	}
	alarms, err := s.watched(ctx, r, to)
	if err != nil {
		return r, err
	}
	r.Plan.Ringing = append(r.Plan.Ringing, ringing(alarms)...)
	if from == nil {
		if from, err = s.made(ctx, r, to); err == nil {
			err = fits(stack, from)
		}
		if err != nil {
			return r, err
		}
	}
	input := ChangeSetInput{
		Name: "evenkeel-" + r.RunID + "-" + r.Step.Stage, Type: kind,
		Description: "run " + r.RunID + ", commit " + r.Commit,
		Template:    from.template, Parameters: from.of(r.Plan.Side), Capabilities: stack.Capabilities, Tags: tags(r, stack), Rollback: triggers(stack, alarms),
	}
	input.IncludeNested = nests(input.Template)
	return s.create(ctx, r, to, input)
}

func (s *Service) create(ctx context.Context, r Release, to events.Target, input ChangeSetInput) (Release, error) {
	var err error
	if len(input.Template) > maxBody {
		key := "plans/" + r.RunID + "/" + to.Stage + "/" + document(r) + ".template"
		if err := s.Files.Put(ctx, key, input.Template); err != nil {
			return r, err
		}
		if input.TemplateURL, err = s.Files.Share(ctx, key, shareTime); err != nil {
			return r, err
		}
	}
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
	owner := stack.Tags[ownerTag]
	switch {
	case planning(stack.Status) == planCreate, owner == r.Repository, owner == "" && stack.Status == "ROLLBACK_COMPLETE":
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
	if r.Plan.Side != "" {
		all[sideTag] = r.Plan.Side
	}
	return all
}

// parameters gives each parameter its value; outputs are read from the stacks
// of the same stage as they are now, and of one with sides from the live side.
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
	r, err := s.ofLive(ctx, r, name)
	if err != nil {
		return nil, err
	}
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
// document and announced, and the task is answered with the work; while it is
// not, the task fails with PlanPending; for a side that gets traffic for longer
// than that is tried again, with a ConflictError.
func (s *Service) ReadPlan(ctx context.Context, r Release, taskToken string) (Answered, error) {
	return s.callback(ctx, r, taskToken, func() (string, error) {
		to, err := target(r)
		if err != nil {
			return "", err
		}
		changeSet, err := s.changeSet(ctx, r, to)
		if err != nil {
			return "", err
		}
		until, err := s.free(ctx, r, to)
		if err != nil {
			return "", err
		}
		switch {
		case changeSet.Unchanged():
			r.Plan.Empty = true
		case until.Sub(s.Now()) > planPatience:
			return "", fault.Conflict("the side %s may get traffic until %s; push again then", to.StackName, until.UTC().Format(time.RFC3339))
		case s.Now().Before(until):
			return "", &pending{PlanPending, "the side " + to.StackName + " may get traffic until " + until.UTC().Format(time.RFC3339)}
		case changeSet.Status == "CREATE_COMPLETE":
		case strings.HasPrefix(changeSet.Status, "CREATE_"):
			return "", &pending{PlanPending, "the change set of " + to.StackName + " is not ready (" + changeSet.Status + ")"}
		case changeSet.Status == "FAILED":
			return "", s.planFailed(ctx, r, to, changeSet)
		default:
			return "", fault.Conflict("the change set of %s was deleted while it was planned (%s)", to.StackName, changeSet.Status)
		}
		if !r.Plan.Empty {
			if err := refuseRinging(to, r.Plan.Ringing); err != nil {
				return "", err
			}
		}
		if r, err = s.planned(ctx, r, to, changeSet); err != nil {
			return "", err
		}
		_, err = s.Tasks.Answer(ctx, taskToken, Work{Release: r, Step: r.Step})
		return answeredNow, err
	})
}

// changeSet reads the plan's change set; for the side that is live and has what
// was pushed none is made.
func (s *Service) changeSet(ctx context.Context, r Release, to events.Target) (ChangeSet, error) {
	if r.Plan.Live {
		return changeset.Nothing(), nil
	}
	return s.ChangeSets.Read(ctx, to, r.Plan.ChangeSetID)
}

func (s *Service) planned(ctx context.Context, r Release, to events.Target, c ChangeSet) (Release, error) {
	_, stack, _ := r.Current()
	policy, err := riskPolicy(ctx, s.Exposure, stack, tags(r, stack), s.Now())
	if err != nil {
		return r, err
	}
	shown, err := WithDrift(ctx, s.Stacks, Outside{Baselines: s.Baselines, Changers: s.Changers}, to, c, s.Now())
	if err != nil {
		return r, err
	}
	rated, err := rate(ctx, s.Templates, to, shown, policy)
	if err != nil {
		return r, err
	}
	r.Plan.VerifySeconds = verifySeconds(stack.Verify)
	if r, err = s.gated(ctx, r, to, c, rated, policy); err != nil {
		return r, err
	}
	plan := NewDocument(shown, rated, to.Region)
	plan.Run, plan.Target, plan.Digest = r.Run(), to, r.Plan.Digest
	plan.Empty, plan.Gate, plan.Planned, plan.Expires = r.Plan.Empty, r.Plan.Gate, s.Now().UTC(), r.Plan.Expires
	data, err := json.MarshalIndent(plan, "", " ")
	if err != nil {
		return r, fault.Permanent("encode the plan of %s: %w", to.StackName, err)
	}
	r.Plan.Seen = approval.Hash(data)
	r.Plan.Document = seenKey(r.RunID, to.Stage, document(r), r.Plan.Seen)
	for _, key := range []string{r.Plan.Document, DocumentKey(r.RunID, to.Stage, document(r))} {
		if err := s.Files.Put(ctx, key, data); err != nil {
			return r, err
		}
	}
	err = s.Publisher.Publish(ctx, s.fact(r, events.StackPlanned{
		Run: r.Run(), Target: to, ChangeSetID: c.ID, Digest: r.Plan.Digest, Changes: plan.summary(),
		Empty: r.Plan.Empty, Risk: rated.Level, Reasons: r.Plan.Reasons,
	}, to.Stage, document(r)))
	if stage, _, _ := r.Current(); err == nil && !r.Step.Rollback && stage.Approval == pipeline.ApprovalOnRisk && r.Plan.Gate == GateAuto && !r.Plan.Empty {
		err = s.decidedByPolicy(ctx, r, to)
	}
	return r, err
}

// gated says what the plan must pass, and binds it to everything that it was
// rated by.
func (s *Service) gated(ctx context.Context, r Release, to events.Target, c ChangeSet, rated risk.Assessment, policy risk.Policy) (Release, error) {
	stage, _, _ := r.Current()
	r.Plan.Risk, r.Plan.Reasons = rated.Level, firstReasons(rated.Texts())
	r.Plan.Gate = gate(stage.Approval, rated.Level, r.Plan.Empty)
	if r.Step.Rollback {
		way, err := s.rollbackGate(ctx, r, to, c, policy)
		if err != nil {
			return r, err
		}
		r.Plan.Gate = way
	}
	if r.Plan.Gate == GateApproval {
		r.Transitions += asking
		r.Plan.ApprovalSeconds = int(stage.ApprovalTime() / time.Second)
		r.Plan.Expires = s.Now().Add(stage.ApprovalTime()).UTC()
	}
	parts, err := s.parts(ctx, r, to, c)
	if err != nil {
		return r, err
	}
	r.Plan.Parts, r.Plan.Digest = parts, parts.Digest()
	return operate(r, OperationExecute), nil
}

// maxReasons bounds the reasons in the release and in facts.
const maxReasons = 20

func firstReasons(reasons []string) []string { return reasons[:min(len(reasons), maxReasons)] }

// gate says what a plan must pass.
func gate(approval, level string, empty bool) string {
	switch {
	case empty:
		return GateAuto
	case level == RiskBlocked:
		return GateBlocked
	case approval == pipeline.ApprovalNever, approval == pipeline.ApprovalOnRisk && level == RiskSafe:
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
