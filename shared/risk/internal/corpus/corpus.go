// Package corpus reads the labelled change sets of testdata/changesets: each is
// what DescribeChangeSet answers, with the templates before and after, and what
// a person says of it.
package corpus

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Case is one labelled change set.
type Case struct {
	Name string `json:"-"`
	Note string `json:"note"` // what happens, for a person
	// Level is what Assess says, and Reasons are codes that it must give.
	Level   string   `json:"level"`
	Reasons []string `json:"reasons"`
	// Destructive: data or an identity is lost, or may be. Kept: the old resource
	// or a snapshot stays.
	Destructive bool `json:"destructive"`
	Kept        bool `json:"kept"`
	// Harmless: a person would let it through without a look; a higher level is
	// an over-rating.
	Harmless bool `json:"harmless"`
	Policy   struct {
		Protect  []string `json:"protect"`
		Stateful []string `json:"stateful"`
		// Healing is a healing policy document.
		Healing json.RawMessage `json:"healing"`
	} `json:"policy"`
	stack
}

// stack is the change set of one stack with its templates.
type stack struct {
	ChangeSet json.RawMessage  `json:"changeSet"`
	Before    json.RawMessage  `json:"before"`
	After     json.RawMessage  `json:"after"`
	Nested    map[string]stack `json:"nested"` // by logical id
}

// Load reads all cases of a folder, by name.
func Load(folder string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	cases := make([]Case, 0, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c := Case{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// Input is what Assess takes.
func (c Case) Input() (changeset.Set, risk.Templates, risk.Policy, error) {
	set, templates, err := c.read(c.Name)
	policy := risk.Policy{Protect: c.Policy.Protect, Stateful: c.Policy.Stateful}
	if err == nil && c.Policy.Healing != nil {
		exposure, decodeErr := healing.DecodePolicy(c.Policy.Healing)
		policy.Exposure, err = &exposure, decodeErr
	}
	return set, templates, policy, err
}

// Assess rates the case.
func (c Case) Assess() (risk.Assessment, error) {
	set, templates, policy, err := c.Input()
	if err != nil {
		return risk.Assessment{}, err
	}
	return risk.Assess(set, templates, nil, policy), nil
}

func (s stack) read(name string) (set changeset.Set, templates risk.Templates, err error) {
	if set, err = changeset.Parse(s.ChangeSet); err != nil {
		return set, templates, fmt.Errorf("%s: %w", name, err)
	}
	if templates.Before, err = parse(name, s.Before); err != nil {
		return set, templates, err
	}
	if templates.After, err = parse(name, s.After); err != nil {
		return set, templates, err
	}
	for id, nested := range s.Nested {
		child, below, err := nested.read(name + "/" + id)
		if err != nil {
			return set, templates, err
		}
		if set.Nested == nil {
			set.Nested, templates.Nested = map[string]changeset.Set{}, map[string]risk.Templates{}
		}
		set.Nested[child.ID], templates.Nested[id] = child, below
	}
	return set, templates, nil
}

func parse(name string, text json.RawMessage) (*template.Template, error) {
	if len(text) == 0 {
		return nil, nil //nolint:nilnil // the case has no template
	}
	t, err := template.Parse(name, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}
