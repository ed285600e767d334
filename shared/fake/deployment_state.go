package fake

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

var (
	_ deployment.Locks     = (*DeploymentLocks)(nil)
	_ deployment.Runs      = (*DeploymentRuns)(nil)
	_ deployment.Approvals = (*DeploymentApprovals)(nil)
	_ deployment.Tokens    = (*DeploymentTokens)(nil)
	_ deployment.Registry  = (*DeploymentRegistry)(nil)
	_ deployment.Tasks     = (*DeploymentTasks)(nil)
	_ deployment.Files     = (*DeploymentFiles)(nil)
	_ deployment.Publisher = (*DeploymentFacts)(nil)
)

// Faults may fail a call by its name, before its effect and, with " done"
// added, after it. A nil Faults fails nothing.
type Faults func(call string) error

func (f Faults) at(call string) error {
	if f == nil {
		return nil
	}
	return f(call)
}

// DeploymentLocks keeps queues.
type DeploymentLocks struct {
	Faults Faults
	queues map[string]versioned
}

type versioned struct {
	data    []byte
	version int
}

// Read implements deployment.Locks.
func (l *DeploymentLocks) Read(_ context.Context, repository string) (deployment.Queue, int, error) {
	if err := l.Faults.at("ReadLock"); err != nil {
		return deployment.Queue{}, 0, err
	}
	var queue deployment.Queue
	stored := l.queues[repository]
	if stored.version == 0 {
		return queue, 0, nil
	}
	err := json.Unmarshal(stored.data, &queue)
	return queue, stored.version, err
}

// Write implements deployment.Locks.
func (l *DeploymentLocks) Write(_ context.Context, repository string, queue deployment.Queue, version int) error {
	if err := l.Faults.at("WriteLock"); err != nil {
		return err
	}
	if l.queues[repository].version != version {
		return fault.Conflict("the lock of %s was changed meanwhile", repository)
	}
	data, err := json.Marshal(queue)
	if err != nil {
		return err
	}
	if l.queues == nil {
		l.queues = map[string]versioned{}
	}
	l.queues[repository] = versioned{data, version + 1}
	return l.Faults.at("WriteLock done")
}

// DeploymentRuns keeps runs.
type DeploymentRuns struct {
	Faults Faults
	runs   map[string]deployment.RunRecord
}

// Claim implements deployment.Runs.
func (r *DeploymentRuns) Claim(_ context.Context, runID, execution string) (deployment.RunRecord, error) {
	if err := r.Faults.at("Claim"); err != nil {
		return deployment.RunRecord{}, err
	}
	if r.runs == nil {
		r.runs = map[string]deployment.RunRecord{}
	}
	if _, taken := r.runs[runID]; !taken {
		r.runs[runID] = deployment.RunRecord{Execution: execution}
	}
	return r.runs[runID], r.Faults.at("Claim done")
}

// Read implements deployment.Runs.
func (r *DeploymentRuns) Read(_ context.Context, runID string) (deployment.RunRecord, error) {
	return r.runs[runID], r.Faults.at("ReadRun")
}

// Close implements deployment.Runs.
func (r *DeploymentRuns) Close(_ context.Context, runID string, end deployment.End) (deployment.End, error) {
	if err := r.Faults.at("Close"); err != nil {
		return deployment.End{}, err
	}
	record := r.runs[runID]
	if record.End == nil {
		record.End = &end
		r.runs[runID] = record
	}
	return *record.End, r.Faults.at("Close done")
}

// DeploymentApprovals keeps approvals.
type DeploymentApprovals struct {
	Faults    Faults
	approvals map[string]deployment.Approval
}

func approvalKey(runID, stage, stack string) string { return runID + "/" + stage + "/" + stack }

