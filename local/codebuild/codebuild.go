// Package codebuild is the CodeBuild of the local cloud: builds run as
// processes of this machine. What it does is written down in
// local/codebuild.md; numbers in the tests are those of its statements.
package codebuild

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Options configures the service.
type Options struct {
	Now  func() time.Time
	Log  *slog.Logger
	Path string // PATH of the commands
	// Minute is the unit of time limits; 0 is a minute.
	Minute time.Duration
	// Config is of a role's session in an account; an empty role is the service itself.
	Config func(ctx context.Context, account, region, role string) (aws.Config, error)
	// Project finds a project that was not made here; nil finds none.
	Project func(ctx context.Context, account, region, name string) (json.RawMessage, error)
	// Emit puts an event on the bus.
	Emit func(account, region, detailType string, resources []string, detail any)
}

// Server is the service. Close ends the builds that run.
type Server struct {
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu       sync.Mutex
	projects map[string]*project // by ARN
	builds   []*build            // oldest first
}

// New returns a service without projects.
func New(opts Options) *Server {
	if opts.Minute == 0 {
		opts.Minute = time.Minute
	}
	s := &Server{opts: opts, projects: map[string]*project{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close stops every build and waits for it.
func (s *Server) Close() {
	s.cancel()
	s.group.Wait()
}

// Handler serves the API of an account and region.
func (s *Server) Handler(account, region string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		var input request
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&input); err != nil {
			refuse(w, "SerializationException", err.Error())
			return
		}
		c := caller{s, account, region}
		output, err := c.act(r.Context(), action, input)
		if err != nil {
			refuse(w, err.code, err.message)
			return
		}
		_ = json.NewEncoder(w).Encode(output)
	})
}

func refuse(w http.ResponseWriter, code, message string) {
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}

// refusal is an error of the API.
type refusal struct{ code, message string }

func invalid(format string, args ...any) *refusal {
	return &refusal{"InvalidInputException", fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) *refusal {
	return &refusal{"ResourceNotFoundException", fmt.Sprintf(format, args...)}
}

type caller struct {
	*Server
	account, region string
}

func (c caller) arn(kind, name string) string {
	return "arn:aws:codebuild:" + c.region + ":" + c.account + ":" + kind + "/" + name
}

// output is what an action answers: an object of the API.
type output map[string]any

func (c caller) act(ctx context.Context, action string, in request) (output, *refusal) {
	switch action {
	case "CreateProject":
		return c.createProject(in, true)
	case "UpdateProject":
		return c.createProject(in, false)
	case "DeleteProject":
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.projects, c.arn("project", last(in.Name)))
		return output{}, nil
	case "BatchGetProjects":
		return c.batchGetProjects(ctx, in), nil
	case "ListProjects":
		return c.listProjects(), nil
	case "StartBuild":
		return c.startBuild(ctx, in)
	case "BatchGetBuilds":
		return c.batchGetBuilds(in), nil
	case "StopBuild":
		return c.stopBuild(in)
	case "ListBuildsForProject":
		return c.listBuilds(in), nil
	default:
		return nil, invalid("the local cloud's CodeBuild has no action %q", action)
	}
}

// last is the name in an ARN, or the name itself.
func last(name string) string { return name[strings.LastIndex(name, "/")+1:] }

func (c caller) createProject(in request, create bool) (output, *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	arn := c.arn("project", in.Name)
	known := c.projects[arn]
	switch {
	case in.Name == "":
		return nil, invalid("Project name is required")
	case create && known != nil:
		return nil, &refusal{"ResourceAlreadyExistsException", "Project already exists: " + arn}
	case !create && known == nil:
		return nil, missing("Project cannot be found: %s", arn)
	case create && in.project.ServiceRole == "":
		return nil, invalid("Service role is required")
	}
	p := in.project
	if known != nil {
		p = known.updated(in.project)
	}
	p.ARN = arn
	c.projects[arn] = &p
	return output{"project": p}, nil
}

