package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/forge"
	"github.com/evenkeel/evenkeel/local/installation"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

const soloName = "acme/solo"

// BadInput is what the end-to-end test plays after the main job.
func BadInput() []Group {
	pair, locked := pairGroups()
	return []Group{verifyGroup(), recoveryGroup(), pair, guardedGroup(), concurrentGroup(), malformedGroup(), forgedGroup(), unknownEventGroup(), undoGroup(), sweepGroup(), locked, privilegeGroup()}
}

func concurrentGroup() Group {
	var first, second string
	return Group{concurrentTitle, nil, []Step{
		{Want: "a second repository is deployed", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.adopt(ctx, soloName, "solo"); err != nil {
				return "", err
			}
			if _, err := w.push(ctx, "A queue"); err != nil {
				return "", err
			}
			if _, err := runStarts(ctx, w); err != nil {
				return "", err
			}
			return ends(events.OutcomeSucceeded)(ctx, w)
		}},
		{Want: "two commits are pushed one right after the other", Run: func(ctx context.Context, w *World) (string, error) {
			for i, timeout := range []string{"10", "20"} {
				was := []string{"30", "10"}[i]
				if err := w.shop.Edit("templates/queue.yaml", "VisibilityTimeout: "+was, "VisibilityTimeout: "+timeout); err != nil {
					return "", err
				}
				if _, err := w.push(ctx, "Timeout of "+timeout); err != nil {
					return "", err
				}
				first, second = second, w.commit
			}
			return first[:8] + " and " + second[:8], nil
		}},
		{Want: "the second waits for the first, and both end", Run: func(ctx context.Context, w *World) (string, error) {
			return w.neverInterleaved(ctx, first, second)
		}},
		{Want: "the later push is what is deployed", Run: func(ctx context.Context, w *World) (string, error) {
			id, err := w.physicalID(ctx, testAccount, "solo-queue-test", "Jobs")
			if err != nil {
				return "", err
			}
			timeout, err := w.queueTimeout(ctx, testAccount, id)
			return fmt.Sprintf("VisibilityTimeout %d", timeout), firstError(err, expect("VisibilityTimeout", timeout, 20))
		}},
	}}
}

// adopt makes a repository of testdata/repositories the one that is pushed.
func (w *World) adopt(ctx context.Context, name, source string) error {
	r, err := w.Cloud.Forge.Set(ctx, forge.Repository{Name: name, WebhookURL: w.webhookURL(), Secret: webhookSecret})
	if err != nil {
		return err
	}
	if err := w.register(ctx, name, forge.GitHub, r.CloneURL); err != nil {
		return err
	}
	return w.work(ctx, source, r.CloneURL)
}

// work makes a working copy of one of testdata/repositories the one that is
// pushed.
func (w *World) work(ctx context.Context, source, cloneURL string) (err error) {
	w.shop, err = NewRepository(ctx, filepath.Join(w.Opts.Root, source), filepath.Join(w.Opts.Project, "testdata", "repositories", source), cloneURL)
	return err
}

func (w *World) webhookURL() string {
	return installation.LocalURL(w.Cloud.State.Endpoint, w.Outputs["WebhookUrl"])
}

// neverInterleaved checks that the work of two runs does not overlap in time,
// from the first plan of a run to its end.
func (w *World) neverInterleaved(ctx context.Context, commits ...string) (string, error) {
	type span struct{ from, to time.Time }
	var spans []span
	var outcomes []string
	for _, commit := range commits {
		id, err := w.awaitRun(ctx, commit)
		if err != nil {
			return "", err
		}
		w.runID = id
		end, err := w.finished(ctx)
		if err != nil {
			return "", err
		}
		outcomes = append(outcomes, end.Outcome)
		entries, err := w.ledger.Of(ctx, w.subject())
		if err != nil {
			return "", err
		}
		var s span
		for _, entry := range entries {
			if entry.Source == events.SourceDeployment && s.from.IsZero() {
				s.from = entry.Time
			}
			s.to = entry.Time
		}
		if !s.from.IsZero() {
			spans = append(spans, s)
		}
	}
	if outcomes[1] != events.OutcomeSucceeded || len(spans) == 0 {
		return "", fmt.Errorf("the runs ended %v, with %d that deployed", outcomes, len(spans))
	}
	if len(spans) == 2 && spans[0].from.Before(spans[1].to) && spans[1].from.Before(spans[0].to) {
		return "", fmt.Errorf("the runs overlap: %v", spans)
	}
	return strings.Join(outcomes, ", then "), nil
}

func malformedGroup() Group {
	return Group{"A malformed evenkeel.yaml is rejected", []string{concurrentTitle}, []Step{
		{Want: "a push misspells a key", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.shop.Edit("evenkeel.yaml", "    approval: never", "    approvals: never"); err != nil {
				return "", err
			}
			return w.push(ctx, "Misspell a key")
		}},
		{Want: "the run starts", Run: runStarts},
		{Want: "it ends Rejected, naming the line and the allowed keys", Run: func(ctx context.Context, w *World) (string, error) {
			end, err := w.finished(ctx)
			if err != nil {
				return "", err
			}
			for _, f := range end.Findings {
				if f.File == "evenkeel.yaml" && f.Line == 13 && strings.Contains(f.Message, `"approvals"`) &&
					strings.Contains(f.Message, "approval") && strings.Contains(f.Message, "region") {
					return fmt.Sprintf("%s:%d:%d %s", f.File, f.Line, f.Column, f.Message), expect("the outcome", end.Outcome, events.OutcomeRejected)
				}
			}
			return "", fmt.Errorf("no finding names line 13 and the allowed keys: %+v", end.Findings)
		}},
	}}
}

