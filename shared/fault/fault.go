// Package fault names the four ways in which work can fail, by what the
// reaction must be. Adapters classify an error once, at the border to AWS;
// the Lambda edge (package invoke) gives the kind its name once; the workflow
// definitions match on that name in Retry and Catch.
package fault

import (
	"errors"
	"fmt"
)

// The names under which Step Functions sees the four kinds.
const (
	InvalidError   = "InvalidError"   // the sender must change something; the run ends Rejected
	ConflictError  = "ConflictError"  // someone else holds it; retry slowly, then the run ends Deferred
	TransientError = "TransientError" // throttled or unavailable; retry with full jitter
	PermanentError = "PermanentError" // anything else; roll back and alert
)

// Fault is an error with a kind. The zero kind is not valid: use the
// constructors.
type Fault struct {
	kind string
	msg  string
	err  error
}

// Invalid says that the sender must change the input. The message names the
// file, line or field.
func Invalid(format string, args ...any) error { return newFault(InvalidError, format, args) }

// Conflict says that somebody else holds what is needed.
func Conflict(format string, args ...any) error { return newFault(ConflictError, format, args) }

// Transient says that the same call may succeed later.
func Transient(format string, args ...any) error { return newFault(TransientError, format, args) }

// Permanent says that repeating the call will not help.
func Permanent(format string, args ...any) error { return newFault(PermanentError, format, args) }

func newFault(kind, format string, args []any) error {
	wrapped := fmt.Errorf(format, args...)
	return &Fault{kind: kind, msg: wrapped.Error(), err: errors.Unwrap(wrapped)}
}

// Error implements error.
func (f *Fault) Error() string { return f.msg }

// Unwrap gives the cause named by %w in the constructor's format, if any.
func (f *Fault) Unwrap() error { return f.err }

// Kind returns the outermost kind in err's chain. An error without one is a
// PermanentError: what nobody classified must not be repeated blindly.
func Kind(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.kind
	}
	return PermanentError
}

// Is reports whether err is of the kind.
func Is(err error, kind string) bool { return err != nil && Kind(err) == kind }
