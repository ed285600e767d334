//go:build !validator

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/shared/rollout"
)

// watchEvery is how often --watch looks.
const watchEvery = 2 * time.Second

// rolloutStatus shows the rollouts that are meant, or the last ones of all
// stacks; and with watch again and again, until they are decided.
func (a *app) rolloutStatus(ctx context.Context, which string, watch *time.Duration) error {
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	shown, old, err := a.shownRollouts(ctx, found, which)
	if err != nil {
		return err
	}
	if watch != nil && !old {
		if shown, err = a.watchRollouts(ctx, found, which, shown, *watch); err != nil {
			return err
		}
	} else if err := a.printRollouts(a.out, which, shown, false); err != nil {
		return err
	}
	for _, r := range shown {
		if p := r.State.Phase; which != "" && (p == rollout.Aborted || p == rollout.SwitchedBack) {
			return failed(r.State.Why)
		}
	}
	return nil
}

// printRollouts writes a list, or each rollout in full when some are named.
func (a *app) printRollouts(w io.Writer, which string, shown []rollout.Record, lines bool) error {
	if !a.json {
		if which == "" {
			a.rolloutList(w, shown)
			return nil
		}
		for i, r := range shown {
			if i > 0 {
				fmt.Fprintln(w)
			}
			a.rolloutText(w, r)
		}
		return nil
	}
	views := make([]rolloutView, 0, len(shown))
	for _, r := range shown {
		views = append(views, a.rolloutView(r))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if !lines {
		encoder.SetIndent("", "  ")
	}
	return encoder.Encode(views)
}

// watchRollouts shows them whenever something happened: over the last picture
// on a terminal, where the times that are left count down too, and one after
// the other elsewhere. It returns what was shown last.
func (a *app) watchRollouts(ctx context.Context, found *installation, which string, shown []rollout.Record, every time.Duration) ([]rollout.Record, error) {
	records, _, err := found.rollouts()
	if err != nil {
		return nil, err
	}
	live := a.terminal && !a.json
	var told []string
	for {
		now := versions(shown)
		if live || !slices.Equal(now, told) {
			if err := a.picture(which, shown, live, told != nil); err != nil {
				return shown, err
			}
			told = now
		}
		if which != "" && !slices.ContainsFunc(shown, func(r rollout.Record) bool { return !over(r) }) {
			return shown, nil
		}
		all, err := nextLook(ctx, records, every)
		if ctx.Err() != nil {
			return shown, nil //nolint:nilerr // Ctrl-C is how a watch ends
		}
		if err != nil {
			return shown, err
		}
		if shown = all; which != "" {
			if shown = matchingRollouts(all, which); len(shown) == 0 {
				return nil, notFound("the rollout %s is no longer the last one of its stack; `evenkeel rollout status` shows it once more", which)
			}
		}
	}
}

// nextLook waits, and reads the records.
func nextLook(ctx context.Context, records rollout.Records, every time.Duration) ([]rollout.Record, error) {
	if err := sleep(ctx, every); err != nil {
		return nil, err
	}
	return records.List(ctx)
}

// picture draws the rollouts, over the last picture when it is live.
func (a *app) picture(which string, shown []rollout.Record, live, again bool) error {
	if live {
		// Cursor home, clear to the end. Source: ECMA-48, CUP and ED.
		fmt.Fprint(a.out, "\x1b[H\x1b[2J")
	} else if again && !a.json {
		fmt.Fprintln(a.out)
	}
	if err := a.printRollouts(a.out, which, shown, true); err != nil {
		return err
	}
	if live {
		fmt.Fprintf(a.out, "%s UTC; Ctrl-C ends the watching\n", a.now().UTC().Format(time.TimeOnly))
	}
	return nil
}

// versions tell two pictures apart: what is shown of a rollout changes only
// with these.
func versions(shown []rollout.Record) []string {
	versions := make([]string, 0, len(shown))
	for _, r := range shown {
		versions = append(versions, fmt.Sprint(r.ID, r.State.Phase, r.State.Weight, r.State.Target, len(r.Timeline), len(r.State.Measured), r.State.Step))
	}
	return versions
}
