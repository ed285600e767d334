package demo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestPlay holds what the exit status of `make demo` rests on: a step that was
// not observed is named, ends its group, and fails the run.
func TestPlay(t *testing.T) {
	var out strings.Builder
	w := &World{Report: NewReport(&out, false, time.Now)}
	ok := func(context.Context, *World) (string, error) { return "seen", nil }
	bad := func(context.Context, *World) (string, error) { return "", errors.New("saw nothing") }

	err := Play(t.Context(), w,
		Group{"one", nil, []Step{{Want: "a", Run: ok}, {Want: "b", Run: bad}, {Want: "c", Run: ok}}},
		Group{"two", nil, []Step{{Want: "d", Run: ok}}},
		Group{"three", []string{"one"}, []Step{{Want: "e", Run: ok}}})
	if err == nil || !strings.Contains(err.Error(), "one: b") || !strings.Contains(err.Error(), "one: c") || !strings.Contains(err.Error(), "three: e") || strings.Contains(err.Error(), "two") {
		t.Errorf("error = %v, want b and c of group one, and e, which needs it", err)
	}
	w.Report.Summary()
	for _, want := range []string{"MISSING", "not reached", "saw nothing", "2 of 5 observed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestStepIsBounded(t *testing.T) {
	w := &World{Report: NewReport(&strings.Builder{}, false, time.Now)}
	waits := func(ctx context.Context, _ *World) (string, error) {
		return "", await(ctx, "Godot", func() (bool, error) { return false, nil })
	}
	err := Play(t.Context(), w, Group{"one", nil, []Step{{Want: "a", Run: waits, Limit: time.Millisecond}}})
	if err == nil {
		t.Error("a step that never ends was taken for observed")
	}
}
