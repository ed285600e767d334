package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// patchStep is one operation of a JSON Patch document (RFC 6902).
type patchStep struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	From  string          `json:"from"`
	Value json.RawMessage `json:"value"`
}

// applyPatch applies a JSON Patch document to a copy of the model.
func applyPatch(model map[string]any, document string) (map[string]any, error) {
	var steps []patchStep
	if err := json.Unmarshal([]byte(document), &steps); err != nil {
		return nil, fmt.Errorf("the patch document is not valid: %w", err)
	}
	var root any = clone(model)
	for _, step := range steps {
		var err error
		if root, err = step.apply(root); err != nil {
			return nil, fmt.Errorf("%s %s: %w", step.Op, step.Path, err)
		}
	}
	patched, ok := root.(map[string]any)
	if !ok {
		return nil, errors.New("the patch does not leave an object")
	}
	return patched, nil
}

func (p patchStep) apply(root any) (any, error) {
	path := patchPath(p.Path)
	var value any
	if len(p.Value) > 0 {
		if err := json.Unmarshal(p.Value, &value); err != nil {
			return nil, err
		}
	}
	switch p.Op {
	case "add":
		return edit(root, path, insertAt(value))
	case "replace":
		return edit(root, path, replaceAt(value))
	case "remove":
		return edit(root, path, removeAt)
	case "test":
		current, ok := valueAt(root, path)
		if !ok || !reflect.DeepEqual(current, value) {
			return nil, errors.New("the value differs")
		}
		return root, nil
	case "move", "copy":
		from := patchPath(p.From)
		current, ok := valueAt(root, from)
		if !ok {
			return nil, errors.New("there is nothing at from")
		}
		if p.Op == "move" {
			var err error
			if root, err = edit(root, from, removeAt); err != nil {
				return nil, err
			}
		}
		return edit(root, path, insertAt(cloneAny(current)))
	}
	return nil, errors.New("unknown operation")
}

func patchPath(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[i])
	}
	return parts
}

// edit changes the container at the end of the path and gives the new tree.
func edit(node any, path []string, change func(container any, key string) (any, error)) (any, error) {
	switch {
	case len(path) == 0:
		return nil, errors.New("the whole document cannot be changed")
	case len(path) == 1:
		return change(node, path[0])
	}
	switch container := node.(type) {
	case map[string]any:
		inner, ok := container[path[0]]
		if !ok {
			return nil, fmt.Errorf("%s does not exist", path[0])
		}
		next, err := edit(inner, path[1:], change)
		container[path[0]] = next
		return container, err
	case []any:
		i, err := listIndex(container, path[0], len(container)-1)
		if err != nil {
			return nil, err
		}
		container[i], err = edit(container[i], path[1:], change)
		return container, err
	}
	return nil, fmt.Errorf("%s is not a container", path[0])
}

func listIndex(list []any, key string, most int) (int, error) {
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i > most {
		return 0, fmt.Errorf("%s is not an index of a list of %d", key, len(list))
	}
	return i, nil
}

func insertAt(value any) func(any, string) (any, error) {
	return func(container any, key string) (any, error) {
		switch c := container.(type) {
		case map[string]any:
			c[key] = value
			return c, nil
		case []any:
			if key == "-" {
				return append(c, value), nil
			}
			i, err := listIndex(c, key, len(c))
			if err != nil {
				return nil, err
			}
			return slices.Insert(c, i, value), nil
		}
		return nil, errors.New("the parent is not a container")
	}
}

func replaceAt(value any) func(any, string) (any, error) {
	return func(container any, key string) (any, error) {
		switch c := container.(type) {
		case map[string]any:
			if _, ok := c[key]; !ok {
				return nil, fmt.Errorf("%s does not exist", key)
			}
			c[key] = value
			return c, nil
		case []any:
			i, err := listIndex(c, key, len(c)-1)
			if err != nil {
				return nil, err
			}
			c[i] = value
			return c, nil
		}
		return nil, errors.New("the parent is not a container")
	}
}

func removeAt(container any, key string) (any, error) {
	switch c := container.(type) {
	case map[string]any:
		if _, ok := c[key]; !ok {
			return nil, fmt.Errorf("%s does not exist", key)
		}
		delete(c, key)
		return c, nil
	case []any:
		i, err := listIndex(c, key, len(c)-1)
		if err != nil {
			return nil, err
		}
		return slices.Delete(c, i, i+1), nil
	}
	return nil, errors.New("the parent is not a container")
}
