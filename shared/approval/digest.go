// Package approval says what an approval is bound to and who may give it: the
// digest of what would be executed, whose parts name what differs, and the
// comparison of the authors of a push with the person who decides. It is pure.
package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Subject is everything that an approval is of, as it is read for the plan and
// again before the execution.
//
// What it does not cover, because CloudFormation shows it to nobody: the value
// of a NoEcho parameter (it is shown as ****), the value and the version behind
// a dynamic reference ({{resolve:…}}, which CloudFormation reads while it
// executes), and the role of the change set. A parameter of an SSM type has the
// value that it had when the change set was made, and that is covered.
type Subject struct {
	ChangeSet changeset.Set `json:"changeSet"`
	Template  string        `json:"template"` // as CloudFormation holds it for the change set, before its transforms
	Stack     Stack         `json:"stack"`
	Drift     Drift         `json:"drift"`
	// Expires is when the approval ends; zero where no person is asked.
	Expires time.Time `json:"expires"`
}

// Stack is the stack that the change set would change.
type Stack struct {
	ID     string `json:"id"`     // ARN; "" when there is none yet
	Status string `json:"status"` // UPDATE_COMPLETE, REVIEW_IN_PROGRESS, …
	Role   string `json:"role"`   // ARN of the role that CloudFormation last used
	Assume string `json:"assume"` // name of the role by which the suite deploys; "" is the installation's own
}

// Drift is what the last drift detection of the stack found.
type Drift struct {
	Status    string   `json:"status"`    // of the stack: IN_SYNC, DRIFTED, NOT_CHECKED, UNKNOWN
	Resources []string `json:"resources"` // of a drifted one: each that differs, and how
}

// Parts are the SHA-256 of each part of a Subject, in hex. They tell what
// differs and nothing of what it was.
type Parts struct {
	ChangeSet  string `json:"changeSet"` // which one it is
	Changes    string `json:"changes"`   // those of nested stacks too
	Template   string `json:"template"`
	Parameters string `json:"parameters"`
	Settings   string `json:"settings"` // capabilities, tags, rollback, notifications, …
	Stack      string `json:"stack"`
	Drift      string `json:"drift"`
	Expiry     string `json:"expiry"`
}

// version is the format of the digest. Another meaning of a part is another
// version: an approval under an old one is of nothing that is known.
const version = "v1"

// Parts digests each part of the subject as canonical JSON: fixed order of
// fields, sorted keys, changes sorted by logical id.
func (s Subject) Parts() (Parts, error) {
	set := s.ChangeSet.Canonical()
	rest := set
	rest.ID, rest.StackID, rest.Changes, rest.Nested, rest.Parameters, rest.StackDrift = "", "", nil, nil, nil, ""
	drift := s.Drift
	if drift.Status == "NOT_CHECKED" {
		// A stack that nobody looked at is taken for one in sync, by us as by
		// CloudFormation: a scan that finds nothing takes no approval away.
		drift.Status = "IN_SYNC"
	}
	drift.Resources = slices.Sorted(slices.Values(drift.Resources))
	var p Parts
	for _, part := range []struct {
		into  *string
		value any
	}{
		{&p.ChangeSet, []string{set.ID, set.StackID}},
		{&p.Changes, []any{set.Changes, set.Nested}},
		{&p.Template, s.Template},
		{&p.Parameters, set.Parameters},
		{&p.Settings, rest},
		{&p.Stack, s.Stack},
		{&p.Drift, []any{set.StackDrift, drift}},
		{&p.Expiry, s.Expires.UTC().Format(time.RFC3339Nano)},
	} {
		sum, err := digest(part.value)
		if err != nil {
			return Parts{}, fault.Permanent("digest of change set %s: %w", set.ID, err)
		}
		*part.into = sum
	}
	return p, nil
}

// Digest is the digest over all parts: "v1:" and 64 hex digits.
func (p Parts) Digest() string {
	sum, err := digest(p)
	if err != nil {
		panic(err) // a struct of strings always encodes
	}
	return version + ":" + sum
}

// Differences names the parts that differ, for a person.
func (p Parts) Differences(now Parts) []string {
	var names []string
	for _, part := range []struct{ name, before, after string }{
		{"it is another change set", p.ChangeSet, now.ChangeSet},
		{"its changes", p.Changes, now.Changes},
		{"its template", p.Template, now.Template},
		{"its parameters", p.Parameters, now.Parameters},
		{"its capabilities, tags or rollback settings", p.Settings, now.Settings},
		{"the state of the stack", p.Stack, now.Stack},
		{"the drift of the stack", p.Drift, now.Drift},
		{"the expiry of the approval", p.Expiry, now.Expiry},
	} {
		if part.before != part.after {
			names = append(names, part.name)
		}
	}
	return names
}

// Hash is the SHA-256 of bytes, in hex.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func digest(value any) (string, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return Hash([]byte(text.String())), nil
}
