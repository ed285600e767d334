package pipeline

import "strings"

// The beginning and the end of an output reference in a text.
const (
	refBegin = "${output."
	refEnd   = "}"
)

// outputRef is a reference and where it stands.
type outputRef struct {
	stack, output string // stack is "" for the check's own
	at            Position
}

// Expand replaces the output references of a text by what value returns for
// them. stack is "" for the check's own stack. Other uses of "${" stay. ok is
// false at the first reference that value does not know, which is returned.
func Expand(text string, value func(stack, output string) (string, bool)) (expanded, unknown string, ok bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, refBegin)
		b.WriteString(before)
		if !found {
			return b.String(), "", true
		}
		reference, rest, closed := strings.Cut(after, refEnd)
		if !closed {
			return "", reference, false
		}
		stack, output := splitReference(reference)
		replaced, known := value(stack, output)
		if !known {
			return "", reference, false
		}
		b.WriteString(replaced)
		text = rest
	}
}

func splitReference(reference string) (stack, output string) {
	if before, after, dotted := strings.Cut(reference, "."); dotted {
		return before, after
	}
	return "", reference
}
