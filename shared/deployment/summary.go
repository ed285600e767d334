package deployment

import (
	"fmt"

	"github.com/evenkeel/evenkeel/events"
)

// The limits of a plan inside a fact, which must fit an event of 256 KB; the
// document in S3 has everything.
const (
	factRows       = 50
	factProperties = 10
	factValue      = 120 // characters of a property line
)

// summary is the document's rows for a fact; a last row tells how many were
// left out.
func (d Document) summary() []events.Change {
	all := flat(d.Rows, "")
	changes := make([]events.Change, 0, min(len(all), factRows))
	for i, row := range all {
		if i == factRows {
			changes = append(changes, events.Change{LogicalID: fmt.Sprintf("… and %d more", len(all)-factRows)})
			break
		}
		changes = append(changes, row.summary())
	}
	return changes
}

// flat lists the rows with those of nested stacks, named by their path.
func flat(rows []Row, parent string) []Row {
	var all []Row
	for _, row := range rows {
		row.LogicalID = parent + row.LogicalID
		all = append(all, row)
		all = append(all, flat(row.Nested, row.LogicalID+"/")...)
	}
	return all
}

func (r Row) summary() events.Change {
	change := events.Change{
		Action: r.Action, LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, ResourceType: r.Type,
		Replacement: r.Replacement, PolicyAction: r.PolicyAction,
	}
	for i, p := range r.Properties {
		if i == factProperties {
			change.Properties = append(change.Properties, fmt.Sprintf("… and %d more", len(r.Properties)-factProperties))
			break
		}
		change.Properties = append(change.Properties, clip(p.line(), factValue))
	}
	return change
}

func clip(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
