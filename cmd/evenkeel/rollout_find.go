//go:build !validator

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// rolloutName is how people name the stack of a rollout.
func rolloutName(r rollout.Record) string {
	return r.Request.Target.Stage + "/" + r.Request.Target.Stack
}

// rolloutPath names it where two repositories have a stage and a stack of the
// same names.
func rolloutPath(r rollout.Record) string { return targetPath(r.Request.Target) }

func targetPath(t events.Target) string { return t.Account + "/" + t.Region + "/" + t.StackName }

// unambiguous is the shortest name that only this rollout of all has.
func unambiguous(r rollout.Record, all []rollout.Record) string {
	for _, other := range all {
		if rolloutName(other) == rolloutName(r) && rolloutPath(other) != rolloutPath(r) {
			return rolloutPath(r)
		}
	}
	return rolloutName(r)
}

// matchingRollouts are the last rollouts of the stacks that a name means. The
// name of a side's stack means the stack's rollout.
func matchingRollouts(all []rollout.Record, which string) []rollout.Record {
	var matching []rollout.Record
	for _, r := range all {
		path := rolloutPath(r)
		switch which {
		case rolloutName(r), r.ID, path, path + "-" + rollout.Blue, path + "-" + rollout.Green:
			matching = append(matching, r)
			continue
		}
		if which != "" && !strings.Contains(which, "/") && (strings.HasPrefix(r.ID, which) || strings.HasPrefix(r.Request.Run.RunID, which)) {
			matching = append(matching, r)
		}
	}
	return matching
}

// oneRollout is the one rollout that is meant, of the last ones of the stacks.
func oneRollout(all []rollout.Record, which string) (rollout.Record, error) {
	matching := matchingRollouts(all, which)
	switch len(matching) {
	case 0:
		return rollout.Record{}, notFound("no stack has a rollout %s; `evenkeel rollout` lists them", which)
	case 1:
		return matching[0], nil
	}
	return rollout.Record{}, severalRollouts(matching, which)
}

func severalRollouts(matching []rollout.Record, which string) error {
	names := make([]string, 0, len(matching))
	for _, r := range matching {
		names = append(names, rolloutPath(r)+" ("+rolloutName(r)+", rollout "+r.ID+")")
	}
	slices.Sort(names)
	return usageError("%s means %s: %s. Say which with account/region/stack, or with the id of the rollout", which, count(len(names), "rollout"), strings.Join(names, ", "))
}

// shownRollouts are the rollouts that a name means: the last ones of their
// stacks, or those of an older run, which are kept in the bucket.
func (a *app) shownRollouts(ctx context.Context, found *installation, which string) (shown []rollout.Record, old bool, err error) {
	records, bucket, err := found.rollouts()
	if err != nil {
		return nil, false, err
	}
	all, err := records.List(ctx)
	if err != nil || which == "" {
		return all, false, err
	}
	if shown = matchingRollouts(all, which); len(shown) > 0 {
		return shown, false, nil
	}
	if strings.Contains(which, "/") {
		return nil, false, notFound("no stack %s has a rollout; `evenkeel rollout` lists those that have one", which)
	}
	kept, err := keptRollout(ctx, bucket, which)
	if err != nil || kept != nil {
		return kept, true, err
	}
	reader, err := found.reader()
	if err != nil {
		return nil, false, err
	}
	shown, err = rolloutsOfRun(ctx, reader, bucket, which)
	return shown, true, err
}

// files reads what is kept of the rollouts.
type files interface {
	Find(ctx context.Context, key string) ([]byte, bool, error)
}

// keptRollout reads a rollout that a newer one may have replaced.
func keptRollout(ctx context.Context, kept files, id string) ([]rollout.Record, error) {
	data, ok, err := kept.Find(ctx, rollout.Key(id))
	if err != nil || !ok {
		return nil, err
	}
	var r rollout.Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", rollout.Key(id), err)
	}
	return []rollout.Record{r}, nil
}

// rolloutsOfRun reads the rollouts of a run, which may be named by the
// beginning of its id.
func rolloutsOfRun(ctx context.Context, reader *ledger.Reader, kept files, which string) ([]rollout.Record, error) {
	run, err := runID(ctx, reader, which)
	var coded *codedError
	if errors.As(err, &coded) && coded.code == exitNotFound {
		return nil, notFound("no rollout and no run %s; see `evenkeel rollout` and `evenkeel runs`", which)
	}
	if err != nil {
		return nil, err
	}
	report, err := reader.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	var all []rollout.Record
	for _, stage := range report.Stages {
		for _, stack := range stage.Stacks {
			of, err := keptRollout(ctx, kept, rollout.ID(run, stack.Stage, stack.Stack))
			if err != nil {
				return nil, err
			}
			all = append(all, of...)
		}
	}
	if len(all) == 0 {
		return nil, notFound("the run %s moved no traffic", run)
	}
	return all, nil
}
