// Package risk rates a change set before it is executed: how dangerous it is,
// and why. The rating is a pure function of the change set, the templates
// before and after, the published schemas and a policy. What it cannot tell it
// rates higher, never lower; a value that is known only after the deployment
// counts as any that is possible.
package risk

//go:generate go run ./internal/docs ../../docs/risk.md

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// The levels of risk, rising.
const (
	Safe      = "safe"
	Review    = "review"    // a person should have seen it
	Dangerous = "dangerous" // data, an identity or a protection is lost, or something opens
	Blocked   = "blocked"   // policy forbids it
)

var levels = []string{Safe, Review, Dangerous, Blocked}

// Levels returns the levels, rising.
func Levels() []string { return slices.Clone(levels) }

// AtLeast reports whether a level is as high as another one or higher. What is
// no level is higher than all.
func AtLeast(level, least string) bool {
	at := slices.Index(levels, level)
	return at < 0 || at >= slices.Index(levels, least)
}

// Policy is what counts beyond the built-in rating.
type Policy struct {
	Stateful []string // further types whose resources hold data
	Protect  []string // logical ids that must never be removed or replaced; of nested stacks "Parent/Child"
	// Exposure measures security groups; nil is the healer's default policy.
	Exposure *healing.Policy
	// StackTags are those of the stack, which CloudFormation gives its groups.
	StackTags map[string]string
	// Now is when exceptions of Exposure count; the zero time takes none for expired.
	Now time.Time
}

// Templates are the template that is deployed and the one to be deployed,
// after transforms. One that is nil is not known; what only it could tell is
// taken from the change set, and where that is silent rated higher.
type Templates struct {
	Before, After *template.Template
	// Nested are those of the nested stacks that a change set of their own
	// changes, by logical id.
	Nested map[string]Templates
}

// Schemas gives the pointers of a type's create-only properties
// ("/properties/TableName"); a change of one replaces the resource. None for a
// type without a schema.
type Schemas func(typeName string) (createOnly []string)

// Published are the schemas that AWS publishes for a region; those of
// us-east-1 for a region that is not known.
func Published(region string) Schemas {
	if !slices.Contains(schema.Regions(), region) {
		region = schema.Primary
	}
	return func(typeName string) []string { return schema.CreateOnly(typeName, region) }
}

// Reason is one thing that raises the risk.
type Reason struct {
	Level     string `json:"level"`
	Code      string `json:"code"`                // "replace-stateful"; docs/risk.md lists them
	LogicalID string `json:"logicalId,omitempty"` // of a resource in a nested stack: "Parent/Child"
	Path      string `json:"path,omitempty"`      // "/Properties/TableName"
	Text      string `json:"text"`                // a sentence for a person
}

// UnmarshalJSON also reads the form of older plans, in which a reason was its
// text alone.
func (r *Reason) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*r = Reason{Text: text}
		return nil
	}
	type plain Reason
	return json.Unmarshal(data, (*plain)(r))
}

// Assessment is the risk of a plan and why, worst reason first.
type Assessment struct {
	Level   string   `json:"level"`
	Reasons []Reason `json:"reasons"`
}

// Texts are the reasons as sentences.
func (a Assessment) Texts() []string {
	texts := make([]string, 0, len(a.Reasons))
	for _, r := range a.Reasons {
		texts = append(texts, r.Text)
	}
	return texts
}

// losing are the codes of what cannot be had back afterwards.
var losing = []string{"data-expires", "delete-stateful", "dynamic-stateful", "key-disabled", "may-replace-stateful", "protected-resource", "replace-stateful", "unknown-stateful"}

// Loses reports whether data, or a resource that is protected, may be lost.
func (a Assessment) Loses() bool {
	return slices.ContainsFunc(a.Reasons, func(r Reason) bool { return slices.Contains(losing, r.Code) })
}

// Assess rates a change set. The order of its changes does not matter, and a
// further change never lowers the level.
func Assess(set changeset.Set, templates Templates, schemas Schemas, policy Policy) Assessment {
	a := &assessor{schemas: schemas, policy: policy, exposure: healing.DefaultPolicy()}
	if schemas == nil {
		a.schemas = Published(regionOf(set.StackID))
	}
	if policy.Exposure != nil {
		a.exposure = *policy.Exposure
	}
	a.set(set, templates, "", 0)
	return a.assessment()
}

// assessor collects reasons.
type assessor struct {
	schemas  Schemas
	policy   Policy
	exposure healing.Policy
	reasons  []Reason
}

func (a *assessor) assessment() Assessment {
	slices.SortFunc(a.reasons, func(x, y Reason) int {
		return cmp.Or(
			cmp.Compare(slices.Index(levels, y.Level), slices.Index(levels, x.Level)), strings.Compare(x.LogicalID, y.LogicalID),
			strings.Compare(x.Code, y.Code), strings.Compare(x.Path, y.Path), strings.Compare(x.Text, y.Text))
	})
	out := Assessment{Level: Safe, Reasons: append([]Reason{}, slices.Compact(a.reasons)...)}
	if len(out.Reasons) > 0 {
		out.Level = out.Reasons[0].Level
	}
	return out
}

// maxNesting bounds how deep nested stacks are followed.
const maxNesting = 10

// set rates the changes of one stack. parent is the path of logical ids that
// leads to it, with a slash at its end.
func (a *assessor) set(set changeset.Set, t Templates, parent string, depth int) {
	world := newWorld(set, t)
	if parent == "" || len(set.Changes) > 0 {
		a.transforms(world, parent)
	}
	subjects := make([]*subject, len(set.Changes))
	for i, c := range set.Changes {
		subjects[i] = world.subject(c, parent+c.LogicalID)
	}
	all := newOpenings(world, subjects, a.policy.StackTags)
	for i, c := range set.Changes {
		s := subjects[i]
		a.change(s, all)
		if c.Type == nestedStack {
			a.nested(s, set, t, depth)
		}
	}
}

// change rates one change of a resource.
func (a *assessor) change(s *subject, all *openings) {
	a.loss(s)
	a.policies(s)
	a.drift(s)
	a.special(s)
	if s.removed() {
		a.audit(s)
		a.permissions(s)
		return
	}
	if s.added() && !s.after.whole && sensitive(s.Type) {
		a.add("values-unknown", s, "", "is new, and nothing shows how it is made")
	}
	a.guards(s)
	a.permissions(s)
	a.network(s, all)
}

// add keeps a reason about the subject. The text is put behind its name.
func (a *assessor) add(code string, s *subject, path, text string) {
	a.reasons = append(a.reasons, Reason{Level: codes[code].level, Code: code, LogicalID: s.id, Path: path, Text: s.id + " (" + s.Type + ") " + text})
}

// regionOf and accountOf read an ARN.
func regionOf(arn string) string { return arnPart(arn, 3) }

func accountOf(arn string) string { return arnPart(arn, 4) }

func arnPart(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[n]
}
