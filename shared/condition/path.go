package condition

import (
	"slices"
	"strconv"

	"github.com/evenkeel/evenkeel/shared/template"
)

// PathConditions returns the conditions that decide whether a path of the
// template exists, and the values with which it does: those of the Fn::If on
// the way and the Condition of its resource or output. Indices of lists are
// decimal numbers.
func PathConditions(root *template.Node, path []string) []Wanted {
	var found []Wanted
	n := root
	for i, key := range path {
		if key == "Fn::If" {
			found = ifOnPath(n, path[i+1:], found)
		}
		if n = child(n, key); n == nil {
			break
		}
	}
	if len(path) >= 2 && (path[0] == "Resources" || path[0] == "Outputs") {
		if c := root.Get(path[0]).Get(path[1]).Get("Condition"); c.IsString() {
			found = merge(found, Wanted{Name: c.Text, True: true})
		}
	}
	return found
}

func ifOnPath(n *template.Node, rest []string, found []Wanted) []Wanted {
	arg := n.Get("Fn::If")
	if !arg.IsList() || len(arg.Items) != 3 || !arg.Items[0].IsString() {
		return found
	}
	w := Wanted{Name: arg.Items[0].Text, True: true, False: true}
	if len(rest) > 0 {
		w.True, w.False = rest[0] == "1", rest[0] == "2"
		if !w.True && !w.False {
			return found
		}
	}
	return merge(found, w)
}

func merge(all []Wanted, w Wanted) []Wanted {
	i := slices.IndexFunc(all, func(other Wanted) bool { return other.Name == w.Name })
	if i < 0 {
		return append(all, w)
	}
	all[i].True = all[i].True || w.True
	all[i].False = all[i].False || w.False
	return all
}

func child(n *template.Node, key string) *template.Node {
	if n.IsMap() {
		return n.Get(key)
	}
	if i, err := strconv.Atoi(key); err == nil && n.IsList() && i >= 0 && i < len(n.Items) {
		return n.Items[i]
	}
	return nil
}

// Unavailable returns scenarios in which a path exists although a resource that
// it needs does not, because of the resource's Condition; none if it is always
// there.
func (s *Set) Unavailable(root *template.Node, path []string, resource string) []Scenario {
	c := root.Get("Resources").Get(resource).Get("Condition")
	if !c.IsString() {
		return nil
	}
	missing := Scenario{{c.Text, false}}
	conditions := PathConditions(root, path)
	if len(conditions) == 0 {
		return []Scenario{missing}
	}
	var scenario Scenario
	for _, w := range conditions {
		if w.Name == c.Text {
			if w.True {
				return nil
			}
			return []Scenario{missing}
		}
		scenario = append(scenario, Assumption{w.Name, w.True})
	}
	if slices.ContainsFunc(conditions, Wanted.free) || s.Implies(scenario, c.Text) {
		return nil
	}
	return []Scenario{append(missing, scenario...)}
}
