package validation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// Registry knows the repositories.
type Registry interface {
	Repository(ctx context.Context, name string) (source.Repository, error)
}

// Fetcher fetches the tree of a commit.
type Fetcher interface {
	Fetch(ctx context.Context, r source.Repository, branch, commit string) (source.Tree, error)
}

// Archive keeps the trees of commits.
type Archive interface {
	Find(ctx context.Context, key string) (data []byte, found bool, err error)
	Put(ctx context.Context, key string, data []byte) error
}

// Publisher puts facts on the bus.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}

// Service fetches and checks the source of a release.
type Service struct {
	Registry Registry
	Fetcher  Fetcher
	Archive  Archive
	Engine   Engine
	Bus      Publisher
	Options  Options // of validation, for every repository
	Now      func() time.Time
}

// Handle deals with an invocation by the pipeline workflow:
// {"action": "validate", "release": …}.
func (s *Service) Handle(ctx context.Context, payload json.RawMessage) (deployment.Release, error) {
	var in struct {
		Action  string             `json:"action"`
		Release deployment.Release `json:"release"`
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return in.Release, fault.Permanent("the invocation is not {action, release}: %w", err)
	}
	if in.Action != "validate" {
		return in.Release, fault.Permanent("unknown action %q; the only one is validate", in.Action)
	}
	return s.Validate(ctx, in.Release)
}

// Validate fetches the release's commit, keeps it, checks it, and returns the
// release with SourceKey, Validation and Stages. What is wrong with the source
// is a finding and no error; only a commit that cannot be had is one.
func (s *Service) Validate(ctx context.Context, r deployment.Release) (deployment.Release, error) {
	key := source.Key(r.Repository, r.Commit)
	repository, err := s.Registry.Repository(ctx, r.Repository)
	if err != nil {
		return r, err
	}
	tree, err := s.tree(ctx, r, repository, key)
	if err != nil {
		return r, err
	}
	checked := Source(tree, s.Engine, s.Options)
	r.SourceKey = key
	r.Stages = checked.Stages(r.Branch)
	r.Validation = summary(newResult(checked.Files, append(checked.Findings, boundary(repository, r.Stages)...), checked.Incomplete))
	return r, s.Bus.Publish(ctx, s.fact(r))
}

// tree reads the kept archive of the commit, or fetches and keeps it.
func (s *Service) tree(ctx context.Context, r deployment.Release, repository source.Repository, key string) (source.Tree, error) {
	archive, found, err := s.Archive.Find(ctx, key)
	if err != nil {
		return nil, err
	}
	if found {
		return source.Unzip(archive)
	}
	tree, err := s.Fetcher.Fetch(ctx, repository, r.Branch, r.Commit)
	if err != nil {
		return nil, err
	}
	if archive, err = tree.Zip(); err != nil {
		return nil, err
	}
	return tree, s.Archive.Put(ctx, key, archive)
}

func (s *Service) fact(r deployment.Release) events.Fact {
	sum := sha256.Sum256([]byte("SourceValidated\n" + r.RunID))
	return events.Fact{
		Metadata: events.Metadata{ID: hex.EncodeToString(sum[:16]), CorrelationID: r.RunID, CausationID: r.CausationID, Time: s.Now().UTC()},
		Data: events.SourceValidated{
			Run: r.Run(), Files: r.Validation.Files, Errors: r.Validation.Errors, Warnings: r.Validation.Warnings, Findings: r.Validation.Findings,
		},
	}
}

// What travels in the release document and in facts is bounded: Step Functions
// and EventBridge both take 256 KB.
const (
	maxSummary = 50
	maxMessage = 500 // characters
)

func summary(result Result) deployment.Validation {
	v := deployment.Validation{
		Valid: result.Valid(), Files: result.Files, Errors: result.Errors, Warnings: result.Warnings,
		Findings: []events.Finding{},
	}
	sorted := slices.Clone(result.Findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	for _, f := range sorted[:min(maxSummary, len(sorted))] {
		message := f.Message
		if runes := []rune(message); len(runes) > maxMessage {
			message = string(runes[:maxMessage-1]) + "…"
		}
		v.Findings = append(v.Findings, events.Finding{
			File: f.File, Line: f.Line, Column: f.Column, Rule: f.Rule, Severity: string(f.Severity), Message: message,
		})
	}
	return v
}

func rank(s Severity) int { return slices.Index([]Severity{Error, Warning, Info}, s) }
