package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	buildtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/forge"
	"github.com/evenkeel/evenkeel/local/installation"
)

const checkedName = "acme/checked"

// site is what the checks of testdata/repositories/checked ask: a path for each
// stage, which answers until it is broken.
type site struct {
	server *http.Server
	url    string

	mu     sync.Mutex
	broken map[string]bool
}

// newSite serves on a free port of the machine until it is closed.
func newSite(ctx context.Context) (*site, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{url: "http://" + listener.Addr().String(), broken: map[string]bool{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Second}
	go func() { _ = s.server.Serve(listener) }() // ends with Close
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *site) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken[strings.TrimPrefix(q.URL.Path, "/")] {
		http.Error(w, `{"state":"broken"}`, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"state":"ok"}`)) // the check sees what does not arrive
}

func (s *site) breakStage(stage string, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[stage] = broken
}

// verifyGroup plays a verification that passes, one that fails in test, and one
// that fails in prod.
func verifyGroup() Group {
	var s *site
	timeout := "30"
	push := func(to string) func(context.Context, *World) (string, error) {
		return func(ctx context.Context, w *World) (string, error) {
			if err := w.shop.Edit("templates/queue.yaml", "VisibilityTimeout: "+timeout, "VisibilityTimeout: "+to); err != nil {
				return "", err
			}
			timeout = to
			if _, err := w.push(ctx, "Timeout of "+to); err != nil {
				return "", err
			}
			return runStarts(ctx, w)
		}
	}
	return Group{"A deployment that does not work is not promoted, and in prod it is rolled back", nil, []Step{
		{Want: "a repository with checks is registered; its site answers, its alarms are quiet and its accounts have tests", Run: func(ctx context.Context, w *World) (string, error) {
			var err error
			if s, err = newSite(ctx); err != nil {
				return "", err
			}
			return s.url, firstError(w.adoptChecked(ctx, s.url), w.quiet(ctx, testAccount, "checked-test"), w.quiet(ctx, prodAccount, "checked-prod"), w.tests(ctx, testAccount, "checked-tests"), w.tests(ctx, prodAccount, "checked-tests"),
				w.function(ctx, testAccount, "checked-works"), w.function(ctx, prodAccount, "checked-works"))
		}},
		{Want: "a push is verified in test and in prod", Run: func(ctx context.Context, w *World) (string, error) {
			if _, err := w.push(ctx, "A queue with checks"); err != nil {
				return "", err
			}
			if _, err := runStarts(ctx, w); err != nil {
				return "", err
			}
			seen, checks := []string{}, map[string]bool{}
			for _, stage := range []string{"test", "prod"} {
				v, err := awaitFact(ctx, w, w.subject(), func(v events.StackVerified) bool { return v.Stage == stage })
				if err != nil {
					return "", err
				}
				for _, r := range v.Results {
					seen = append(seen, stage+" "+r.Check+": "+r.Why)
					checks[stage+" "+r.Check] = true
				}
			}
			return strings.Join(seen, "; "), expect("checks of both stages", len(checks), 8)
		}},
		{Want: "the run ends Succeeded", Run: ends(events.OutcomeSucceeded)},
		{Want: "the next commit does not work in test", Run: func(ctx context.Context, w *World) (string, error) {
			s.breakStage("test", true)
			return push("40")(ctx, w)
		}},
		{Want: "its verification fails after two attempts, and the run stops", Run: func(ctx context.Context, w *World) (string, error) {
			return w.verificationFails(ctx, "test", "stop", events.OutcomeStuck)
		}},
		{Want: "prod still has the first commit", Run: hasTimeout(prodAccount, "checked-queue-prod", 30)},
		{Want: "the next one works in test, and not in prod", Run: func(ctx context.Context, w *World) (string, error) {
			s.breakStage("test", false)
			s.breakStage("prod", true)
			return push("50")(ctx, w)
		}},
		{Want: "its verification fails in prod, and the run ends RolledBack", Run: func(ctx context.Context, w *World) (string, error) {
			return w.verificationFails(ctx, "prod", "rollback", events.OutcomeRolledBack)
		}},
		{Want: "prod is back at its previous template", Run: hasTimeout(prodAccount, "checked-queue-prod", 30)},
		{Want: "test keeps what worked there", Run: func(ctx context.Context, w *World) (string, error) {
			defer func() { _ = s.server.Close() }() // nothing asks it any more
			return hasTimeout(testAccount, "checked-queue-test", 50)(ctx, w)
		}},
	}}
}

// adoptChecked is adopt for the repository with checks, whose stages need no
// person.
func (w *World) adoptChecked(ctx context.Context, siteURL string) error {
	r, err := w.Cloud.Forge.Set(ctx, forge.Repository{Name: checkedName, WebhookURL: w.webhookURL(), Secret: webhookSecret})
	if err != nil {
		return err
	}
	if _, err := w.evenkeelReading(ctx, webhookSecret, "repo", "add", checkedName, "--provider", forge.GitHub, "--clone-url", r.CloneURL,
		"--account", testAccount+"=never", "--account", prodAccount+"=never", "--webhook-secret-stdin"); err != nil {
		return err
	}
	if err := w.work(ctx, "checked", r.CloneURL); err != nil {
		return err
	}
	return w.shop.Edit("evenkeel.yaml", "http://127.0.0.1:9", siteURL)
}

// quiet makes an alarm in the account and sets it to OK, as the monitoring of
// a stack that works would.
func (w *World) quiet(ctx context.Context, account, name string) error {
	client := cloudwatch.NewFromConfig(w.account(account))
	_, err := client.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(name), Namespace: aws.String("Checked"), MetricName: aws.String("Errors"), Statistic: types.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold,
		TreatMissingData: aws.String("ignore"),
	})
	if err != nil {
		return err
	}
	_, err = client.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String(name), StateValue: types.StateValueOk, StateReason: aws.String("quiet")})
	return err
}

// tests makes a CodeBuild project of the account that has no source and looks
// at what the verification gives it.
func (w *World) tests(ctx context.Context, account, name string) error {
	_, err := codebuild.NewFromConfig(w.account(account)).CreateProject(ctx, &codebuild.CreateProjectInput{
		Name: aws.String(name), ServiceRole: aws.String("arn:aws:iam::" + account + ":role/tests"),
		Source: &buildtypes.ProjectSource{Type: buildtypes.SourceTypeNoSource, Buildspec: aws.String(
			"version: 0.2\nphases: {build: {commands: ['echo \"tests of $STAGE\"', 'case $STAGE in test|prod) ;; *) exit 1 ;; esac']}}\n")},
		Artifacts: &buildtypes.ProjectArtifacts{Type: buildtypes.ArtifactsTypeNoArtifacts},
		Environment: &buildtypes.ProjectEnvironment{
			Type: buildtypes.EnvironmentTypeLinuxContainer, ComputeType: buildtypes.ComputeTypeBuildGeneral1Small, Image: aws.String("aws/codebuild/amazonlinux-x86_64-standard:5.0"),
		},
	})
	return err
}

// function makes a function of the account that answers what it is asked to.
func (w *World) function(ctx context.Context, account, name string) error {
	code, err := installation.Zip(w.Opts.Probe)
	if err != nil {
		return err
	}
	_, err = lambda.NewFromConfig(w.account(account)).CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(10),
		Role: aws.String("arn:aws:iam::" + account + ":role/works"), Code: &lambdatypes.FunctionCode{ZipFile: code},
		Environment: &lambdatypes.Environment{Variables: map[string]string{"PROBE_FILE": filepath.Join(w.Opts.Root, name+"-"+account)}},
	})
	return err
}

func (w *World) verificationFails(ctx context.Context, stage, reaction, outcome string) (string, error) {
	failed, err := awaitFact(ctx, w, w.subject(), func(f events.VerificationFailed) bool { return f.Stage == stage })
	if err != nil {
		return "", err
	}
	end, err := w.finished(ctx)
	if err != nil {
		return "", err
	}
	attempts := 0
	for _, r := range failed.Results {
		if r.Check == "answers" {
			attempts++
		}
	}
	return end.Outcome + ": " + end.Reason, firstError(expect("the reaction", failed.Reaction, reaction), expect("attempts", attempts, 2), expect("the outcome", end.Outcome, outcome))
}

func hasTimeout(account, stack string, want int) func(context.Context, *World) (string, error) {
	return func(ctx context.Context, w *World) (string, error) {
		id, err := w.physicalID(ctx, account, stack, "Jobs")
		if err != nil {
			return "", err
		}
		got, err := w.queueTimeout(ctx, account, id)
		return fmt.Sprintf("VisibilityTimeout %d", got), firstError(err, expect("VisibilityTimeout", got, want))
	}
}
