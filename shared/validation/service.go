package validation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
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
	Cloud    Cloud // nil leaves CloudFormation's own opinion out
	Bus      Publisher
	Options  Options // of validation, for every repository
	Now      func() time.Time
}

// Handle deals with an invocation by the pipeline workflow:
// {"action": "fetch" or "validate", "release": …}.
func (s *Service) Handle(ctx context.Context, payload json.RawMessage) (deployment.Release, error) {
	var in struct {
		Action  string             `json:"action"`
		Release deployment.Release `json:"release"`
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return in.Release, fault.Permanent("the invocation is not {action, release}: %w", err)
	}
	switch in.Action {
	case "fetch":
		return s.Fetch(ctx, in.Release)
	case "validate":
		return s.Validate(ctx, in.Release)
	default:
		return in.Release, fault.Permanent("unknown action %q; want fetch or validate", in.Action)
	}
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
	built := r.Build.Status == deployment.BuildSucceeded
	if built {
		if tree, err = s.built(ctx, r, tree); err != nil {
			return r, err
		}
	}
	options := s.Options
	options.MandatoryChecks = slices.Concat(options.MandatoryChecks, repository.MandatoryChecks)
	checked := checkTree(tree, s.Engine, options, built)
	r.SourceKey = key
	r.Stages = checked.Stages(r.Branch)
	opinion, err := s.ask(ctx, tree, checked, r)
	if err != nil {
		return r, err
	}
	findings := slices.Concat(checked.Findings, boundary(repository, r.Stages), opinion)
	result := newResult(checked.Files, findings, checked.Incomplete)
	result.Suppressed = checked.Suppressed
	r.Validation = summary(result, r.Stages, options.MandatoryChecks)
	r.Validation.Report = "reports/" + r.Repository + "/" + r.Commit + ".json"
	if err := s.report(ctx, r.Validation.Report, result); err != nil {
		return r, err
	}
	return r, s.Bus.Publish(ctx, s.fact(r))
}

// report keeps everything that was found: the facts and the release document
// have room for the first findings only.
func (s *Service) report(ctx context.Context, key string, result Result) error {
	text, err := json.Marshal(result)
	if err != nil {
		return fault.Permanent("write the report: %w", err)
	}
	return s.Archive.Put(ctx, key, text)
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
	sum := sha256.Sum256([]byte("TemplatesValidated\n" + r.RunID))
	fact := events.Fact{
		Metadata: events.Metadata{ID: hex.EncodeToString(sum[:16]), CorrelationID: r.RunID, CausationID: r.CausationID, Time: s.Now().UTC()},
		Data:     events.TemplatesRejected{Run: r.Run(), Validated: r.Validation.Validated},
	}
	if r.Validation.Valid {
		fact.Data = events.TemplatesValidated{Run: r.Run(), Validated: r.Validation.Validated}
	}
	return fact
}

// What travels in the release document and in facts is bounded: Step Functions
// and EventBridge both take 256 KB.
const (
	maxSummary = 50
	maxMessage = 500    // characters
	maxFacts   = 60_000 // bytes of all findings as JSON
)

func shortened(text string) string {
	if runes := []rune(text); len(runes) > maxMessage {
		return string(runes[:maxMessage-1]) + "…"
	}
	return text
}

func summary(result Result, stages []pipeline.Stage, mandatory []string) deployment.Validation {
	v := deployment.Validation{Valid: result.Valid(), Validated: events.Validated{
		Files: result.Files, Errors: result.Errors, Warnings: result.Warnings, Suppressed: len(result.Suppressed),
		Findings: []events.Finding{}, Refused: refused(result, stages, mandatory),
	}}
	if len(stages) > 0 {
		v.Valid = !slices.Contains(v.Refused, stages[0].Name)
	}
	sorted := slices.Clone(result.Findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	size := 0
	for _, f := range sorted[:min(maxSummary, len(sorted))] {
		short := events.Finding{
			File: shortened(f.File), Line: f.Line, Column: f.Column, Rule: f.Rule, Severity: string(f.Severity), Message: shortened(f.about()),
		}
		text, err := json.Marshal(short)
		if size += len(text); err != nil || size > maxFacts {
			break
		}
		v.Findings = append(v.Findings, short)
	}
	return v
}

// refused lists the stages that do not accept what was found. Whatever a stage
// accepts of templates, evenkeel.yaml itself must be right, and a check that the
// registration makes mandatory must pass. A template that is too large to be
// analysed counts as one with an error: what it hides is not known.
func refused(result Result, stages []pipeline.Stage, mandatory []string) []string {
	broken := slices.ContainsFunc(result.Findings, func(f Finding) bool {
		return f.Severity == Error && (strings.HasPrefix(f.Rule, "P") || hasPrefix(mandatory, f.Rule))
	})
	var names []string
	for _, stage := range stages {
		bad := broken || len(result.Incomplete) > 0 && stage.FailOn != pipeline.FailOnNone
		switch stage.FailOn {
		case pipeline.FailOnNone:
		case pipeline.FailOnNote:
			bad = bad || len(result.Findings) > 0
		case pipeline.FailOnWarning:
			bad = bad || result.Errors+result.Warnings > 0
		default:
			bad = bad || result.Errors > 0
		}
		if bad {
			names = append(names, stage.Name)
		}
	}
	return names
}

func rank(s Severity) int { return slices.Index([]Severity{Error, Warning, Info}, s) }
