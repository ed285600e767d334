package deployment

import "time"

// maxTransitions bounds what one stack costs in one stage: the states that are
// entered and the retries of a state, each of which AWS bills as a transition,
// however long CloudFormation and people take. Retries after a fault of a call
// to AWS come on top; the Retry of each state bounds them.
// Source: Step Functions pricing, "state transition".
const maxTransitions = 30

const (
	// perRecovery is what each operation that ends what a failed one left may cost
	// on top: Plan and two retries of it, MayBePlanned?, and a round. There are at
	// most maxRecoveries of them before the plan and two after its execution.
	perRecovery = 7
	// ending is what stays reserved for the end: Verify and four retries of it,
	// RollOut?, EndStack.
	ending = 7
	// rolling is what moving the traffic costs on top: RollOut and two retries of
	// it.
	rolling = 3
	// round is what it costs to wait once: Operate, DescribeOutcome, Outcome?.
	round = 3
	// asking is what an approval costs: RequestApproval, Approved?.
	asking = 2
	// again is what stays reserved when the stack is planned after the operation:
	// Plan, MayBePlanned?, ReadPlan and five retries of it, MayExecute?, an
	// approval, and a round.
	again = 9 + asking + round
)

// costs are the states that an action and the Choice after it stand for. The
// state before DescribeOutcome is counted with it: it gives back no release.
var costs = map[string]int{ActionPlan: 2, ActionReadPlan: 2, ActionDescribeOutcome: round}

// rounds is how often the end of an operation may be waited for with what is
// left.
func rounds(r Release) int {
	left := maxTransitions + perRecovery*r.Plan.Recoveries - ending - r.Transitions
	if isCandidate(r) {
		left -= rolling
	}
	if r.Plan.Operation != OperationExecute && r.Plan.ChangeSetID == "" {
		left -= again
	}
	return left / round
}

// patience is how long to wait for the event that ends an operation before its
// history is read, by how often that may be done after this. Events seldom get
// lost, and long operations are seldom: so the first look comes early, and the
// last wait covers a whole day.
func patience(left int) time.Duration {
	switch {
	case left <= 0:
		return maxOperation
	case left == 1:
		return 4 * time.Hour
	case left == 2:
		return time.Hour
	default:
		return 15 * time.Minute
	}
}

// operate says what is to be done to the stack, and for how long its end is
// waited for.
func operate(r Release, operation string) Release {
	r.Plan.Operation = operation
	wait := patience(rounds(r) - 1)
	if _, stack, _ := r.Current(); operation == OperationExecute {
		wait += time.Duration(stack.Rollback.Bake) * time.Minute
	}
	r.Plan.WaitSeconds = int(wait / time.Second)
	return r
}
