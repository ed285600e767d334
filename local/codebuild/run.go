package codebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evenkeel/evenkeel/local/process"
)

// worker is one build while it runs. Its phases are the build's own only under
// the server's lock.
type worker struct {
	*Server
	*build
	cfg     aws.Config // of the service role
	folder  string     // of the build; removed at its end
	src     string     // of the source
	spec    buildspec
	secrets []string // values that the log must not show
	failed  bool
}

// run takes a build through its phases and tells how it ended.
func (s *Server) run(ctx context.Context, b *build) {
	defer b.stop()
	w := &worker{Server: s, build: b}
	for _, name := range []string{"SUBMITTED", "QUEUED"} {
		w.phase(name, func() *problem { return nil })
	}
	w.phase("PROVISIONING", func() *problem { return w.provision(ctx) })
	w.phase("DOWNLOAD_SOURCE", func() *problem { return w.download(ctx) })
	status := "FAILED"
	if !w.failed {
		status = w.commands(ctx)
	}
	if status == "SUCCEEDED" {
		w.phase("UPLOAD_ARTIFACTS", func() *problem { return w.upload(ctx) })
	}
	w.phase("FINALIZING", func() *problem { return nil })
	if w.folder != "" {
		_ = os.RemoveAll(w.folder)
	}
	if w.failed && status == "SUCCEEDED" {
		status = "FAILED"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b.State.Status, b.State.Phase, b.State.Ended = status, "COMPLETED", s.opts.Now()
	b.State.Phases = append(b.State.Phases, phase{Type: "COMPLETED", Began: b.State.Ended})
	s.changed(b)
}

// problem is why a phase failed.
type problem struct{ status, code, message string }

func failure(code string, format string, args ...any) *problem {
	return &problem{"FAILED", code, fmt.Sprintf(format, args...)}
}

// phase does the work of a phase, unless an earlier one failed that is not
// followed by it.
func (w *worker) phase(name string, work func() *problem) {
	if w.failed && name != "FINALIZING" {
		return
	}
	began := w.opts.Now()
	w.mu.Lock()
	w.State.Phase = name
	w.mu.Unlock()
	w.end(phase{Type: name, Status: "SUCCEEDED", Began: began}, work())
}

func (w *worker) end(p phase, why *problem) {
	p.Ended = w.opts.Now()
	if why != nil {
		p.Status, p.Code, p.Message = why.status, why.code, why.message
		w.failed = true
	}
	w.mu.Lock()
	w.State.Phases = append(w.State.Phases, p)
	w.mu.Unlock()
}

// provision makes the build's folder and the session of its role.
func (w *worker) provision(ctx context.Context) *problem {
	folder, err := os.MkdirTemp("", "evenkeel-build")
	if err != nil {
		return failure("INTERNAL_SERVICE_ERROR", "%v", err)
	}
	w.folder, w.src = folder, filepath.Join(folder, "src")
	for _, dir := range []string{w.src, filepath.Join(folder, "home"), filepath.Join(folder, "steps")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return failure("INTERNAL_SERVICE_ERROR", "%v", err)
		}
	}
	if w.cfg, err = w.opts.Config(ctx, w.account, w.region, w.role); err != nil {
		return failure("CLIENT_ERROR", "CodeBuild is not authorized to perform: sts:AssumeRole on service role: %v", err)
	}
	return nil
}

// download fetches the source and reads the buildspec.
func (w *worker) download(ctx context.Context) *problem {
	switch w.plan.Source.Type {
	case "S3":
		if err := w.fetch(ctx); err != nil {
			return failure("CLIENT_ERROR", "error while downloading key %s: %v", w.plan.Source.Location, err)
		}
	case "NO_SOURCE":
	default:
		return failure("CLIENT_ERROR", "the local cloud's CodeBuild has no source of type %s", w.plan.Source.Type)
	}
	text := w.plan.Source.Buildspec
	if text == "" {
		text = "buildspec.yml"
	}
	if !strings.Contains(text, "\n") && !strings.HasPrefix(strings.TrimSpace(text), "{") {
		data, err := os.ReadFile(filepath.Join(w.src, filepath.Clean("/"+text)))
		if err != nil {
			return failure("YAML_FILE_ERROR", "YAML file does not exist: %s", text)
		}
		text = string(data)
	}
	var err error
	if w.spec, err = parseBuildspec(text); err != nil {
		return failure("YAML_FILE_ERROR", "%v", err)
	}
	return nil
}