func (c caller) find(ctx context.Context, name string) *project {
	c.mu.Lock()
	known := c.projects[c.arn("project", last(name))]
	c.mu.Unlock()
	if known != nil || c.opts.Project == nil {
		return known
	}
	raw, err := c.opts.Project(ctx, c.account, c.region, last(name))
	if err != nil || raw == nil {
		return nil
	}
	p := project{}
	if json.Unmarshal(raw, &p) != nil {
		return nil
	}
	p.ARN = c.arn("project", p.Name)
	return &p
}

func (c caller) batchGetProjects(ctx context.Context, in request) output {
	found, absent := []*project{}, []string{}
	for _, name := range in.Names {
		if p := c.find(ctx, name); p != nil {
			found = append(found, p)
		} else {
			absent = append(absent, name)
		}
	}
	return output{"projects": found, "projectsNotFound": absent}
}

func (c caller) listProjects() output {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{}
	for arn, p := range c.projects {
		if arn == c.arn("project", p.Name) {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return output{"projects": names}
}

// idempotent is for how long a token is known.
const idempotent = 5 * time.Minute

func (c caller) startBuild(ctx context.Context, in request) (output, *refusal) {
	p := c.find(ctx, in.ProjectName)
	if p == nil {
		return nil, missing("Project cannot be found: %s", c.arn("project", in.ProjectName))
	}
	print, err := json.Marshal(in)
	if err != nil {
		return nil, invalid("%v", err)
	}
	now := c.opts.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	running := 0
	for _, b := range c.builds {
		if b.project != p.ARN {
			continue
		}
		if b.State.Status == inProgress {
			running++
		}
		if in.IdempotencyToken != "" && b.token == in.IdempotencyToken && now.Sub(b.started) < idempotent {
			if string(print) != b.print {
				return nil, invalid("the idempotency token %s was used for another request", in.IdempotencyToken)
			}
			return output{"build": b.view()}, nil
		}
	}
	if p.ConcurrentBuildLimit > 0 && running >= p.ConcurrentBuildLimit {
		return nil, &refusal{"AccountLimitExceededException", fmt.Sprintf("Cannot have more than %d builds in queue for the project", p.ConcurrentBuildLimit)}
	}
	b := c.newBuild(*p, in, now)
	b.print = string(print)
	c.builds = append(c.builds, b)
	c.changed(b)
	run, cancel := context.WithCancel(c.ctx)
	b.stop = cancel
	c.group.Go(func() { c.run(run, b) })
	return output{"build": b.view()}, nil
}

func (c caller) newBuild(p project, in request, now time.Time) *build {
	stream := uuid()
	id := p.Name + ":" + stream
	plan := p.with(in)
	b := &build{
		project: p.ARN, account: c.account, region: c.region, role: last(plan.ServiceRole), token: in.IdempotencyToken, plan: plan, started: now,
		number: 1, State: state{ID: id, ARN: c.arn("build", id), Status: inProgress, Phase: "QUEUED"},
	}
	for _, other := range c.builds {
		if other.project == p.ARN {
			b.number++
		}
	}
	b.logGroup, b.logStream = plan.logGroup(), stream
	return b
}

func (c caller) mine(id string) *build {
	for _, b := range c.builds {
		if b.State.ARN == c.arn("build", b.State.ID) && (b.State.ID == id || b.State.ARN == id) {
			return b
		}
	}
	return nil
}

func (c caller) batchGetBuilds(in request) output {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, absent := []any{}, []string{}
	for _, id := range in.IDs {
		if b := c.mine(id); b != nil {
			found = append(found, b.view())
		} else {
			absent = append(absent, id)
		}
	}
	return output{"builds": found, "buildsNotFound": absent}
}

func (c caller) stopBuild(in request) (output, *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.mine(in.ID)
	if b == nil {
		return nil, missing("Build cannot be found: %s", in.ID)
	}
	b.stop()
	return output{"build": b.view()}, nil
}

func (c caller) listBuilds(in request) output {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := []string{}
	for _, b := range slices.Backward(c.builds) {
		if b.project == c.arn("project", last(in.ProjectName)) {
			ids = append(ids, b.State.ID)
		}
	}
	return output{"ids": ids}
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
