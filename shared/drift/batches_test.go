package drift_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// batched is a world of n stacks, of two regions, whose scans go in batches.
func batched(t *testing.T, n int) (*world, *fake.DriftFiles, *[]string) {
	w := newWorld(t)
	files, started := &fake.DriftFiles{}, &[]string{}
	inventory := fake.DriftInventory{}
	for i := range n {
		region := []string{"eu-west-1", "us-east-1"}[i%2]
		inventory = append(inventory, events.StackRef{
			StackID:   fmt.Sprintf("arn:aws:cloudformation:%s:222222222222:stack/s%04d/x", region, i),
			StackName: fmt.Sprintf("s%04d", i), Account: "222222222222", Region: region, Repository: "acme/shop",
		})
	}
	w.service.Inventory, w.service.Files = inventory, files
	w.service.Executions = &fake.DriftExecutions{Begin: func(name string, input json.RawMessage) { *started = append(*started, name+" "+string(input)) }}
	return w, files, started
}

func handle[T any](w *world, payload string) T {
	w.t.Helper()
	out, _, err := w.service.Handle(ctx, json.RawMessage(payload))
	if err != nil {
		w.t.Fatalf("%s: %v", payload, err)
	}
	typed, _ := out.(T)
	return typed
}

// TestPlanScan: each batch is of one account and region, at most 20 stacks, and
// their lists are worklists of the drift workflow; every stack is in one.
func TestPlanScan(t *testing.T) {
	w, files, _ := batched(t, 250)
	plan := handle[drift.ScanPlan](w, `{"action":"planScan","input":{"detail-type":"Scheduled Event","engine":"live","requestedBy":"kim"},"execution":"scan-9"}`)
	if plan.ScanID != "scan-9" || plan.Stacks != 250 || len(plan.Batches) != 14 || len(files.Keys()) != 14 {
		t.Fatalf("%+v, %v", plan, files.Keys())
	}
	seen := map[string]int{}
	for _, b := range plan.Batches {
		list := handle[drift.Worklist](w, fmt.Sprintf(`{"action":"list","input":{"scanId":"scan-9","batch":%d},"execution":"scan-9-%d"}`, b.Number, b.Number))
		if list.Batch != b.Number || list.ScanID != "scan-9" || len(list.Scans) > drift.BatchSize {
			t.Errorf("batch %d: %d of %s, %d scans", b.Number, list.Batch, list.ScanID, len(list.Scans))
		}
		for _, s := range list.Scans {
			seen[s.Stack.StackID]++
			if s.Stack.Region != list.Scans[0].Stack.Region || s.Engine != "live" || s.RequestedBy != "kim" || s.Stack.Repository != "acme/shop" || s.ScanID != "scan-9" {
				t.Errorf("batch %d: %+v", b.Number, s)
			}
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s is in %d batches", id, n)
		}
	}
	if len(seen) != 250 {
		t.Errorf("%d stacks in batches", len(seen))
	}
	for _, bad := range []string{`{"revert":true}`, `{"engine":"guess"}`, `{"stacks":["nobody"]}`} {
		if _, _, err := w.service.Handle(ctx, json.RawMessage(`{"action":"planScan","input":`+bad+`}`)); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

const finished = `{"action":"finish","scanId":"s","number":1,"results":[{"stackName":"s0000","outcome":"InSync"}]}`

// TestABatchAnswersItsTask, in whatever order its execution, its end and a
// repeated task come.
func TestABatchAnswersItsTask(t *testing.T) {
	w, _, started := batched(t, 1)
	handle[drift.ScanPlan](w, `{"action":"planScan","execution":"s"}`)
	run := func(token string) {
		handle[any](w, `{"action":"runBatch","batch":{"scanId":"s","batch":1},"token":"`+token+`"}`)
	}
	run("first")
	run("second") // the first one was lost
	if len(*started) != 1 || (*started)[0] != `s-1 {"scanId":"s","batch":1}` || w.tasks.Answer("second").Times != 0 {
		t.Errorf("started %v, %+v", *started, w.tasks.Answer("second"))
	}
	handle[drift.Summary](w, finished)
	if a := w.tasks.Answer("second"); a.Times != 1 || a.Kind != "" || w.tokens.Len() != 0 {
		t.Errorf("%+v, %d tokens", a, w.tokens.Len())
	}
	run("third") // it ended already
	if a := w.tasks.Answer("third"); a.Times != 1 || a.Kind != "" {
		t.Errorf("%+v", a)
	}
}

// TestABatchThatBreaksOff is told, once; other executions are none.
func TestABatchThatBreaksOff(t *testing.T) {
	w, _, _ := batched(t, 1)
	handle[drift.ScanPlan](w, `{"action":"planScan","execution":"s"}`)
	handle[any](w, `{"action":"runBatch","batch":{"scanId":"s","batch":1},"token":"token"}`)
	event := func(status, input string) string {
		quoted, _ := json.Marshal(input)
		return `{"detail-type":"Step Functions Execution Status Change","detail":{"status":"` + status + `","input":` + string(quoted) + `,"error":"Failed","cause":"{\"errorMessage\":\"no such object\"}"}}`
	}
	for _, other := range []string{event("SUCCEEDED", `{"scanId":"s","batch":1}`), event("FAILED", `{"stacks":["x"]}`), event("FAILED", `{"scanId":"t","batch":1}`), event("FAILED", "no JSON")} {
		handle[any](w, other)
	}
	if w.tasks.Answer("token").Times != 0 {
		t.Error("another execution answered")
	}
	for range 2 {
		handle[any](w, event("TIMED_OUT", `{"scanId":"s","batch":1}`))
	}
	if a := w.tasks.Answer("token"); a.Times != 1 || a.Kind != "BatchFailed" || a.Cause != "TIMED_OUT: Failed: no such object" {
		t.Errorf("%+v", a)
	}
}

// TestSummarise: a batch without results is of failed stacks; what has no room
// is counted.
func TestSummarise(t *testing.T) {
	w, _, _ := batched(t, 2) // of two regions, so of two batches
	plan := handle[drift.ScanPlan](w, `{"action":"planScan","execution":"s"}`)
	handle[drift.Summary](w, finished)
	sum := must(w.service.Summarise(ctx, plan))(t)
	if sum.Counts["InSync"] != 1 || sum.Counts["Failed"] != 1 || len(sum.Stacks) != 2 || !strings.Contains(sum.Stacks[1].Reasons[0], "execution s-2") {
		t.Errorf("%+v", sum)
	}

	w, files, _ := batched(t, 1000)
	plan = handle[drift.ScanPlan](w, `{"action":"planScan","execution":"s"}`)
	for i, b := range plan.Batches {
		results := []drift.Result{{StackName: "drifted", Outcome: drift.OutcomeDrifted, Reasons: []string{strings.Repeat("x", 300)}}}
		for range 39 {
			results = append(results, drift.Result{StackName: strings.Repeat("n", 128), Account: "222222222222", Region: "ap-southeast-1", Outcome: drift.OutcomeInSync, Status: "IN_SYNC"})
		}
		text, _ := json.Marshal(results)
		if err := files.Put(ctx, fmt.Sprintf("drift/scans/s/%d.results.json", i+1), text); err != nil || b.Number != i+1 {
			t.Fatal(b, err)
		}
	}
	sum = must(w.service.Summarise(ctx, plan))(t)
	text, _ := json.Marshal(sum)
	if len(sum.Stacks) != 400 || sum.More != len(plan.Batches)*40-400 || sum.Counts["Drifted"] != len(plan.Batches) || sum.Stacks[len(plan.Batches)-1].StackName != "drifted" || len(text) > 250*1024 {
		t.Errorf("%d named, %d more, %v, %d bytes", len(sum.Stacks), sum.More, sum.Counts, len(text))
	}
	files.Fault = func(string) error { return fault.Transient("slow down") }
	if _, err := w.service.Summarise(ctx, plan); !fault.Is(err, fault.TransientError) {
		t.Errorf("%v", err)
	}
}
