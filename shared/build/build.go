// Package build makes the cloud assembly of a release: the commands of its
// repository run in CodeBuild, in a role that reads the source and writes the
// result and may do nothing else. The commands are a stranger's and run only
// there. The end of a build comes as an event; what is believed about it is
// what CodeBuild says when it is asked.
package build

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/redact"
)

// Builds starts and reads builds.
type Builds interface {
	// Start starts the build, or finds the one that the same run started within
	// the last minutes. Beyond the limit of builds at once it returns a
	// fault.ConflictError.
	Start(ctx context.Context, order Order) (buildID string, err error)
	// Read returns the build; a zero Status means that there is none.
	Read(ctx context.Context, buildID string) (State, error)
	// Log returns the last lines of the build's log, oldest first.
	Log(ctx context.Context, state State, lines int) ([]string, error)
}

// State is a build as CodeBuild shows it.
type State struct {
	ID        string
	Status    string // IN_PROGRESS, SUCCEEDED, FAILED, STOPPED, TIMED_OUT, FAULT
	Phase     string // the first phase that did not succeed
	Reason    string // what CodeBuild says about it
	Seconds   int
	Digest    string // SHA-256 of the artifact's archive in hex
	LogGroup  string
	LogStream string
}

// Record is what is remembered of a run's build.
type Record struct {
	BuildID string // "" until it is known
	Token   string // of the state that waits; "" when none does
}

// Records remembers builds by run.
type Records interface {
	// Await stores the token that waits, and returns the record.
	Await(ctx context.Context, runID, token string) (Record, error)
	// Started stores the build's id unless there is one, and returns the record.
	Started(ctx context.Context, runID, buildID string) (Record, error)
	// Read returns the record; zero when there is none.
	Read(ctx context.Context, runID string) (Record, error)
	// Forget removes the token if it is still the given one.
	Forget(ctx context.Context, runID, token string) error
}

// Lease extends the lock of the run.
type Lease interface {
	Renew(ctx context.Context, r deployment.Release, d time.Duration) error
}

// Tasks answers states that wait.
type Tasks interface {
	Answer(ctx context.Context, token string, output any) (waiting bool, err error)
	Fail(ctx context.Context, token, kind, cause string) error
}

// Publisher publishes facts.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}

// Service performs the actions of the workflow's states Build and
// DescribeBuild. Each may be called again with the same input.
type Service struct {
	Project   string // name of the CodeBuild project
	Builds    Builds
	Records   Records
	Lease     Lease
	Tasks     Tasks
	Publisher Publisher
	Now       func() time.Time
}

// The actions of the workflow.
const (
	ActionBuild    = "build"
	ActionDescribe = "describeBuild"
)

// RunVariable is the environment variable by which a build's events name the
// run. evenkeel.yaml cannot set it.
const RunVariable = "EVENKEEL_RUN"

const (
	// stateTime is TimeoutSeconds of the state Build: the longest build, and a
	// while in CodeBuild's queue. One that waits longer is awaited again.
	stateTime = pipeline.MaxBuild + 5*time.Minute
	// maxLooks is how often a build is found running, or not started, before it
	// is given up: CodeBuild ends it long before.
	maxLooks = 5
)

// Handle performs an action of the workflow, or hears CodeBuild's event. An
// event of another type is ignored.
func (s *Service) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var q struct {
		Action     string             `json:"action"`
		DetailType string             `json:"detail-type"`
		Release    deployment.Release `json:"release"`
		Token      string             `json:"token"`
		Detail     json.RawMessage    `json:"detail"`
	}
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fault.Permanent("the request cannot be read: %w", err)
	}
	switch {
	case q.Action == ActionBuild:
		return s.Build(ctx, q.Release, q.Token)
	case q.Action == ActionDescribe:
		return s.Describe(ctx, q.Release)
	case q.Action != "":
		return nil, fault.Permanent("the action %q is not known", q.Action)
	case q.DetailType != events.BuildStateChange:
		return deployment.Answered{State: "ignored"}, nil
	}
	var detail events.BuildStateDetail
	if err := json.Unmarshal(q.Detail, &detail); err != nil {
		return nil, fault.Invalid("read %s: %w", q.DetailType, err)
	}
	return s.Changed(ctx, detail)
}

