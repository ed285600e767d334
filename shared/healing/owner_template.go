package healing

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing/declared"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Answer says whether a template opens a group.
type Answer int

// The answers.
const (
	DeclaresUnknown Answer = iota // it could not be read, or a value in it is not known
	DeclaresIt
	DeclaresNothing
)

// Declaration is what a template says of rules.
type Declaration struct {
	Answer    Answer
	LogicalID string // of what declares them
	Type      string
}

// property is what declares rules in the resource.
func (d Declaration) property() string {
	if d.Type == declared.SecurityGroupIngress {
		return "Properties"
	}
	return "Properties.SecurityGroupIngress"
}

// reference stands for what Ref or Fn::GetAtt gives of a resource of the
// template, whose physical ids are not known.
const reference = "resource:"

// Declares looks in a deployed template, with the values of its parameters, for
// the opened rules of the group that is its resource logicalID.
func Declares(t *template.Template, parameters map[string]string, logicalID, groupID string, opened []events.SecurityGroupRule) Declaration {
	scope := &template.Scope{Parameters: map[string]any{}, Pseudo: map[string]any{}, Resource: func(id, _ string) (any, error) { return reference + id, nil }}
	for name, p := range t.Parameters.All() {
		scope.Parameters[name] = template.Unknown
		if value, ok := parameters[name]; ok && value != "****" { // a NoEcho value is not shown
			scope.Parameters[name] = value
			if p.IsList() {
				scope.Parameters[name] = valuesOf(value)
			}
		}
	}
	result := Declaration{Answer: DeclaresNothing}
	for id, r := range t.Resources.All() {
		if id != logicalID && r.Type != declared.SecurityGroupIngress || r.Type != declared.SecurityGroup && r.Type != declared.SecurityGroupIngress {
			continue
		}
		properties, ok := declared.Of(t, r, scope)
		if r.Type == declared.SecurityGroupIngress && ok && !of(properties, logicalID, groupID) {
			continue
		}
		rules, unsure := declared.Rules(r.Type, properties)
		switch {
		case ok && declares(declared.Certain(r.Type, properties), opened):
			return Declaration{DeclaresIt, id, r.Type}
		case !ok || unsure || lists(rules):
			result = Declaration{Answer: DeclaresUnknown, LogicalID: id, Type: r.Type}
		}
	}
	return result
}

// of reports that a SecurityGroupIngress is of the group, or may be.
func of(properties map[string]any, logicalID, groupID string) bool {
	group, _ := properties["GroupId"].(string)
	if group == "" {
		group, _ = properties["GroupName"].(string)
	}
	return group == reference+logicalID || group == groupID || strings.Contains(group, template.KnownAfterApply)
}

// declares reports that one of the rules admits what an opened one did.
func declares(rules, opened []events.SecurityGroupRule) bool {
	return slices.ContainsFunc(opened, func(o events.SecurityGroupRule) bool {
		_, found := findLike(rules, o)
		return found
	})
}

// lists reports that one of the rules admits a prefix list of the template,
// which may be the one that is open.
func lists(rules []events.SecurityGroupRule) bool {
	return slices.ContainsFunc(rules, func(r events.SecurityGroupRule) bool {
		return strings.HasPrefix(r.PrefixListID, reference) || strings.Contains(r.PrefixListID, template.KnownAfterApply)
	})
}

func valuesOf(text string) []any {
	list := []any{}
	for item := range strings.SplitSeq(text, ",") {
		list = append(list, strings.TrimSpace(item))
	}
	return list
}
