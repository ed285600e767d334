package codebuild

import (
	"context"
	"path"
	"strings"
	"time"
)

// request has the members of all requests. Those of a project are its own.
type request struct {
	project
	Names []string `json:"names"`
	IDs   []string `json:"ids"`
	ID    string   `json:"id"`

	ProjectName         string      `json:"projectName"`
	IdempotencyToken    string      `json:"idempotencyToken"`
	SourceType          string      `json:"sourceTypeOverride"`
	SourceLocation      string      `json:"sourceLocationOverride"`
	Buildspec           string      `json:"buildspecOverride"`
	ArtifactsOverride   *artifacts  `json:"artifactsOverride"`
	VariablesOverride   []variable  `json:"environmentVariablesOverride"`
	Image               string      `json:"imageOverride"`
	ComputeType         string      `json:"computeTypeOverride"`
	EnvironmentType     string      `json:"environmentTypeOverride"`
	TimeoutOverride     int         `json:"timeoutInMinutesOverride"`
	ServiceRoleOverride string      `json:"serviceRoleOverride"`
	LogsConfigOverride  *logsConfig `json:"logsConfigOverride"`
}

// project is a project of the API, as far as it has an effect.
// Source: CodeBuild API reference, Project.
type project struct {
	Name                 string      `json:"name,omitempty"`
	ARN                  string      `json:"arn,omitempty"`
	Description          string      `json:"description,omitempty"`
	Source               source      `json:"source"`
	Artifacts            artifacts   `json:"artifacts"`
	Environment          environment `json:"environment"`
	ServiceRole          string      `json:"serviceRole,omitempty"`
	TimeoutInMinutes     int         `json:"timeoutInMinutes,omitempty"`
	ConcurrentBuildLimit int         `json:"concurrentBuildLimit,omitempty"`
	LogsConfig           *logsConfig `json:"logsConfig,omitempty"`
}

type source struct {
	Type      string `json:"type,omitempty"`
	Location  string `json:"location,omitempty"`
	Buildspec string `json:"buildspec,omitempty"`
}

type artifacts struct {
	Type          string `json:"type,omitempty"`
	Location      string `json:"location,omitempty"`
	Path          string `json:"path,omitempty"`
	NamespaceType string `json:"namespaceType,omitempty"`
	Name          string `json:"name,omitempty"`
	Packaging     string `json:"packaging,omitempty"`
}

type environment struct {
	Type        string     `json:"type,omitempty"`
	Image       string     `json:"image,omitempty"`
	ComputeType string     `json:"computeType,omitempty"`
	Privileged  bool       `json:"privilegedMode"`
	Variables   []variable `json:"environmentVariables,omitempty"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type,omitempty"` // PLAINTEXT (also without it), PARAMETER_STORE, SECRETS_MANAGER
}

type logsConfig struct {
	CloudWatch struct {
		Status string `json:"status,omitempty"`
		Group  string `json:"groupName,omitempty"`
	} `json:"cloudWatchLogs"`
}

// updated is the project with the members that an update names.
func (p *project) updated(by project) project {
	next := *p
	if by.Source.Type != "" {
		next.Source = by.Source
	}
	if by.Artifacts.Type != "" {
		next.Artifacts = by.Artifacts
	}
	if by.Environment.Type != "" {
		next.Environment = by.Environment
	}
	if by.ServiceRole != "" {
		next.ServiceRole = by.ServiceRole
	}
	if by.TimeoutInMinutes != 0 {
		next.TimeoutInMinutes = by.TimeoutInMinutes
	}
	if by.LogsConfig != nil {
		next.LogsConfig = by.LogsConfig
	}
	return next
}

// with is the project with the overrides of a start.
func (p project) with(in request) project {
	set := func(to *string, value string) {
		if value != "" {
			*to = value
		}
	}
	set(&p.Source.Type, in.SourceType)
	set(&p.Source.Location, in.SourceLocation)
	set(&p.Source.Buildspec, in.Buildspec)
	set(&p.Environment.Image, in.Image)
	set(&p.Environment.ComputeType, in.ComputeType)
	set(&p.Environment.Type, in.EnvironmentType)
	set(&p.ServiceRole, in.ServiceRoleOverride)
	if in.ArtifactsOverride != nil {
		p.Artifacts = *in.ArtifactsOverride
	}
	if in.TimeoutOverride != 0 {
		p.TimeoutInMinutes = in.TimeoutOverride
	}
	if p.TimeoutInMinutes == 0 {
		p.TimeoutInMinutes = 60
	}
	if in.LogsConfigOverride != nil {
		p.LogsConfig = in.LogsConfigOverride
	}
	variables := []variable{}
	for _, v := range append(append([]variable{}, p.Environment.Variables...), in.VariablesOverride...) {
		if v.Type == "" {
			v.Type = "PLAINTEXT"
		}
		variables = append(variables, v)
	}
	p.Environment.Variables = variables
	return p
}

