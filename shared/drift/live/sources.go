package live

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// Ref implements Sources: what Ref gives is the physical id.
// Source: CloudFormation user guide, "Resource and property types reference",
// return values.
func (c *check) Ref(logicalID string) (string, error) {
	if id := c.resources[logicalID].PhysicalID; id != "" {
		return id, nil
	}
	return "", fmt.Errorf("%s has no physical id", logicalID)
}

// Attribute implements Sources: attributes are in the live model.
func (c *check) Attribute(logicalID, name string) (any, error) {
	r, ok := c.resources[logicalID]
	if !ok {
		return nil, fmt.Errorf("the stack has no resource %s", logicalID)
	}
	if output, isOutput := strings.CutPrefix(name, "Outputs."); isOutput && r.Type == nestedStack {
		return c.Output(r.PhysicalID, output)
	}
	m := c.model(r)
	if value, ok := lookup(m.properties, strings.Split(name, ".")); ok {
		return value, nil
	}
	switch m.status {
	case drift.StatusInSync:
		return nil, fmt.Errorf("the model of %s has no %s", logicalID, name)
	case drift.StatusDeleted:
		return nil, fmt.Errorf("%s is gone", logicalID)
	case drift.StatusUnsupported:
		return nil, fmt.Errorf("%s (%s) cannot be read through Cloud Control", logicalID, r.Type)
	default:
		return nil, fmt.Errorf("%s cannot be read: %s", logicalID, m.reason)
	}
}

// Export implements Sources.
func (c *check) Export(name string) (any, error) {
	exports := c.other("", func() (map[string]string, error) { return c.engine.Deployments.Exports(c.ctx, c.stack) })
	if exports.err != nil {
		return nil, fmt.Errorf("the exports cannot be read: %w", exports.err)
	}
	if value, ok := exports.values[name]; ok {
		return value, nil
	}
	return nil, fmt.Errorf("there is no export %s in %s", name, c.stack.Region)
}

// Output implements Sources.
func (c *check) Output(of, name string) (any, error) {
	if of == "" {
		return nil, errors.New("a nested stack has not been created")
	}
	outputs := c.other(of, func() (map[string]string, error) { return c.engine.Deployments.Outputs(c.ctx, c.stack, of) })
	if outputs.err != nil {
		return nil, fmt.Errorf("the outputs of %s cannot be read: %w", of, outputs.err)
	}
	if outputs.values == nil {
		return nil, fmt.Errorf("the stack %s is not found", of)
	}
	if value, ok := outputs.values[name]; ok {
		return value, nil
	}
	return nil, fmt.Errorf("the stack %s has no output %s", of, name)
}

// others are the values of another stack, read at most once.
type others struct {
	once   sync.Once
	values map[string]string
	err    error
}

// other are the values of another stack, or, of the empty name, all exports.
func (c *check) other(of string, read func() (map[string]string, error)) *others {
	c.mu.Lock()
	o := c.others[of]
	if o == nil {
		o = &others{}
		c.others[of] = o
	}
	c.mu.Unlock()
	o.once.Do(func() { o.values, o.err = read() })
	return o
}

// why says why places of a resource were not compared, as far as that is known:
// of the unresolved pointers by the sources, of the others by the comparison.
func (c *check) why(r drift.Resource, unresolved []string, unsure []drift.Unresolved) []drift.Unresolved {
	why := slices.Clone(unsure)
	for _, path := range unresolved {
		if reasons := c.template.Why(r.LogicalID, names(path)[0]); len(reasons) > 0 {
			why = append(why, drift.Unresolved{Path: path, Reason: strings.Join(reasons, "; ")})
		}
	}
	slices.SortStableFunc(why, func(a, b drift.Unresolved) int { return cmp.Compare(a.Path, b.Path) })
	return why
}

// noIdentifier says why a resource cannot be asked for.
func (c *check) noIdentifier(r drift.Resource, typ *schema.Type) string {
	var reasons []string
	for _, property := range typ.PrimaryIdentifier {
		reasons = append(reasons, c.template.Why(r.LogicalID, schema.Names(property)[0])...)
	}
	slices.Sort(reasons)
	text := "its identifier for Cloud Control cannot be worked out"
	if reasons = slices.Compact(reasons); len(reasons) > 0 {
		text += ": " + strings.Join(reasons, "; ")
	}
	return text
}
