package cloudtrail

import (
	"encoding/json"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// wrapped are the EC2 calls whose requestParameters hold one object named
// "<Action>Request" in PascalCase, with a one-element list as a plain object,
// and whose answer is in "<Action>Response". Published records show the first
// two; the others are of the same age.
var wrapped = map[string]bool{
	"ModifySecurityGroupRules": true, "ModifyManagedPrefixList": true,
	"CreateManagedPrefixList": true, "RestoreManagedPrefixListVersion": true, "DeleteManagedPrefixList": true,
}

// permissionCalls carry ipPermissions, which is {} in the flat form.
var permissionCalls = map[string]bool{
	"AuthorizeSecurityGroupIngress": true, "AuthorizeSecurityGroupEgress": true,
	"RevokeSecurityGroupIngress": true, "RevokeSecurityGroupEgress": true,
}

// parameters returns the record's requestParameters.
func parameters(c Call) any {
	if c.JSON != nil {
		return lowerKeys(c.JSON)
	}
	tree := parse(c.Form)
	if c.Service != "ec2" {
		return plain(tree)
	}
	if wrapped[c.Action] {
		return map[string]any{c.Action + "Request": pascal(tree, c.Action != "ModifySecurityGroupRules")}
	}
	return attachment(c.Action, classic(c.Action, tree))
}

// node is a parameter tree: "A.1.B=x" is A → 1 → B → "x".
type node struct {
	value    string
	children map[string]*node
}

func parse(form []Parameter) *node {
	root := &node{children: map[string]*node{}}
	for _, p := range form {
		if p.Name == "Action" || p.Name == "Version" {
			continue
		}
		at := root
		for _, step := range strings.Split(p.Name, ".") {
			next, ok := at.children[step]
			if !ok {
				next = &node{children: map[string]*node{}}
				at.children[step] = next
			}
			at = next
		}
		at.value = p.Value
	}
	return root
}

// list returns the elements of a list in their order, and whether n is one.
func (n *node) list() ([]*node, bool) {
	var numbers []int
	for name := range n.children {
		number, err := strconv.Atoi(name)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, number)
	}
	sort.Ints(numbers)
	var elements []*node
	for _, number := range numbers {
		elements = append(elements, n.children[strconv.Itoa(number)])
	}
	return elements, len(elements) > 0
}

// classic renders the usual EC2 form: camelCase, lists as {"items": […]}.
func classic(action string, tree *node) map[string]any {
	out := map[string]any{}
	for name, child := range tree.children {
		if name == "TagSpecification" {
			out["tagSpecificationSet"] = tagSpecifications(child)
			continue
		}
		out[lowerFirst(name)] = classicValue(name, child)
	}
	if permissionCalls[action] {
		if _, ok := out["ipPermissions"]; !ok {
			out["ipPermissions"] = map[string]any{}
		}
	}
	return out
}

func classicValue(name string, n *node) any {
	if elements, ok := n.list(); ok {
		items := make([]any, 0, len(elements))
		for _, element := range elements {
			items = append(items, classicElement(name, element))
		}
		return map[string]any{"items": items}
	}
	if len(n.children) == 0 {
		return scalar(lowerFirst(name), n.value)
	}
	out := map[string]any{}
	for key, child := range n.children {
		out[lowerFirst(key)] = classicValue(key, child)
	}
	return out
}

// classicElement renders one element of a list. A permission always has its
// four sets, and a bare value becomes an object named for the list.
func classicElement(list string, n *node) any {
	if len(n.children) == 0 {
		name := lowerFirst(strings.TrimSuffix(list, "s"))
		return map[string]any{name: n.value}
	}
	out := map[string]any{}
	for key, child := range n.children {
		out[lowerFirst(key)] = classicValue(key, child)
	}
	if list == "IpPermissions" {
		for _, set := range []string{"groups", "ipRanges", "ipv6Ranges", "prefixListIds"} {
			if _, ok := out[set]; !ok {
				out[set] = map[string]any{}
			}
		}
	}
	return out
}

