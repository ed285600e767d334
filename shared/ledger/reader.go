package ledger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// ErrUnknown says that nothing is recorded about a subject. It comes wrapped
// in a fault.InvalidError.
var ErrUnknown = errors.New("nothing is recorded about it")

// Entries reads what a Journal wrote.
type Entries interface {
	// Subjects returns the subjects of a kind, the one with the newest fact
	// first, at most limit of them.
	Subjects(ctx context.Context, kind string, limit int) ([]string, error)
	// Of returns every entry of a subject.
	Of(ctx context.Context, subject string) ([]Entry, error)
}

// Reader answers questions from the ledger.
type Reader struct {
	Entries Entries
}

// RunReport is a run and everything that happened in it.
type RunReport struct {
	RunView
	Timeline []Line `json:"timeline"`
}

// Runs returns the runs with the newest facts, the one started last first.
func (r *Reader) Runs(ctx context.Context, limit int) ([]RunView, error) {
	views := []RunView{}
	err := r.each(ctx, KindRun, limit, func(entries []Entry) error {
		v, err := Run(entries)
		views = append(views, v)
		return err
	})
	slices.SortFunc(views, func(a, b RunView) int {
		return cmp.Or(b.Started.Compare(a.Started), strings.Compare(a.RunID, b.RunID))
	})
	return views, err
}

// Run returns one run with its timeline, or ErrUnknown.
func (r *Reader) Run(ctx context.Context, runID string) (RunReport, error) {
	entries, err := r.of(ctx, RunSubject(runID))
	if err != nil {
		return RunReport{}, err
	}
	view, err := Run(entries)
	if err != nil {
		return RunReport{}, err
	}
	lines, err := Timeline(entries)
	return RunReport{RunView: view, Timeline: lines}, err
}

// maxStacks bounds a list of watched stacks.
const maxStacks = 500

// Drifts returns every watched stack that was scanned, sorted by name.
func (r *Reader) Drifts(ctx context.Context) ([]DriftView, error) {
	views := []DriftView{}
	err := r.each(ctx, KindDrift, maxStacks, func(entries []Entry) error {
		v, scanned, err := Drift(entries)
		if scanned {
			views = append(views, v)
		}
		return err
	})
	slices.SortFunc(views, func(a, b DriftView) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region), strings.Compare(a.StackName, b.StackName))
	})
	return views, err
}

// Heals returns the heals with the newest facts, the last first.
func (r *Reader) Heals(ctx context.Context, limit int) ([]HealView, error) {
	views := []HealView{}
	err := r.each(ctx, KindHeal, limit, func(entries []Entry) error {
		v, err := Heal(entries)
		views = append(views, v)
		return err
	})
	slices.SortFunc(views, func(a, b HealView) int {
		return cmp.Or(b.Time.Compare(a.Time), strings.Compare(a.HealID, b.HealID))
	})
	return views, err
}

// HealReport is a heal and everything that happened to it.
type HealReport struct {
	HealView
	Timeline []Line `json:"timeline"`
}

// Heal returns one heal with its timeline, or ErrUnknown.
func (r *Reader) Heal(ctx context.Context, healID string) (HealReport, error) {
	entries, err := r.of(ctx, HealSubject(healID))
	if err != nil {
		return HealReport{}, err
	}
	view, err := Heal(entries)
	if err != nil {
		return HealReport{}, err
	}
	lines, err := Timeline(entries)
	return HealReport{HealView: view, Timeline: lines}, err
}

func (r *Reader) of(ctx context.Context, subject string) ([]Entry, error) {
	entries, err := r.Entries.Of(ctx, subject)
	if err == nil && len(entries) == 0 {
		return nil, fault.Invalid("%s: %w", strings.Replace(subject, "#", " ", 1), ErrUnknown)
	}
	return entries, err
}

func (r *Reader) each(ctx context.Context, kind string, limit int, f func([]Entry) error) error {
	subjects, err := r.Entries.Subjects(ctx, kind, limit)
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		entries, err := r.Entries.Of(ctx, subject)
		if err != nil {
			return err
		}
		if err := f(entries); err != nil {
			return err
		}
	}
	return nil
}
