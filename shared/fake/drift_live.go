package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/live"
)

// LiveCloud is what the live engine reads, in memory: it implements
// live.Models, live.Deployments and live.Snapshots.
type LiveCloud struct {
	Models   map[string]map[string]any // by type and identifier: "AWS::SQS::Queue https://…"
	Stacks   map[string]live.Deployed  // by stack id
	Exported map[string]string
	Out      map[string]map[string]string // outputs, by the name or ARN of a stack
	Kept     map[string][]byte            // snapshots by key
	// Fault, if set, is asked before each call ("Read", "Deployed", "Find", …);
	// what names the resource, stack or key.
	Fault func(call, what string) error

	mu    sync.Mutex
	calls []string
}

var (
	_ live.Models      = (*LiveCloud)(nil)
	_ live.Deployments = (*LiveCloud)(nil)
	_ live.Snapshots   = (*LiveCloud)(nil)
)

// Calls returns the calls so far, each with what it named, sorted.
func (c *LiveCloud) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.calls))
}

func (c *LiveCloud) called(call, what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call+" "+what)
	if c.Fault == nil {
		return nil
	}
	return c.Fault(call, what)
}

// Read implements live.Models.
func (c *LiveCloud) Read(_ context.Context, _ events.StackRef, typeName, identifier string) (map[string]any, bool, error) {
	key := typeName + " " + identifier
	if err := c.called("Read", key); err != nil {
		return nil, false, err
	}
	model, ok := c.Models[key]
	return maps.Clone(model), ok, nil
}

// Deployed implements live.Deployments.
func (c *LiveCloud) Deployed(_ context.Context, stack events.StackRef) (live.Deployed, error) {
	if err := c.called("Deployed", stack.StackName); err != nil {
		return live.Deployed{}, err
	}
	deployed, ok := c.Stacks[stack.StackID]
	if !ok {
		return live.Deployed{}, fmt.Errorf("the stack %s does not exist", stack.StackName)
	}
	return deployed, nil
}

// Revision implements live.Deployments.
func (c *LiveCloud) Revision(_ context.Context, stack events.StackRef) (live.Revision, error) {
	err := c.called("Revision", stack.StackName)
	return c.Stacks[stack.StackID].Revision, err
}

// Exports implements live.Deployments.
func (c *LiveCloud) Exports(_ context.Context, stack events.StackRef) (map[string]string, error) {
	return maps.Clone(c.Exported), c.called("Exports", stack.StackName)
}

// Outputs implements live.Deployments.
func (c *LiveCloud) Outputs(_ context.Context, _ events.StackRef, of string) (map[string]string, error) {
	return maps.Clone(c.Out[of]), c.called("Outputs", of)
}

// Find implements live.Snapshots.
func (c *LiveCloud) Find(_ context.Context, key string) ([]byte, bool, error) {
	if err := c.called("Find", key); err != nil {
		return nil, false, err
	}
	data, ok := c.Kept[key]
	return slices.Clone(data), ok, nil
}

// Put implements live.Snapshots.
func (c *LiveCloud) Put(_ context.Context, key string, data []byte) error {
	if err := c.called("Put", key); err != nil {
		return err
	}
	if c.Kept == nil {
		c.Kept = map[string][]byte{}
	}
	c.Kept[key] = slices.Clone(data)
	return nil
}
