package demo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/evenkeel/evenkeel/events"
)

// The ways through the workflow for one stack.
const (
	planned   = "Plan MayBePlanned? ReadPlan MayExecute? "
	operated  = "Operate DescribeOutcome Outcome? "
	recovered = "Plan MayBePlanned? " + operated
	failed    = planned + operated + "EndStack"
	deployed  = planned + operated + "Verify RollOut? EndStack"
)

// deployment is a push to a stack of its own, and how it has to end.
type deployment struct {
	want    string
	fails   string // fault injection into the stack's second queue
	retain  bool   // the first queue is retained
	stage   string // what the stage says besides
	before  func(ctx context.Context, w *World, stack string) error
	outcome string
	reason  string // contained in the run's reason
	status  string // of the stack afterwards
	path    string // the visited states, from Plan to EndStack
}

// brittle is one way in which deployments fail, and what comes after.
type brittle struct {
	name  string // of the pipeline, so that each has a stack of its own
	steps []deployment
}

// How the simulator fails a resource (local/cloudformation.md, CFN-60).
func fault(on string, times int) string {
	limit := ""
	if times > 0 {
		limit = fmt.Sprintf(", Times: %d", times)
	}
	return fmt.Sprintf("{Evenkeel::Simulate: {Fail: no quota, On: %q%s}}", on, limit)
}

// good is a push that heals.
func good(path string) deployment {
	return deployment{want: "the next push deploys it", outcome: events.OutcomeSucceeded, status: "_COMPLETE", path: path}
}