func forgedGroup() Group {
	return Group{"A forged or replayed webhook starts nothing", []string{concurrentTitle}, []Step{
		{Want: "a wrong signature is answered 401", Run: func(ctx context.Context, w *World) (string, error) {
			return w.forge(ctx, "sha256="+strings.Repeat("0", 64), http.StatusUnauthorized)
		}},
		{Want: "a missing signature is answered 401", Run: func(ctx context.Context, w *World) (string, error) {
			return w.forge(ctx, "", http.StatusUnauthorized)
		}},
		{Want: "a replayed delivery is answered 409", Run: func(ctx context.Context, w *World) (string, error) {
			before, err := w.ledger.Subjects(ctx, ledger.KindRun, 100)
			if err != nil {
				return "", err
			}
			deliveries := w.Cloud.Forge.Deliveries()
			if len(deliveries) == 0 {
				return "", errNothing
			}
			again, err := w.Cloud.Forge.Redeliver(deliveries[0].ID)
			if err != nil {
				return "", err
			}
			time.Sleep(time.Second) // a run that was started wrongly needs a moment to show
			after, err := w.ledger.Subjects(ctx, ledger.KindRun, 100)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("status %d", again.Status), firstError(
				expect("the status", again.Status, http.StatusConflict), expect("the number of runs", len(after), len(before)))
		}},
	}}
}

// forge posts a push that nobody made.
func (w *World) forge(ctx context.Context, signature string, want int) (string, error) {
	body, err := json.Marshal(map[string]any{"ref": "refs/heads/main", "after": strings.Repeat("a", 40), "repository": map[string]any{"full_name": soloName}})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.webhookURL(), bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-GitHub-Delivery", "6dc1ed70-c7b4-11f0-8de9-0242ac120002")
	if signature != "" {
		request.Header.Set("X-Hub-Signature-256", signature)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return fmt.Sprintf("status %d: %s", response.StatusCode, answer), firstError(err, expect("the status", response.StatusCode, want))
}

func unknownEventGroup() Group {
	group := Group{Title: "An unknown event changes nothing"}
	for _, name := range []string{"Build", "Deployment", "Drift", "Healing", "Ledger", "Review", "Rollout", "Webhook"} {
		group.Steps = append(group.Steps, Step{
			Want: strings.ToLower(name) + " takes it as a no-op with a log line",
			Run:  func(ctx context.Context, w *World) (string, error) { return w.takesUnknownEvent(ctx, name) },
		})
	}
	return group
}

// takesUnknownEvent sends a function an event that is none of its own.
func (w *World) takesUnknownEvent(ctx context.Context, function string) (string, error) {
	before, err := w.logLines(function)
	if err != nil {
		return "", err
	}
	event := `{"version":"0","id":"e-1","source":"acme.weather","detail-type":"Rain Started","account":"111111111111","region":"us-east-1","time":"2026-11-22T10:00:00Z","resources":[],"detail":{}}`
	out, err := lambda.NewFromConfig(w.account(w.Cloud.State.Hub)).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(w.Outputs[function+"Function"]), Payload: []byte(event),
	})
	if err != nil {
		return "", err
	}
	if err := expect("the function's error", aws.ToString(out.FunctionError), ""); err != nil {
		return string(out.Payload), err
	}
	return string(out.Payload), await(ctx, "a log line of "+function, func() (bool, error) {
		now, err := w.logLines(function)
		return now > before, err
	})
}

// logLines counts the invocations that a function has logged.
func (w *World) logLines(function string) (int, error) {
	log, err := os.ReadFile(filepath.Join(w.Cloud.State.Logs, "lambda-evenkeel-"+strings.ToLower(function)+".log"))
	return bytes.Count(log, []byte(`"msg":"done"`)), err
}

func undoGroup() Group {
	return Group{"A heal is undone, and stays undone", []string{healTitle}, []Step{
		{Want: "the last heal is undone: the rule is back, with its description", Run: func(ctx context.Context, w *World) (string, error) {
			subjects, err := w.ledger.Subjects(ctx, ledger.KindHeal, 1)
			if err != nil || len(subjects) == 0 {
				return "", firstError(err, errNothing)
			}
			heals, err := facts[events.SecurityGroupHealed](ctx, w, subjects[0])
			if err != nil || len(heals) == 0 {
				return "", firstError(err, errNothing)
			}
			heal := heals[0]
			shown, err := w.evenkeel(ctx, "heal", "undo", heal.HealID, "--yes")
			w.Report.Block(shown)
			if err != nil {
				return "", err
			}
			undone, err := awaitFact(ctx, w, ledger.HealSubject(heal.HealID), func(events.SecurityGroupHealUndone) bool { return true })
			if err != nil {
				return "", err
			}
			time.Sleep(2 * time.Second) // the healer sees the rule come back and must leave it
			return w.ruleIsOpen(ctx, undone)
		}},
	}}
}
