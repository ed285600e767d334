// Package redact hides values that may be secret before they are kept, shown
// or published.
package redact

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Hidden stands in the place of a value. CloudFormation uses the same for what
// comes from a NoEcho parameter.
const Hidden = "****"

// secret matches the end of a name without its separators: DB_PASSWORD,
// MasterUserPassword, client-secret, AWS_SECRET_ACCESS_KEY.
var secret = regexp.MustCompile(`(?i)(password|passwd|passphrase|passcode|pwd|secret|secret(string|key|accesskey|value)|token|privatekey|apikey|accesskey|credentials?)$`)

// separators stand between the words of a name.
var separators = strings.NewReplacer("_", "", "-", "", ".", "")

// Secret reports whether a thing of this name holds a secret, as far as its
// name tells.
func Secret(name string) bool {
	name = strings.TrimRight(name, "_-.")
	if name == "" {
		return false
	}
	// Most names end in a letter that no secret's name ends in.
	if last := name[len(name)-1]; last < 0x80 && !strings.ContainsRune("degylnstDEGYLNST", rune(last)) {
		return false
	}
	return secret.MatchString(separators.Replace(name))
}

// Value returns what may be shown of a property's value. path is the
// property's JSON pointer; value is text, or JSON for anything else. The value
// of a secret is hidden, also inside of a JSON value. A dynamic reference says
// where a secret is, and not what it is: it stays.
// Source: CloudFormation user guide, "Get values stored in other services
// using dynamic references".
func Value(path, value string) string {
	if value == "" || reference(value) {
		return value
	}
	if Secret(path[strings.LastIndex(path, "/")+1:]) {
		return Hidden
	}
	if !strings.ContainsAny(value, "{[") || !suspicious(value) {
		return value
	}
	return inside(value)
}

// words are in the name of every secret that the pattern knows.
var words = []string{"password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "privatekey", "apikey", "accesskey", "credential"}

// suspicious reports whether text may hold the name of a secret, so that most
// JSON need not be read. What is not plain ASCII may fold to anything.
func suspicious(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 || text[i] == '\\' {
			return true
		}
	}
	text = strings.ToLower(separators.Replace(text))
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func reference(value string) bool {
	return strings.HasPrefix(value, "{{resolve:") && strings.Count(value, "}}") == 1 && strings.HasSuffix(value, "}}")
}

// inside hides secrets in a JSON value. One that holds none, and what is no
// JSON, stays as it is written.
func inside(value string) string {
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	var document any
	if decoder.Decode(&document) != nil || decoder.More() {
		return value
	}
	hidden, found := conceal(document)
	if !found {
		return value
	}
	text, err := json.Marshal(hidden)
	if err != nil {
		return Hidden
	}
	return string(text)
}

// conceal hides the secrets of a document in place, and reports whether it had
// any. Two shapes are known: a member with a telling name, and the pair of Name
// and Value in which containers have their environment.
// Source: CloudFormation template reference, AWS::ECS::TaskDefinition
// KeyValuePair.
func conceal(v any) (any, bool) {
	found := false
	switch v := v.(type) {
	case map[string]any:
		name, _ := v["Name"].(string)
		for key, member := range v {
			text, isText := member.(string)
			switch {
			case isText && (Secret(key) || key == "Value" && Secret(name)):
				if text != "" && !reference(text) {
					v[key], found = Hidden, true
				}
			default:
				concealed, inner := conceal(member)
				v[key], found = concealed, found || inner
			}
		}
	case []any:
		for i, item := range v {
			concealed, inner := conceal(item)
			v[i], found = concealed, found || inner
		}
	}
	return v, found
}
