package risk

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/template"
)

const nestedStack = "AWS::CloudFormation::Stack"

// world is what is known about the stack of one change set.
type world struct {
	account       string
	region        string
	templates     Templates
	before, after *template.Scope
}

func newWorld(set changeset.Set, t Templates) *world {
	w := &world{account: accountOf(set.StackID), region: regionOf(set.StackID), templates: t}
	pseudo := map[string]any{}
	if w.account != "" {
		pseudo["AWS::AccountId"], pseudo["AWS::Region"], pseudo["AWS::StackId"] = w.account, regionOf(set.StackID), set.StackID
		pseudo["AWS::Partition"] = arnPart(set.StackID, 1)
	}
	// The parameters of the last deployment are not in a change set.
	w.before = &template.Scope{Pseudo: pseudo, Parameters: parameters(t.Before, nil)}
	w.after = &template.Scope{Pseudo: pseudo, Parameters: parameters(t.After, set.Parameters)}
	return w
}

// parameters are the values that a template's functions see; unknown ones are
// Unknown.
func parameters(t *template.Template, given map[string]string) map[string]any {
	values := map[string]any{}
	if t == nil {
		return values
	}
	for name, p := range t.Parameters.All() {
		values[name] = template.Unknown
		text, ok := given[name]
		if !ok || text == "****" || strings.HasPrefix(p.Type, "AWS::SSM::") {
			continue
		}
		values[name] = text
		if p.IsList() {
			items := []any{}
			for item := range strings.SplitSeq(text, ",") {
				items = append(items, strings.TrimSpace(item))
			}
			values[name] = items
		}
	}
	return values
}

// subject is one change with what is known of the resource on both sides.
type subject struct {
	changeset.Change
	id            string // path of logical ids
	account       string
	before, after side
	hidden        map[string]bool // top-level properties that change to or from what nothing shows
	touched       map[string]bool // top-level properties that change; nil if any may
}

func (w *world) subject(c changeset.Change, id string) *subject {
	s := &subject{Change: c, id: id, account: w.account}
	s.before = newSide(c.Before, c.LogicalID, w.templates.Before, w.before)
	s.after = newSide(c.After, c.LogicalID, w.templates.After, w.after)
	s.before.exists, s.after.exists = !s.added(), !s.removed()
	if !s.before.exists {
		s.before = side{whole: true, template: w.templates.Before}
	}
	if !s.after.exists {
		s.after = side{whole: true, template: w.templates.After}
	}
	s.fill()
	return s
}

// fill takes from the details what the sides lack, and finds the properties
// whose change nothing shows.
func (s *subject) fill() {
	s.hidden, s.touched = map[string]bool{}, map[string]bool{}
	if s.Action != changeset.Modify || len(s.Details) == 0 {
		s.touched = nil
	}
	for _, d := range s.Details {
		if d.Attribute == "DeletionPolicy" || d.Attribute == "UpdateReplacePolicy" {
			s.fillPolicy(d)
			continue
		}
		path := propertyPath(d)
		if len(path) == 0 {
			if d.Attribute == "" || d.Attribute == "Properties" {
				s.touched = nil // it does not say which
			}
			continue
		}
		if s.touched != nil {
			s.touched[path[0]] = true
		}
		valued := d.Before != "" || d.After != ""
		if !s.before.whole {
			s.before.put(path, d.Before)
		}
		if !s.after.whole {
			s.after.put(path, d.After)
		}
		if !valued && !(s.before.whole && s.after.whole) {
			s.hidden[path[0]] = true
		}
	}
	if len(s.Details) == 0 && s.Action == changeset.Modify && !(s.before.whole && s.after.whole) && slices.Contains(s.Scope, "Properties") {
		s.hidden[anyProperty] = true
	}
}

// anyProperty in hidden says that nothing is known of what changes.
const anyProperty = "*"

func (s *subject) fillPolicy(d changeset.Detail) {
	if s.before.resource != nil || s.after.resource != nil {
		return // the templates say more
	}
	s.before.policies, s.after.policies = true, true
	if d.Attribute == "DeletionPolicy" {
		s.before.deletion, s.after.deletion = d.Before, d.After
	} else {
		s.before.replace, s.after.replace = d.Before, d.After
	}
}

// unescaper reads a part of a JSON pointer (RFC 6901).
var unescaper = strings.NewReplacer("~1", "/", "~0", "~")

// propertyPath is the path of a detail below Properties, nil for another
// attribute.
func propertyPath(d changeset.Detail) []string {
	if d.Attribute != "" && d.Attribute != "Properties" {
		return nil
	}
	if path, ok := strings.CutPrefix(d.Path, "/Properties/"); ok {
		names := strings.Split(path, "/")
		for i, name := range names {
			names[i] = unescaper.Replace(name)
		}
		return names
	}
	if d.Name != "" {
		return []string{d.Name}
	}
	return nil
}

func (s *subject) added() bool {
	return s.Action == changeset.Add || s.Action == changeset.Import
}

func (s *subject) removed() bool { return s.Action == changeset.Remove }

// hides reports whether a property changes, or may, to or from what nothing
// shows.
func (s *subject) hides(property string) bool { return s.hidden[property] || s.hidden[anyProperty] }

// touches reports whether a property changes, or may: a modification lists what
// it changes.
// Source: CloudFormation API reference, ResourceChange, "Details".
func (s *subject) touches(property string) bool { return s.touched == nil || s.touched[property] }

// changing are the properties of a side that change, or may.
func (s *subject) changing(p side) map[string]any {
	if s.touched == nil {
		return p.properties
	}
	out := map[string]any{}
	for name, value := range p.properties {
		if s.touched[name] {
			out[name] = value
		}
	}
	return out
}

// fresh reports whether a resource that the side's property names by Ref or
// Fn::GetAtt is new with this template. It is not what another row of the
// change set says: a further change must not lower the risk.
func (s *subject) fresh(names []string) bool {
	if s.before.template == nil || len(names) == 0 {
		return false
	}
	return !slices.ContainsFunc(names, func(name string) bool { return s.before.template.Resources.Has(name) })
}

// refers lists the resources of the template after the change that a property
// names; ok is false if one of its values is something else.
func (s *subject) refers(property string) (names []string, ok bool) {
	if s.after.resource == nil {
		return nil, false
	}
	value := s.after.resource.Properties.Get(property)
	items := []*template.Node{value}
	if value.IsList() {
		items = value.Items
	}
	for _, item := range items {
		function, arg, call := item.Call()
		name := arg.Str()
		if id, _, isAtt := arg.GetAtt(); isAtt && function == "Fn::GetAtt" {
			name = id
		}
		if !call || function != "Ref" && function != "Fn::GetAtt" || !s.after.template.Resources.Has(name) {
			return nil, false
		}
		names = append(names, name)
	}
	return names, len(names) > 0
}
