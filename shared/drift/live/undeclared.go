package live

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// snapshot is what the templates of a stack did not set when it was scanned
// first after a deployment. What the services chose then is no change; what
// differs from it later is one.
type snapshot struct {
	StackID   string                    `json:"stackId"`
	Updated   time.Time                 `json:"updated"`   // of the deployment
	Resources map[string]map[string]any `json:"resources"` // by logical id
}

// Key is where the snapshot of a stack is kept.
func Key(stack events.StackRef) string {
	return "drift/observed/" + stack.Account + "/" + stack.Region + "/" + stack.StackName + ".json"
}

// undeclared compares what was observed with the snapshot, and says in the
// results what changed. The first scan after a deployment makes the snapshot;
// a resource that could not be read then is added when it is seen.
func (e *Engine) undeclared(ctx context.Context, stack events.StackRef, deployed Deployed, observed map[string]map[string]any, results []drift.LiveResult) error {
	data, found, err := e.Snapshots.Find(ctx, Key(stack))
	if err != nil {
		return err
	}
	var before snapshot
	// One that cannot be read is made again.
	if !found || json.Unmarshal(data, &before) != nil || before.StackID != stack.StackID || !before.Updated.Equal(deployed.Updated) {
		before = snapshot{StackID: stack.StackID, Updated: deployed.Updated.UTC()}
	}
	if before.Resources == nil {
		before.Resources = map[string]map[string]any{}
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
		kind := drift.Kind{Type: results[i].Type, Account: stack.Account, Region: stack.Region}
		results[i].Undeclared = changes(kind, then, now)
	}
	if !added {
		return nil
	}
	if data, err = json.Marshal(before); err != nil {
		return fault.Permanent("write what was observed of %s: %w", stack.StackName, err)
	}
	return e.Snapshots.Put(ctx, Key(stack), data)
}

// changes are the differences between two observations. Compare looks at no
// property that is new at the top: those are added here.
func changes(kind drift.Kind, then, now map[string]any) []events.PropertyDifference {
	base := map[string]any{}
	for name := range now {
		base[name] = then[name] // nil where it is new
	}
	for name, v := range then {
		base[name] = v
	}
	found := drift.Compare(kind, base, now)
	for i, d := range found {
		if _, had := lookup(then, names(d.Path)[:1]); !had {
			found[i].Type, found[i].Expected = drift.DifferenceAdd, ""
		}
	}
	return found
}

// observe returns what is live and not set by the template, without what the
// service alone sets, what is unresolved, and what other resources of the stack
// declare.
func (c *check) observe(r drift.Resource, typ *schema.Type, expected, actual map[string]any) map[string]any {
	rest := extra(typ, nil, expected, actual)
	for name, v := range rest {
		if items, ok := v.([]any); ok {
			rest[name] = slices.DeleteFunc(slices.Clone(items), func(item any) bool { return c.claims(r, item) })
		}
	}
	return rest
}

// extra is what the actual object has and the expected one does not. Inside a
// declared object only the properties that its schema names are undeclared: in
// a map, such as the variables of a function, everything is declared.
func extra(typ *schema.Type, path []string, expected, actual map[string]any) map[string]any {
	rest := map[string]any{}
	for name, have := range actual {
		at := append(slices.Clip(path), name)
		if schema.Covers(typ.ReadOnly, at...) || schema.Covers(typ.WriteOnly, at...) {
			continue
		}
		want, set := expected[name]
		if !set {
			if named(typ, at) {
				rest[name] = have
			}
			continue
		}
		w, isObject := want.(map[string]any)
		h, both := have.(map[string]any)
		if want == template.Unknown || !isObject || !both {
			continue
		}
		if inner := extra(typ, at, w, h); len(inner) > 0 {
			rest[name] = inner
		}
	}
	return rest
}

// named reports a path whose last part its schema names as a property.
func named(typ *schema.Type, path []string) bool {
	parent := typ.Root
	if len(path) > 1 {
		var ok bool
		if parent, ok = typ.Property(strings.Join(path[:len(path)-1], "/")); !ok {
			return false
		}
	}
	return hasProperty(parent, path[len(path)-1], 0)
}

func hasProperty(s *schema.Schema, name string, depth int) bool {
	const deepest = 8 // alternatives may lead back
	if s == nil || depth > deepest {
		return false
	}
	if _, ok := s.Properties[name]; ok {
		return true
	}
	for _, alternatives := range [][]*schema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, a := range alternatives {
			if hasProperty(a, name, depth+1) {
				return true
			}
		}
	}
	return false
}

// declared reports a difference that is drift of what the template sets. That a
// declared object has one more of the properties that its schema names is not:
// the service fills them in, and CloudFormation compares only what is set. It is
// observed as undeclared.
// Source: CloudFormation user guide, "Detect unmanaged configuration changes to
// stacks and resources with drift detection" (only explicitly set values).
func declared(typ *schema.Type, d events.PropertyDifference) bool {
	if d.Type != drift.DifferenceAdd {
		return true
	}
	path := names(d.Path)
	if _, err := strconv.Atoi(path[len(path)-1]); err == nil {
		return true
	}
	return !named(typ, path)
}
