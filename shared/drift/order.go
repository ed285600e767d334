package drift

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// hasNoOrder reports a list whose order has no meaning. A schema that says
// "insertionOrder": false is believed. One that says true, or says nothing,
// which is meant to be true, is believed less: services return such lists in
// whatever order. So what the items are decides: distinct values, other
// resources by id, values of one kind, pairs of a name and a value, and items
// that have their place or their name in themselves make a set. What is carried
// out or laid out one after the other does not, nor does a list of which the
// schema says that it is ordered and may repeat itself.
// Source: resource type definition schema, "insertionOrder" and "uniqueItems".
func hasNoOrder(n *schema.Schema, path []string) bool {
	if n.Items == nil {
		return false
	}
	if !n.Ordered {
		return true
	}
	refers := strings.Contains(n.Format, "::") || strings.Contains(n.Items.Format, "::")
	if !n.OrderGiven && (n.UniqueItems || refers || endsWith(last(path), "Ids", "Arns", "ARNs")) {
		return true
	}
	if n.OrderGiven && !n.UniqueItems {
		return false
	}
	name := last(path)
	switch {
	case n.Items.Allows("string") && len(n.Items.Types) == 1:
		return !isSequence(name)
	case len(n.Items.Properties) > 0 && !isSequence(name) && !strings.Contains(name, "Action"):
		return n.UniqueItems && !endsWith(name, "Rules") || isPair(n.Items) || slices.ContainsFunc(n.Items.Required, tellsApart)
	default:
		return false
	}
}

// sequences are words in the names of lists that are read from front to back;
// so are actions that are objects, but not those that are resources by ARN.
var sequences = []string{
	"Arg", "Behavior", "Classifier", "Color", "Column", "Command", "Entrypoint", "EntryPoint", "Gradient",
	"Hierarchy", "Layer", "Layout", "Operand", "Order", "Preferred", "Priorit", "Section", "Sequence", "Sheet", "Sort",
	"Sql", "Stage", "Step", "TerminationPolic", "Transformation", "Upstream", "Visual", "Widget",
}

func isSequence(property string) bool {
	return property == "Header" || property == "Path" ||
		slices.ContainsFunc(sequences, func(word string) bool { return strings.Contains(property, word) })
}

// tellsApart reports a property that tells an item of a list from the others,
// or says where it stands.
func tellsApart(property string) bool {
	return property == "Type" || property == "Cidr" || endsWith(property, "Name", "Id", "ID", "Key", "Priority")
}

// isPair reports items that are a name and its value.
func isPair(n *schema.Schema) bool {
	if n == nil || len(n.Properties) > 3 {
		return false
	}
	name, value := false, false
	for property := range n.Properties {
		name = name || endsWith(property, "Name", "Key")
		value = value || endsWith(property, "Value")
	}
	return name && value
}

// isCompleted reports settings to which a service adds those that are not
// given, so that one more is no addition: an attribute list by its schema, or
// by what it is called. The environment of a program is not completed.
// Source: resource type definition schema, "arrayType".
func isCompleted(n *schema.Schema, path []string) bool {
	name := last(path)
	switch {
	case n.AttributeList:
		return true
	case n.Items != nil && len(n.Items.Properties) > 0:
		return name == "Schema" || endsWith(name, "OptionsSpecifications") ||
			isPair(n.Items) && endsWith(name, "Settings", "Attributes", "Parameters", "Options") && (len(path) > 1 || name != "Parameters")
	default:
		return n.Properties == nil && endsWith(name, "Details", "Options") && (len(n.PatternProperties) > 0 || n.Additional != nil)
	}
}

// last is the name of the property that a path leads to, not of its items.
func last(path []string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] != "*" {
			return path[i]
		}
	}
	return ""
}

func endsWith(name string, ends ...string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(name, end) })
}
