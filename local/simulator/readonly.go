package simulator

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// nameHint is where a resource comes from; it names what the template did not
// name: <stack>-<logical id>-<random> (CFN-32).
type nameHint struct{ stack, logicalID string }

// nameProperty finds the property that names a resource of the type: a
// writable single primary identifier, or a create-only <Type>Name, Name or
// GroupName.
func nameProperty(t *schema.Type, typeName string) string {
	if t == nil {
		return ""
	}
	if len(t.PrimaryIdentifier) == 1 && !contains(t.ReadOnly, pointerPath(t.PrimaryIdentifier[0])) {
		path := pointerPath(t.PrimaryIdentifier[0])
		if len(path) == 1 {
			return path[0]
		}
	}
	for _, candidate := range []string{lastPart(typeName) + "Name", "Name", "GroupName"} {
		if contains(t.CreateOnly, []string{candidate}) {
			return candidate
		}
	}
	return ""
}

// nameIt generates the resource's name where it is neither given nor required.
func nameIt(t *schema.Type, typeName string, desired map[string]any, hint nameHint) map[string]any {
	if desired == nil {
		desired = map[string]any{}
	}
	property := nameProperty(t, typeName)
	if property == "" || desired[property] != nil || contains(requiredPointers(t), []string{property}) {
		return desired
	}
	name := hint.stack + "-" + hint.logicalID + "-" + random(12, upperAlphabet)
	switch typeName {
	case "AWS::S3::Bucket":
		name = strings.ToLower(name)
	case "AWS::SSM::Parameter":
		name = "CFN-" + hint.logicalID + "-" + random(12, upperAlphabet)
	case "AWS::SQS::Queue", "AWS::SNS::Topic":
		if desired["FifoQueue"] == true || desired["FifoTopic"] == true {
			name += ".fifo"
		}
	}
	if len(name) > 63 {
		name = name[:50] + name[len(name)-13:]
	}
	desired[property] = name
	return desired
}

func requiredPointers(t *schema.Type) []string {
	var pointers []string
	for _, name := range t.Required {
		pointers = append(pointers, "/properties/"+name)
	}
	return pointers
}

// generate adds the read-only properties that the service would make.
func (m *models) generate(t *schema.Type, typeName string, desired map[string]any, hint nameHint) map[string]any {
	model := desired
	if t == nil {
		return model
	}
	formats := readOnlyFormats[typeName]
	for _, name := range sortedKeys(formats) {
		if strings.Contains(formats[name], "{random") {
			setPointer(model, strings.Split(name, "."), m.fill(formats[name], model, hint))
		}
	}
	for _, name := range sortedKeys(formats) {
		if !strings.Contains(formats[name], "{random") {
			setPointer(model, strings.Split(name, "."), m.fill(formats[name], model, hint))
		}
	}
	for _, pointer := range t.ReadOnly {
		path := pointerPath(pointer)
		if _, given := lookup(model, path); given || strings.Contains(pointer, "*") {
			continue
		}
		if value := m.fallback(t, typeName, pointer, model, hint); value != nil {
			setPointer(model, path, value)
		}
	}
	return model
}

// regenerate renews what follows from other properties after an update.
func (m *models) regenerate(t *schema.Type, typeName string, model map[string]any) {
	for name, format := range readOnlyFormats[typeName] {
		if !strings.Contains(format, "{random") && !contains(t.PrimaryIdentifier, strings.Split(name, ".")) {
			setPointer(model, strings.Split(name, "."), m.fill(format, model, nameHint{}))
		}
	}
}

var placeholder = regexp.MustCompile(`\{([A-Za-z0-9.:]+)\}`)

