package rego

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Result is what policies say about one input.
type Result struct {
	Findings []policy.Finding
	// Excepted are findings that an exception of the policies takes back.
	Excepted []policy.Finding
}

// Check evaluates every rule. Findings of deny and violation are of severity
// high, those of warn of severity medium, unless the result names another. t
// gives their positions; it may be nil. An error is Invalid: it comes from the
// policies, or they took too long or too much memory.
func (p *Policies) Check(ctx context.Context, in policy.Input, t *template.Template) (Result, error) {
	value, err := Value(in)
	if err != nil {
		return Result{}, err
	}
	ctx, done := p.limit(ctx)
	defer done()
	cache := topdown.NewVirtualCache() // what one rule found out serves the others
	var result Result
	for _, r := range p.rules {
		if ctx.Err() != nil {
			return Result{}, p.failure(ctx, r, ctx.Err())
		}
		items, err := p.evaluate(ctx, r.query, value, cache)
		if err != nil {
			return Result{}, p.failure(ctx, r, err)
		}
		if len(items) == 0 {
			continue
		}
		excepted := false
		if r.exceptions != nil {
			if excepted, err = p.isExcepted(ctx, r, value, cache); err != nil {
				return Result{}, p.failure(ctx, r, err)
			}
		}
		if len(items) > maxResults {
			return Result{}, fault.Invalid("policy %s.%s: it has %d results, at most %d are taken", r.namespace, r.name, len(items), maxResults)
		}
		for _, item := range items {
			f, err := r.finding(item, t)
			if err != nil {
				return Result{}, err
			}
			if excepted {
				result.Excepted = append(result.Excepted, f)
			} else {
				result.Findings = append(result.Findings, f)
			}
		}
	}
	policy.Sort(result.Findings)
	policy.Sort(result.Excepted)
	return result, nil
}

// Value is the input as Rego's value. The template's own sections are also
// keys of the input (input.Resources), as conftest has them, so that policies
// which were written for plain templates keep working.
func Value(in policy.Input) (ast.Value, error) {
	document, err := ast.InterfaceToValue(in.Template)
	if err != nil {
		return nil, err
	}
	rest := in
	rest.Template = nil
	value, err := ast.InterfaceToValue(rest)
	if err != nil {
		return nil, err
	}
	object, ok := value.(ast.Object)
	if !ok {
		return nil, errors.New("the input of a policy is no object")
	}
	object.Insert(ast.StringTerm("template"), ast.NewTerm(document))
	if sections, ok := document.(ast.Object); ok {
		sections.Foreach(func(name, section *ast.Term) {
			if object.Get(name) == nil {
				object.Insert(name, section)
			}
		})
	}
	return object, nil
}

// evaluate gives the results of one rule: nil if it is undefined. OPA's own
// package rego would do the same, and bring its planner and a WebAssembly
// runtime: two megabytes more in every function that validates.
func (p *Policies) evaluate(ctx context.Context, query ast.Body, input ast.Value, cache topdown.VirtualCache) (items []any, err error) {
	txn, err := p.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer p.store.Abort(ctx, txn)
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	q := topdown.NewQuery(query).WithCompiler(p.compiler).WithStore(p.store).WithTransaction(txn).
		WithInput(ast.NewTerm(input)).WithCancel(cancel).WithVirtualCache(cache)
	err = q.Iter(ctx, func(result topdown.QueryResult) error {
		value, err := ast.JSON(result[answer].Value)
		switch value := value.(type) {
		case []any:
			items = append(items, value...)
		case bool:
			if value {
				items = append(items, "")
			}
		default:
			items = append(items, value)
		}
		return err
	})
	return items, err
}

// isExcepted reports whether an exception names the rule: "x" takes back
// deny_x, and "" takes back deny.
// Source: conftest documentation, "Exceptions".
func (p *Policies) isExcepted(ctx context.Context, r rule, input ast.Value, cache topdown.VirtualCache) (bool, error) {
	lists, err := p.evaluate(ctx, r.exceptions, input, cache)
	if err != nil {
		return false, err
	}
	_, name, _ := strings.Cut(r.name, "_")
	return slices.ContainsFunc(lists, func(list any) bool {
		names, ok := list.([]any)
		return list == name || ok && slices.Contains(names, any(name))
	}), nil
}