// Put implements deployment.Approvals.
func (a *DeploymentApprovals) Put(_ context.Context, approval deployment.Approval) error {
	if err := a.Faults.at("PutApproval"); err != nil {
		return err
	}
	key := approvalKey(approval.Run.RunID, approval.Target.Stage, approval.Target.Stack)
	if a.approvals[key].Decision != nil {
		return fault.Conflict("%s is decided", key)
	}
	if a.approvals == nil {
		a.approvals = map[string]deployment.Approval{}
	}
	a.approvals[key] = approval
	return a.Faults.at("PutApproval done")
}

// Get implements deployment.Approvals.
func (a *DeploymentApprovals) Get(_ context.Context, runID, stage, stack string) (deployment.Approval, bool, error) {
	approval, ok := a.approvals[approvalKey(runID, stage, stack)]
	return approval, ok, a.Faults.at("GetApproval")
}

// Settle implements deployment.Approvals.
func (a *DeploymentApprovals) Settle(_ context.Context, runID, stage, stack string, d deployment.Decision) (deployment.Approval, error) {
	if err := a.Faults.at("Settle"); err != nil {
		return deployment.Approval{}, err
	}
	key := approvalKey(runID, stage, stack)
	approval, ok := a.approvals[key]
	if !ok || approval.Decision != nil {
		return approval, fault.Conflict("%s is decided or unknown", key)
	}
	approval.Decision = &d
	a.approvals[key] = approval
	return approval, a.Faults.at("Settle done")
}

// Pending implements deployment.Approvals.
func (a *DeploymentApprovals) Pending(context.Context) ([]deployment.Approval, error) {
	var open []deployment.Approval
	for _, key := range slices.Sorted(maps.Keys(a.approvals)) {
		if a.approvals[key].Decision == nil {
			open = append(open, a.approvals[key])
		}
	}
	slices.SortStableFunc(open, func(x, y deployment.Approval) int { return x.Requested.Compare(y.Requested) })
	return open, a.Faults.at("Pending")
}

// DeploymentTokens keeps task tokens.
type DeploymentTokens struct {
	Faults Faults
	tokens map[string]string
}

// Put implements deployment.Tokens.
func (t *DeploymentTokens) Put(_ context.Context, stackID, requestToken, taskToken string) error {
	if err := t.Faults.at("PutToken"); err != nil {
		return err
	}
	if t.tokens == nil {
		t.tokens = map[string]string{}
	}
	t.tokens[stackID+"#"+requestToken] = taskToken
	return t.Faults.at("PutToken done")
}

// Get implements deployment.Tokens.
func (t *DeploymentTokens) Get(_ context.Context, stackID, requestToken string) (string, error) {
	return t.tokens[stackID+"#"+requestToken], t.Faults.at("GetToken")
}

// Remove implements deployment.Tokens.
func (t *DeploymentTokens) Remove(_ context.Context, stackID, requestToken, taskToken string) error {
	if err := t.Faults.at("RemoveToken"); err != nil {
		return err
	}
	if key := stackID + "#" + requestToken; t.tokens[key] == taskToken {
		delete(t.tokens, key)
	}
	return t.Faults.at("RemoveToken done")
}

// DeploymentRegistry lists deployed stacks by name.
type DeploymentRegistry struct {
	Faults Faults
	Listed map[string]events.StackRef
}

// Record implements deployment.Registry.
func (r *DeploymentRegistry) Record(_ context.Context, stack events.StackRef) error {
	if err := r.Faults.at("Record"); err != nil {
		return err
	}
	if r.Listed == nil {
		r.Listed = map[string]events.StackRef{}
	}
	r.Listed[stack.Account+"/"+stack.Region+"/"+stack.StackName] = stack
	return r.Faults.at("Record done")
}

// DeploymentTasks hands answers to whoever runs the workflow.
type DeploymentTasks struct {
	Faults Faults
	// Succeeded and Failed receive an answer and tell whether the task still
	// waits. Nil keeps the answer in Answers.
	Succeeded func(token string, output json.RawMessage) bool
	Failed    func(token, kind, cause string) bool
	Answers   []DeploymentAnswer
}

// DeploymentAnswer is one answer to a task.
type DeploymentAnswer struct {
	Token       string
	Output      json.RawMessage // of a success
	Kind, Cause string          // of a failure
}

