package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func TestCostFormulas(t *testing.T) {
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %.9f, want %.9f", name, got, want)
		}
	}
	near("transitions", usage{transitions: 1e6}.dollars(), 25)
	near("requests and duration", usage{invocations: 1e6, gbSeconds: 1e6}.dollars(), 0.20+13.3334)
	near("events", usage{events: 2e6}.each(2).dollars(), 1)
	// 10 minutes are 120 rounds, the change set one: 4 + 3·121 transitions, 2 + 121 calls.
	u := polling(2*time.Second, 10*time.Minute, 0.01)
	near("polling transitions", u.transitions, 367)
	near("polling calls", u.invocations, 123)
	near("polling duration", u.gbSeconds, 1.23)
	near("CodePipeline V2, 10 minutes", codePipelineV2(2*time.Second, 10*time.Minute), 11*0.002)
	near("CodePipeline V2, seconds", codePipelineV2(2*time.Second, 3*time.Second), 2*0.002)
	near("CodePipeline V2, just over", codePipelineV2(time.Minute+1, 3*time.Second), 3*0.002)
}

func TestLeadsToChoice(t *testing.T) {
	inside, err := statesInMap()
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]bool{
		"plan": true, "readPlan": true, "requestApproval": true, "describeOutcome": true, "verify": true, "operate": false, "endStack": false, "begin": false, "": false,
	} {
		if got := leadsToChoice(inside, action); got != want {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
}

// BenchmarkCostPerStack deploys the shop to both stages and prints what one
// deployed stack costs, beside other ways.
func BenchmarkCostPerStack(b *testing.B) {
	for b.Loop() {
		w := world(b)
		for _, step := range deployGroup().Steps {
			if _, err := step.Run(b.Context(), w); err != nil {
				b.Fatal(err)
			}
		}
		m, err := w.measured(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		m.table(os.Stdout)
		each := m.total.each(float64(m.stacks))
		b.ReportMetric(each.transitions, "transitions/stack")
		b.ReportMetric(each.invocations, "invocations/stack")
		b.ReportMetric(m.milliseconds/float64(m.stacks), "lambda-ms/stack")
		b.ReportMetric(each.events, "events/stack")
		b.ReportMetric(each.dollars()*1e6, "µ$/stack")
	}
}

// measured reads what the last run used: the history of its execution, the log
// lines of the functions, and its facts.
func (w *World) measured(ctx context.Context) (measuredRun, error) {
	m := measuredRun{}
	err := firstError(w.countTransitions(ctx, &m), w.countInvocations(ctx, &m), w.countFacts(ctx, &m))
	if err == nil && (m.stacks == 0 || m.total.transitions == 0 || m.total.invocations == 0 || m.lookGBSeconds == 0) {
		err = errors.New("something was not measured")
	}
	return m, err
}

// countTransitions counts the states that were entered, and each attempt of a
// task: AWS bills both. An emulator's history may tell the tasks inside a Map and
// leave out the Choice states there; these follow then from the tasks that
// succeeded (countInvocations).
// Source: Step Functions pricing, "state transition".
func (w *World) countTransitions(ctx context.Context, m *measuredRun) error {
	inside, err := statesInMap()
	if err != nil {
		return err
	}
	entered, scheduled := 0.0, 0.0
	all, _, err := w.history(ctx)
	if err != nil {
		return err
	}
	for _, event := range all {
		if details := event.StateEnteredEventDetails; details != nil && inside[aws.ToString(details.Name)] != nil {
			m.told = true
		}
		switch kind := string(event.Type); {
		case kind == "TaskScheduled":
			scheduled++
		case kind != "TaskStateEntered" && strings.HasSuffix(kind, "StateEntered"):
			entered++
		}
	}
	m.total.transitions = entered + scheduled
	return nil
}

// statesInMap are the states that deploy one stack.
func statesInMap() (map[string]*workflow.State, error) {
	machine, err := workflow.Parse([]byte(workflow.Definitions()["pipeline"]))
	if err != nil {
		return nil, err
	}
	return machine.States["Deploy"].ItemProcessor.States, nil
}

// leadsToChoice reports whether a Choice follows the state inside the Map that
// asks the function for the action.
func leadsToChoice(inside map[string]*workflow.State, action string) bool {
	if action == "" {
		return false
	}
	state := inside[strings.ToUpper(action[:1])+action[1:]]
	return state != nil && inside[state.Next] != nil && inside[state.Next].Type == "Choice"
}

// functionsOfARun are the functions that a run needs. The others hear the same
// world, for other purposes.
var functionsOfARun = []string{"webhook", "validation", "deployment", "ledger"}

// countInvocations reads the functions' log lines. The world has had one run.
func (w *World) countInvocations(ctx context.Context, m *measuredRun) error {
	inside, err := statesInMap()
	if err != nil {
		return err
	}
	client := lambda.NewFromConfig(w.account(w.Cloud.State.Hub))
	looks, lookGBSeconds := 0.0, 0.0
	for _, function := range functionsOfARun {
		logs, err := filepath.Glob(filepath.Join(w.Cloud.State.Logs, "lambda-*"+function+"*.log"))
		if err != nil {
			return err
		}
		for _, path := range logs {
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "lambda-"), ".log")
			config, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(name)})
			if err != nil {
				return err
			}
			gigabytes := float64(aws.ToInt32(config.MemorySize)) / 1024
			err = logLines(path, func(ms float64, action string, failed bool) {
				if !m.told && !failed && leadsToChoice(inside, action) {
					m.total.transitions++
				}
				ms++ // rounded up
				m.total.invocations++
				m.milliseconds += ms
				m.total.gbSeconds += ms / 1000 * gigabytes
				if action == "describeOutcome" {
					looks++
					lookGBSeconds += ms / 1000 * gigabytes
				}
			})
			if err != nil {
				return err
			}
		}
	}
	m.lookGBSeconds = lookGBSeconds / max(looks, 1)
	return nil
}

