package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/installation"
	"github.com/evenkeel/evenkeel/shared/ledger"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

const (
	rolloutsName  = "acme/rollouts"
	rolloutsTitle = "Traffic moves step by step to what does well, and back from what does not"
)

// rolloutsGroup plays six rollouts of one push side by side: what each comes to
// is decided by its visitors and by people.
func rolloutsGroup() Group {
	var v *visitors
	return Group{rolloutsTitle, nil, []Step{
		{Want: "an account has a hosted zone, a function with two versions and alarms, and visitors come", Run: func(ctx context.Context, w *World) (seen string, err error) {
			v, err = w.prepareRollouts(ctx)
			if err != nil {
				return "", err
			}
			return "zone " + v.zone, nil
		}},
		{Want: "a first push gives all traffic to the first side of each stack", Run: func(ctx context.Context, w *World) (string, error) {
			if _, err := w.push(ctx, "Six stacks that come into use by rollouts"); err != nil {
				return "", err
			}
			if _, err := runStarts(ctx, w); err != nil {
				return "", err
			}
			if _, err := ends(events.OutcomeSucceeded)(ctx, w); err != nil {
				return "", err
			}
			for _, service := range services {
				if err := w.routes(ctx, v.zone, service, "blue 100"); err != nil {
					return "", err
				}
			}
			return "blue 100 in the records; " + workerAlias + " is version 1", w.aliased(ctx, "1")
		}},
		{Want: "a second push is deployed beside it, and its rollouts begin", Run: func(ctx context.Context, w *World) (string, error) {
			for _, template := range []string{"service", "worker"} {
				if err := w.shop.Edit("templates/"+template+".yaml", "VisibilityTimeout: 30", "VisibilityTimeout: 40"); err != nil {
					return "", err
				}
			}
			if err := w.shop.Edit("evenkeel.yaml", `Version: "1"`, `Version: "2"`); err != nil {
				return "", err
			}
			if _, err := w.push(ctx, "Longer visibility"); err != nil {
				return "", err
			}
			if _, err := runStarts(ctx, w); err != nil {
				return "", err
			}
			for _, stack := range append([]string{"worker"}, services...) {
				if _, err := rolled(ctx, w, stack, events.RolloutStarted{}); err != nil {
					return "", err
				}
			}
			return "six of them", nil
		}},
		{Want: "a canary does well and goes 5, 10, 25, 50, 100", Run: func(ctx context.Context, w *World) (string, error) {
			promoted, err := rolled(ctx, w, "healthy", events.RolloutPromoted{})
			if err != nil {
				return "", err
			}
			return promoted.Why, firstError(w.routes(ctx, v.zone, "healthy", "green 100, blue 0"), expect("weights in the zone", v.saw("healthy"), "0 5 10 25 50 100"), w.stepped(ctx, "healthy", "5 10 25 50 100"))
		}},
		{Want: "one has too many errors at 25 %, and its traffic goes back at once", Run: func(ctx context.Context, w *World) (string, error) {
			aborted, err := rolled(ctx, w, "breach", events.RolloutAborted{})
			if err != nil {
				return "", err
			}
			return aborted.Why, firstError(
				w.routes(ctx, v.zone, "breach", "blue 100, green 0"), expect("weights in the zone", v.saw("breach"), "0 5 25 0"), w.stepped(ctx, "breach", "5 25"),
				expect("the highest weight", aborted.Highest, 25), decidedBy(aborted.RolloutChange, "errors", rollout.Failed))
		}},
		{Want: "one is neither good nor bad, and waits for a person, who promotes it", Run: func(ctx context.Context, w *World) (string, error) {
			paused, err := rolled(ctx, w, "doubtful", events.RolloutPaused{})
			if err != nil {
				return "", err
			}
			if err := firstError(w.routes(ctx, v.zone, "doubtful", "blue 75, green 25"), decidedBy(paused.RolloutChange, "errors", rollout.Inconclusive)); err != nil {
				return paused.Why, err
			}
			if _, err := w.evenkeel(ctx, "rollout", "promote", "test/doubtful", "--yes", "--reason", "three per cent will do"); err != nil {
				return "", err
			}
			promoted, err := rolled(ctx, w, "doubtful", events.RolloutPromoted{})
			return paused.Why + "; promoted by " + promoted.By, firstError(err, w.routes(ctx, v.zone, "doubtful", "green 100, blue 0"), expect("weights in the zone", v.saw("doubtful"), "0 5 25 100"))
		}},
		{Want: "one says nothing any more: it goes no further, and a person aborts it", Run: func(ctx context.Context, w *World) (string, error) {
			paused, err := rolled(ctx, w, "silent", events.RolloutPaused{})
			if err != nil {
				return "", err
			}
			if err := firstError(w.routes(ctx, v.zone, "silent", "blue 75, green 25"), decidedBy(paused.RolloutChange, "errors", rollout.NoData)); err != nil {
				return paused.Why, err
			}
			if _, err := w.evenkeel(ctx, "rollout", "abort", "test/silent", "--yes", "--reason", "nobody knows how it does"); err != nil {
				return "", err
			}
			_, err = rolled(ctx, w, "silent", events.RolloutAborted{})
			return paused.Why, firstError(err, w.routes(ctx, v.zone, "silent", "blue 100, green 0"), expect("weights in the zone", v.saw("silent"), "0 5 25 0"))
		}},
		{Want: "blue/green waits for a person, who lets it switch", Run: func(ctx context.Context, w *World) (string, error) {
			paused, err := rolled(ctx, w, "switch", events.RolloutPaused{})
			if err := firstError(err, w.routes(ctx, v.zone, "switch", "blue 100, green 0")); err != nil {
				return "", err
			}
			if _, err := w.evenkeel(ctx, "rollout", "resume", "test/switch", "--yes"); err != nil {
				return "", err
			}
			promoted, err := rolled(ctx, w, "switch", events.RolloutPromoted{})
			return paused.Why + "; " + promoted.Why, firstError(err, w.routes(ctx, v.zone, "switch", "green 100, blue 0"), expect("weights in the zone", v.saw("switch"), "0 100"))
		}},
		{Want: "an alias sends half of its invocations to the new version, and then all", Run: func(ctx context.Context, w *World) (string, error) {
			if _, err := rolled(ctx, w, "worker", events.RolloutPromoted{}); err != nil {
				return "", err
			}
			v.mu.Lock()
			defer v.mu.Unlock()
			seen := fmt.Sprintf("version 1 answered %d times and version 2 %d times", v.versions["1"], v.versions["2"])
			return seen, firstError(w.aliased(ctx, "2"), w.stepped(ctx, "worker", "50 100"), expect("both versions answered", v.versions["1"] > 0 && v.versions["2"] > 0, true), expect("wrong answers", len(v.spoiled), 0))
		}},
		{Want: "the run ends RolledBack and says why", Run: ends(events.OutcomeRolledBack)},
		{Want: "the switch is taken back while the old side is kept", Run: func(ctx context.Context, w *World) (string, error) {
			if _, err := w.evenkeel(ctx, "rollout", "abort", "test/switch", "--yes", "--reason", "the old one was better"); err != nil {
				return "", err
			}
			back, err := rolled(ctx, w, "switch", events.RolloutSwitchedBack{})
			return back.Why, firstError(err, w.routes(ctx, v.zone, "switch", "blue 100, green 0"))
		}},
		{Want: "the CLI shows what happened, and draws it", Run: func(ctx context.Context, w *World) (string, error) {
			v.leave()
			v.mu.Lock()
			defer v.mu.Unlock()
			return w.drawn(ctx, v.fault)
		}},
	}}
}