// Answer implements deployment.Tasks. Without Succeeded a token waits for one
// answer.
func (t *DeploymentTasks) Answer(_ context.Context, token string, output any) (bool, error) {
	if err := t.Faults.at("Answer"); err != nil {
		return false, err
	}
	data, err := json.Marshal(output)
	if err != nil {
		return false, err
	}
	waiting := !t.answered(token)
	if t.Succeeded != nil {
		waiting = t.Succeeded(token, data)
	}
	if waiting {
		t.Answers = append(t.Answers, DeploymentAnswer{Token: token, Output: data})
	}
	return waiting, t.Faults.at("Answer done")
}

// Fail implements deployment.Tasks.
func (t *DeploymentTasks) Fail(_ context.Context, token, kind, cause string) error {
	if err := t.Faults.at("Fail"); err != nil {
		return err
	}
	waiting := !t.answered(token)
	if t.Failed != nil {
		waiting = t.Failed(token, kind, cause)
	}
	if waiting {
		t.Answers = append(t.Answers, DeploymentAnswer{Token: token, Kind: kind, Cause: cause})
	}
	return t.Faults.at("Fail done")
}

func (t *DeploymentTasks) answered(token string) bool {
	return slices.ContainsFunc(t.Answers, func(a DeploymentAnswer) bool { return a.Token == token })
}

// DeploymentFiles keeps objects. A source archive is a map of its files here:
// File(zip, path) reads the object "zip!path".
type DeploymentFiles struct {
	Faults  Faults
	Objects map[string][]byte
}

// File implements deployment.Files.
func (f *DeploymentFiles) File(_ context.Context, zipKey, path string) ([]byte, error) {
	if err := f.Faults.at("File"); err != nil {
		return nil, err
	}
	data, ok := f.Objects[zipKey+"!"+path]
	if !ok {
		return nil, fault.Invalid("%s has no file %s", zipKey, path)
	}
	return data, nil
}

// Get implements deployment.Files.
func (f *DeploymentFiles) Get(_ context.Context, key string) ([]byte, error) {
	if err := f.Faults.at("Get"); err != nil {
		return nil, err
	}
	data, ok := f.Objects[key]
	if !ok {
		return nil, fault.Permanent("read %s: %w", key, fs.ErrNotExist)
	}
	return data, nil
}

// Put implements deployment.Files.
func (f *DeploymentFiles) Put(_ context.Context, key string, data []byte) error {
	if err := f.Faults.at("Put"); err != nil {
		return err
	}
	if f.Objects == nil {
		f.Objects = map[string][]byte{}
	}
	f.Objects[key] = data
	return f.Faults.at("Put done")
}

// Share implements deployment.Files.
func (f *DeploymentFiles) Share(_ context.Context, key string, _ time.Duration) (string, error) {
	return "https://bucket.example/" + key, f.Faults.at("Share")
}

// DeploymentFacts keeps published facts. Publishing under a known id changes
// nothing, as with the ledger.
type DeploymentFacts struct {
	Faults Faults
	Facts  []events.Fact
}

// Publish implements deployment.Publisher.
func (p *DeploymentFacts) Publish(_ context.Context, facts ...events.Fact) error {
	if err := p.Faults.at("Publish"); err != nil {
		return err
	}
	for _, fact := range facts {
		if fact.Metadata.ID == "" {
			return errors.New("a fact without an id")
		}
		if !slices.ContainsFunc(p.Facts, func(f events.Fact) bool { return f.Metadata.ID == fact.Metadata.ID }) {
			p.Facts = append(p.Facts, fact)
		}
	}
	return p.Faults.at("Publish done")
}

// Types lists the types of the published facts, in order, without versions.
func (p *DeploymentFacts) Types() []string {
	var list []string
	for _, fact := range p.Facts {
		name, _, _ := strings.Cut(fact.Data.DetailType(), ".")
		list = append(list, name)
	}
	return list
}
