package check

import (
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

func items(v *Validator, s *js.Schema, n *template.Node) {
	prefix := len(s.PrefixItems)
	if n.Kind != template.List || len(n.Items) <= prefix {
		return
	}
	if s.Items.Verdict == js.Reject {
		v.Fault("at most %d items are allowed, not %d", prefix, len(n.Items))
		return
	}
	for i := prefix; i < len(n.Items); i++ {
		v.Descend(n.Items[i], s.Items, Index(i), "*")
	}
}

// PrefixItems is the keyword prefixItems.
func PrefixItems(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.List {
		return
	}
	for i := range min(len(n.Items), len(s.PrefixItems)) {
		v.Descend(n.Items[i], s.PrefixItems[i], Index(i), "*")
	}
}

// MinItems is the keyword minItems.
func MinItems(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.List && len(n.Items) < s.MinItems {
		v.Fault("at least %d items are needed, not %d", s.MinItems, len(n.Items))
	}
}

// MaxItems is the keyword maxItems.
func MaxItems(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.List && len(n.Items) > s.MaxItems {
		v.Fault("at most %d items are allowed, not %d", s.MaxItems, len(n.Items))
	}
}

func maxUniqueItems(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.List {
		return
	}
	var different []*template.Node
	for _, item := range n.Items {
		if !containsNode(different, item) {
			different = append(different, item)
		}
	}
	if len(different) > s.MaxUniqueItems {
		v.Fault("at most %d different items are allowed, not %d", s.MaxUniqueItems, len(different))
	}
}

func containsNode(list []*template.Node, n *template.Node) bool {
	for _, have := range list {
		if have.Kind == n.Kind && Equal(have, n) {
			return true
		}
	}
	return false
}

// UniqueItems is the keyword uniqueItems.
func UniqueItems(v *Validator, s *js.Schema, n *template.Node) {
	if s.UniqueItems && n.Kind == template.List && !Unique(n.Items) {
		v.Fault("the items are not unique")
	}
}

// Unique reports whether no two nodes are equal. Numbers and booleans equal the
// texts that spell them.
func Unique(nodes []*template.Node) bool {
	texts := make(map[string]bool, len(nodes))
	var others []*template.Node
	for _, n := range nodes {
		text, ok := ScalarText(n)
		if !ok {
			others = append(others, n)
			continue
		}
		if spellsBool(n) {
			text = strings.ToLower(text)
		}
		if texts[text] {
			return false
		}
		texts[text] = true
	}
	const most = 2000 // pairs are compared: a longer list of objects is not
	if len(others) > most {
		return true
	}
	for i, n := range others {
		for _, m := range others[:i] {
			if Equal(n, m) {
				return false
			}
		}
	}
	return true
}

func uniqueKeys(v *Validator, s *js.Schema, n *template.Node) {
	if len(s.UniqueKeys) == 0 || n.Kind != template.List {
		return
	}
	var keys []*template.Node
	for _, item := range n.Items {
		part := &template.Node{Kind: template.Map}
		for _, name := range s.UniqueKeys {
			if value := item.Get(name); value != nil {
				part.Entries = append(part.Entries, template.Entry{Key: name, Value: value})
			}
		}
		if len(part.Entries) == len(s.UniqueKeys) {
			keys = append(keys, part)
		}
	}
	if !Unique(keys) {
		v.Fault("the items are not unique by %s", strings.Join(s.UniqueKeys, ", "))
	}
}

func contains(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.List {
		return
	}
	least, most := 1, len(n.Items)
	if s.MinContains >= 0 {
		least = s.MinContains
	}
	if s.MaxContains >= 0 {
		most = s.MaxContains
	}
	matches, unknown := 0, 0
	for _, item := range n.Items {
		found := v.Collect(func() { v.Walk(item, s.Contains) })
		switch {
		case len(found) == 0:
			matches++
		case len(Known(found)) == 0:
			unknown++
		}
	}
	switch {
	case matches > most:
		v.Fault("at most %d items may be such, not %d", most, matches)
	case matches < least && unknown > 0:
		v.Unknown()
	case matches < least:
		v.Fault("at least %d items must be such, not %d", least, matches)
	}
}
