package simulator

import (
	"context"
	"fmt"
	"sync"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// ResourceError is a failure of a resource handler. Codes are the handler
// error codes of the CloudFormation registry: AlreadyExists, NotFound,
// InvalidRequest, NotUpdatable, GeneralServiceException and so on.
type ResourceError struct {
	Code    string
	Message string
}

// Error implements error.
func (e *ResourceError) Error() string { return e.Message }

func resourceError(code, format string, args ...any) error {
	return &ResourceError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// models are the live resources of one account and region: what the services
// themselves would answer. CloudFormation and Cloud Control share them, so
// that a Cloud Control update is drift (CFN-30).
type models struct {
	region  *region
	backend EC2 // nil without one

	mu    sync.Mutex
	items map[string]map[string]map[string]any // type, identifier, model
}

func newModels(r *region) *models {
	m := &models{region: r, items: map[string]map[string]map[string]any{}}
	if r.sim.opts.EC2 != nil {
		m.backend = r.sim.opts.EC2(r.account, r.name)
	}
	return m
}

func (m *models) backed(typeName string) bool {
	return m.backend != nil && m.backend.Backs(typeName)
}

// create makes a resource. The hint names it where the caller did not.
func (m *models) create(ctx context.Context, typeName string, desired map[string]any, hint nameHint) (string, map[string]any, error) {
	t, _ := schema.Load(typeName)
	desired = nameIt(t, typeName, clone(desired), hint)
	if m.backed(typeName) {
		identifier, err := m.backend.Create(ctx, typeName, desired)
		if err != nil {
			return "", nil, err
		}
		model, err := m.backend.Read(ctx, typeName, identifier)
		return identifier, model, err
	}
	model := m.generate(t, typeName, desired, hint)
	identifier := identify(t, model, hint)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.items[typeName][identifier]; taken {
		return "", nil, resourceError("AlreadyExists", "Resource of type '%s' with identifier '%s' already exists.", typeName, identifier)
	}
	if m.items[typeName] == nil {
		m.items[typeName] = map[string]map[string]any{}
	}
	m.items[typeName][identifier] = model
	return identifier, clone(model), nil
}

// exists tells whether the generic store has the resource.
func (m *models) exists(typeName, identifier string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.items[typeName][identifier]
	return ok
}

// read gives the live model without its write-only properties.
func (m *models) read(ctx context.Context, typeName, identifier string) (map[string]any, error) {
	if m.backed(typeName) {
		return m.backend.Read(ctx, typeName, identifier)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	model, ok := m.items[typeName][identifier]
	if !ok {
		return nil, notFound(typeName, identifier)
	}
	readable := clone(model)
	if t, ok := schema.Load(typeName); ok {
		for _, pointer := range t.WriteOnly {
			removePointer(readable, pointerPath(pointer))
		}
	}
	return readable, nil
}

func notFound(typeName, identifier string) error {
	return resourceError("NotFound", "Resource of type '%s' with identifier '%s' was not found.", typeName, identifier)
}

// update brings a resource from the previous to the desired properties. What
// neither names stays as it is, as resource handlers leave it (CFN-31).
func (m *models) update(ctx context.Context, typeName, identifier string, previous, desired map[string]any) (map[string]any, error) {
	if m.backed(typeName) {
		if err := m.backend.Update(ctx, typeName, identifier, previous, desired); err != nil {
			return nil, err
		}
		return m.backend.Read(ctx, typeName, identifier)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	model, ok := m.items[typeName][identifier]
	if !ok {
		return nil, notFound(typeName, identifier)
	}
	for name := range previous {
		if _, kept := desired[name]; !kept {
			delete(model, name)
		}
	}
	for name, value := range desired {
		model[name] = cloneAny(value)
	}
	if t, ok := schema.Load(typeName); ok {
		m.regenerate(t, typeName, model)
	}
	return clone(model), nil
}

func (m *models) delete(ctx context.Context, typeName, identifier string) error {
	if m.backed(typeName) {
		return m.backend.Delete(ctx, typeName, identifier)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.items[typeName][identifier]; !ok {
		return notFound(typeName, identifier)
	}
	delete(m.items[typeName], identifier)
	return nil
}

func (m *models) list(ctx context.Context, typeName string) ([]string, error) {
	if m.backed(typeName) {
		return m.backend.List(ctx, typeName)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return sortedKeys(m.items[typeName]), nil
}
