package codebuild_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	server "github.com/evenkeel/evenkeel/local/codebuild"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
)

const account = "222222222222"

// world is the service with a client of it; S3, Logs and the stores of secrets
// are stubs.
type world struct {
	*codebuild.Client
	stub   *awsstub.Stub
	server *server.Server

	mu     sync.Mutex
	events []map[string]any
	roles  []string
	log    []string
	put    map[string][]byte
}

func newWorld(t *testing.T, minute time.Duration) *world {
	w := &world{stub: awsstub.Start(t), put: map[string][]byte{}}
	cfg := w.stub.Config()
	w.server = server.New(server.Options{
		Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Path: os.Getenv("PATH"), Minute: minute,
		Config: func(_ context.Context, _, _, role string) (aws.Config, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.roles = append(w.roles, role)
			return cfg, nil
		},
		Emit: func(_, _, detailType string, resources []string, detail any) {
			text, err := json.Marshal(map[string]any{"type": detailType, "resources": resources, "detail": detail})
			if err != nil {
				t.Error(err)
			}
			var event map[string]any
			if err := json.Unmarshal(text, &event); err != nil {
				t.Error(err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, event)
		},
	})
	front := httptest.NewServer(w.server.Handler(account, "us-east-1"))
	t.Cleanup(func() { w.server.Close(); front.Close() })
	own := cfg.Copy()
	own.BaseEndpoint = aws.String(front.URL)
	w.Client = codebuild.NewFromConfig(own)

	w.stub.Reply("logs", "CreateLogGroup", `{}`)
	w.stub.Reply("logs", "CreateLogStream", `{}`)
	w.stub.On("logs", "PutLogEvents", func(c awsstub.Call) awsstub.Answer {
		var in struct{ LogEvents []struct{ Message string } }
		if err := json.Unmarshal(c.Body, &in); err != nil {
			t.Error(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range in.LogEvents {
			w.log = append(w.log, e.Message)
		}
		return awsstub.Answer{Body: `{}`}
	})
	return w
}

// takes lets the key of the bucket be written.
func (w *world) takes(key string) {
	w.stub.On("s3", "PUT /bucket/"+key, func(c awsstub.Call) awsstub.Answer {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.put[key] = c.Body
		return awsstub.Answer{}
	})
}

func (w *world) project(t *testing.T, name string, change func(*codebuild.CreateProjectInput)) {
	t.Helper()
	in := &codebuild.CreateProjectInput{
		Name: aws.String(name), ServiceRole: aws.String("arn:aws:iam::222222222222:role/tests"),
		Source:      &types.ProjectSource{Type: types.SourceTypeNoSource, Buildspec: aws.String(`{"version": "0.2", "phases": {"build": {"commands": ["true"]}}}`)},
		Artifacts:   &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
		Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeLinuxContainer, Image: aws.String("aws/codebuild/standard:7.0"), ComputeType: types.ComputeTypeBuildGeneral1Small},
	}
	if change != nil {
		change(in)
	}
	if _, err := w.CreateProject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// run starts a build with a buildspec and returns it when it has ended.
func (w *world) run(t *testing.T, buildspec string, change func(*codebuild.StartBuildInput)) types.Build {
	t.Helper()
	in := &codebuild.StartBuildInput{ProjectName: aws.String("p"), BuildspecOverride: aws.String(buildspec)}
	if change != nil {
		change(in)
	}
	out, err := w.StartBuild(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if out.Build.BuildStatus != types.StatusTypeInProgress {
		t.Errorf("2: the build starts as %s", out.Build.BuildStatus)
	}
	return w.await(t, *out.Build.Id)
}

func (w *world) await(t *testing.T, id string) types.Build {
	t.Helper()
	for {
		out, err := w.BatchGetBuilds(t.Context(), &codebuild.BatchGetBuildsInput{Ids: []string{id}})
		if err != nil || len(out.Builds) != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		if b := out.Builds[0]; b.BuildStatus != types.StatusTypeInProgress {
			return b
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func phases(b types.Build) string {
	var list []string
	for _, p := range b.Phases {
		line := string(p.PhaseType)
		if p.PhaseStatus != "" && p.PhaseStatus != types.StatusTypeSucceeded {
			line += "=" + string(p.PhaseStatus)
		}
		for _, c := range p.Contexts {
			line += "(" + aws.ToString(c.StatusCode) + ": " + aws.ToString(c.Message) + ")"
		}
		list = append(list, line)
	}
	return strings.Join(list, " ")
}

func source(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range map[string]string{"synth.sh": "#!/bin/sh\nmkdir -p out/sub && echo one >out/a.txt && cp synth.sh out/sub/ && ln -s a.txt out/link\n", "README": "x"} {
		header := &zip.FileHeader{Name: name}
		header.SetMode(map[bool]os.FileMode{true: 0o755, false: 0o644}[name == "synth.sh"])
		part, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Statements 2, 4, 5, 6, 8, 9 and 10: a source is built, its artifact and its log are
// kept, and its events have the documented shape.
func TestABuildOfASource(t *testing.T) {
	w := newWorld(t, 0)
	w.project(t, "p", nil)
	w.stub.Reply("s3", "GET /bucket/sources/s.zip", source(t))
	w.takes("builds/r.zip")
	b := w.run(t, `{"version":"0.2","phases":{"build":{"commands":["./synth.sh","X=1","cd out","pwd; echo $X $A $HOME"]}},"artifacts":{"base-directory":"out","files":["**/*"]}}`,
		func(in *codebuild.StartBuildInput) {
			in.SourceTypeOverride, in.SourceLocationOverride = types.SourceTypeS3, aws.String("bucket/sources/s.zip")
			in.EnvironmentVariablesOverride = []types.EnvironmentVariable{{Name: aws.String("A"), Value: aws.String("two")}}
			in.ArtifactsOverride = &types.ProjectArtifacts{Type: types.ArtifactsTypeS3, Location: aws.String("bucket"), Path: aws.String("builds"), Name: aws.String("r.zip"), Packaging: types.ArtifactPackagingZip, NamespaceType: types.ArtifactNamespaceNone}
		})
	if want := "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS FINALIZING COMPLETED"; b.BuildStatus != "SUCCEEDED" || phases(b) != want {
		t.Fatalf("%s\n%s\n%v", b.BuildStatus, phases(b), w.log)
	}
	data := w.put["builds/r.zip"]
	sum := sha256.Sum256(data)
	if got := aws.ToString(b.Artifacts.Sha256sum); got != hex.EncodeToString(sum[:]) {
		t.Errorf("8: sha256sum %s of %d bytes", got, len(data))
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.File {
		names = append(names, fmt.Sprint(f.Name, " ", f.Mode()))
	}
	if want := []string{"a.txt -rw-r--r--", "link Lrwxrwxrwx", "sub/synth.sh -rwxr-xr-x"}; !slices.Equal(names, want) {
		t.Errorf("8: artifact %v", names)
	}
	// One shell: X and the working directory of the commands before are still there.
	last := w.log[len(w.log)-1]
	for _, line := range w.log {
		if strings.HasPrefix(line, "1 two ") {
			last = line
		}
	}
	if !strings.HasPrefix(last, "1 two ") || strings.HasSuffix(last, os.Getenv("HOME")) {
		t.Errorf("6: the log is %q", w.log)
	}
	if folder := strings.TrimSuffix(strings.TrimPrefix(last, "1 two "), "/home"); folder == "" {
		t.Error("no home")
	} else if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("6: the build's folder %s is still there", folder)
	}
	if len(w.roles) != 1 || w.roles[0] != "tests" {
		t.Errorf("6: sessions of %v", w.roles)
	}
	w.checkEvents(t, b)
}

func (w *world) checkEvents(t *testing.T, b types.Build) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) != 2 {
		t.Fatalf("10: %d events", len(w.events))
	}
	for i, want := range []string{"IN_PROGRESS", "SUCCEEDED"} {
		detail := w.events[i]["detail"].(map[string]any)
		info := detail["additional-information"].(map[string]any)
		environment := info["environment"].(map[string]any)["environment-variables"].([]any)[0].(map[string]any)
		if w.events[i]["type"] != "CodeBuild Build State Change" || detail["build-status"] != want || detail["build-id"] != aws.ToString(b.Arn) ||
			detail["project-name"] != "p" || environment["name"] != "A" || environment["type"] != "PLAINTEXT" || info["build-complete"] != (i == 1) {
			t.Errorf("10: event %v", w.events[i])
		}
	}
	info := w.events[1]["detail"].(map[string]any)["additional-information"].(map[string]any)
	if artifact := info["artifact"].(map[string]any); artifact["location"] != "arn:aws:s3:::bucket/builds/r.zip" || artifact["sha256sum"] != aws.ToString(b.Artifacts.Sha256sum) {
		t.Errorf("10: artifact %v", artifact)
	}
}

// Statement 4, and the faults of 5, 7 and 8.
func TestPhasesOfFailures(t *testing.T) {
	const before = "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE "
	tests := []struct{ name, buildspec, want string }{
		{"install", `{"version":"0.2","phases":{"install":{"commands":["exit 3"]},"build":{"commands":["true"]}}}`, before + "INSTALL=FAILED(COMMAND_EXECUTION_ERROR: Error while executing command: exit 3. Reason: exit status 3) FINALIZING COMPLETED"},
		{"build", `{"version":"0.2","phases":{"build":{"commands":["true","false","echo never"],"finally":["echo at last"]},"post_build":{"commands":["echo succeeding=$CODEBUILD_BUILD_SUCCEEDING"]}}}`,
			before + "INSTALL PRE_BUILD BUILD=FAILED(COMMAND_EXECUTION_ERROR: Error while executing command: false. Reason: exit status 1) POST_BUILD FINALIZING COMPLETED"},
		{"post_build", `{"version":"0.2","phases":{"post_build":{"commands":["no-such-program"]}}}`, before + "INSTALL PRE_BUILD BUILD POST_BUILD=FAILED(COMMAND_EXECUTION_ERROR: Error while executing command: no-such-program. Reason: exit status 127) FINALIZING COMPLETED"},
		{"no artifact", `{"version":"0.2","phases":{"build":{"commands":["mkdir out"]}},"artifacts":{"base-directory":"out","files":["*"]}}`, before + "INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS=FAILED(CLIENT_ERROR: no matching artifact paths found) FINALIZING COMPLETED"},
		{"no folder", `{"version":"0.2","artifacts":{"base-directory":"cdk.out","files":["*"]}}`, before + "INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS=FAILED(CLIENT_ERROR: no matching base directory path found for cdk.out) FINALIZING COMPLETED"},
		{"version", `{"version":"9"}`, "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE=FAILED(YAML_FILE_ERROR: invalid buildspec version specified: 9) FINALIZING COMPLETED"},
		{"no buildspec", "spec.yml", "SUBMITTED QUEUED PROVISIONING DOWNLOAD_SOURCE=FAILED(YAML_FILE_ERROR: YAML file does not exist: spec.yml) FINALIZING COMPLETED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 0)
			w.project(t, "p", func(in *codebuild.CreateProjectInput) {
				in.Artifacts = &types.ProjectArtifacts{Type: types.ArtifactsTypeS3, Location: aws.String("bucket"), Packaging: types.ArtifactPackagingZip}
			})
			b := w.run(t, tt.buildspec, nil)
			if b.BuildStatus != "FAILED" || phases(b) != tt.want {
				t.Errorf("%s\n%s", b.BuildStatus, phases(b))
			}
			if tt.name == "build" && (!slices.Contains(w.log, "at last") || !slices.Contains(w.log, "succeeding=0") || slices.Contains(w.log, "never")) {
				t.Errorf("4: log %q", w.log)
			}
		})
	}
}

// Statement 6: the end of a time limit and StopBuild end everything that the
// commands started.
func TestABuildIsEnded(t *testing.T) {
	for status, minute := range map[types.StatusType]time.Duration{types.StatusTypeTimedOut: 60 * time.Millisecond, types.StatusTypeStopped: time.Hour} {
		t.Run(string(status), func(t *testing.T) {
			w := newWorld(t, minute)
			w.project(t, "p", nil)
			pid := filepath.Join(t.TempDir(), "pid")
			out, err := w.StartBuild(t.Context(), &codebuild.StartBuildInput{
				ProjectName: aws.String("p"), TimeoutInMinutesOverride: aws.Int32(5),
				BuildspecOverride: aws.String(`{"version":"0.2","phases":{"build":{"commands":["sleep 300 & echo $! >` + pid + `; wait"]}}}`),
			})
			if err != nil {
				t.Fatal(err)
			}
			if status == types.StatusTypeStopped {
				for {
					if data, err := os.ReadFile(pid); err == nil && len(data) > 1 {
						break
					}
					time.Sleep(5 * time.Millisecond)
				}
				if _, err := w.StopBuild(t.Context(), &codebuild.StopBuildInput{Id: out.Build.Id}); err != nil {
					t.Fatal(err)
				}
			}
			if b := w.await(t, *out.Build.Id); b.BuildStatus != status || !strings.Contains(phases(b), "BUILD="+string(status)) {
				t.Errorf("%s\n%s", b.BuildStatus, phases(b))
			}
		})
	}
}

// Statement 7.
func TestSecretsAreReadAndHidden(t *testing.T) {
	w := newWorld(t, 0)
	w.project(t, "p", nil)
	w.stub.Reply("ssm", "GetParameters", `{"Parameters":[{"Name":"/evenkeel-build/a","Value":"hunter2"}]}`)
	w.stub.Reply("secretsmanager", "GetSecretValue", `{"SecretString":"{\"token\":\"swordfish\"}"}`)
	b := w.run(t, `{"version":"0.2","phases":{"build":{"commands":["echo $A and $B","test $A$B = hunter2swordfish"]}}}`, func(in *codebuild.StartBuildInput) {
		in.EnvironmentVariablesOverride = []types.EnvironmentVariable{
			{Name: aws.String("A"), Value: aws.String("/evenkeel-build/a"), Type: types.EnvironmentVariableTypeParameterStore},
			{Name: aws.String("B"), Value: aws.String("evenkeel-build/b:token"), Type: types.EnvironmentVariableTypeSecretsManager},
		}
	})
	if b.BuildStatus != "SUCCEEDED" || !slices.Contains(w.log, "*** and ***") || strings.Contains(strings.Join(w.log, ""), "hunter2 ") {
		t.Errorf("%s %s %q", b.BuildStatus, phases(b), w.log)
	}
	w.stub.Reply("ssm", "GetParameters", `{"Parameters":[]}`)
	b = w.run(t, `{"version":"0.2"}`, func(in *codebuild.StartBuildInput) {
		in.EnvironmentVariablesOverride = []types.EnvironmentVariable{{Name: aws.String("A"), Value: aws.String("/x"), Type: types.EnvironmentVariableTypeParameterStore}}
	})
	if b.BuildStatus != "FAILED" || !strings.Contains(phases(b), "Parameters do not exist: /x") {
		t.Errorf("%s", phases(b))
	}
}

// Statements 1, 2 and 3.
func TestTheAPI(t *testing.T) {
	w := newWorld(t, 0)
	w.project(t, "p", func(in *codebuild.CreateProjectInput) { in.ConcurrentBuildLimit = aws.Int32(1) })
	sleep := &codebuild.StartBuildInput{ProjectName: aws.String("p"), IdempotencyToken: aws.String("once"), BuildspecOverride: aws.String(`{"version":"0.2","phases":{"build":{"commands":["sleep 300"]}}}`)}
	first, err := w.StartBuild(t.Context(), sleep)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.StartBuild(t.Context(), sleep); err != nil || *again.Build.Id != *first.Build.Id {
		t.Errorf("2: %v", err)
	}
	codes := map[string]func() error{
		"InvalidInputException": func() error {
			_, err := w.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("p"), IdempotencyToken: aws.String("once")})
			return err
		},
		"AccountLimitExceededException": func() error {
			_, err := w.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("p")})
			return err
		},
		"ResourceNotFoundException": func() error {
			_, err := w.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("q")})
			return err
		},
		"ResourceAlreadyExistsException": func() error {
			_, err := w.CreateProject(t.Context(), &codebuild.CreateProjectInput{Name: aws.String("p"), ServiceRole: aws.String("r"), Source: &types.ProjectSource{Type: "NO_SOURCE"}, Artifacts: &types.ProjectArtifacts{Type: "NO_ARTIFACTS"}, Environment: &types.ProjectEnvironment{Type: "LINUX_CONTAINER", Image: aws.String("i"), ComputeType: "BUILD_GENERAL1_SMALL"}})
			return err
		},
	}
	for want, call := range codes {
		if err := call(); awserr.Code(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	projects, err := w.BatchGetProjects(t.Context(), &codebuild.BatchGetProjectsInput{Names: []string{"p", "q"}})
	if err != nil || len(projects.Projects) != 1 || !slices.Equal(projects.ProjectsNotFound, []string{"q"}) || aws.ToString(projects.Projects[0].Arn) != "arn:aws:codebuild:us-east-1:222222222222:project/p" {
		t.Errorf("1: %+v, %v", projects, err)
	}
	ids, err := w.ListBuildsForProject(t.Context(), &codebuild.ListBuildsForProjectInput{ProjectName: aws.String("p")})
	if err != nil || !slices.Equal(ids.Ids, []string{*first.Build.Id}) {
		t.Errorf("1: %+v, %v", ids, err)
	}
	if _, err := w.StopBuild(t.Context(), &codebuild.StopBuildInput{Id: first.Build.Id}); err != nil {
		t.Error(err)
	}
	w.await(t, *first.Build.Id)
	if _, err := w.DeleteProject(t.Context(), &codebuild.DeleteProjectInput{Name: aws.String("p")}); err != nil {
		t.Error(err)
	}
	if list, err := w.ListProjects(t.Context(), &codebuild.ListProjectsInput{}); err != nil || len(list.Projects) != 0 {
		t.Errorf("1: %+v, %v", list, err)
	}
}
