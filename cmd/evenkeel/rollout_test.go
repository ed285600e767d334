package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

func TestRolloutList(t *testing.T) {
	c := newCLI(t)
	c.rollouts()
	c.run("rollout").want(0, "no stack has a rollout yet")
	c.rollouts(paused(), promoted())
	for _, args := range [][]string{{"rollout"}, {"rollout", "status"}} {
		c.run(args...).want(0)
		c.golden("rollout-list")
	}
	c.run("rollout", "--json").want(0)
	list := decoded[[]rolloutView](c)
	if len(list) != 2 || list[0].Name != "prod/api" || list[1].Weights[1] != (share{Side: "blue", Stack: "shop-orders-prod", Commit: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", Target: "7"}) {
		t.Errorf("%+v", list)
	}
}

func TestRolloutStatus(t *testing.T) {
	c := newCLI(t)
	for name, r := range map[string]rollout.Record{"rollout-stepping": canary(), "rollout-paused": paused(), "rollout-promoted": promoted()} {
		c.rollouts(r)
		c.run("rollout", "status", rolloutName(r)).want(0)
		c.golden(name)
	}
	c.rollouts(aborted())
	c.run("rollout", "status", "prod/api").want(1)
	c.golden("rollout-aborted")
	c.rollouts(canary())
	c.run("rollout", "status", "prod/api", "--json").want(0)
	c.golden("rollout-json")
	if strings.Contains(c.out.String(), "token-of") {
		t.Error("the tokens that answer the workflow are shown")
	}
}

// A stack that nothing was deployed to before has one side.
func TestFirstRollout(t *testing.T) {
	c := newCLI(t)
	r := canary()
	r.Live, r.Plan.First, r.State = rollout.Side{}, true, rollout.State{Phase: rollout.Stepping, Step: -1, Target: 100, Stable: 100}
	r.Plan.Steps = r.Plan.Steps[4:]
	c.rollouts(r)
	c.run("rollout", "status", "prod/api").want(0, "the first rollout, so nothing can be given back", "next: green gets 100 %, which the router was asked for")
	if strings.Contains(c.out.String(), "blue ") {
		t.Errorf("a side that does not exist is shown:\n%s", c.out.String())
	}
}

func TestRolloutIsFoundByItsNames(t *testing.T) {
	c := newCLI(t)
	twin := canary()
	twin.ID, twin.Request.Run.RunID, twin.Request.Target.Account = "1f0caaaa-000000-prod-api", "1f0caaaa-000000", "444444444444"
	c.rollouts(canary(), twin, promoted())
	for _, which := range []string{"prod/orders", "333333333333/us-east-1/shop-orders-prod", "2e1d0c9b-aa11bb", "2e1d", "2e1d0c9b-aa11bb-prod-orders", "333333333333/us-east-1/shop-api-prod-green", "1f0c9"} {
		c.run("rollout", "status", which, "--json").want(0)
		if list := decoded[[]rolloutView](c); len(list) != 1 {
			t.Errorf("%s means %d rollouts", which, len(list))
		}
	}
	c.run("rollout").want(0, "333333333333/us-east-1/shop-api-prod  stepping", "444444444444/us-east-1/shop-api-prod", "prod/orders")
	for _, which := range []string{"prod/api", "1f0c"} {
		c.run("rollout", "status", which, "--json").want(0)
		if list := decoded[[]rolloutView](c); len(list) != 2 {
			t.Errorf("%s means %d rollouts", which, len(list))
		}
		for _, act := range []string{"promote", "pause", "resume", "abort"} {
			c.run("rollout", act, which, "--yes").want(2, which+" means 2 rollouts: 333333333333/us-east-1/shop-api-prod (prod/api, rollout 1f0c9a7b-1bee13-prod-api), 444444444444/", "Say which with account/region/stack")
		}
		c.run("rollout", "graph", which).want(2, "means 2 rollouts")
	}
	if calls := c.ordered(); len(calls) != 0 {
		t.Errorf("something was done without knowing to what: %+v", calls)
	}
	for _, args := range []string{"status test/api", "graph 333333333333/us-east-1/other"} {
		c.run(append([]string{"rollout"}, strings.Fields(args)...)...).want(3, "has a rollout; `evenkeel rollout` lists")
	}
	c.run("rollout", "promote", "ffff", "--yes").want(3, "no stack has a rollout ffff")
	for _, args := range []string{"status a b", "graph", "promote", "abort a b", "status --interval 0s", "pause x --timeout soon", "unknown"} {
		c.run(append([]string{"rollout"}, strings.Fields(args)...)...).want(2)
	}
}

// A rollout that a newer one has replaced is read from the bucket: by its own
// id, or by its run, which the ledger completes.
func TestOldRollouts(t *testing.T) {
	c := newCLI(t)
	old := aborted()
	old.ID, old.Request.Run.RunID = "1f0c9a7b-1bee13-test-network", "1f0c9a7b-1bee13"
	old.Request.Target.Stage, old.Request.Target.Stack = "test", "network"
	c.rollouts(promoted())
	c.ledger(finishedRun...)
	ids := func(stacks ...string) []string {
		for i, s := range stacks {
			stacks[i] = rollout.ID("1f0c9a7b-1bee13", strings.Split(s, "/")[0], strings.Split(s, "/")[1])
		}
		return stacks
	}
	c.archived(append(ids("test/data", "prod/network"), "1f0c", "ffff", "1f0c9a7b-1bee13"), old)
	for _, which := range []string{"1f0c", "1f0c9a7b-1bee13", old.ID} {
		c.run("rollout", "status", which, "--watch").want(1, "test/network", "errors failed: 7.25")
	}
	c.run("rollout", "graph", "1f0c").want(0, "<svg")
	c.run("rollout", "status", "ffff").want(3, "no rollout and no run ffff")
	c.archived(ids("test/network"))
	c.run("rollout", "status", "1f0c").want(3, "the run 1f0c9a7b-1bee13 moved no traffic")
}

// Only a terminal has colours and a width.
func TestRolloutOnATerminal(t *testing.T) {
	c := newCLI(t)
	c.rollouts(aborted())
	environment := map[string]string{"COLUMNS": "72", "NO_COLOR": "1"}
	c.app.getenv = func(name string) string { return environment[name] }
	c.app.terminal = true
	c.run("rollout", "status", "prod/api").want(1)
	c.golden("rollout-narrow")
	for line := range strings.Lines(c.out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 90 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	delete(environment, "NO_COLOR")
	c.run("rollout", "status", "prod/api").want(1, "\x1b[31maborted, green has 0 %\x1b[0m", "\x1b[31mfailed\x1b[0m: 7.25", "\x1b[32msuccessful\x1b[0m")
	environment["COLUMNS"] = "none"
	c.run("rollout", "status", "prod/api", "--json").want(1)
	if strings.Contains(c.out.String(), "\x1b") {
		t.Error("JSON is coloured")
	}
}

// What comes from templates and pushes steers no terminal.
func TestRolloutTextsAreHarmless(t *testing.T) {
	c := newCLI(t)
	r := paused()
	evil := "a\x1b[2Jb\u202ec"
	r.State.Why, r.State.Found, r.Request.Candidate.Endpoint, r.Request.Run.Branch, r.Request.Rollout.Router.Route53.Name = evil, evil, evil, evil, evil
	r.Plan.Metrics[0].Name = evil
	for i := range r.Timeline {
		r.Timeline[i].Why, r.Timeline[i].By = evil, evil
		r.Timeline[i].Measured = []rollout.Measurement{{Metric: evil, Outcome: rollout.Failed, Why: evil}}
	}
	r.State.Measured = r.Timeline[0].Measured
	r.State.Measured[0].Time = clock("04:59:00")
	c.rollouts(r)
	c.run("rollout", "status", "prod/api").want(0, "a [2Jb c", "somebody else has set the weights")
	if strings.ContainsAny(c.out.String(), "\x1b\u202e") {
		t.Errorf("%q", c.out.String())
	}
}

func TestRolloutWatch(t *testing.T) {
	c := newCLI(t)
	moments := []rollout.Record{canary(), canary(), paused(), aborted()}
	scan := 0
	table := c.rollouts(moments[0])
	c.aws.On("dynamodb", "Scan", func(call awsstub.Call) awsstub.Answer {
		c.keep(moments[min(scan, len(moments)-1)])
		scan++
		return table.scan(call)
	})
	c.run("rollout", "status", "prod/api", "--watch", "--interval", "1ms").want(1)
	if out := c.out.String(); strings.Count(out, "next: ") != 3 || !strings.Contains(out, "stepping") || !strings.Contains(out, "paused") || !strings.Contains(out, "aborted") {
		t.Errorf("each change is shown once:\n%s", out)
	}
	scan = 0
	c.run("rollout", "status", "prod/api", "-w", "--interval", "1ms", "--json").want(1)
	var phases []rollout.Phase
	for line := range strings.Lines(c.out.String()) {
		var views []rolloutView
		if err := json.Unmarshal([]byte(line), &views); err != nil || len(views) != 1 {
			t.Fatalf("%v in %s", err, line)
		}
		phases = append(phases, views[0].State.Phase)
	}
	if len(phases) != 3 || phases[2] != rollout.Aborted {
		t.Errorf("%v", phases)
	}
	scan = 0
	c.app.terminal = true
	c.run("rollout", "status", "prod/api", "-w", "--interval", "1ms").want(1, "\x1b[H\x1b[2J", "Ctrl-C ends the watching")
	if n := strings.Count(c.out.String(), "\x1b[H"); n != 4 {
		t.Errorf("drawn %d times for 4 looks", n)
	}
	c.app.terminal = false
	moments = []rollout.Record{canary(), {ID: "another", Request: promoted().Request}}
	scan = 0
	c.aws.On("dynamodb", "Scan", func(call awsstub.Call) awsstub.Answer {
		clear(table.items)
		c.keep(moments[min(scan, 1)])
		scan++
		return table.scan(call)
	})
	c.run("rollout", "status", "1f0c", "-w", "--interval", "1ms").want(3, "is no longer the last one of its stack")
}

// Ctrl-C ends a watch of what goes on, without an error.
func TestRolloutWatchIsInterrupted(t *testing.T) {
	c := newCLI(t)
	table := c.rollouts(canary())
	ctx, stop := context.WithCancel(t.Context())
	looks := 0
	c.aws.On("dynamodb", "Scan", func(call awsstub.Call) awsstub.Answer {
		if looks++; looks == 3 {
			stop()
		}
		return table.scan(call)
	})
	if code := run(ctx, c.app, []string{"rollout", "status", "prod/api", "--watch", "--interval", "1ms"}); code != 0 || looks != 3 || strings.Count(c.out.String(), "next: ") != 1 {
		t.Errorf("exit code %d after %d looks:\n%s%s", code, looks, c.out.String(), c.err.String())
	}
}

func TestRolloutGraph(t *testing.T) {
	c := newCLI(t)
	c.rollouts(aborted())
	c.run("rollout", "graph", "prod/api").want(0)
	drawn := c.out.String()
	if !strings.HasPrefix(drawn, "<svg") {
		t.Errorf("%.100s", drawn)
	}
	file := filepath.Join(t.TempDir(), "rollout.svg")
	c.run("rollout", "graph", "prod/api", "-o", file).want(0, "1f0c9a7b-1bee13-prod-api drawn into "+file)
	if data, err := os.ReadFile(file); err != nil || string(data) != drawn {
		t.Errorf("%v: %.100s", err, data)
	}
	c.run("rollout", "graph", "prod/api", "--json").want(0)
	if g := decoded[graph](c); g.SVG != drawn || g.ID != "1f0c9a7b-1bee13-prod-api" || g.File != "" {
		t.Errorf("%+v", g)
	}
	c.run("rollout", "graph", "prod/api", "-o", filepath.Join(file, "no")).want(1, "not a directory")
}

func TestRolloutCommands(t *testing.T) {
	gate := canary()
	gate.State = rollout.State{Phase: rollout.Paused, Step: 2, Weight: 25, Target: 25, Since: clock("04:40:00"), Paused: clock("04:50:00"), Cause: rollout.CauseGate}
	byPerson := paused()
	byPerson.State.Cause = rollout.CausePerson
	foreign := paused()
	foreign.State.Cause, foreign.State.Found = rollout.CauseForeign, "green has 40 %"
	first := canary()
	first.Live, first.Plan.First, first.State.Stable, first.State.Weight, first.State.Target, first.State.Step = rollout.Side{}, true, 100, 100, 100, 4
	tests := []struct {
		name, command string
		before        rollout.Record
		phase         rollout.Phase
		weight        int
		want          []string
	}{
		{"inconclusive", "promote", paused(), rollout.Promoted, 100,
			[]string{"green   10 %  → 100 %", "blue    90 %  →   0 %", "  at once, and nothing more is measured\n", "promoted prod/api as arn:aws:iam::111111111111:user/kim", "████████████████████  100 %", "next: blue can take the traffic back at once (abort)"}},
		{"gate", "promote", gate, rollout.Promoted, 100, []string{"at once, and nothing more is measured; resume goes on with what evenkeel.yaml says"}},
		{"stepping", "pause", canary(), rollout.Paused, 10,
			[]string{"green   10 %  →  10 %", "it is aborted if nobody decides within 24h", "paused prod/api", "2026-01-03 05:00:00 UTC, in 24h0m0s"}},
		{"inconclusive", "resume", paused(), rollout.Stepping, 10,
			[]string{"green   10 %  →  25 %", "blue    90 %  →  75 %", "resumed prod/api", "next: green gets 25 %, if errors and health let it; 2026-01-02 05:02:10 UTC, in 2m10s"}},
		{"gate", "resume", gate, rollout.Stepping, 25, []string{"green   25 %  →  50 %", "as soon as its metrics are good again"}},
		{"by a person", "resume", byPerson, rollout.Stepping, 10, []string{"green   10 %  →  10 %", "the step is watched anew", "2026-01-02 05:05:00 UTC, in 5m0s"}},
		{"somebody else", "resume", foreign, rollout.Stepping, 10, []string{"our weights are set again, and the step is watched anew"}},
		{"stepping", "abort", canary(), rollout.Aborted, 0,
			[]string{"green   10 %  →   0 %", "blue    90 %  → 100 %", "and the run ends RolledBack", "aborted prod/api", "nothing, it has ended"}},
		{"first", "abort", first, rollout.Aborted, 100, []string{"there is no other side that could take the traffic", "aborted prod/api"}},
		{"promoted", "abort", promoted(), rollout.SwitchedBack, 0,
			[]string{"green  100 %  →   0 %", "blue     0 %  → 100 %", "blue is the live side again", "switched back prod/orders"}},
	}
	for _, tt := range tests {
		t.Run(tt.command+" "+tt.name, func(t *testing.T) {
			c := newCLI(t)
			c.rollouts(tt.before)
			c.obeys(tt.before, asIs)
			c.run("rollout", tt.command, rolloutName(tt.before), "--yes", "--reason", "seen by the team").want(0, tt.want...)
			got := c.ordered()
			if len(got) != 1 {
				t.Fatalf("%d orders", len(got))
			}
			q := got[0]
			if q.Action != rollout.ActionCommand || q.ID != tt.before.ID || q.Target != tt.before.Request.Target || q.Command.Name != tt.command ||
				q.Command.By != "arn:aws:iam::111111111111:user/kim" || q.Command.Reason != "seen by the team" || q.Command.Via.Client != "evenkeel cli" {
				t.Errorf("ordered %+v", q)
			}
			c.rollouts(tt.before)
			c.run("rollout", tt.command, rolloutPath(tt.before), "--yes", "--json").want(0)
			if out := decoded[acted](c); !out.Changed || out.Command != tt.command || out.Before[0].Weight != tt.before.State.Weight || out.Rollout.Weights[0].Weight != tt.weight || out.Rollout.State.Phase != tt.phase || out.By == "" {
				t.Errorf("%+v", out)
			}
			if c.err.Len() != 0 || strings.Contains(c.out.String(), "token-of") {
				t.Errorf("with --json: %s\n%s", c.err.String(), c.out.String())
			}
			// Done already: nobody is asked, and what a first try left is completed.
			done := decoded[acted](c).Rollout.Record
			c.obeys(done, asIs)
			c.run("rollout", tt.command, rolloutPath(tt.before), "--json").want(0)
			if out := decoded[acted](c); out.Changed || len(c.ordered()) != 3 || out.Rollout.State.Weight != tt.weight {
				t.Errorf("%+v, %d orders", out, len(c.ordered()))
			}
			c.run("rollout", tt.command, rolloutPath(tt.before)).want(0, "nothing to do, it is "+phases[tt.phase]+" already")
		})
	}
}

func TestRolloutCommandsAsk(t *testing.T) {
	c := newCLI(t)
	c.rollouts(paused())
	c.obeys(paused(), asIs)
	c.run("rollout", "abort", "prod/api").want(2, `there is no terminal to ask "Give all traffic back to blue?" on: say --yes`)
	c.app.prompt = true
	for _, answer := range []string{"n\n", "", "maybe\n"} {
		c.app.in = strings.NewReader(answer)
		c.run("rollout", "abort", "prod/api").want(1, "green   10 %  →   0 %", "Give all traffic back to blue? [y/N]")
	}
	if calls := c.ordered(); len(calls) != 0 {
		t.Fatalf("ordered without a yes: %+v", calls)
	}
	c.app.in = strings.NewReader("y\n")
	c.run("rollout", "abort", "prod/api").want(0, "aborted prod/api as")
}

// What does not fit is refused before anybody is asked; what only the function
// knows, afterwards.
func TestRolloutCommandsThatDoNotFit(t *testing.T) {
	c := newCLI(t)
	retired := promoted()
	retired.State.Phase, retired.Left = rollout.Retired, rollout.LeftKept
	late := promoted()
	late.Plan.Keep = 10 * time.Minute
	tests := []struct {
		command string
		record  rollout.Record
		want    string
	}{
		{"promote", aborted(), "prod/api: the rollout has ended (aborted): there is nothing to promote; push again"},
		{"pause", aborted(), "there is nothing to pause"},
		{"pause", promoted(), "is promoted: there is nothing to pause"},
		{"resume", promoted(), "is promoted: there is nothing to resume"},
		{"abort", late, "the old side was kept until 2026-01-02T04:40:00Z, and may be gone"},
		{"abort", retired, "its old side retired: there is nothing to abort"},
	}
	for _, tt := range tests {
		c.rollouts(tt.record)
		c.run("rollout", tt.command, rolloutName(tt.record), "--yes").want(1, tt.want)
	}
	if calls := c.ordered(); len(calls) != 0 {
		t.Errorf("%+v", calls)
	}
	c.rollouts(canary())
	c.refuses("ConflictError", "the rollout is being aborted")
	c.run("rollout", "promote", "prod/api", "--yes").want(1, "ConflictError: the rollout is being aborted")
	c.refuses("InvalidError", "no such rollout")
	c.run("rollout", "promote", "prod/api", "--yes").want(3, "no such rollout")
}

// A command that the function wrote down and could not finish is given again.
func TestRolloutCommandIsRepeated(t *testing.T) {
	c := newCLI(t)
	c.rollouts(canary())
	tries := 0
	answers := []awsstub.Answer{
		failure(t, "TransientError", "change the record sets: Throttling"), failure(t, "Sandbox.Timedout", "Task timed out after 60.00 seconds"),
		{Body: encoded(t, withoutTokens(aborted()))},
	}
	c.aws.On("lambda", invokeRollout, func(awsstub.Call) awsstub.Answer {
		tries++
		return answers[min(tries, len(answers))-1]
	})
	c.run("rollout", "abort", "prod/api", "--yes").want(0, "TransientError: change the record sets: Throttling; trying again", "Sandbox.Timedout", "aborted prod/api")
	if orders := c.ordered(); tries != 3 || orders[0] != orders[2] {
		t.Errorf("%d tries: %+v", tries, orders)
	}
	c.refuses("PermanentError", "access denied")
	c.run("rollout", "abort", "prod/api", "--yes").want(1, "PermanentError: access denied")
	if n := len(c.ordered()); n != 4 {
		t.Errorf("what will not help was repeated: %d orders", n)
	}
}

// A command is followed until the weights are in force.
func TestRolloutCommandIsFollowed(t *testing.T) {
	aborting := canary()
	aborting.State.Phase, aborting.State.Target = rollout.Aborting, 0
	c := newCLI(t)
	table := c.rollouts(canary())
	c.obeys(canary(), func(r *rollout.Record) { *r = aborting })
	c.aws.On("dynamodb", "GetItem", func(call awsstub.Call) awsstub.Answer {
		c.keep(aborted())
		return table.get(call)
	})
	c.run("rollout", "abort", "prod/api", "--yes").want(0, "waiting until the weights are in force", "blue   ████████████████████  100 %")

	c.rollouts(canary())
	c.run("rollout", "abort", "prod/api", "--yes", "--timeout", "0s").want(1, "has 10 % of the traffic at green after 0s, and 0 % is wanted", "evenkeel rollout status 333333333333/us-east-1/shop-api-prod")

	table = c.rollouts(canary())
	newer := canary()
	newer.ID = "newer"
	c.aws.On("dynamodb", "GetItem", func(call awsstub.Call) awsstub.Answer {
		c.keep(newer)
		return table.get(call)
	})
	c.run("rollout", "abort", "prod/api", "--yes").want(1, "a newer rollout has begun in prod/api")
}

func TestRolloutNamesAreCompleted(t *testing.T) {
	c := newCLI(t)
	c.rollouts(canary(), promoted())
	c.run("__complete", "rollout", "status", "").want(0, "prod/api\tstepping, green has 10 %", "prod/orders\tpromoted, green has 100 %")
	c.run("__complete", "rollout", "pause", "").want(0, "prod/api\t")
	if strings.Contains(c.out.String(), "prod/orders") {
		t.Errorf("what cannot be paused is offered:\n%s", c.out.String())
	}
	c.run("__complete", "rollout", "resume", "prod/api", "").want(0)
	if strings.Contains(c.out.String(), "prod/api\t") {
		t.Errorf("a second name is offered:\n%s", c.out.String())
	}
	c.aws.On("dynamodb", "Scan", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("AccessDeniedException", "no") })
	c.run("__complete", "rollout", "status", "").want(0, ":1")
}

func TestRolloutHelp(t *testing.T) {
	c := newCLI(t)
	for _, command := range []string{"rollout", "rollout status", "rollout promote", "rollout pause", "rollout resume", "rollout abort", "rollout graph"} {
		c.run(append(strings.Fields(command), "--help")...).want(0, "Examples:", "evenkeel "+command, "--json")
	}
}

func TestRolloutReadsFail(t *testing.T) {
	c := newCLI(t)
	c.aws.On("dynamodb", "Scan", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("AccessDeniedException", "not for you") })
	for _, args := range []string{"", "status prod/api", "promote prod/api --yes", "graph prod/api"} {
		c.run(append([]string{"rollout"}, strings.Fields(args)...)...).want(1, "not for you")
	}
}