func tagSpecifications(n *node) any {
	items := []any{}
	elements, _ := n.list()
	for _, element := range elements {
		item := map[string]any{"tags": []any{}}
		if kind := element.children["ResourceType"]; kind != nil {
			item["resourceType"] = kind.value
		}
		if tags := element.children["Tag"]; tags != nil {
			pairs, _ := tags.list()
			for _, pair := range pairs {
				tag := map[string]any{}
				for key, child := range pair.children {
					tag[lowerFirst(key)] = child.value
				}
				item["tags"] = append(item["tags"].([]any), tag)
			}
		}
		items = append(items, item)
	}
	return map[string]any{"items": items}
}

// pascal renders the wrapped form: names as sent, one element as an object
// with a "tag" that counts from 1, several as an array. The tag is text in the
// records of prefix lists, a number in those of rules.
func pascal(n *node, tagText bool) any {
	if elements, ok := n.list(); ok {
		var items []any
		for i, element := range elements {
			item := pascal(element, tagText)
			if object, ok := item.(map[string]any); ok && tagText {
				object["tag"] = strconv.Itoa(i + 1)
			} else if ok {
				object["tag"] = i + 1
			}
			items = append(items, item)
		}
		if len(items) == 1 {
			return items[0]
		}
		return items
	}
	if len(n.children) == 0 {
		return scalar("", n.value)
	}
	out := map[string]any{}
	for key, child := range n.children {
		value := pascal(child, tagText)
		if len(child.children) == 0 {
			value = scalar(lowerFirst(key), child.value)
		}
		if key == "Cidr" { // the records of prefix-list entries write it small
			key = "cidr"
		}
		out[key] = value
	}
	return out
}

// plain renders the form of the other query services: camelCase, arrays, and
// without the "member" level of their lists.
func plain(n *node) any {
	if inner, ok := n.children["member"]; ok && len(n.children) == 1 {
		n = inner
	}
	if elements, ok := n.list(); ok {
		items := make([]any, 0, len(elements))
		for _, element := range elements {
			items = append(items, plain(element))
		}
		return items
	}
	if len(n.children) == 0 {
		return scalar("", n.value)
	}
	out := map[string]any{}
	for key, child := range n.children {
		switch key {
		case "TemplateBody": // a record never holds the template
			continue
		case "ParameterValue":
			out["parameterValue"] = "****"
			continue
		}
		out[lowerFirst(key)] = plain(child)
	}
	return out
}

// numbers are the parameters and elements that records show as numbers.
var numbers = map[string]bool{
	"fromPort": true, "toPort": true, "maxEntries": true, "version": true, "currentVersion": true, "previousVersion": true,
	"minCount": true, "maxCount": true, "deviceIndex": true,
}

// scalar types a value as the records do: ports and sizes are numbers, flags
// are booleans.
func scalar(name, value string) any {
	if value == "true" || value == "false" {
		return value == "true"
	}
	if numbers[name] {
		if number, err := strconv.Atoi(value); err == nil {
			return number
		}
	}
	return value
}

func lowerFirst(name string) string {
	if name == "" {
		return name
	}
	runes := []rune(name)
	runes[0] = unicode.ToLower(runes[0])
	return string(runes)
}

// lowerKeys renders the parameters of a JSON call, whose property documents
// records do not show.
func lowerKeys(value map[string]any) map[string]any {
	out := map[string]any{}
	for key, child := range value {
		if key == "DesiredState" || key == "PatchDocument" {
			out[lowerFirst(key)] = "HIDDEN_DUE_TO_SECURITY_REASONS"
			continue
		}
		out[lowerFirst(key)] = child
	}
	return out
}

// DecodeJSON reads the body of a JSON-protocol call; nil when it is none.
func DecodeJSON(body []byte) map[string]any {
	var out map[string]any
	if json.Unmarshal(body, &out) != nil {
		return nil
	}
	return out
}

// Parameters returns the parameters of a form, sorted by name.
func Parameters(form url.Values) []Parameter {
	out := make([]Parameter, 0, len(form))
	for name := range form {
		out = append(out, Parameter{Name: name, Value: form.Get(name)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
