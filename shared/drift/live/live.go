// Package live is the second engine of drift detection: it works out what the
// deployed template says about each resource of a stack, reads what is live
// through Cloud Control, and compares the two. What cannot be worked out is
// never compared, and counted.
package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// Engine implements drift.Live.
type Engine struct {
	Models      Models
	Deployments Deployments
	Snapshots   Snapshots
	// Parallel is how many models of a stack are read at once; less than one is
	// one.
	Parallel int
}

var _ drift.Live = (*Engine)(nil)

const nestedStack = "AWS::CloudFormation::Stack"

// Check implements drift.Live. A stack that is being changed, or was while it
// was read, is a Conflict: what differs then is no drift.
func (e *Engine) Check(ctx context.Context, stack events.StackRef, resources []drift.Resource) ([]drift.LiveResult, error) {
	deployed, err := e.Deployments.Deployed(ctx, stack)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(deployed.Status, "_IN_PROGRESS") {
		return nil, fault.Conflict("%s is in %s", stack.StackName, deployed.Status)
	}
	c := &check{engine: e, ctx: ctx, stack: stack, resources: map[string]drift.Resource{}, reads: map[string]*reading{}, others: map[string]*others{}}
	for _, r := range resources {
		c.resources[r.LogicalID] = r
	}
	if c.template, err = Resolve(stack, deployed, c); err != nil {
		return nil, err
	}
	c.prefetch(resources)
	var results []drift.LiveResult
	observed := map[string][]events.PropertyDifference{}
	for _, r := range resources {
		if r.Type == nestedStack {
			continue
		}
		result, undeclared, compared := c.compare(r)
		if compared {
			observed[r.LogicalID] = undeclared
		}
		results = append(results, result)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("check %s: %w", stack.StackName, err)
	}
	if err := c.unchanged(deployed.Revision, results); err != nil {
		return nil, err
	}
	if err := c.undeclared(deployed, observed, results); err != nil {
		return nil, err
	}
	return results, nil
}

// unchanged makes sure that the stack was not deployed while it was read. A
// stack of which nothing differs needs no such call.
func (c *check) unchanged(before Revision, results []drift.LiveResult) error {
	if !slices.ContainsFunc(results, func(r drift.LiveResult) bool {
		return r.Status == drift.StatusModified || r.Status == drift.StatusDeleted
	}) {
		return nil
	}
	now, err := c.engine.Deployments.Revision(c.ctx, c.stack)
	if err != nil {
		return err
	}
	if now.Status != before.Status || !now.Updated.Equal(before.Updated) {
		return fault.Conflict("%s was changed while it was read: it is in %s", c.stack.StackName, now.Status)
	}
	return nil
}

// check is one call of Check.
type check struct {
	engine    *Engine
	ctx       context.Context
	stack     events.StackRef
	template  *Template
	resources map[string]drift.Resource

	mu     sync.Mutex
	reads  map[string]*reading // by logical id
	others map[string]*others  // by stack
}

// reading is the model of one resource, read at most once.
type reading struct {
	once       sync.Once
	status     string // IN_SYNC if there is a model, else DELETED, UNKNOWN or UNSUPPORTED
	reason     string
	properties map[string]any
}

// prefetch reads the models whose identifier needs no other model, several at
// once; the others are read when they are asked for.
func (c *check) prefetch(resources []drift.Resource) {
	slots := make(chan struct{}, max(1, c.engine.Parallel))
	var wait sync.WaitGroup
	for _, r := range resources {
		typ, ok := schema.Load(r.Type)
		if !ok || len(typ.PrimaryIdentifier) != 1 || r.Type == nestedStack {
			continue
		}
		wait.Add(1)
		slots <- struct{}{}
		go func() {
			defer wait.Done()
			c.model(r)
			<-slots
		}()
	}
	wait.Wait()
}

func (c *check) model(r drift.Resource) *reading {
	c.mu.Lock()
	m := c.reads[r.LogicalID]
	if m == nil {
		m = &reading{}
		c.reads[r.LogicalID] = m
	}
	c.mu.Unlock()
	m.once.Do(func() { m.status, m.reason, m.properties = c.read(r) })
	return m
}

func (c *check) read(r drift.Resource) (status, reason string, properties map[string]any) {
	typ, ok := schema.Load(r.Type)
	if !ok || len(typ.PrimaryIdentifier) == 0 || r.Type == nestedStack || isCustom(r.Type) {
		return drift.StatusUnsupported, "", nil
	}
	if r.PhysicalID == "" {
		return drift.StatusUnknown, "it has no physical id", nil
	}
	identifier, exact := Identifier(c.stack, typ, r.PhysicalID, func(path []string) (any, bool) { return c.template.Property(r.LogicalID, path) })
	if identifier == "" {
		return drift.StatusUnknown, c.noIdentifier(r, typ), nil
	}
	properties, found, err := c.engine.Models.Read(c.ctx, c.stack, r.Type, identifier)
	switch {
	case errors.Is(err, ErrUnsupported):
		return drift.StatusUnsupported, "", nil
	case err != nil:
		return drift.StatusUnknown, err.Error(), nil
	case !found && exact:
		return drift.StatusDeleted, "", nil
	case !found:
		return drift.StatusUnknown, fmt.Sprintf("Cloud Control does not find it as %q, which may not be its identifier", identifier), nil
	}
	return drift.StatusInSync, "", properties
}

// isCustom reports a resource whose handler is the user's own.
func isCustom(typeName string) bool {
	return strings.HasPrefix(typeName, "Custom::") || typeName == "AWS::CloudFormation::CustomResource"
}

// compare looks at one resource. undeclared is what is live and not in the
// template, if it was read.
func (c *check) compare(r drift.Resource) (result drift.LiveResult, undeclared []events.PropertyDifference, read bool) {
	m := c.model(r)
	result.Resource, result.Status, result.Reason = r, m.status, m.reason
	if m.status != drift.StatusInSync {
		return result, nil, false
	}
	expected, ok := c.template.Expected(r.LogicalID)
	if !ok {
		result.Status, result.Reason = drift.StatusUnknown, "the deployed template does not have it"
		return result, nil, false
	}
	typ, _ := schema.Load(r.Type)
	c.template.addStackTags(typ, expected)
	known, actual, unresolved := prune(expected, m.properties)
	result.Expected, result.Actual, result.Unresolved = known, actual, unresolved
	compared := drift.Examine(c.kind(r), known, actual)
	result.Why = c.why(r, unresolved, compared.Unresolved)
	for _, place := range compared.Unresolved {
		result.Unresolved = append(result.Unresolved, place.Path)
	}
	result.Unresolved = sortedPointers(result.Unresolved)
	for _, d := range compared.Differences {
		if d.Type != drift.DifferenceAdd || !c.claimed(r, d) {
			result.Differences = append(result.Differences, d)
		}
	}
	if len(result.Differences) > 0 {
		result.Status = drift.StatusModified
	}
	return result, drift.Undeclared(c.kind(r), known, actual), true
}

func (c *check) kind(r drift.Resource) drift.Kind {
	return drift.Kind{Type: r.Type, Account: c.stack.Account, Region: c.stack.Region}
}

// lookup follows a path of names through a model.
func lookup(document any, path []string) (any, bool) {
	for _, name := range path {
		m, ok := document.(map[string]any)
		if !ok {
			return nil, false
		}
		if document, ok = m[name]; !ok {
			return nil, false
		}
	}
	return document, true
}

// sortedPointers sorts pointers and drops repeated ones.
func sortedPointers(pointers []string) []string {
	slices.Sort(pointers)
	return slices.Compact(pointers)
}
