package deployment

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/redact"
	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// Document is a plan as a person reads it: the rows of the change set with
// what they were rated. It is kept in S3 under DocumentKey, and its JSON form
// is what `evenkeel plan show --format json` prints.
type Document struct {
	Run         events.Run    `json:"run"`
	Target      events.Target `json:"target"`
	ChangeSetID string        `json:"changeSetId"`
	Digest      string        `json:"digest"`
	Empty       bool          `json:"empty"`
	Risk        string        `json:"risk"`    // safe, review, dangerous, blocked
	Reasons     []risk.Reason `json:"reasons"` // worst first
	Gate        string        `json:"gate"`
	Planned     time.Time     `json:"planned"`
	Expires     time.Time     `json:"expires,omitzero"` // of the approval; zero where nobody is asked
	Rows        []Row         `json:"rows"`             // sorted by logical id
}

// Row is what happens to one resource.
type Row struct {
	Action     string `json:"action"`
	LogicalID  string `json:"logicalId"`
	PhysicalID string `json:"physicalId,omitempty"`
	Type       string `json:"type"`
	// Replacement is True, False or Conditional. It is Conditional where
	// CloudFormation says True because of a value that it does not know yet.
	Replacement  string `json:"replacement,omitempty"`
	Why          string `json:"why,omitempty"` // which properties replace it, and how that is known
	PolicyAction string `json:"policyAction,omitempty"`
	Drift        string `json:"drift,omitempty"`
	// DriftBy is who made the drift, when the last scan knows it.
	DriftBy    *changeset.Changer `json:"driftBy,omitempty"`
	Properties []Property         `json:"properties"`       // sorted by path
	Nested     []Row              `json:"nested,omitempty"` // of a nested stack whose change set is known
}

// Property is what happens to one attribute of a resource. An empty Before
// means that it is added, an empty After that it is removed. Secrets are
// hidden.
type Property struct {
	Path       string `json:"path"`
	Before     string `json:"before,omitempty"`
	After      string `json:"after,omitempty"`
	Deployed   string `json:"deployed,omitempty"`   // value of the last deployment, where somebody changed it since
	Recreation string `json:"recreation,omitempty"` // Never, Conditionally, Always
	CreateOnly bool   `json:"createOnly,omitempty"` // by the type's schema, a change replaces the resource
	Cause      string `json:"cause,omitempty"`      // what makes it change
}

// DocumentKey is where the document of the last plan of a stack is kept in the
// bucket.
func DocumentKey(runID, stage, stack string) string {
	return fmt.Sprintf("plans/%s/%s/%s.json", runID, stage, stack)
}

// seenKey is where the document is kept besides, under the hash of its bytes: an
// invocation that comes late cannot put another one in the place of what a
// person saw.
func seenKey(runID, stage, stack, hash string) string {
	return fmt.Sprintf("plans/%s/%s/%s-%.16s.json", runID, stage, stack, hash)
}

// NewDocument makes the document of a change set and its rating, for a region;
// the caller adds whose plan it is.
func NewDocument(set ChangeSet, rated risk.Assessment, region string) Document {
	return Document{ChangeSetID: set.ID, Empty: set.Unchanged(), Risk: rated.Level, Reasons: rated.Reasons, Rows: rows(set, risk.Published(region))}
}

// rows turns changes into rows, those of nested stacks below their stack's.
func rows(set ChangeSet, schemas risk.Schemas) []Row { return nestedRows(set, schemas, 0) }

// maxNesting bounds how deep nested stacks are shown.
const maxNesting = 10