// prepareRollouts makes what testdata/repositories/rollouts expects of its
// account, and lets visitors come.
func (w *World) prepareRollouts(ctx context.Context) (*visitors, error) {
	if err := w.adopt(ctx, rolloutsName, "rollouts"); err != nil {
		return nil, err
	}
	cfg := w.account(testAccount)
	zone, err := route53.NewFromConfig(cfg).CreateHostedZone(ctx, &route53.CreateHostedZoneInput{Name: aws.String(rolloutsZone), CallerReference: aws.String("rollouts")})
	if err != nil {
		return nil, err
	}
	id := strings.TrimPrefix(aws.ToString(zone.HostedZone.Id), "/hostedzone/")
	yaml := filepath.Join(w.shop.dir, "evenkeel.yaml")
	text, err := os.ReadFile(yaml)
	if err == nil {
		err = os.WriteFile(yaml, []byte(strings.ReplaceAll(string(text), "zone: Z0", "zone: "+id)), 0o600)
	}
	if err := firstError(err, w.publishWorker(ctx), w.watchHealthy(ctx)); err != nil {
		return nil, err
	}
	return w.comeVisitors(id), nil
}

// publishWorker makes the function with two versions, which tell their number.
func (w *World) publishWorker(ctx context.Context) error {
	code, err := installation.Zip(w.Opts.Probe)
	if err != nil {
		return err
	}
	client := lambda.NewFromConfig(w.account(testAccount))
	release := func(n string) *lambdatypes.Environment {
		return &lambdatypes.Environment{Variables: map[string]string{"RELEASE": n}}
	}
	if _, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String(workerName), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(10),
		Role: aws.String("arn:aws:iam::" + testAccount + ":role/works"), Code: &lambdatypes.FunctionCode{ZipFile: code}, Environment: release("1"),
	}); err != nil {
		return err
	}
	for _, next := range []string{"1", "2"} {
		if _, err := client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(workerName), Environment: release(next)}); err != nil {
			return err
		}
		published, err := client.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String(workerName)})
		if err := firstError(err, expect("the published version", aws.ToString(published.Version), next)); err != nil {
			return err
		}
	}
	return nil
}