// Build starts the build of the release, or waits again for the one that was
// started. The token is stored first: the end may come before StartBuild has
// answered. A failure is answered through the token.
func (s *Service) Build(ctx context.Context, r deployment.Release, token string) (deployment.Answered, error) {
	state, err := s.build(ctx, r, token)
	if err == nil {
		return deployment.Answered{RunID: r.RunID, State: state}, nil
	}
	if failed := s.Tasks.Fail(ctx, token, fault.Kind(err), err.Error()); failed != nil {
		return deployment.Answered{}, failed
	}
	return deployment.Answered{RunID: r.RunID, State: "failed", Error: err.Error()}, nil
}

func (s *Service) build(ctx context.Context, r deployment.Release, token string) (string, error) {
	if r.Build.Spec == nil {
		return "", fault.Permanent("run %s has nothing to build", r.RunID)
	}
	if err := s.Lease.Renew(ctx, r, stateTime); err != nil {
		return "", err
	}
	record, err := s.Records.Await(ctx, r.RunID, token)
	if err != nil {
		return "", err
	}
	if record.BuildID == "" {
		id, err := s.Builds.Start(ctx, newOrder(r))
		if err != nil {
			return "", err
		}
		if record, err = s.Records.Started(ctx, r.RunID, id); err != nil {
			return "", err
		}
	}
	// An end before the token was stored is seen here, one after it comes as an event.
	state, err := s.Builds.Read(ctx, record.BuildID)
	if err != nil || !ended(state.Status) {
		return "waiting", err
	}
	return "answered", s.answer(ctx, r.RunID, token, deployment.BuildEnd{ID: state.ID, Status: state.Status})
}

func (s *Service) answer(ctx context.Context, runID, token string, end deployment.BuildEnd) error {
	if _, err := s.Tasks.Answer(ctx, token, end); err != nil {
		return err
	}
	return s.Records.Forget(ctx, runID, token)
}

func ended(status string) bool { return status != "" && status != "IN_PROGRESS" }

// Changed hears that a build changed. The first event of a build tells its id,
// should the answer to StartBuild be lost; its end completes the task that
// waits; every other event does nothing.
func (s *Service) Changed(ctx context.Context, detail events.BuildStateDetail) (deployment.Answered, error) {
	ignored := deployment.Answered{State: "ignored"}
	runID := detail.Variable(RunVariable)
	_, id, ok := strings.Cut(detail.BuildID, ":build/")
	if detail.ProjectName != s.Project || runID == "" || !ok {
		return ignored, nil
	}
	ignored.RunID = runID
	record, err := s.Records.Read(ctx, runID)
	if err != nil || record == (Record{}) {
		return ignored, err
	}
	if record.BuildID == "" {
		if record, err = s.Records.Started(ctx, runID, id); err != nil {
			return ignored, err
		}
	}
	if record.BuildID != id || record.Token == "" || !ended(detail.BuildStatus) {
		return ignored, nil
	}
	end := deployment.BuildEnd{ID: id, Status: detail.BuildStatus}
	return deployment.Answered{RunID: runID, State: "answered"}, s.answer(ctx, runID, record.Token, end)
}