func nestedRows(set ChangeSet, schemas risk.Schemas, depth int) []Row {
	list := make([]Row, 0, len(set.Changes))
	for _, c := range set.Changes {
		row := Row{
			Action: c.Action, LogicalID: c.LogicalID, PhysicalID: c.PhysicalID, Type: c.Type,
			Replacement: c.Replacement, PolicyAction: c.PolicyAction, Drift: c.Drift, DriftBy: c.DriftBy, Properties: properties(c, schemas),
		}
		switch c.Replaces() {
		case changeset.Yes:
			row.Replacement = "True"
		case changeset.Perhaps:
			row.Replacement = "Conditional"
		}
		row.Why = replacement(row)
		if child, ok := set.Nested[c.Nested]; ok && c.Nested != "" && depth < maxNesting {
			row.Nested = nestedRows(child, schemas, depth+1)
		}
		list = append(list, row)
	}
	slices.SortStableFunc(list, func(a, b Row) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return list
}

// replacement names the properties that replace the resource, and how that is known.
func replacement(row Row) string {
	if row.Replacement != "True" && row.Replacement != "Conditional" {
		return ""
	}
	var by []string
	for _, p := range row.Properties {
		switch {
		case p.CreateOnly && p.Recreation != "Never":
			by = append(by, p.Path+" is create-only by the schema")
		case p.Recreation == "Always":
			by = append(by, p.Path+" forces it")
		case p.Recreation == "Conditionally":
			by = append(by, p.Path+" may force it")
		}
	}
	return strings.Join(by, ", ")
}

// properties reads the details of a change, or the whole resource when it is
// added or removed: then CloudFormation gives no details. The same path comes
// once for each of its causes; they are joined.
func properties(c Change, schemas risk.Schemas) []Property {
	byPath := map[string]Property{}
	var createOnly []string
	if len(c.Details) > 0 && c.Action == changeset.Modify {
		createOnly = schemas(c.Type)
	}
	for _, d := range c.Details {
		path := d.Where()
		p, seen := byPath[path]
		if !seen {
			named := telling(c, path)
			p = Property{
				Path: path, Before: redact.Value(named, d.Before), After: redact.Value(named, d.After), Deployed: redact.Value(named, d.Deployed), Recreation: d.Recreation,
			}
			if name, ok := strings.CutPrefix(path, "/Properties/"); ok {
				p.CreateOnly = schema.Covers(createOnly, strings.Split(name, "/")...)
			}
		}
		if cause := cause(d); cause != "" && !strings.Contains(p.Cause, cause) {
			p.Cause = strings.TrimPrefix(p.Cause+", "+cause, ", ")
		}
		p.Recreation = stricter(p.Recreation, d.Recreation)
		byPath[path] = p
	}
	if len(c.Details) == 0 && c.Action == changeset.Add {
		for path, value := range contextOf(c.After) {
			byPath[path] = Property{Path: path, After: redact.Value(path, value)}
		}
	}
	if len(c.Details) == 0 && c.Action == changeset.Remove {
		for path, value := range contextOf(c.Before) {
			byPath[path] = Property{Path: path, Before: redact.Value(path, value)}
		}
	}
	list := make([]Property, 0, len(byPath))
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		list = append(list, byPath[path])
	}
	return list
}

// telling is the path by which a value's secrecy is judged. In a pair such as
// {Name, Value}, in which containers have their environment, the member beside
// it tells what the value is.
// Source: CloudFormation template reference, AWS::ECS::TaskDefinition
// KeyValuePair.
func telling(c Change, path string) string {
	parent, ok := strings.CutSuffix(path, "/Value")
	if !ok {
		return path
	}
	for _, context := range []string{c.After, c.Before} {
		var resource any
		if json.Unmarshal([]byte(context), &resource) != nil {
			continue
		}
		pair, _ := at(resource, strings.Split(strings.TrimPrefix(parent, "/"), "/")).(map[string]any)
		for _, member := range []string{"Name", "Key"} {
			if name, ok := pair[member].(string); ok && redact.Secret(name) {
				return parent + "/" + name
			}
		}
	}
	return path
}

// at steps into a JSON value, nil if there is no such place.
func at(v any, path []string) any {
	for _, name := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// cause says what makes an attribute change, except the plain case that the
// template was edited.
func cause(d Detail) string {
	switch {
	case d.Cause != "":
		return d.Cause
	case d.Source == "DirectModification":
		return ""
	default:
		return d.Source
	}
}

func stricter(a, b string) string {
	order := []string{"", "Never", "Conditionally", "Always"}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// contextOf splits a resource's JSON into its top properties.
func contextOf(context string) map[string]string {
	var resource struct{ Properties map[string]json.RawMessage }
	if json.Unmarshal([]byte(context), &resource) != nil {
		return nil
	}
	values := map[string]string{}
	for name, raw := range resource.Properties {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		values["/Properties/"+name] = text
	}
	return values
}
