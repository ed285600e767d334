package drift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Files keeps the documents of a scan that are too large for a workflow.
type Files interface {
	// Get returns a document; one that does not exist wraps fs.ErrNotExist.
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, data []byte) error
}

// Executions starts executions of the drift workflow.
type Executions interface {
	// Start begins one. A name that is taken is the execution that was asked for.
	Start(ctx context.Context, name string, input any) (execution string, err error)
}

// BatchSize is how many stacks one execution of the drift workflow scans at
// most, without those that are nested in them. A stack's document takes less
// than a kilobyte of the 256 KB of a payload before the report, and its states
// about 30 of the 25,000 events of a history. Smaller batches than these bounds
// ask for end more evenly: fewer stacks wait for the last one.
// Source: Step Functions developer guide, "Service quotas".
const BatchSize = 20

// maxListed is how many stacks the output of a scan in batches names.
const maxListed = 400

// Batch names a part of a scan.
type Batch struct {
	ScanID string `json:"scanId"`
	Number int    `json:"batch"` // from 1
}

// batchFile is what a batch is of.
type batchFile struct {
	Engine      string            `json:"engine"`
	RequestedBy string            `json:"requestedBy"`
	Stacks      []events.StackRef `json:"stacks"`
}

// ScanPlan is what the parent workflow runs: its batches.
type ScanPlan struct {
	ScanID  string  `json:"scanId"`
	Stacks  int     `json:"stacks"`
	Batches []Batch `json:"batches"`
}

func (b Batch) key(kind string) string {
	return fmt.Sprintf("drift/scans/%s/%d%s.json", b.ScanID, b.Number, kind)
}

func (b Batch) wait() Wait { return Wait{Kind: WaitBatch, StackID: b.ScanID, ID: fmt.Sprint(b.Number)} }

func (b Batch) execution() string { return fmt.Sprintf("%s-%d", b.ScanID, b.Number) }

// PlanScan lists the stacks of a scan, and writes them as batches, each of one
// account and region. A revert is no scan of many stacks: it is Invalid.
func (s *Service) PlanScan(ctx context.Context, request Request, execution string) (ScanPlan, error) {
	if request.Revert || request.Seen != "" {
		return ScanPlan{}, fault.Invalid("a scan in batches reverts nothing: start the workflow evenkeel-drift")
	}
	if request.ScanID == "" {
		request.ScanID = execution
	}
	engine, err := ParseEngine(request.Engine)
	if err != nil {
		return ScanPlan{}, err
	}
	stacks, err := s.chosen(ctx, request)
	if err != nil {
		return ScanPlan{}, err
	}
	plan := ScanPlan{ScanID: request.ScanID, Stacks: len(stacks), Batches: []Batch{}}
	for _, part := range batches(stacks) {
		b := Batch{ScanID: request.ScanID, Number: len(plan.Batches) + 1}
		if err := s.write(ctx, b.key(""), batchFile{Engine: engine, RequestedBy: request.RequestedBy, Stacks: part}); err != nil {
			return ScanPlan{}, err
		}
		plan.Batches = append(plan.Batches, b)
	}
	return plan, nil
}

// batches splits stacks, sorted, by account and region, and those evenly.
func batches(stacks []events.StackRef) [][]events.StackRef {
	sorted := slices.SortedFunc(slices.Values(stacks), func(a, b events.StackRef) int { return strings.Compare(sortKey(a), sortKey(b)) })
	var out [][]events.StackRef
	for len(sorted) > 0 {
		n := slices.IndexFunc(sorted, func(s events.StackRef) bool {
			return s.Account != sorted[0].Account || s.Region != sorted[0].Region
		})
		if n < 0 {
			n = len(sorted)
		}
		parts := (n + BatchSize - 1) / BatchSize
		size := (n + parts - 1) / parts
		out = append(out, slices.Collect(slices.Chunk(sorted[:n], size))...)
		sorted = sorted[n:]
	}
	return out
}

