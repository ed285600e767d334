package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/redact"
	"github.com/evenkeel/evenkeel/shared/risk"
)

// Previous is what a stack was made from before the run changed it. Values of
// NoEcho parameters never leave CloudFormation: they are named in Hidden, and
// the stack keeps the ones that it has.
type Previous struct {
	Template     []byte            `json:"template"`
	Parameters   map[string]string `json:"parameters"`
	Hidden       []string          `json:"hidden"` // names, sorted
	Capabilities []string          `json:"capabilities"`
	Tags         map[string]string `json:"tags"`
}

func previousKey(runID string, to events.Target) string {
	return "previous/" + runID + "/" + to.Stage + "/" + to.Stack + ".json"
}

// keepPrevious keeps what the stack is made from, right before it is changed,
// when a failed verification would bring it back. Of what gets traffic by a
// rollout, only the traffic is brought back.
func (s *Service) keepPrevious(ctx context.Context, r Release, to events.Target) error {
	stage, declared, _ := r.Current()
	if r.Step.Rollback || declared.Rollout != nil || stage.OnVerificationFailure != pipeline.OnFailureRollback || len(stage.Verify)+len(declared.Verify) == 0 {
		return nil
	}
	stack, err := s.Stacks.Describe(ctx, to)
	if err != nil || planning(stack.Status) != planUpdate {
		return err
	}
	template, err := s.Templates.Original(ctx, to, "")
	if err != nil {
		return err
	}
	previous := Previous{Template: template, Parameters: map[string]string{}, Hidden: []string{}, Capabilities: stack.Capabilities, Tags: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(stack.Parameters)) {
		if stack.Parameters[name] == redact.Hidden {
			previous.Hidden = append(previous.Hidden, name)
			continue
		}
		previous.Parameters[name] = stack.Parameters[name]
	}
	for name, value := range stack.Tags {
		if !strings.HasPrefix(name, "aws:") {
			previous.Tags[name] = value
		}
	}
	data, err := json.Marshal(previous)
	if err != nil {
		return fault.Permanent("encode what %s is made from: %w", to.StackName, err)
	}
	return s.Files.Put(ctx, previousKey(r.RunID, to), data)
}

