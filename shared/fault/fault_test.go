package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
)

func TestKind(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"invalid", fault.Invalid("evenkeel.yaml:3: unknown key %q", "stagess"), fault.InvalidError},
		{"conflict", fault.Conflict("lock held by %s", "r-1"), fault.ConflictError},
		{"transient", fault.Transient("throttled: %w", io.EOF), fault.TransientError},
		{"permanent", fault.Permanent("no"), fault.PermanentError},
		{"wrapped keeps its kind", fmt.Errorf("plan: %w", fault.Conflict("held")), fault.ConflictError},
		{"outermost kind wins", fault.Permanent("gave up: %w", fault.Transient("throttled")), fault.PermanentError},
		{"unclassified is permanent", io.EOF, fault.PermanentError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fault.Kind(tt.err); got != tt.want {
				t.Errorf("Kind(%v) = %s, want %s", tt.err, got, tt.want)
			}
			if !fault.Is(tt.err, tt.want) {
				t.Errorf("Is(%v, %s) = false", tt.err, tt.want)
			}
		})
	}
	if fault.Is(nil, fault.PermanentError) {
		t.Error("nil is of no kind")
	}
}

func TestUnwrapKeepsTheCause(t *testing.T) {
	if err := fault.Transient("read: %w", io.ErrUnexpectedEOF); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("errors.Is lost the cause of %v", err)
	}
}