// Describe asks CodeBuild how the build stands, whatever was heard about it.
// The release comes back with Build.Status: succeeded, failed, running (the
// state Build is entered again), or wanted when it is given up; then its Error
// says why.
func (s *Service) Describe(ctx context.Context, r deployment.Release) (deployment.Release, error) {
	record, err := s.Records.Read(ctx, r.RunID)
	if err != nil {
		return r, err
	}
	var state State
	if record.BuildID != "" {
		if state, err = s.Builds.Read(ctx, record.BuildID); err != nil {
			return r, err
		}
	}
	r.Build.ID, r.Build.Seconds = state.ID, state.Seconds
	switch state.Status {
	case "", "IN_PROGRESS":
		return s.again(r, state), nil
	case "SUCCEEDED":
		if state.Digest == "" { // without it, whatever lies under the key later would be believed
			return r, fault.Permanent("CodeBuild gives no SHA-256 of what the build %s made; push again", state.ID)
		}
		r.Build.Status, r.Build.Digest, r.Build.Spec, r.Error = deployment.BuildSucceeded, state.Digest, nil, nil
		return r, s.publish(ctx, r, events.SourceBuilt{Run: r.Run(), BuildID: state.ID, Seconds: state.Seconds, Digest: state.Digest})
	case "FAULT":
		return r, fault.Permanent("CodeBuild itself failed in the build %s (%s: %s); push again, or look at it with: aws codebuild batch-get-builds --ids %s",
			state.ID, state.Phase, state.Reason, state.ID)
	default:
		return s.failed(ctx, r, state)
	}
}

// again lets the workflow wait again, a few times, unless the error tells that
// this would not help.
func (s *Service) again(r deployment.Release, state State) deployment.Release {
	r.Build.Looks++
	final := r.Error != nil && slices.Contains([]string{fault.InvalidError, fault.ConflictError, fault.PermanentError}, r.Error.Name)
	switch {
	case final:
		r.Build.Status = deployment.BuildWanted
	case r.Build.Looks >= maxLooks:
		r.Build.Status = deployment.BuildWanted
		r.Error = &deployment.Caught{Name: fault.PermanentError, Cause: fmt.Sprintf("the build %s neither starts nor ends; look at it with: aws codebuild list-builds-for-project --project-name %s", state.ID, s.Project)}
	default:
		r.Build.Status, r.Error = deployment.BuildRunning, nil
	}
	return r
}

// What of a failed build's log is shown.
const (
	logLines = 15
	logWidth = 200 // characters of a line
)

func (s *Service) failed(ctx context.Context, r deployment.Release, state State) (deployment.Release, error) {
	lines, err := s.Builds.Log(ctx, state, logLines)
	if fault.Is(err, fault.TransientError) {
		return r, err // a log that cannot be read otherwise is missing, and nothing worse
	}
	shown := []string{}
	for _, line := range lines {
		if line = strings.TrimSpace(clip(redact.Line(line), logWidth)); line != "" {
			shown = append(shown, line)
		}
	}
	reason := clip(redact.Line(state.Reason), 2*logWidth)
	r.Build.Status, r.Build.Spec, r.Error = deployment.BuildFailed, nil, nil
	r.Build.Reason = explain(state, reason, shown)
	return r, s.publish(ctx, r, events.BuildFailed{
		Run: r.Run(), BuildID: state.ID, Status: state.Status, Phase: state.Phase, Reason: reason, Log: shown,
	})
}

// explain is one sentence, and the end of the log.
func explain(state State, reason string, lines []string) string {
	text := map[string]string{
		"STOPPED":   "The build was stopped by somebody",
		"TIMED_OUT": "The build took longer than build.timeout of " + pipeline.FileName + " allows",
	}[state.Status]
	if text == "" {
		text = "The build failed"
	}
	text += " in phase " + state.Phase
	if reason != "" {
		text += ": " + reason
	}
	if len(lines) > 0 {
		text += "\n" + strings.Join(lines, "\n")
	}
	return text
}

func (s *Service) publish(ctx context.Context, r deployment.Release, data events.Data) error {
	return s.Publisher.Publish(ctx, events.Fact{
		Metadata: events.Metadata{ID: r.RunID + "/" + data.DetailType(), CorrelationID: r.RunID, CausationID: r.CausationID, Time: s.Now().UTC()},
		Data:     data,
	})
}

func clip(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
