package live

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// arns are the types whose physical id is a name and whose identifier is an
// ARN: how the ARN is made of partition, region, account and name.
// Source: service authorization reference, resource types of Amazon EventBridge.
var arns = map[string]string{
	"AWS::Events::Rule": "arn:%s:events:%s:%s:rule/%s",
}

// Identifier returns what Cloud Control calls a resource, "" if it cannot be
// worked out; value gives a property of the template, template.Unknown for one
// that is set and cannot be resolved: the physical id does not stand for that.
// exact says that it is
// surely the identifier, so that a resource that is not found is gone. A primary
// identifier of several properties is their values joined by "|"; what the
// template does not set of them is the physical id. Where the physical id is
// not the primary identifier, it may be a secondary one, written as JSON.
// Source: Cloud Control API user guide, "Identifying resources".
func Identifier(stack events.StackRef, typ *schema.Type, physicalID string, value func(path []string) (any, bool)) (identifier string, exact bool) {
	switch n := len(typ.PrimaryIdentifier); {
	case n == 1:
		return single(stack, typ, physicalID)
	case strings.Count(physicalID, "|") == n-1:
		return physicalID, true
	}
	parts := make([]string, len(typ.PrimaryIdentifier))
	exact, missing := true, 0
	for i, pointer := range typ.PrimaryIdentifier {
		path := schema.Names(pointer)
		v, ok := value(path)
		switch {
		case !ok:
			missing++
			v = physicalID
		case template.IsUnknown(v):
			return "", false
		}
		parts[i] = fmt.Sprint(v)
		exact = exact && fits(path, parts[i])
	}
	if missing > 1 {
		return "", false
	}
	return strings.Join(parts, "|"), exact
}

func single(stack events.StackRef, typ *schema.Type, physicalID string) (string, bool) {
	path := schema.Names(typ.PrimaryIdentifier[0])
	if fits(path, physicalID) {
		return physicalID, true
	}
	if form, ok := arns[typ.Name]; ok {
		partition := "aws"
		if parts := strings.SplitN(stack.StackID, ":", 3); len(parts) == 3 {
			partition = parts[1]
		}
		return fmt.Sprintf(form, partition, stack.Region, stack.Account, strings.ReplaceAll(physicalID, "|", "/")), true
	}
	for _, other := range typ.AdditionalIdentifiers {
		if len(other) != 1 || !fits(schema.Names(other[0]), physicalID) {
			continue
		}
		names := schema.Names(other[0])
		text, err := json.Marshal(map[string]string{names[len(names)-1]: physicalID})
		if err == nil {
			return string(text), false
		}
	}
	return physicalID, false
}

// fits reports that a text has the form of the property: an ARN where the
// property is one, and none where it is not.
func fits(path []string, text string) bool {
	last := strings.ToLower(path[len(path)-1])
	return strings.HasSuffix(last, "arn") == strings.HasPrefix(text, "arn:") || strings.HasSuffix(last, "id") || strings.HasSuffix(last, "identifier")
}