// watchHealthy makes an alarm for each side of the healthy service, on a metric
// that its visitors put.
func (w *World) watchHealthy(ctx context.Context) error {
	client := cloudwatch.NewFromConfig(w.account(testAccount))
	for _, side := range []string{rollout.Blue, rollout.Green} {
		if _, err := client.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String("rollouts-healthy-" + side), Namespace: aws.String("Rollouts"), MetricName: aws.String("HealthyFailures-" + side), Statistic: cwtypes.StatisticSum,
			Period: aws.Int32(10), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanOrEqualToThreshold,
		}); err != nil {
			return err
		}
		if _, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Rollouts"), MetricData: []cwtypes.MetricDatum{datum("HealthyFailures-"+side, 0)}}); err != nil {
			return err
		}
	}
	return nil
}

// rolled waits for a fact of a stack's rollout, also after the run's end. The
// fact of an abort has the members of all that are waited for.
func rolled(ctx context.Context, w *World, stack string, kind events.Data) (events.RolloutAborted, error) {
	var found events.RolloutAborted
	err := await(ctx, kind.DetailType()+" of "+stack, func() (bool, error) {
		entries, err := w.ledger.Of(ctx, w.subject())
		if err != nil {
			return false, err
		}
		for _, entry := range entries {
			if entry.DetailType != kind.DetailType() {
				continue
			}
			fact, err := ledger.DataOf[events.RolloutAborted](entry)
			if err != nil {
				return false, err
			}
			if fact.Stack == stack {
				found = fact
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}

// stepped checks the weights that a rollout says it had, each with what was
// measured before the next.
func (w *World) stepped(ctx context.Context, stack, want string) error {
	steps, err := facts[events.RolloutStepped](ctx, w, w.subject())
	if err != nil {
		return err
	}
	var weights []string
	for _, step := range steps {
		if step.Stack == stack {
			weights = append(weights, fmt.Sprint(step.Weight))
		}
	}
	return expect("steps of "+stack, strings.Join(weights, " "), want)
}

// decidedBy checks that a metric with an outcome is among what decided.
func decidedBy(change events.RolloutChange, metric, outcome string) error {
	for _, m := range change.Decided {
		if m.Metric == metric && m.Outcome == outcome {
			return nil
		}
	}
	return fmt.Errorf("no measurement of %s was %s among what decided: %+v (%s)", metric, outcome, change.Decided, change.Why)
}

// routes checks the record sets of a service in the zone: "green 5, blue 95".
func (w *World) routes(ctx context.Context, zone, service, want string) error {
	name := service + "." + rolloutsZone
	return await(ctx, "the records of "+name+": "+want, func() (bool, error) {
		out, err := route53.NewFromConfig(w.account(testAccount)).ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &zone})
		if err != nil {
			return false, err
		}
		found := map[string]bool{}
		for _, set := range out.ResourceRecordSets {
			if strings.TrimSuffix(aws.ToString(set.Name), ".") == name {
				found[fmt.Sprintf("%s %d", strings.TrimPrefix(aws.ToString(set.SetIdentifier), "evenkeel-"), aws.ToInt64(set.Weight))] = true
			}
		}
		sets := strings.Split(want, ", ")
		for _, set := range sets {
			if !found[set] {
				return false, nil
			}
		}
		return len(found) == len(sets), nil
	})
}

// aliased checks that the alias of the function is one version, and no other.
func (w *World) aliased(ctx context.Context, version string) error {
	out, err := lambda.NewFromConfig(w.account(testAccount)).GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String(workerName), Name: aws.String(workerAlias)})
	if err != nil {
		return err
	}
	return firstError(expect("the version of the alias", aws.ToString(out.FunctionVersion), version), expect("it has weights", out.RoutingConfig != nil && len(out.RoutingConfig.AdditionalVersionWeights) > 0, false))
}

// drawn reads the rollouts as a person would. What the visitors could not do
// has no part in it.
func (w *World) drawn(ctx context.Context, fault error) (string, error) {
	if fault != nil {
		return "", fmt.Errorf("the visitors: %w", fault)
	}
	shown, err := w.evenkeel(ctx, "rollout", "status", "test/healthy", "--json")
	if err != nil {
		return "", err
	}
	var status rollout.Record
	if err := json.Unmarshal([]byte(shown), &status); err != nil {
		return "", err
	}
	path := filepath.Join(w.Opts.Root, "rollout.svg")
	if _, err := w.evenkeel(ctx, "rollout", "graph", "test/healthy", "--output", path); err != nil {
		return "", err
	}
	drawing, err := os.ReadFile(path)
	return fmt.Sprintf("%s at %d %%, %d entries, %s", status.State.Phase, status.State.Weight, len(status.Timeline), path), firstError(
		err, expect("the weight", status.State.Weight, 100), expect("an SVG", strings.Contains(string(drawing), "<svg"), true), expect("it took some time", status.State.Since.Sub(status.Began) > 5*time.Second, true))
}
