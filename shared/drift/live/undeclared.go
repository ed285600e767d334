package live

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// snapshot is what the templates of a stack did not set when it was scanned
// first after a deployment. What the services chose then is no change; what
// differs from it later is one.
type snapshot struct {
	StackID   string                                 `json:"stackId"`
	Updated   time.Time                              `json:"updated"`   // of the deployment
	Resources map[string][]events.PropertyDifference `json:"resources"` // additions, by logical id
}

// Key is where the snapshot of a stack is kept.
func Key(stack events.StackRef) string {
	return "drift/observed/" + stack.Account + "/" + stack.Region + "/" + stack.StackName + ".json"
}

// undeclared compares what was observed with the snapshot, and says in the
// results what changed, but for what other resources of the stack declare. The
// first scan after a deployment makes the snapshot; a resource that could not be
// read then is added when it is seen.
func (c *check) undeclared(deployed Deployed, observed map[string][]events.PropertyDifference, results []drift.LiveResult) error {
	snapshots, key := c.engine.Snapshots, Key(c.stack)
	data, found, err := snapshots.Find(c.ctx, key)
	if err != nil {
		return err
	}
	var before snapshot
	// One that cannot be read is made again.
	if !found || json.Unmarshal(data, &before) != nil || before.StackID != c.stack.StackID || !before.Updated.Equal(deployed.Updated) {
		before = snapshot{StackID: c.stack.StackID, Updated: deployed.Updated.UTC()}
	}
	if before.Resources == nil {
		before.Resources = map[string][]events.PropertyDifference{}
	}
	added := false
	for i := range results {
		now, ok := observed[results[i].LogicalID]
		if !ok {
			continue
		}
		then, known := before.Resources[results[i].LogicalID]
		if !known {
			before.Resources[results[i].LogicalID], added = now, true
			continue
		}
		for _, d := range Changes(c.kind(results[i].Resource), then, now) {
			if !c.claimed(results[i].Resource, d) {
				results[i].Undeclared = append(results[i].Undeclared, d)
			}
		}
	}
	if !added {
		return nil
	}
	if data, err = json.Marshal(before); err != nil {
		return fault.Permanent("write what was observed of %s: %w", c.stack.StackName, err)
	}
	return snapshots.Put(c.ctx, key, data)
}

// Changes are the differences between two observations of one resource, each a
// list of additions to its template, sorted by path. A value that changed is
// compared as its type says, and the smallest differences are named.
func Changes(kind drift.Kind, then, now []events.PropertyDifference) []events.PropertyDifference {
	was := map[string]string{}
	for _, d := range then {
		was[d.Path] = d.Actual
	}
	var found []events.PropertyDifference
	for _, d := range now {
		old, had := was[d.Path]
		delete(was, d.Path)
		switch {
		case !had:
			found = append(found, items(kind, "", d.Actual, events.PropertyDifference{Path: d.Path, Type: drift.DifferenceAdd, Actual: d.Actual})...)
		case old != d.Actual:
			found = append(found, drift.Between(kind, at(d.Path, old), at(d.Path, d.Actual))...)
		}
	}
	for path, old := range was {
		found = append(found, items(kind, old, "", events.PropertyDifference{Path: path, Type: drift.DifferenceRemove, Expected: old})...)
	}
	slices.SortFunc(found, func(a, b events.PropertyDifference) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Type, b.Type))
	})
	return found
}

// items are the differences of a list that came or went, one for each item; of
// anything else it is the whole.
func items(kind drift.Kind, then, now string, whole events.PropertyDifference) []events.PropertyDifference {
	if list, _ := document(then + now); !isList(list) {
		return []events.PropertyDifference{whole}
	}
	found := drift.Between(kind, at(whole.Path, cmp.Or(then, "[]")), at(whole.Path, cmp.Or(now, "[]")))
	if len(found) == 0 { // what it holds does not count for its type
		return []events.PropertyDifference{whole}
	}
	return found
}

func isList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) > 0
}

// at is an object with nothing but a value at a path.
func at(path, text string) map[string]any {
	var value any = text
	if parsed, ok := document(text); ok {
		value = parsed
	}
	parts := names(path)
	for _, name := range slices.Backward(parts) {
		value = map[string]any{name: value}
	}
	object, _ := value.(map[string]any)
	return object
}

// document reads a JSON object or list.
func document(text string) (any, bool) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, false
	}
	var value any
	err := json.Unmarshal([]byte(text), &value)
	return value, err == nil
}
