package healing

import (
	"context"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Stop says that the healer left a group open, because it had healed it as
// often within an hour as the policy allows: whatever opens it will go on, and
// a person must look. The next hour's sweep tries again.
type Stop struct {
	Heal    string    `json:"heal"`    // id of the heal, the first by rule id, that was not carried out
	Actions int       `json:"actions"` // asked for in the hour, this one included
	Limit   int       `json:"limit"`
	Hour    time.Time `json:"hour"` // when it began
}

// stop tells, once in an hour, that the group stays open. That is the end of
// the event: to try again at once would only count more actions.
func (t *task) stop(ctx context.Context, c *closing, remove []events.Removal, s Stop) error {
	stopped := Heal{
		ID:      "stop-" + digest(c.group.Account, c.group.Region, c.group.GroupID, s.Hour.Format(time.RFC3339)),
		Group:   c.group,
		Mode:    Enforce,
		Trigger: t.blameAny(remove),
		Removed: withoutQuarantine(remove),
		Planned: t.Now().UTC(),
		Stop:    &s,
	}
	kept, err := t.Records.Save(ctx, t.trigger.EventID, stopped)
	if err != nil {
		return err
	}
	return t.report(ctx, kept)
}

func withoutQuarantine(remove []events.Removal) []events.Removal {
	remove = slices.Clone(remove)
	for i := range remove {
		remove[i].Quarantine = ""
	}
	return remove
}
