package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Step is one thing that has to be observed.
type Step struct {
	// Want says what has to happen, for a person.
	Want string
	// Run makes it happen and returns what was seen, or an error that says
	// what was seen instead.
	Run func(ctx context.Context, w *World) (string, error)
	// Limit bounds Run. Zero means two minutes.
	Limit time.Duration
}

// Titles of the groups that others need.
const (
	deployTitle     = "A push is validated, planned, approved and deployed"
	rejectTitle     = "A push with a broken template is rejected"
	unchangedTitle  = "A push that changes nothing succeeds, saying so"
	concurrentTitle = "Two pushes at once are never interleaved"
	healTitle       = "A security group that opens to the world is closed"
)

// Group is a sequence of steps that build on each other.
type Group struct {
	Title string
	Needs []string // titles of the groups that it builds on
	Steps []Step
}

// Play runs the groups in order. A step that fails ends its group and the
// groups that need it; the others still run. The error names every missing line.
func Play(ctx context.Context, w *World, groups ...Group) error {
	incomplete := map[string]bool{}
	for _, group := range groups {
		w.Report.heading(group.Title)
		failed := slices.ContainsFunc(group.Needs, func(title string) bool { return incomplete[title] })
		for _, step := range group.Steps {
			if failed || ctx.Err() != nil {
				w.Report.record(row{group: group.Title, want: step.Want, state: notReached})
				continue
			}
			failed = !play(ctx, w, group.Title, step)
		}
		incomplete[group.Title] = failed
	}
	if missed := w.Report.Missing(); len(missed) > 0 {
		return fmt.Errorf("not observed:\n  %s", strings.Join(missed, "\n  "))
	}
	return ctx.Err()
}

func play(ctx context.Context, w *World, group string, step Step) bool {
	limit := step.Limit
	if limit == 0 {
		limit = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	started := time.Now()
	seen, err := step.Run(ctx, w)
	x := row{group: group, want: step.Want, seen: seen, state: observed, took: time.Since(started)}
	if err != nil {
		x.seen, x.state = err.Error(), missing
	}
	w.Report.record(x)
	return err == nil
}
