package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

const written = "../../../../docs/rules.md"

func TestDocumentIsCurrent(t *testing.T) {
	have, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != document() {
		t.Error("docs/rules.md is not current: go generate ./shared/validation/rules")
	}
}

// Every rule of cfn-lint is there, or it is said why not; and nothing is said of
// rules that cfn-lint does not have.
func TestEveryRuleOfTheReference(t *testing.T) {
	ours := map[string]bool{}
	for _, r := range all() {
		ours[r.ID] = true
		if r.Title == "" || r.Description == "" || r.Link == "" {
			t.Errorf("%s: title, description or link is missing", r.ID)
		}
		if family(r.ID) < 0 {
			t.Errorf("%s belongs to no family", r.ID)
		}
	}
	theirs := idsOfReference()
	if len(theirs) < 300 || !slices.IsSorted(theirs) {
		t.Fatalf("%d ids", len(theirs))
	}
	for _, id := range theirs {
		if ours[id] == (leftOut[id] != "") {
			t.Errorf("%s: implemented %t, reason %q", id, ours[id], leftOut[id])
		}
	}
	theirIDs := regexp.MustCompile(`^[EWI]\d{4}$`)
	for id := range ours {
		if theirIDs.MatchString(id) && !slices.Contains(theirs, id) {
			t.Errorf("cfn-lint has no rule %s", id)
		}
	}
	for id := range leftOut {
		if !slices.Contains(theirs, id) {
			t.Errorf("cfn-lint has no rule %s, so there is nothing to leave out", id)
		}
	}
	for id := range silent {
		if !ours[id] {
			t.Errorf("there is no rule %s that could be silent", id)
		}
	}
}