func (p project) logGroup() string {
	if p.LogsConfig != nil && p.LogsConfig.CloudWatch.Group != "" {
		return p.LogsConfig.CloudWatch.Group
	}
	return "/aws/codebuild/" + p.Name
}

const inProgress = "IN_PROGRESS"

// state is how a build stands.
type state struct {
	ID, ARN, Status, Phase string
	Phases                 []phase
	Ended                  time.Time
	Digest                 string // SHA-256 of the artifact
	Location               string // of the artifact
}

type phase struct {
	Type, Status  string
	Code, Message string // of a phase that failed
	Began, Ended  time.Time
}

type build struct {
	project, account, region, role string
	token, print                   string
	plan                           project
	number                         int
	started                        time.Time
	logGroup, logStream            string
	stop                           context.CancelFunc
	State                          state
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// view is the build of the API. Source: CodeBuild API reference, Build.
func (b *build) view() map[string]any {
	phases := []map[string]any{}
	for _, p := range b.State.Phases {
		view := map[string]any{"phaseType": p.Type, "startTime": seconds(p.Began)}
		if p.Status != "" {
			view["phaseStatus"], view["endTime"], view["durationInSeconds"] = p.Status, seconds(p.Ended), int(p.Ended.Sub(p.Began).Seconds())
		}
		if p.Code != "" {
			view["contexts"] = []map[string]string{{"statusCode": p.Code, "message": p.Message}}
		}
		phases = append(phases, view)
	}
	view := map[string]any{
		"id": b.State.ID, "arn": b.State.ARN, "buildNumber": b.number, "startTime": seconds(b.started), "currentPhase": b.State.Phase,
		"buildStatus": b.State.Status, "projectName": b.plan.Name, "phases": phases, "source": b.plan.Source, "environment": b.plan.Environment,
		"serviceRole": b.plan.ServiceRole, "timeoutInMinutes": b.plan.TimeoutInMinutes, "buildComplete": b.State.Status != inProgress,
		"logs": map[string]any{"groupName": b.logGroup, "streamName": b.logStream},
	}
	if b.State.Status != inProgress {
		view["endTime"] = seconds(b.State.Ended)
	}
	if b.State.Location != "" {
		view["artifacts"] = map[string]any{"location": b.State.Location, "sha256sum": b.State.Digest}
	}
	return view
}

// detail is the detail of the build's event. Source: CodeBuild user guide,
// "Build notifications input format reference".
func (b *build) detail() map[string]any {
	const clock = "Jan 2, 2006 3:04:05 PM"
	phases := []map[string]any{}
	for _, p := range b.State.Phases {
		view := map[string]any{"phase-type": p.Type, "start-time": p.Began.UTC().Format(clock)}
		if p.Status != "" {
			view["phase-status"], view["end-time"], view["duration-in-seconds"] = p.Status, p.Ended.UTC().Format(clock), int(p.Ended.Sub(p.Began).Seconds())
			view["phase-context"] = []string{strings.TrimPrefix(p.Code+": "+p.Message, ": ")}
		}
		phases = append(phases, view)
	}
	info := map[string]any{
		"build-complete": b.State.Status != inProgress, "build-number": b.number, "initiator": "local", "build-start-time": b.started.UTC().Format(clock),
		"timeout-in-minutes": b.plan.TimeoutInMinutes, "phases": phases,
		"source": map[string]any{"type": b.plan.Source.Type, "location": b.plan.Source.Location},
		"environment": map[string]any{
			"image": b.plan.Environment.Image, "compute-type": b.plan.Environment.ComputeType, "type": b.plan.Environment.Type,
			"privileged-mode": false, "environment-variables": b.plan.Environment.Variables,
		},
		"logs": map[string]any{"group-name": b.logGroup, "stream-name": b.logStream},
	}
	if b.State.Location != "" {
		info["artifact"] = map[string]any{"sha256sum": b.State.Digest, "location": b.State.Location}
	}
	return map[string]any{
		"build-status": b.State.Status, "project-name": b.plan.Name, "build-id": b.State.ARN, "additional-information": info,
		"current-phase": b.State.Phase, "current-phase-context": "[]", "version": "1",
	}
}

// changed puts the build's event on the bus. The caller holds the lock.
func (s *Server) changed(b *build) {
	s.opts.Emit(b.account, b.region, "CodeBuild Build State Change", []string{b.State.ARN}, b.detail())
}

// object is where an artifact goes: "<path>/<namespace>/<name>".
func (a artifacts) object(b *build) string {
	namespace := ""
	if a.NamespaceType == "BUILD_ID" {
		namespace = b.logStream
	}
	name := a.Name
	if name == "" {
		name = b.plan.Name
	}
	return strings.TrimPrefix(path.Join(a.Path, namespace, name), "/")
}
