package policy

import (
	"slices"
	"strings"
)

// Most rules ask one thing of one property. These make their checks.

// check is what a rule does with a resource.
type check = func(r *Resource)

// at splits a path that is written with slashes; "*" is every item of a list.
func at(path string) []string { return strings.Split(path, "/") }

// The values that a missing property stands for.
const (
	fineIfMissing  = true
	faultIfMissing = false
)

// on asks for a property to be true.
func on(path string, missingIsFine bool, message string) check {
	keys := at(path)
	return func(r *Resource) {
		r.At(keys, func(v Value) bool {
			if v.Off() || v.Absent() && !missingIsFine {
				v.Report(message)
			}
			return true
		})
	}
}

// off asks for a property to be false.
func off(path string, missingIsFine bool, message string) check {
	keys := at(path)
	return func(r *Resource) {
		r.At(keys, func(v Value) bool {
			if v.On() || v.Absent() && !missingIsFine {
				v.Report(message)
			}
			return true
		})
	}
}

// present asks for a property to be there and not to be empty.
func present(path string, message string) check {
	keys := at(path)
	return func(r *Resource) {
		r.At(keys, func(v Value) bool {
			if v.Absent() || v.Empty() {
				v.Report(message)
			}
			return true
		})
	}
}

// Empty reports whether the value is known to be an empty text, list or map.
func (v Value) Empty() bool {
	return v.state == known && v.node.Text == "" && len(v.node.Items) == 0 && len(v.node.Entries) == 0 && !v.On() && !v.Off()
}

// not asks for a property to have none of the values.
func not(path string, message string, values ...string) check {
	keys := at(path)
	return func(r *Resource) {
		r.Each(keys, func(v Value) {
			if v.Is(values...) {
				v.Report(message)
			}
		})
	}
}

// is asks for a property to have one of the values.
func is(path string, missingIsFine bool, message string, values ...string) check {
	keys := at(path)
	return func(r *Resource) {
		r.At(keys, func(v Value) bool {
			_, isText := v.Text()
			if isText && !v.Is(values...) || v.Absent() && !missingIsFine {
				v.Report(message)
			}
			return true
		})
	}
}

// includes asks for a list to have an item.
func includes(path, item, message string) check {
	keys := at(path)
	return func(r *Resource) {
		r.At(keys, func(v Value) bool {
			if v.Absent() || v.Known() && !v.May(nil, item) {
				v.Report(message)
			}
			return true
		})
	}
}

// atLeast asks for a number; missing is what the service takes for no number.
func atLeast(path string, least, missing float64, message string) check {
	keys := at(path)
	return func(r *Resource) {
		r.At(keys, func(v Value) bool {
			number, ok := v.Number()
			if ok && number < least || v.Absent() && missing < least {
				v.Report(message)
			}
			return true
		})
	}
}

// unless leaves out resources that have one of the properties, which decide
// about the matter elsewhere.
func unless(c check, properties ...string) check {
	return func(r *Resource) {
		if !slices.ContainsFunc(properties, func(p string) bool { return r.Has(p) }) {
			c(r)
		}
	}
}

// byType chooses the check by the resource's type.
func byType(checks map[string]check) check {
	return func(r *Resource) {
		if c := checks[r.Type]; c != nil {
			c(r)
		}
	}
}

// all makes one check of several.
func all(checks ...check) check {
	return func(r *Resource) {
		for _, c := range checks {
			c(r)
		}
	}
}

// attribute finds the value that a list of {Key, Value} has for a key, as load
// balancers and parameter groups have. ok is false if the list, or a key of it,
// is not known.
func attribute(r *Resource, list []string, nameKey, valueKey, name string) (value Value, ok bool) {
	ok, found := true, false
	r.At(list, func(v Value) bool {
		value = v.as(absent)
		if v.state != known && v.state != absent {
			ok = false
		}
		return false
	})
	r.Each(list, func(item Value) {
		if item.state != known {
			ok = false
			return
		}
		item.At([]string{nameKey}, func(key Value) bool {
			if !key.Known() && !key.Absent() {
				ok = false
			}
			if key.Is(name) && !found {
				found = true
				item.At([]string{valueKey}, func(v Value) bool { value = v; return false })
			}
			return true
		})
	})
	return value, ok || found
}
