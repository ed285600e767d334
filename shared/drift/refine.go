package drift

import (
	"slices"
	"strconv"

	"github.com/evenkeel/evenkeel/events"
)

// Refine goes over the differences that CloudFormation reports for a resource
// and splits them into real ones and those that are the same value in another
// form: CloudFormation compares text, so that a policy in another order, a
// reordered list or a tag of AWS itself reads as drift. Differences inside a
// list whose order has no meaning are replaced by what is really added and
// removed. Both results are sorted by path.
// Source: CloudFormation user guide, "Detect unmanaged configuration changes to
// stacks and resources with drift detection", considerations.
func Refine(kind Kind, d ResourceDrift) (differences, same []events.PropertyDifference) {
	r := refiner{comparer: *newComparer(kind, d.Expected), drift: d, done: map[string]bool{}}
	for _, reported := range d.Differences {
		r.judge(reported)
	}
	return r.sorted(), sorted(r.alike)
}

type refiner struct {
	comparer
	drift ResourceDrift
	alike []events.PropertyDifference
	done  map[string]bool // pointers of unordered lists that were compared already
}

func (r *refiner) judge(reported events.PropertyDifference) {
	path := parsePointer(reported.Path)
	if r.equivalent(path, reported) {
		r.alike = append(r.alike, reported)
		return
	}
	list, want, have := r.unorderedList(path)
	if list.path == nil {
		switch reported.Type { // CloudFormation writes "null" for the side that has nothing
		case DifferenceAdd:
			reported.Expected = ""
		case DifferenceRemove:
			reported.Actual = ""
		}
		r.found = append(r.found, reported)
		return
	}
	if at := pointer(list.path); !r.done[at] {
		r.done[at] = true
		r.sets(list, want, have)
	}
}

// equivalent reports a difference that is none once both sides are in normal
// form: the value itself, or anything above it.
func (r *refiner) equivalent(path []string, reported events.PropertyDifference) bool {
	at := r.at(path...)
	want, have := r.reported(at, reported.Expected), r.reported(at, reported.Actual)
	if r.same(at, r.value(at, want), r.value(at, have)) || want != nil && have != nil && r.rewritten(at, want, have) {
		return true
	}
	if r.convertible(at, reported) {
		return true
	}
	if reported.Type != DifferenceNotEqual && (place{}).isAWSTag(cmpOr(want, have)) {
		return true
	}
	for depth := len(path); depth > 0; depth-- {
		want, wantOK := lookup(r.drift.Expected, path[:depth])
		have, haveOK := lookup(r.drift.Actual, path[:depth])
		if !wantOK && !haveOK {
			continue
		}
		at := r.at(path[:depth]...)
		if r.same(at, r.value(at, want), r.value(at, have)) {
			return true
		}
	}
	return false
}

// convertible reports a difference that the schema's transform explains.
// CloudFormation applies transforms as well: one that cannot be worked out here
// explains nothing.
func (r *refiner) convertible(at place, reported events.PropertyDifference) bool {
	if at.shape == nil || at.transform == nil {
		return false
	}
	want, wantOK := lookup(r.drift.Expected, at.path)
	have, haveOK := lookup(r.drift.Actual, at.path)
	if !wantOK || !haveOK {
		want, have = r.reported(at, reported.Expected), r.reported(at, reported.Actual)
	}
	around, _ := lookup(r.drift.Expected, at.path[:len(at.path)-1])
	m, _ := around.(map[string]any)
	same := r.transformed(at.within(m), want, have) && len(r.unresolved) == 0
	r.unresolved = nil
	return same
}

// reported is a value of a PropertyDifference, which are all strings: "null"
// and nothing are no value, and a document is written as JSON.
func (r *refiner) reported(at place, text string) any {
	if text == "" || text == "null" {
		return nil
	}
	if document, ok := parseDocument(text); ok && !at.only("string") {
		return document
	}
	return text
}

// unorderedList finds the list above path whose order has no meaning, and both
// its sides. Without one the place is zero.
func (r *refiner) unorderedList(path []string) (list place, want, have []any) {
	for depth := len(path) - 1; depth > 0; depth-- {
		if _, err := strconv.Atoi(path[depth]); err != nil {
			continue
		}
		at := r.at(path[:depth]...)
		w, _ := lookup(r.drift.Expected, path[:depth])
		h, _ := lookup(r.drift.Actual, path[:depth])
		want, wantOK := w.([]any)
		have, haveOK := h.([]any)
		if wantOK && haveOK && (at.isUnordered() || isTagList(want) && isTagList(have)) {
			return at, want, have
		}
	}
	return place{}, nil, nil
}

// lookup follows a path through a document.
func lookup(document any, path []string) (any, bool) {
	if m, ok := document.(map[string]any); ok && m == nil {
		return nil, false
	}
	for _, name := range path {
		switch v := document.(type) {
		case map[string]any:
			next, ok := v[name]
			if !ok {
				return nil, false
			}
			document = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			document = v[i]
		default:
			return nil, false
		}
	}
	return document, true
}

func cmpOr(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

func sorted(differences []events.PropertyDifference) []events.PropertyDifference {
	c := comparer{found: slices.Clone(differences)}
	return c.sorted()
}
