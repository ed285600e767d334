package stack

import (
	"github.com/evenkeel/evenkeel/infra/construct"
	"github.com/evenkeel/evenkeel/shared/metrics"
)

// slowHealSeconds is how long a group may be open before its heal is called
// slow. What CloudTrail needs until the healer hears of a call counts too: who
// lives with a slow trail raises it.
const slowHealSeconds = 60

// healingAlarms tell a person what the healer cannot mend by itself. How deep
// its queue is, how old, and what it never took have alarms with the queue.
func healingAlarms(c *construct.Common, alarms *construct.Alarms) {
	for _, a := range []construct.Alarm{
		{Name: "heals-stopped", Metric: "HealsStopped", Threshold: 1,
			Description: "A security group was opened so often within an hour that the healer left it open: evenkeel heal list says which one and evenkeel heal show who opens it; stop that, then close the group or wait for the next hour's sweep"},
		{Name: "heals-slow", Metric: "HealExposureSeconds", Statistic: "p95", Threshold: slowHealSeconds,
			Description: "Groups were open for a minute or longer before they were healed: compare the times of the event and of the heal (evenkeel heal show); before the event reached the queue it is CloudTrail's delay, after that throttling or failures, which the log of evenkeel-healing names"},
		{Name: "openings-missed", Metric: "OpeningsMissed", Threshold: 1,
			Description: "A sweep closed groups that no event had told of: see that the account's rule evenkeel-forward-security-group-changed is there and enabled, that a trail logs its management events, and that evenkeel-security-group-changed-dead-letters is empty"},
		{Name: "sweep-faults", Metric: "SweepFaults", Threshold: 1,
			Description: "A sweep could not look at a region of an account, where openings may go unseen: the fact SecurityGroupsSwept and the log of evenkeel-healing say which and why; mostly the role evenkeel-heal is missing there"},
	} {
		a.Namespace = metrics.Namespace
		alarms.On(c, a)
	}
}