// finding reads one result: a text, or an object with msg. The object may name
// a resource and a path in it, an id, a severity and a condition.
func (r rule) finding(item any, t *template.Template) (policy.Finding, error) {
	f := policy.Finding{Rule: r.namespace + "." + r.name, Severity: policy.High, Path: []string{}, Line: 1, Column: 1}
	if strings.HasPrefix(r.name, "warn") {
		f.Severity = policy.Medium
	}
	switch item := item.(type) {
	case string:
		f.Message = item
	case map[string]any:
		message, ok := item["msg"].(string)
		if !ok {
			return f, fault.Invalid("policy %s: an object among its results has no text msg", f.Rule)
		}
		f.Message = message
		if err := describe(&f, item); err != nil {
			return f, err
		}
	default:
		return f, fault.Invalid("policy %s: a result is a text or an object with msg, not %v", f.Rule, item)
	}
	if f.Message == "" {
		f.Message = f.Rule
	}
	if t != nil && len(f.Path) > 0 {
		f.Line, f.Column = policy.Locate(t, f.Path)
	}
	return f, nil
}

// describe reads what an object says beside its message.
func describe(f *policy.Finding, item map[string]any) error {
	id, severity := f.Rule, f.Severity
	if text, ok := item["id"].(string); ok && text != "" {
		id = text
	}
	if text, ok := item["severity"].(string); ok {
		severity = policy.Severity(text)
		if !slices.Contains(policy.Severities(), severity) {
			return fault.Invalid("policy %s: the severity %q is none of critical, high, medium, low", f.Rule, text)
		}
	}
	f.Rule, f.Severity = id, severity
	f.Condition, _ = item["condition"].(string)
	// conftest puts other keys below metadata or, of violation, details.
	place := item
	for _, key := range []string{"metadata", "details"} {
		if inner, ok := item[key].(map[string]any); ok && item["resource"] == nil && item["path"] == nil {
			place = inner
		}
	}
	resource, _ := place["resource"].(string)
	path := pathOf(place["path"])
	switch {
	case resource != "" && (len(path) < 2 || path[0] != "Resources" || path[1] != resource):
		f.Path = append([]string{"Resources", resource}, path...)
	case len(path) > 0:
		f.Path = path
	}
	return nil
}

// pathOf reads a path: a list of keys and indexes, or text with slashes or dots.
func pathOf(v any) []string {
	switch v := v.(type) {
	case string:
		separator := "."
		if strings.Contains(v, "/") {
			separator = "/"
		}
		return slices.DeleteFunc(strings.Split(v, separator), func(key string) bool { return key == "" })
	case []any:
		keys := make([]string, 0, len(v))
		for _, key := range v {
			switch key := key.(type) {
			case string:
				keys = append(keys, key)
			case json.Number:
				keys = append(keys, key.String())
			case float64:
				keys = append(keys, strconv.FormatFloat(key, 'f', -1, 64))
			}
		}
		return keys
	}
	return nil
}

// failure explains why a rule could not be evaluated.
func (p *Policies) failure(ctx context.Context, r rule, err error) error {
	name := r.namespace + "." + r.name
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errMemory):
		return fault.Invalid("policy %s: it took more than %d MB of memory", name, p.options.Memory>>20)
	case errors.Is(cause, context.DeadlineExceeded):
		return fault.Invalid("policy %s: it took longer than %s", name, p.options.Timeout)
	case cause != nil:
		return cause
	}
	var at *topdown.Error
	if errors.As(err, &at) && at.Location != nil {
		return fault.Invalid("policy %s: %s:%d: %s", name, at.Location.File, at.Location.Row, at.Message)
	}
	return fault.Invalid("policy %s: %w", name, err)
}

var errMemory = errors.New("too much memory")

// every is how often memory is looked at.
const every = 5 * time.Millisecond

// limit ends the context when time is over or the heap has grown too far. done
// frees what it holds.
func (p *Policies) limit(ctx context.Context) (limited context.Context, done func()) {
	ctx, stop := context.WithTimeout(ctx, p.options.Timeout)
	limited, end := context.WithCancelCause(ctx)
	before := heap()
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-limited.Done():
				return
			case <-ticker.C:
				if now := heap(); now > before && now-before > p.options.Memory {
					end(errMemory)
					return
				}
			}
		}
	}()
	return limited, func() { end(nil); stop() }
}

// heap is the size of live and not yet collected objects, in bytes.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
