package simulator

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// leaf is one place in which two property trees differ.
type leaf struct {
	path   []string
	before any
	after  any
	kind   types.AttributeChangeType
}

// leaves lists the differences between two property trees, sorted by path:
// object keys by name, list elements by index.
func leaves(before, after map[string]any) []leaf {
	var found []leaf
	collect(nil, before, after, &found)
	return found
}

func collect(path []string, before, after any, found *[]leaf) {
	if reflect.DeepEqual(before, after) {
		return
	}
	switch b := before.(type) {
	case map[string]any:
		if a, ok := after.(map[string]any); ok {
			collectObject(path, b, a, found)
			return
		}
	case []any:
		if a, ok := after.([]any); ok {
			collectList(path, b, a, found)
			return
		}
	}
	*found = append(*found, leaf{path, before, after, types.AttributeChangeTypeModify})
}

func collectObject(path []string, before, after map[string]any, found *[]leaf) {
	names := sortedKeys(before)
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		b, had := before[name]
		a, has := after[name]
		one(append(slices.Clone(path), name), b, a, had, has, found)
	}
}

func collectList(path []string, before, after []any, found *[]leaf) {
	for i := range max(len(before), len(after)) {
		var b, a any
		if i < len(before) {
			b = before[i]
		}
		if i < len(after) {
			a = after[i]
		}
		one(append(slices.Clone(path), strconv.Itoa(i)), b, a, i < len(before), i < len(after), found)
	}
}

func one(path []string, before, after any, had, has bool, found *[]leaf) {
	switch {
	case !had:
		*found = append(*found, leaf{path, nil, after, types.AttributeChangeTypeAdd})
	case !has:
		*found = append(*found, leaf{path, before, nil, types.AttributeChangeTypeRemove})
	default:
		collect(path, before, after, found)
	}
}

// recreation tells whether a change at the path replaces the resource: the
// schema's create-only properties at, above or below it (CFN-13).
func recreation(t *schema.Type, l leaf) types.RequiresRecreation {
	switch {
	case t == nil:
		return types.RequiresRecreationNever
	case touches(t.CreateOnly, l):
		return types.RequiresRecreationAlways
	case touches(t.ConditionalCreateOnly, l):
		return types.RequiresRecreationConditionally
	}
	return types.RequiresRecreationNever
}

func touches(pointers []string, l leaf) bool {
	if contains(pointers, l.path) {
		return true
	}
	for _, pointer := range pointers {
		below := pointerPath(pointer)
		if len(below) <= len(l.path) || !covers(l.path, below[:len(l.path)]) {
			continue
		}
		before, _ := lookup(l.before, below[len(l.path):])
		after, _ := lookup(l.after, below[len(l.path):])
		if !reflect.DeepEqual(before, after) {
			return true
		}
	}
	return false
}

// detail describes one difference as the API does.
func (d *differ) detail(l leaf) types.ResourceChangeDetail {
	target := &types.ResourceTargetDefinition{
		Attribute:           types.ResourceAttributeProperties,
		Name:                aws.String(l.path[0]),
		Path:                aws.String("/Properties/" + joinPath(l.path)),
		RequiresRecreation:  recreation(d.schema, l),
		AttributeChangeType: l.kind,
		BeforeValue:         valueText(l.before),
		AfterValue:          valueText(l.after),
	}
	if d.schema != nil && d.schema.Tagging.TagProperty == schema.Pointer(l.path[0]) {
		target.Attribute, target.Name = types.ResourceAttributeTags, nil
		target.RequiresRecreation = types.RequiresRecreationNever
	}
	source, cause := d.source(l)
	detail := types.ResourceChangeDetail{Target: target, ChangeSource: source, CausingEntity: optional(cause), Evaluation: types.EvaluationTypeStatic}
	if template.IsUnknown(l.after) {
		detail.Evaluation = types.EvaluationTypeDynamic
	}
	return detail
}

func joinPath(path []string) string {
	text := path[0]
	for _, part := range path[1:] {
		text += "/" + part
	}
	return text
}

// valueText renders a value as Before/AfterValue: text as it is, else JSON.
func valueText(v any) *string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return &v
	}
	if isUnknown(v) {
		return aws.String(template.KnownAfterApply)
	}
	return aws.String(compactJSON(v))
}

// differ explains the differences of one resource.
type differ struct {
	schema   *schema.Type
	node     *template.Node // the new Properties
	previous *template.Node // the old Properties
	// changedParameters are parameters whose value is new; fates are the
	// resources planned so far.
	changedParameters map[string]bool
	fates             map[string]*fate
}

// source finds what caused a difference (CFN-14): a changed parameter or
// resource that the unchanged text refers to, else the text itself.
func (d *differ) source(l leaf) (types.ChangeSource, string) {
	node := d.node.Get(l.path[0])
	for _, ref := range template.References(node) {
		if f := d.fates[ref.Name]; f != nil && f.changes() && template.IsUnknown(l.after) {
			if ref.Attribute != "" {
				return types.ChangeSourceResourceAttribute, ref.Name + "." + ref.Attribute
			}
			return types.ChangeSourceResourceReference, ref.Name
		}
	}
	if !reflect.DeepEqual(node.Value(), d.previous.Get(l.path[0]).Value()) {
		return types.ChangeSourceDirectModification, ""
	}
	for _, ref := range template.References(node) {
		if ref.Attribute == "" && d.changedParameters[ref.Name] {
			return types.ChangeSourceParameterReference, ref.Name
		}
		if f := d.fates[ref.Name]; f != nil && f.changes() {
			return types.ChangeSourceResourceAttribute, ref.Name + "." + ref.Attribute
		}
	}
	return types.ChangeSourceDirectModification, ""
}

// replacementOf sums the details up (CFN-13).
func replacementOf(details []types.ResourceChangeDetail) types.Replacement {
	result := types.ReplacementFalse
	for _, detail := range details {
		switch recreation := detail.Target.RequiresRecreation; {
		case recreation == types.RequiresRecreationAlways && detail.Evaluation == types.EvaluationTypeStatic:
			return types.ReplacementTrue
		case recreation != types.RequiresRecreationNever && recreation != "":
			result = types.ReplacementConditional
		}
	}
	return result
}
