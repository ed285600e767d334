package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

var update = flag.Bool("update", false, "write the golden files")

// cli is a CLI whose AWS is a stub with an installation.
type cli struct {
	t    *testing.T
	home string // the package's folder; a test may work elsewhere
	aws  *awsstub.Stub
	app  *app
	out  bytes.Buffer
	err  bytes.Buffer
	code int
}

const stacks = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>evenkeel</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`

func newCLI(t *testing.T) *cli {
	t.Helper()
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c := &cli{t: t, home: home, aws: awsstub.Start(t)}
	for name, value := range c.aws.Env() {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	c.app = &app{
		in: strings.NewReader(""), out: &c.out, err: &c.err, getenv: func(string) string { return "" },
		now: func() time.Time { return time.Date(2026, 1, 2, 5, 0, 0, 0, time.UTC) },
	}
	var outputs strings.Builder
	for name, value := range map[string]string{
		"LedgerTable": "ledger", "StateTable": "state", "Bucket": "bucket", "Bus": "evenkeel", "ParameterPrefix": "/evenkeel",
		"DriftscanWorkflow": "arn:aws:states:us-east-1:111111111111:stateMachine:driftscan",
		"DriftWorkflow":     "arn:aws:states:us-east-1:111111111111:stateMachine:drift", "HealingFunction": "healing", "DriftFunction": "drift", "DeploymentFunction": "deployment", "RolloutFunction": "rollout",
	} {
		outputs.WriteString("<member><OutputKey>" + name + "</OutputKey><OutputValue>" + value + "</OutputValue></member>")
	}
	c.aws.Reply("cloudformation", "DescribeStacks", strings.Replace(stacks, "%s", outputs.String(), 1))
	c.aws.Reply("sts", "GetCallerIdentity", `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:user/kim</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	return c
}

// ledger fills the ledger with the samples of these facts.
func (c *cli) ledger(facts ...string) {
	c.t.Helper()
	var entries []ledger.Entry
	for _, name := range facts {
		var e events.Envelope[json.RawMessage]
		data, err := os.ReadFile("../../testdata/events/" + name + ".json")
		if err == nil {
			err = json.Unmarshal(data, &e)
		}
		if err != nil {
			c.t.Fatal(err)
		}
		entry, _, err := ledger.NewEntry(e)
		if err != nil {
			c.t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b ledger.Entry) int { return strings.Compare(b.Sequence, a.Sequence) })
	c.aws.On("dynamodb", "Query", func(call awsstub.Call) awsstub.Answer { return query(c.t, call, entries) })
}

// query answers for the ledger's two queries: by subject, and by kind.
func query(t *testing.T, call awsstub.Call, entries []ledger.Entry) awsstub.Answer {
	var in struct {
		ExpressionAttributeValues map[string]struct{ S string }
	}
	if err := json.Unmarshal(call.Body, &in); err != nil {
		t.Error(err)
	}
	items := []map[string]any{}
	for _, e := range entries {
		if e.Subject == in.ExpressionAttributeValues[":subject"].S || e.Kind == in.ExpressionAttributeValues[":kind"].S {
			item := map[string]any{}
			for name, value := range map[string]string{
				"subject": e.Subject, "sequence": e.Sequence, "kind": e.Kind, "eventId": e.EventID, "detailType": e.DetailType,
				"source": e.Source, "time": e.Time.Format(time.RFC3339Nano), "detail": string(e.Detail),
			} {
				item[name] = map[string]string{"S": value}
			}
			items = append(items, item)
		}
	}
	answer, err := json.Marshal(map[string]any{"Items": items})
	if err != nil {
		t.Error(err)
	}
	return awsstub.Answer{Body: string(answer)}
}

// run runs one command line.
func (c *cli) run(args ...string) *cli {
	c.t.Helper()
	c.out.Reset()
	c.err.Reset()
	c.app.json = false
	c.code = run(c.t.Context(), c.app, args)
	return c
}

// want checks the exit code and a part of what was printed, on either side.
func (c *cli) want(code int, parts ...string) {
	c.t.Helper()
	all := c.out.String() + c.err.String()
	if c.code != code {
		c.t.Errorf("exit code %d, want %d:\n%s", c.code, code, all)
	}
	for _, part := range parts {
		if !strings.Contains(all, part) {
			c.t.Errorf("%q is not in:\n%s", part, all)
		}
	}
}

// golden compares standard output with testdata/<name>.golden.
func (c *cli) golden(name string) {
	c.t.Helper()
	path := filepath.Join(c.home, "testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, c.out.Bytes(), 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	if !bytes.Equal(c.out.Bytes(), want) {
		c.t.Errorf("%s: got\n%s\nwant\n%s\nwrite it with go test ./cmd/evenkeel -update", name, c.out.Bytes(), want)
	}
}

// decoded reads standard output as JSON.
func decoded[T any](c *cli) T {
	c.t.Helper()
	var value T
	if err := json.Unmarshal(c.out.Bytes(), &value); err != nil {
		c.t.Fatalf("%v in %s", err, c.out.String())
	}
	return value
}
