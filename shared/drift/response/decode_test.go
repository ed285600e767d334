package response

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/drift-policy.schema.json")

const document = `version: 1
severities:
  - {type: "AWS::SQS::*", property: /VisibilityTimeout, severity: high, why: orders wait on it}
responses:
  default: {low: ignore, critical: open}
  person: revert
ignore:
  - stack: shop-*
    property: /Tags/**
    until: 2026-01-31
    reason: the cost team tags by hand
  - logicalId: Old
    deleted: true
    until: 2026-06-30T12:00:00+02:00
    reason: deleted on purpose
`

func TestDecode(t *testing.T) {
	p, err := Decode("policy", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Severities) != 1 || p.Severities[0] != (SeverityRule{"AWS::SQS::*", "/VisibilityTimeout", High, "orders wait on it"}) {
		t.Errorf("severities %+v", p.Severities)
	}
	if len(p.Responses) != 2 || p.Responses["person"][Medium] != Revert || p.Responses["default"][Low] != Ignore || p.Responses["default"][Medium] != "" {
		t.Errorf("responses %+v", p.Responses)
	}
	if e := p.Ignore[0]; e.Stack != "shop-*" || e.Property != "/Tags/**" || !e.Until.Equal(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)) || e.Deleted {
		t.Errorf("exception %+v", e)
	}
	if e := p.Ignore[1]; !e.Deleted || !e.Until.Equal(time.Date(2026, 6, 30, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("exception %+v", e)
	}
	for _, tt := range []struct {
		class    string
		severity Severity
		want     Response
	}{
		{"person", Low, Revert}, {"healer", Low, Ignore}, {"healer", Medium, Notify}, {"serviceManaged", Critical, Open}, {Unknown, High, Open},
	} {
		if got, _ := p.response(tt.class, tt.severity); got != tt.want {
			t.Errorf("%s %s = %s, want %s", tt.class, tt.severity, got, tt.want)
		}
	}
	if _, err := Decode("policy", []byte(`{"version": 1, "ignore": [{"type": "AWS::SQS::*", "until": "2026-01-31", "reason": "x"}]}`)); err != nil {
		t.Errorf("JSON: %v", err)
	}
}

func TestDecodeFaults(t *testing.T) {
	tests := map[string]string{
		``:                            `policy:1:1: the document is empty`,
		`[]`:                          `policy:1:1: the document must be a mapping, not a list`,
		"version: 2":                  `policy:1:10: version is "2"; this program reads version 1`,
		"ignore: []":                  `policy:1:1: the document lacks the key "version"`,
		"version: 1\nignored: []":     `policy:2:1: unknown key "ignored" in the document; allowed are version, severities, responses, ignore`,
		"version: 1\nversion: 1":      `policy:2:1: duplicate key "version" in the document`,
		"version: 1\n---\nversion: 1": `policy:2:1: a second YAML document`,
		"version: 1\n a: {":           `policy:2:1: `,
		"version: 1\nignore: x":       `policy:2:9: ignore must be a list, not "x"`,
		"version: 1\nignore: [{until: 2026-01-31, reason: x}]":                                 `policy:2:10: an exception names at least one of stack, type, logicalId and property`,
		"version: 1\nignore: [{stack: x, reason: x}]":                                          `policy:2:10: an exception lacks the key "until"`,
		"version: 1\nignore: [{stack: x, until: 2026-01-31}]":                                  `policy:2:10: an exception lacks the key "reason"`,
		"version: 1\nignore: [{stack: x, until: 2026-01-31, reason: ' '}]":                     `policy:2:48: reason must be text, not " "`,
		"version: 1\nignore: [{stack: x, until: tomorrow, reason: x}]":                         `policy:2:28: until "tomorrow" is neither a day`,
		"version: 1\nignore: [{stack: '[', until: 2026-01-31, reason: x}]":                     `policy:2:18: stack "[" is no glob`,
		"version: 1\nignore: [{property: Tags, until: 2026-01-31, reason: x}]":                 `policy:2:21: property "Tags" is no JSON pointer`,
		"version: 1\nignore: [{property: /Tags, deleted: true, until: 2026-01-31, reason: x}]": `policy:2:37: a deleted resource has no properties`,
		"version: 1\nignore: [{stack: x, deleted: yes please, until: 2026-01-31, reason: x}]":  `policy:2:30: deleted "yes please" is not one of true, false`,
		"version: 1\nresponses: {everybody: open}":                                             `policy:2:13: unknown key "everybody" in responses; allowed are default, ownDeployment`,
		"version: 1\nresponses: {person: [open]}":                                              `policy:2:21: the response of person must be a mapping, not a list`,
		"version: 1\nresponses: {person: {huge: open}}":                                        `policy:2:22: unknown key "huge"`,
		"version: 1\nseverities: [{type: x}]":                                                  `policy:2:14: a severity lacks the key "severity"`,
		"version: 1\nseverities: [{severity: *x}]":                                             `policy:`,
		strings.Repeat("#", MaxDocument+1):                                                     `policy:1:1: the document has 8193 bytes; the limit is 8192`,
	}
	for text, want := range tests {
		_, err := Decode("policy", []byte(text))
		var faults Faults
		if !errors.As(err, &faults) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %v\nwant %s", text, err, want)
		}
	}
	many := "version: 1\nignore:\n" + strings.Repeat("  - {}\n", 30)
	_, err := Decode("policy", []byte(many))
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != maxFaults || faults[maxFaults-1].Message != "there are more faults than these" {
		t.Errorf("%v", err)
	}
}