// fill renders a format: {partition} {region} {account} {suffix} {uuid}
// {randomhex:n} {random:n}, else a property of the model.
func (m *models) fill(format string, model map[string]any, hint nameHint) string {
	return placeholder.ReplaceAllStringFunc(format, func(match string) string {
		name, argument, _ := strings.Cut(strings.Trim(match, "{}"), ":")
		length := 0
		_, _ = fmt.Sscan(argument, &length)
		switch name {
		case "partition":
			return partition(m.region.name)
		case "region":
			return m.region.name
		case "account":
			return m.region.account
		case "suffix":
			return urlSuffix(m.region.name)
		case "randomuuid":
			return newUUID()
		case "randomhex":
			return random(length, "0123456789abcdef")
		case "random":
			return random(length, upperAlphabet)
		}
		value, _ := lookup(model, strings.Split(name, "."))
		if value == nil {
			return hint.logicalID
		}
		return fmt.Sprint(value)
	})
}

// fallback makes a plausible value from the property's name and schema type.
func (m *models) fallback(t *schema.Type, typeName, pointer string, model map[string]any, hint nameHint) any {
	property, ok := t.Property(pointer)
	if !ok {
		return nil
	}
	path := pointerPath(pointer)
	last := path[len(path)-1]
	kind := ""
	if len(property.Types) > 0 {
		kind = property.Types[0]
	}
	switch kind {
	case "integer", "number":
		return float64(0)
	case "boolean":
		return false
	case "array":
		return []any{}
	case "object":
		return nil
	}
	if len(property.Enum) > 0 {
		return property.Enum[0]
	}
	kind = strings.ToLower(lastPart(typeName))
	name := hint.logicalID
	if property := nameProperty(t, typeName); property != "" && model[property] != nil {
		name = fmt.Sprint(model[property])
	}
	parts := strings.Split(typeName, "::")
	service := strings.ToLower(parts[min(1, len(parts)-1)])
	switch {
	case strings.HasSuffix(strings.ToLower(last), "arn"):
		return m.region.arn(service, kind+"/"+name)
	case strings.HasSuffix(last, "Id") || strings.HasSuffix(last, "ID"):
		return kind + "-" + random(17, "0123456789abcdef")
	case strings.HasSuffix(strings.ToLower(last), "url"):
		return "https://" + strings.ToLower(name) + "." + service + "." + m.region.name + "." + urlSuffix(m.region.name)
	case strings.HasSuffix(last, "Time") || strings.HasSuffix(last, "Date") || strings.HasSuffix(last, "At"):
		return m.region.now().Format(time.RFC3339)
	}
	return strings.ToLower(name) + "-" + random(8, "0123456789abcdef")
}

// identify gives the primary identifier: its parts joined by "|" (CFN-33).
func identify(t *schema.Type, model map[string]any, hint nameHint) string {
	if t == nil || len(t.PrimaryIdentifier) == 0 {
		return hint.stack + "-" + hint.logicalID + "-" + random(12, upperAlphabet)
	}
	var parts []string
	for _, pointer := range t.PrimaryIdentifier {
		value, _ := lookup(model, pointerPath(pointer))
		parts = append(parts, fmt.Sprint(value))
	}
	return strings.Join(parts, "|")
}

// physicalID is what Ref returns (CFN-34).
func physicalID(t *schema.Type, typeName, identifier string, model map[string]any) string {
	if property, ok := refProperties[typeName]; ok {
		if value, ok := model[property]; ok {
			return fmt.Sprint(value)
		}
	}
	if t == nil || len(t.PrimaryIdentifier) < 2 {
		return identifier
	}
	generated := ""
	for _, pointer := range t.PrimaryIdentifier {
		if path := pointerPath(pointer); contains(t.ReadOnly, path) {
			if generated != "" {
				return identifier
			}
			value, _ := lookup(model, path)
			generated = fmt.Sprint(value)
		}
	}
	return orDefault(generated, identifier)
}

func lastPart(typeName string) string {
	return typeName[strings.LastIndex(typeName, ":")+1:]
}

const upperAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func random(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		k, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return strings.Repeat("0", n)
		}
		b[i] = alphabet[k.Int64()]
	}
	return string(b)
}