// RunBatch starts the execution of a batch. Its token is kept first, so that
// the execution finds it whenever it ends; one that ended already, for a task
// that is repeated, is found by its results.
func (s *Service) RunBatch(ctx context.Context, b Batch, token string) error {
	if err := s.Tokens.Keep(ctx, b.wait(), token, s.Now().Add(tokenLife)); err != nil {
		return s.failTask(ctx, token, err)
	}
	if _, err := s.Executions.Start(ctx, b.execution(), b); err != nil {
		return s.failTask(ctx, token, err)
	}
	_, err := s.Files.Get(ctx, b.key(".results"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.failTask(ctx, token, err)
	}
	return s.succeedTask(ctx, b.wait(), token, b)
}

// batch is the worklist of a batch.
func (s *Service) batch(ctx context.Context, b Batch) (Request, []events.StackRef, error) {
	var file batchFile
	if err := s.readFile(ctx, b.key(""), &file); err != nil {
		return Request{}, nil, err
	}
	return Request{ScanID: b.ScanID, Engine: file.Engine, RequestedBy: file.RequestedBy}, file.Stacks, nil
}

// endBatch keeps the results of a batch, and tells its parent.
func (s *Service) endBatch(ctx context.Context, b Batch, results []Result) error {
	if err := s.write(ctx, b.key(".results"), results); err != nil {
		return err
	}
	_, err := s.complete(ctx, b.wait(), b)
	return err
}

// batchOf reads the input of an execution; ours is false when it is no batch.
func batchOf(input string) (b Batch, ours bool) {
	err := json.Unmarshal([]byte(input), &b)
	return b, err == nil && b.Number != 0
}

// BatchEnded hears that an execution of the drift workflow did not succeed, and
// reports whether it was a batch that somebody waits for.
func (s *Service) BatchEnded(ctx context.Context, e events.ExecutionStatusDetail) (bool, error) {
	b, ours := batchOf(e.Input)
	if !ours || e.Status != "FAILED" && e.Status != "TIMED_OUT" && e.Status != "ABORTED" {
		return false, nil
	}
	token, err := s.Tokens.Find(ctx, b.wait())
	if err != nil || token == "" {
		return false, err
	}
	if err := s.Tasks.Fail(ctx, token, "BatchFailed", e.Status+because(e.Error)+because(cause(e.Cause))); err != nil {
		return false, err
	}
	return true, s.Tokens.Forget(ctx, b.wait(), token)
}

// Summarise adds the batches up. The stacks of one that did not end count as
// failed, so that nobody takes silence for a clean stack. Of more stacks than
// the output has room for, those that are in sync are left out first.
func (s *Service) Summarise(ctx context.Context, plan ScanPlan) (Summary, error) {
	sum := Summary{ScanID: plan.ScanID, Counts: map[string]int{}, Stacks: []Result{}}
	for _, b := range plan.Batches {
		var results []Result
		err := s.readFile(ctx, b.key(".results"), &results)
		if errors.Is(err, fs.ErrNotExist) {
			results, err = s.unfinished(ctx, b)
		}
		if err != nil {
			return Summary{}, err
		}
		for _, r := range results {
			sum.Counts[r.Outcome]++
		}
		sum.Stacks = append(sum.Stacks, results...)
	}
	if len(sum.Stacks) > maxListed {
		slices.SortStableFunc(sum.Stacks, func(a, b Result) int { return urgency(a) - urgency(b) })
		sum.More = len(sum.Stacks) - maxListed
		sum.Stacks = sum.Stacks[:maxListed]
	}
	return sum, nil
}

func urgency(r Result) int {
	return slices.Index([]string{OutcomeFailed, OutcomeDrifted, OutcomeUnknown, OutcomeSkipped, OutcomeInSync}, r.Outcome)
}

func (s *Service) unfinished(ctx context.Context, b Batch) ([]Result, error) {
	_, stacks, err := s.batch(ctx, b)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, stack := range stacks {
		results = append(results, result(stack, OutcomeFailed, fmt.Sprintf("batch %d did not finish: look at the execution %s of the workflow evenkeel-drift", b.Number, b.execution())))
	}
	return results, nil
}

func (s *Service) write(ctx context.Context, key string, document any) error {
	data, err := json.Marshal(document)
	if err != nil {
		return fault.Permanent("encode %s: %w", key, err)
	}
	return s.Files.Put(ctx, key, data)
}

func (s *Service) readFile(ctx context.Context, key string, into any) error {
	data, err := s.Files.Get(ctx, key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.Permanent("read %s: %w", key, err)
	}
	return nil
}