func TestFold(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"", 30, ""},
		{"all of it fits", 30, "all of it fits"},
		{"one two three four five six seven", 24, "one two three four five|six seven"},
		{"a-word-that-is-longer-than-the-line-is then", 24, "a-word-that-is-longer-than-the-line-is|then"},
		{"narrower than that it is never folded", 3, "narrower than that it is|never folded"},
		{"äöü äöü äöü äöü äöü äöü äöü", 24, "äöü äöü äöü äöü äöü äöü|äöü"},
	}
	for _, tt := range tests {
		if got := strings.Join(fold(tt.text, tt.width), "|"); got != tt.want {
			t.Errorf("fold(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestBar(t *testing.T) {
	for percent, want := range map[int]int{-1: 0, 0: 0, 1: 1, 5: 1, 9: 1, 10: 2, 50: 10, 99: 19, 100: 20, 101: 20} {
		if got := strings.Count(bar(percent), "█"); got != want || utf8.RuneCountInString(bar(percent)) != barWidth {
			t.Errorf("bar(%d) has %d marks, want %d: %s", percent, got, want, bar(percent))
		}
	}
}

// What is said to come next, by phase.
func TestNext(t *testing.T) {
	tests := []struct {
		name   string
		change func(*rollout.Record)
		want   string
		at     string
	}{
		{"a step bakes", func(*rollout.Record) {}, "green gets 25 %, if errors and health let it", "05:02:10"},
		{"not shorter than the TTL", func(r *rollout.Record) { r.Plan.MinStep = 10 * time.Minute }, "green gets 25 %, if errors and health let it", "05:07:10"},
		{"a person switches", func(r *rollout.Record) {
			*r = promoted()
			r.State = rollout.State{Phase: rollout.Stepping, Step: -1}
		}, "a person is asked whether it goes on", ""},
		{"before the first", func(r *rollout.Record) { r.State.Step, r.State.Weight, r.State.Target = -1, 0, 0 }, "green gets 5 %", ""},
		{"a person is wanted", func(r *rollout.Record) { r.State.Step = 2 }, "a person is asked whether it goes on, if errors and health let it", "05:07:10"},
		{"and was there", func(r *rollout.Record) { r.State.Step, r.State.Approved = 2, 4 }, "green gets 50 %, if errors and health let it", "05:07:10"},
		{"a person promotes", func(r *rollout.Record) { r.State.Step, r.Plan.Manual, r.Plan.Metrics = 3, true, nil }, "a person is asked whether it goes on", "05:02:10"},
		{"the last step", func(r *rollout.Record) { r.State.Step, r.Plan.Metrics = 4, nil }, "green is promoted", "05:02:10"},
		{"the router is slow", func(r *rollout.Record) { r.State.Target = 25 }, "green gets 25 %, which the router was asked for", ""},
		{"it waits no longer than to its deadline", func(r *rollout.Record) {
			r.State.Phase, r.State.Paused, r.State.Deadline = rollout.Paused, clock("04:00:00"), clock("06:00:00")
		}, "a person lets it go on (resume), takes all traffic (promote) or gives it back (abort); after that time it is aborted", "06:00:00"},
		{"promoting", func(r *rollout.Record) { r.State.Phase = rollout.Promoting }, "green becomes the live side", ""},
		{"aborting", func(r *rollout.Record) { r.State.Phase = rollout.Aborting }, "the traffic goes back to blue", ""},
		{"promoted", func(r *rollout.Record) { *r = promoted() }, "blue can take the traffic back at once (abort); after that time it is kept, without traffic, for the next rollout", "05:30:00"},
		{"promoted, and deleted soon", func(r *rollout.Record) {
			*r = promoted()
			r.Request.Rollout.Retire, r.Plan.Keep = "delete", time.Minute
		}, "blue is deleted", ""},
		{"the first one", func(r *rollout.Record) { *r = promoted(); r.Old = rollout.Side{} }, "nothing, and there is no old side to switch back to", ""},
		{"retired", func(r *rollout.Record) {
			r.State.Phase, r.Left = rollout.Retired, rollout.LeftNotDeleted
			r.Old = promoted().Old
		}, "nothing, it has ended; the old side could not be deleted: see the timeline", ""},
		{"switched back", func(r *rollout.Record) { r.State.Phase = rollout.SwitchedBack }, "nothing, it has ended", ""},
	}
	for _, tt := range tests {
		r := canary()
		tt.change(&r)
		n := nextOf(r, clock("05:00:00"))
		at := ""
		if n.At != nil {
			at = n.At.Format(time.TimeOnly)
		}
		if n.What != tt.want || at != tt.at {
			t.Errorf("%s: %q at %q, want %q at %q", tt.name, n.What, at, tt.want, tt.at)
		}
	}
}

// The counts are right when only a tally of the first measurements is kept.
func TestMeasuredNow(t *testing.T) {
	r := canary()
	r.State.Earlier = []rollout.Tally{{Metric: "errors", Looked: 9, Measured: 7, Failed: 2, Inconclusive: 1, Missing: 1, Last: clock("04:57:30"), Outcome: rollout.NoData}, {Metric: "gone", Looked: 1, Measured: 1, Last: clock("04:57:20"), Outcome: rollout.Successful}}
	groups := measuredNow(r)
	if len(groups) != 3 || groups[0].counts() != "2 failed, 1 inconclusive, 2 no data, 6 successful" || *groups[0].last.Value != 0.5 || groups[1].metric != "health" || groups[2].counts() != "1 successful" {
		t.Errorf("%+v", groups)
	}
}

// An entry with all measurements of a step is told in a line a metric.
func TestManyMeasurementsOfAnEntry(t *testing.T) {
	var e rollout.Entry
	for i := range 40 {
		e.Measured = append(e.Measured, rollout.Measurement{Metric: "errors", Outcome: rollout.Successful, Value: number(float64(i) / 100)}, rollout.Measurement{Metric: "health", Outcome: rollout.Successful, Why: "200"})
	}
	e.Measured = append(e.Measured, rollout.Measurement{Metric: "errors", Outcome: rollout.Failed, Value: number(7.5), Why: "7.5 is >= 5"}, rollout.Measurement{Metric: "health", Outcome: rollout.NoData, Why: "no answer"})
	var out strings.Builder
	newCLI(t).app.entryText(&out, unlimited, e)
	want := under + "errors 1 failed, 40 successful, 0 to 7.5: 7.5 is >= 5\n" + under + "health 1 no data, 40 successful: no answer\n"
	if !strings.HasSuffix(out.String(), want) || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("%s", out.String())
	}
}