// TestDocs: the policy in the documentation is one, and the table of the
// built-in responses is the built-in policy.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "drift.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	shown, _, found := strings.Cut(rest, "```")
	p, err := Decode("docs/drift.md", []byte(shown))
	if err != nil || !found || len(p.Ignore) != 2 || !strings.Contains(p.Ignore[1].Reason, "#214") {
		t.Errorf("%+v, %v", p, err)
	}
	for class, row := range Default().Responses {
		line := class + " |"
		if class != everyClass {
			line = "`" + class + "` |"
		}
		for _, s := range Severities() {
			line += " " + string(row[s]) + " |"
		}
		if !strings.Contains(string(text), "| "+line) {
			t.Errorf("the table lacks %q", line)
		}
	}
}

// TestJSONSchema: the schema in docs is current, and names what the decoder
// reads.
func TestJSONSchema(t *testing.T) {
	schema, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "..", "docs", "drift-policy.schema.json")
	if *update {
		if err := os.WriteFile(path, schema, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(kept, schema) {
		t.Errorf("%s is not current (%v): go test ./shared/drift/response -update", path, err)
	}
	var decoded struct{ Properties map[string]any }
	if err := json.Unmarshal(schema, &decoded); err != nil {
		t.Fatal(err)
	}
	for _, k := range topKeys() {
		if decoded.Properties[k.name] == nil {
			t.Errorf("the schema lacks %s", k.name)
		}
	}
}

// FuzzDecode: a document is read or refused with positions inside of it, and
// what is read names classes, severities and responses that exist.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte(`{"version":1,"responses":{"person":{"low":"open"}}}`))
	f.Add([]byte("version: 1\nignore: [{property: '**/a', until: 2026-01-31, reason: x}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode("policy", data)
		if err != nil {
			var faults Faults
			if !errors.As(err, &faults) || len(faults) == 0 || len(faults) > maxFaults {
				t.Fatalf("%v", err)
			}
			for _, fault := range faults {
				if fault.Line < 1 || fault.Column < 1 || fault.Message == "" || fault.Line > bytes.Count(data, []byte("\n"))+2 {
					t.Errorf("%+v of %q", fault, data)
				}
			}
			return
		}
		for class, row := range p.Responses {
			if !slices.Contains(classNames(), class) {
				t.Errorf("class %q", class)
			}
			for severity, response := range row {
				if severity.rank() < 0 || response.rank() < 0 {
					t.Errorf("%s: %s", severity, response)
				}
			}
		}
		for _, e := range p.Ignore {
			if e.Until.IsZero() || e.Reason == "" || e.Deleted && e.Property != "" {
				t.Errorf("%+v", e)
			}
		}
	})
}