var brittles = []brittle{
	{"creation", []deployment{
		{want: "a creation fails and is rolled back", fails: fault("create", 0), outcome: events.OutcomeRolledBack, reason: "no quota", status: "ROLLBACK_COMPLETE", path: failed},
		good(recovered + deployed),
	}},
	{"left-creation", []deployment{
		{want: "a creation fails and is left as it is", fails: fault("create", 0), stage: ", disableRollback: true", outcome: events.OutcomeStuck,
			reason: "Next: evenkeel recover 222222222222/us-east-1/left-creation-queue-test", status: "CREATE_FAILED", path: failed},
		good(recovered + recovered + deployed),
	}},
	{"update", []deployment{
		good(deployed),
		{want: "an update fails and is rolled back", fails: fault("update", 0), outcome: events.OutcomeRolledBack, reason: "no quota", status: "UPDATE_ROLLBACK_COMPLETE", path: failed},
	}},
	{"left-update", []deployment{
		good(deployed),
		{want: "an update fails and is left as it is", fails: fault("update", 0), stage: ", disableRollback: true", outcome: events.OutcomeStuck,
			reason: "Next: evenkeel recover", status: "UPDATE_FAILED", path: failed},
		good(recovered + deployed),
	}},
	{"left-for-a-person", []deployment{
		good(deployed),
		{want: "an update fails and is left as it is", fails: fault("update", 0), stage: ", disableRollback: true", outcome: events.OutcomeStuck,
			reason: "Next: evenkeel recover", status: "UPDATE_FAILED", path: failed},
		{want: "a person has it rolled back; the next push deploys it", outcome: events.OutcomeSucceeded, status: "UPDATE_COMPLETE", path: deployed,
			before: func(ctx context.Context, w *World, stack string) error {
				return w.recover(ctx, stack, "UPDATE_ROLLBACK_COMPLETE")
			}},
	}},
	{"rollback", []deployment{
		good(deployed),
		{want: "a rollback fails, and works the second time", fails: fault("update|rollback", 2), outcome: events.OutcomeRolledBack, reason: "no quota",
			status: "UPDATE_ROLLBACK_COMPLETE", path: planned + operated + operated + "EndStack"},
	}},
	{"stuck-rollback", []deployment{
		good(deployed),
		{want: "a rollback fails twice", fails: fault("update|rollback", 0), outcome: events.OutcomeStuck,
			reason: "It could not be undone (continue)", status: "UPDATE_ROLLBACK_FAILED", path: planned + operated + operated + "EndStack"},
		{want: "the next push tries in vain, and names what a person can skip", fails: fault("rollback", 0), outcome: events.OutcomeStuck,
			reason: "Next: evenkeel recover 222222222222/us-east-1/stuck-rollback-queue-test, and when that fails again, to leave them as they are: --skip Jobs",
			status: "UPDATE_ROLLBACK_FAILED", path: recovered + "EndStack"},
		{want: "a person has it recovered without the resource; the next push deploys it", outcome: events.OutcomeSucceeded, status: "UPDATE_COMPLETE", path: deployed,
			before: func(ctx context.Context, w *World, stack string) error {
				return w.recover(ctx, stack, "UPDATE_ROLLBACK_COMPLETE", "--skip", "Jobs")
			}},
	}},
	{"retained", []deployment{
		{want: "a creation fails whose first resource is retained", fails: fault("create", 0), retain: true, outcome: events.OutcomeRolledBack, status: "ROLLBACK_COMPLETE", path: failed},
		{want: "the next push refuses to lose it", outcome: events.OutcomeStuck, reason: "but has 1 resource still: Before (AWS::SQS::Queue", status: "ROLLBACK_COMPLETE", path: "Plan EndStack"},
		{want: "a person has the stack deleted; the next push creates it", outcome: events.OutcomeSucceeded, status: "CREATE_COMPLETE", path: deployed,
			before: func(ctx context.Context, w *World, stack string) error { return w.recover(ctx, stack, "gone") }},
	}},
	{"remains", []deployment{
		{want: "a creation fails and cannot be rolled back", fails: fault("create", 0), outcome: events.OutcomeStuck, reason: "Next: evenkeel recover", status: "ROLLBACK_FAILED", path: failed,
			before: func(ctx context.Context, w *World, stack string) error {
				return w.inject(ctx, `{"kind":"resource","stack":"`+stack+`","resource":"Before","on":"delete","reason":"in use","times":1}`)
			}},
		{want: "the next push refuses to delete what is left", outcome: events.OutcomeStuck, reason: "Before (AWS::SQS::Queue", status: "ROLLBACK_FAILED", path: "Plan EndStack"},
		{want: "a person has it deleted; the next push creates it", outcome: events.OutcomeSucceeded, status: "CREATE_COMPLETE", path: deployed,
			before: func(ctx context.Context, w *World, stack string) error { return w.recover(ctx, stack, "gone") }},
	}},
	{"watched", []deployment{
		{want: "an alarm that is missing is refused before anything is planned", stage: ", alarms: [brittle], bake: 5m", outcome: events.OutcomeRejected,
			reason: "evenkeel.yaml:5: there is no alarm brittle in account 222222222222, region us-east-1", path: "Plan EndStack"},
		{want: "one that is in ALARM defers the run", stage: ", alarms: [brittle], bake: 5m", outcome: events.OutcomeDeferred, reason: "in ALARM: brittle", path: "Plan MayBePlanned? ReadPlan EndStack",
			before: func(ctx context.Context, w *World, _ string) error {
				return firstError(w.quiet(ctx, testAccount, "brittle"), w.alarm(ctx, types.StateValueAlarm))
			}},
		{want: "a quiet one is watched for the bake time", stage: ", alarms: [brittle], bake: 5m", outcome: events.OutcomeSucceeded, status: "CREATE_COMPLETE", path: deployed,
			before: func(ctx context.Context, w *World, _ string) error { return w.alarm(ctx, types.StateValueOk) }},
		{want: "one that rings in the bake time rolls back, and is named", stage: ", alarms: [brittle], bake: 20m", outcome: events.OutcomeRolledBack, reason: "The alarm brittle is in ALARM",
			status: "UPDATE_ROLLBACK_COMPLETE", path: failed, before: func(ctx context.Context, w *World, stack string) error {
				return w.ringsWhile(ctx, stack, "UPDATE_IN_PROGRESS")
			}},
		{want: "one that is no longer named leaves the stack", outcome: events.OutcomeSucceeded, status: "UPDATE_COMPLETE", path: deployed},
	}},
}