// logLines reads the lines that an invocation ends with.
func logLines(path string, each func(ms float64, action string, failed bool)) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			MS      *float64 `json:"ms"`
			Request string   `json:"request"`
			Action  string   `json:"action"`
			State   string   `json:"state"` // of an action that waits for a token
			Fault   string   `json:"fault"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.MS != nil && line.Request != "" {
			each(*line.MS, line.Action, line.State == "failed" || line.Fault != "")
		}
	}
	return lines.Err()
}

// countFacts counts the run's events on the bus, its deployed stacks, and how
// long a stack took: from its plan, or from its approval, to its end.
func (w *World) countFacts(ctx context.Context, m *measuredRun) error {
	entries, err := w.ledger.Of(ctx, w.subject())
	if err != nil {
		return err
	}
	begun, last := map[string]time.Time{}, time.Time{}
	for _, entry := range ledger.Order(entries) {
		m.total.events++
		switch entry.DetailType {
		case events.StackPlanned{}.DetailType():
			planned, err := ledger.DataOf[events.StackPlanned](entry)
			if err != nil {
				return err
			}
			begun[planned.Stage+"/"+planned.Stack] = entry.Time
			m.planning += entry.Time.Sub(last)
		case events.ApprovalDecided{}.DetailType():
			decided, err := ledger.DataOf[events.ApprovalDecided](entry)
			if err != nil {
				return err
			}
			begun[decided.Stage+"/"+decided.Stack] = entry.Time
		case events.StackDeployed{}.DetailType():
			deployed, err := ledger.DataOf[events.StackDeployed](entry)
			if err != nil {
				return err
			}
			m.stacks++
			m.d += entry.Time.Sub(begun[deployed.Stage+"/"+deployed.Stack])
		}
		last = entry.Time
	}
	if m.stacks > 0 {
		m.planning, m.d = m.planning/time.Duration(m.stacks), m.d/time.Duration(m.stacks)
	}
	return nil
}