// commands runs the phases of the buildspec and returns the build's status.
func (w *worker) commands(ctx context.Context) string {
	environment, err := w.environment(ctx)
	if err != nil {
		w.end(phase{Type: "INSTALL", Began: w.opts.Now()}, failure("CLIENT_ERROR", "%v", err))
		return "FAILED"
	}
	steps := filepath.Join(w.folder, "steps")
	script, err := w.spec.script(steps)
	if err != nil {
		w.end(phase{Type: "INSTALL", Began: w.opts.Now()}, failure("INTERNAL_SERVICE_ERROR", "%v", err))
		return "FAILED"
	}
	began := w.opts.Now()
	log := filepath.Join(steps, "log")
	p, err := process.Start(process.Spec{Name: w.State.ID, Path: "/bin/sh", Args: []string{"-c", script}, Env: environment, Dir: w.src, Log: log})
	if err != nil {
		w.end(phase{Type: "INSTALL", Began: began}, failure("INTERNAL_SERVICE_ERROR", "%v", err))
		return "FAILED"
	}
	status := w.await(ctx, p)
	if err := w.writeLog(log); err != nil {
		w.opts.Log.Error("the log of a build is lost", "build", w.State.ID, "error", err)
	}
	w.read(filepath.Join(steps, "result"), began, status)
	if status == "" && w.failed {
		return "FAILED"
	}
	if status == "" {
		return "SUCCEEDED"
	}
	return status
}

// await waits for the commands; the status is "" when they ended by themselves.
func (w *worker) await(ctx context.Context, p *process.Process) string {
	limit := time.NewTimer(time.Duration(w.plan.TimeoutInMinutes) * w.opts.Minute)
	defer limit.Stop()
	status := ""
	select {
	case <-p.Done():
	case <-limit.C:
		status = "TIMED_OUT"
	case <-ctx.Done():
		status = "STOPPED"
	}
	p.Stop(2 * time.Second) // also what the commands left running
	return status
}

// read makes phases of what the script noted.
func (w *worker) read(result string, began time.Time, status string) {
	data, err := os.ReadFile(result)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		data = nil
	}
	var open *phase
	var why *problem
	settle := func() {
		if open != nil {
			w.end(*open, why)
		}
		open, why = nil, nil
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "begin":
			settle()
			open = &phase{Type: fields[1], Status: "SUCCEEDED", Began: began}
		case "fail":
			if why == nil {
				why = failure("COMMAND_EXECUTION_ERROR", "Error while executing command: %s. Reason: exit status %s", w.command(fields[1], fields[2]), fields[3])
			}
		case "end":
			settle()
		}
	}
	if open != nil && status != "" {
		why = &problem{status, "", "the build was stopped"}
		if status == "TIMED_OUT" {
			why = &problem{status, "BUILD_TIMED_OUT", "Build has timed out."}
		}
	}
	settle()
}

// command is the text of a command by the phase's name and its number.
func (w *worker) command(name, number string) string {
	data, err := os.ReadFile(filepath.Join(w.folder, "steps", name+"."+number))
	if err != nil {
		return "?"
	}
	return w.masked(strings.TrimSpace(string(data)))
}

// maxLog is the most bytes of a log that are kept: its end.
const maxLog = 1 << 20

func (w *worker) lines(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxLog {
		if _, err := f.Seek(-maxLog, io.SeekEnd); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(f)
	var lines []string
	for line := range strings.Lines(w.masked(string(bytes.ToValidUTF8(data, nil)))) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, err
}

func (w *worker) masked(text string) string {
	for _, secret := range w.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// environment is the whole environment of the commands.
// Source: CodeBuild user guide, "Environment variables in build environments".
func (w *worker) environment(ctx context.Context) ([]string, error) {
	home := filepath.Join(w.folder, "home")
	credentials, err := w.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	list := []string{
		"PATH=" + w.opts.Path, "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8",
		"AWS_REGION=" + w.region, "AWS_DEFAULT_REGION=" + w.region, "AWS_ENDPOINT_URL=" + aws.ToString(w.cfg.BaseEndpoint),
		"AWS_ACCESS_KEY_ID=" + credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + credentials.SecretAccessKey, "AWS_SESSION_TOKEN=" + credentials.SessionToken,
		"AWS_EC2_METADATA_DISABLED=true", "CODEBUILD_CI=true", "CODEBUILD_BUILD_ID=" + w.State.ID, "CODEBUILD_BUILD_ARN=" + w.State.ARN,
		"CODEBUILD_BUILD_NUMBER=" + strconv.Itoa(w.number), "CODEBUILD_SRC_DIR=" + w.src, "CODEBUILD_BUILD_SUCCEEDING=1", "CODEBUILD_INITIATOR=local",
	}
	variables, err := w.variables(ctx)
	return append(list, variables...), err
}
