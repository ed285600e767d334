package approval

import (
	"slices"
	"strings"
)

// Author is one name of somebody whose push it is, and the AWS principals that
// the repository's registration says are the same person.
type Author struct {
	Name       string   `json:"name"`                 // forge login, commit e-mail, or the ARN of who pushed to CodeCommit
	Principals []string `json:"principals,omitempty"` // patterns of ARNs or session names; * stands for any text
}

// Authors are who a push is by: who pushed it comes first, then the author and
// the committer of its last commit.
type Authors struct {
	People []Author `json:"people"`
	// Registered says that the repository's registration has identities: then
	// one who pushes and is not among them is refused the benefit of the doubt.
	Registered bool `json:"registered,omitempty"`
}

// How the person who decides relates to the authors. It is recorded with the
// decision.
const (
	Separate = "separate" // none of the authors, and each of them is known by a principal
	Unmapped = "unmapped" // no author by name, but not every author is known by a principal
	Self     = "self"     // an author
)

// Standing is how one principal relates to the authors of a push.
type Standing struct {
	Relation string   // one of the constants
	As       string   // Self: the author's name that matched
	Unknown  []string // Unmapped: names of the authors that no principal is known of
	doubtful bool     // Unmapped: identities are registered, and none for who pushed
}

// NewAuthors names the authors of a push: who pushed it and the others, each
// once.
func NewAuthors(pusher string, others []string) Authors {
	a := Authors{People: []Author{}}
	for _, name := range append([]string{pusher}, others...) {
		known := slices.ContainsFunc(a.People, func(p Author) bool { return strings.EqualFold(p.Name, name) })
		if name != "" && !known {
			a.People = append(a.People, Author{Name: name})
		}
	}
	return a
}

// With gives the authors the principals that are registered for them: patterns
// by name, whose letters' case counts for nothing.
func (a Authors) With(identities map[string][]string) Authors {
	people := slices.Clone(a.People)
	for i, person := range people {
		for name, principals := range identities {
			if strings.EqualFold(name, person.Name) {
				people[i].Principals = slices.Sorted(slices.Values(principals))
			}
		}
	}
	return Authors{People: people, Registered: len(identities) > 0}
}

// Names lists the authors' names.
func (a Authors) Names() []string {
	names := make([]string, len(a.People))
	for i, person := range a.People {
		names[i] = person.Name
	}
	return names
}

// Standing compares a principal, an ARN, with the authors: by the registered
// patterns, and by the plain equality of a name with the ARN or its session
// name. IAM Identity Center names a session after its user, and GitHub knows
// the same person by e-mail.
// Source: IAM user guide, "IAM identifiers"; IAM Identity Center user guide,
// "Using the IAM Identity Center user's role session name".
func (a Authors) Standing(principal string) Standing {
	s := Standing{Relation: Separate}
	for i, person := range a.People {
		switch {
		case person.is(principal):
			return Standing{Relation: Self, As: person.Name}
		case !person.known():
			s.Relation, s.Unknown = Unmapped, append(s.Unknown, person.Name)
			s.doubtful = s.doubtful || i == 0 && a.Registered
		}
	}
	if len(a.People) == 0 {
		s.Relation = Unmapped
	}
	return s
}

// Refusal says why a person of this standing may not approve where authors may
// not; "" lets them. Without any registered identity an unmapped person may:
// the record says that it was so.
func (s Standing) Refusal() string {
	switch {
	case s.Relation == Self:
		return "you are " + s.As + ", whose push this is, and the stage forbids self-approval; somebody else must decide"
	case s.doubtful:
		return "nobody can tell whether you are " + s.Unknown[0] + ", who pushed this: register the identity with `evenkeel repo add … --identity " +
			s.Unknown[0] + "=<session name or pattern of an ARN>`"
	default:
		return ""
	}
}

// is reports whether the principal is the author.
func (p Author) is(principal string) bool {
	names := []string{principal, Session(principal)}
	for _, own := range []string{p.Name, Session(p.Name)} {
		if own != "" && slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, own) }) {
			return true
		}
	}
	return slices.ContainsFunc(p.Principals, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return matches(strings.ToLower(pattern), strings.ToLower(name)) })
	})
}

// known reports whether a principal of the author is known: by registration, or
// because the author is one.
func (p Author) known() bool { return len(p.Principals) > 0 || strings.HasPrefix(p.Name, "arn:") }

// Session is the name in an ARN by which a person may be known: that of an IAM
// user or of a role's session. It is "" for what is not such an ARN.
func Session(arn string) string {
	const parts = 6 // arn:partition:service:region:account:resource
	fields := strings.SplitN(arn, ":", parts)
	if len(fields) < parts || fields[0] != "arn" {
		return ""
	}
	kind, rest, found := strings.Cut(fields[parts-1], "/")
	if !found || kind == "role" {
		return ""
	}
	return rest[strings.LastIndex(rest, "/")+1:]
}

// matches reports whether the text is of the pattern, in which * stands for any
// text.
func matches(pattern, text string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, pieces[0])
	if !ok {
		return false
	}
	last := pieces[len(pieces)-1]
	for _, piece := range pieces[1 : len(pieces)-1] {
		_, after, found := strings.Cut(text, piece)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, last)
}