func (s *Service) hasPrevious(ctx context.Context, r Release, to events.Target) (bool, error) {
	_, err := s.Files.Get(ctx, previousKey(r.RunID, to))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// returnInput is the change set that brings the stack back.
func (s *Service) returnInput(ctx context.Context, r Release, to events.Target) (ChangeSetInput, error) {
	data, err := s.Files.Get(ctx, previousKey(r.RunID, to))
	if errors.Is(err, fs.ErrNotExist) {
		return ChangeSetInput{}, fault.Permanent("what %s was made from before the run is not known: it was deployed for the first time", to.StackName)
	}
	if err != nil {
		return ChangeSetInput{}, err
	}
	var previous Previous
	if err := json.Unmarshal(data, &previous); err != nil {
		return ChangeSetInput{}, fault.Permanent("read what %s was made from: %w", to.StackName, err)
	}
	return ChangeSetInput{
		Name: "evenkeel-" + r.RunID + "-" + r.Step.Stage + "-rollback", Type: planUpdate, Description: "run " + r.RunID + ", back to before it",
		Template: previous.Template, Parameters: previous.Parameters, Previous: previous.Hidden, Capabilities: previous.Capabilities, Tags: previous.Tags,
		IncludeNested: nests(previous.Template),
	}, nil
}

// document names the plan of the step beside those of other stacks.
func document(r Release) string {
	if r.Step.Rollback {
		return r.Step.Stack + ".rollback"
	}
	return r.Step.Stack
}

// rollbackGate lets a rollback through that loses nothing but what the run
// itself added. It asks nobody: the stage has said what it wants, and what it
// comes back to was accepted before.
func (s *Service) rollbackGate(ctx context.Context, r Release, to events.Target, c ChangeSet, policy risk.Policy) (string, error) {
	data, err := s.Files.Get(ctx, DocumentKey(r.RunID, to.Stage, to.Stack))
	if err != nil {
		return "", err
	}
	var forward Document
	if err := json.Unmarshal(data, &forward); err != nil {
		return "", fault.Permanent("read the plan of %s: %w", to.StackName, err)
	}
	added := map[string]bool{}
	for _, row := range forward.Rows {
		added[row.LogicalID] = row.Action == "Add"
	}
	others := c
	others.Changes = slices.DeleteFunc(slices.Clone(c.Changes), func(change Change) bool { return change.Action == "Remove" && added[change.LogicalID] })
	rated, err := rate(ctx, s.Templates, to, others, policy)
	unknown := slices.ContainsFunc(rated.Reasons, func(r risk.Reason) bool { return r.Code == "nested-stack-unknown" })
	if err != nil || rated.Loses() || unknown {
		return GateBlocked, err
	}
	return GateAuto, nil
}

// rolledBack announces a stack that is back.
func (s *Service) rolledBack(ctx context.Context, r Release, to events.Target) error {
	failure := events.Failure{Stage: to.Stage, Stack: to.Stack, Reason: "its verification failed; it is back at its previous template"}
	return s.Publisher.Publish(ctx, s.fact(r, events.StackRolledBack{Run: r.Run(), Target: to, Failure: failure}, to.Stage, to.Stack, "verification"))
}

// changedIn lists the stacks of the stage that the run changed, in the order
// of their deployment.
func changedIn(r Release, stage pipeline.Stage) []string {
	var list []string
	for _, d := range r.Done {
		if d.Stage == stage.Name && !d.Unchanged {
			list = append(list, d.Stack)
		}
	}
	return list
}

// wanted takes the rollbacks that results ask for into the release.
func wanted(r Release) Release {
	for i, result := range r.Results {
		if !result.Rollback {
			continue
		}
		r.Results[i].Rollback = false
		stacks := []string{result.Stack}
		if result.Stack == "" {
			for _, stage := range r.Stages {
				if stage.Name == result.Stage {
					stacks = changedIn(r, stage)
				}
			}
		}
		r.Results[i].Undoing = len(stacks)
		for _, stack := range stacks {
			r.Rollbacks = append(r.Rollbacks, Step{Kind: StepDeploy, Stage: result.Stage, Stack: stack, Rollback: true})
		}
	}
	return r
}

// undone takes in how a rollback ended: into the result that asked for it.
func undone(r Release, ended StackResult) Release {
	r.Rollbacks = slices.DeleteFunc(slices.Clone(r.Rollbacks), func(s Step) bool { return s.Stage == ended.Stage && s.Stack == ended.Stack })
	for i, result := range r.Results {
		if result.Stage != ended.Stage || result.Undoing == 0 || result.Stack != "" && result.Stack != ended.Stack {
			continue
		}
		if ended.Outcome != events.OutcomeSucceeded {
			r.Results[i].Reason = cut(result.Reason+" "+ended.Stack+" could not be brought back: "+ended.Reason, maxStackReason)
			r.Results[i].Failure = ended.Failure
			return r
		}
		r.Done = slices.DeleteFunc(r.Done, func(d Deployed) bool { return d.Stage == ended.Stage && d.Stack == ended.Stack })
		if r.Results[i].Undoing--; r.Results[i].Undoing == 0 {
			r.Results[i].Outcome, r.Results[i].Result = events.OutcomeRolledBack, ResultRolledBack
			r.Results[i].Reason = cut(result.Reason+" What the run changed there is back at its previous template.", maxStackReason)
		}
		return r
	}
	return r
}

// undoing is the wave of rollbacks that come next: of the stacks on which no
// other one depends that is still to be rolled back.
func undoing(r Release) []Step {
	wave := []Step{}
	for _, step := range r.Rollbacks {
		needed := slices.ContainsFunc(r.Rollbacks, func(other Step) bool { return other.Stage == step.Stage && dependsOn(r, other, step.Stack) })
		if !needed && len(wave) < maxWave {
			wave = append(wave, step)
		}
	}
	return wave
}

func dependsOn(r Release, step Step, name string) bool {
	for _, stage := range r.Stages {
		for _, stack := range stage.Stacks {
			if stage.Name == step.Stage && stack.Name == step.Stack {
				return slices.Contains(stack.DependsOn, name)
			}
		}
	}
	return false
}
