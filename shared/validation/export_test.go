package validation

import "github.com/evenkeel/evenkeel/shared/template"

// SuppressAll applies the suppressions to findings that a test made up, so that
// the test does not depend on rules.
func SuppressAll(t *template.Template, file string, source []byte, findings []Finding, o Options) Result {
	s := newSuppressor(&o)
	kept, suppressed := s.apply(t, file, source, findings)
	r := newResult(1, append(kept, s.notes()...), nil)
	r.Suppressed = suppressed
	return r
}
