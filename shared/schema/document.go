package schema

import "github.com/evenkeel/evenkeel/shared/template"

// OtherDocument returns one of the other schemas as it is written, for a caller
// that compiles a variant of it; nil if there is none. The result is the
// caller's own.
func OtherDocument(name string) *template.Node {
	s := embedded()
	e := s.find("other/" + name)
	if e == nil {
		return nil
	}
	n, _ := s.text(e).Node(e.Roots[0].Position)
	return n
}
