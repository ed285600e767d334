package approval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/approval"
)

func TestStanding(t *testing.T) {
	const (
		ada = "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ada@shop.example"
		bob = "arn:aws:iam::111111111111:user/team/bob"
	)
	push := func(names ...string) approval.Authors { return approval.NewAuthors(names[0], names[1:]) }
	tests := []struct {
		name       string
		authors    approval.Authors
		identities map[string][]string
		principal  string
		want       string
		refusal    string // contained; "" lets them
	}{
		{"the e-mail is the session", push("ada-l", "Ada@Shop.example"), nil, ada, approval.Self, "you are Ada@Shop.example"},
		{"the login is the user", push("BOB"), nil, bob, approval.Self, "you are BOB"},
		{"a CodeCommit push by the same user", push(bob), nil, bob, approval.Self, "you are"},
		{"a CodeCommit push by another session of the same name", push("arn:aws:sts::111111111111:assumed-role/Dev/bob"), nil, bob, approval.Self, "you are"},
		{"a CodeCommit push by another", push("arn:aws:iam::111111111111:user/ada"), nil, bob, approval.Separate, ""},
		{"nothing is known", push("ada-l"), nil, bob, approval.Unmapped, ""},
		{"nobody is known", approval.NewAuthors("", nil), nil, bob, approval.Unmapped, ""},
		{"registered as the session", push("ada-l"), map[string][]string{"Ada-L": {"ada@shop.example"}}, ada, approval.Self, "you are ada-l"},
		{"registered by pattern", push("ada-l"), map[string][]string{"ada-l": {"arn:aws:sts::*:assumed-role/AWSReservedSSO_*/ADA@*"}}, ada, approval.Self, "you are ada-l"},
		{"registered as another", push("ada-l"), map[string][]string{"ada-l": {"ada@shop.example"}}, bob, approval.Separate, ""},
		{"one of two is registered", push("ada-l", "kim@shop.example"), map[string][]string{"ada-l": {"ada@shop.example"}}, bob, approval.Unmapped, ""},
		{"others are registered", push("kim"), map[string][]string{"ada-l": {"ada@shop.example"}}, bob, approval.Unmapped, "--identity kim="},
		{"the committer", push("ada-l", "kim@shop.example", "bob"), map[string][]string{"ada-l": {"ada@shop.example"}}, bob, approval.Self, "you are bob"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.authors.With(tt.identities).Standing(tt.principal)
			if refusal := s.Refusal(); s.Relation != tt.want || (refusal == "") != (tt.refusal == "") || !strings.Contains(refusal, tt.refusal) {
				t.Errorf("%+v, refusal %q", s, refusal)
			}
		})
	}
}

func TestAuthorsOnce(t *testing.T) {
	a := approval.NewAuthors("dana", []string{"Dana", "", "dana@shop.example"})
	if got := a.Names(); !slices.Equal(got, []string{"dana", "dana@shop.example"}) {
		t.Errorf("names %q", got)
	}
}

func TestSession(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:iam::111111111111:user/ada":                     "ada",
		"arn:aws:iam::111111111111:user/division/team/ada":       "ada",
		"arn:aws:sts::111111111111:assumed-role/Admin/ada@x.org": "ada@x.org",
		"arn:aws-cn:sts::111111111111:federated-user/ada":        "ada",
		"arn:aws:iam::111111111111:role/Admin":                   "",
		"arn:aws:iam::111111111111:root":                         "",
		"ada":                                                    "",
		"policy: on-risk":                                        "",
		"arn:aws:sts::111111111111:assumed-role/Admin/a:b":       "a:b",
	} {
		if got := approval.Session(arn); got != want {
			t.Errorf("%s: %q, want %q", arn, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for pattern, want := range map[string]bool{
		"arn:aws:iam::1:user/ada": true, "*/ada": true, "arn:*": true, "arn:*:user/*a": true, "*aws*iam*ada": true, "ada": true,
		"*/ad": false, "arn:*/bob": false, "da": false, "*ada*ada": false, "arn:aws:iam::1:user/ada*a": false,
	} {
		a := approval.NewAuthors("login", nil).With(map[string][]string{"login": {pattern}})
		if got := a.Standing("arn:aws:iam::1:user/ada").Relation == approval.Self; got != want {
			t.Errorf("%s matches: %v, want %v", pattern, got, want)
		}
	}
}
