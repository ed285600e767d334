package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var (
	_ rollout.Traffic    = (*RolloutTraffic)(nil)
	_ rollout.Metrics    = (*RolloutMetrics)(nil)
	_ rollout.Records    = (*RolloutRecords)(nil)
	_ rollout.Executions = (*RolloutExecutions)(nil)
	_ rollout.Stacks     = (*RolloutStacks)(nil)
	_ rollout.Tasks      = (*DeploymentTasks)(nil)
	_ rollout.Files      = (*DeploymentFiles)(nil)
	_ rollout.StackLocks = (*DeploymentStackLocks)(nil)
	_ rollout.Registry   = (*DeploymentRegistry)(nil)
	_ rollout.Publisher  = (*DeploymentFacts)(nil)
)

// RolloutTraffic is the router of each stack: endpoints and their percentages.
type RolloutTraffic struct {
	Faults Faults
	Now    func() time.Time
	// Settling is for how long a new weight is not in force everywhere.
	Settling time.Duration
	// Changed hears that a call has changed what the candidate gets.
	Changed func(r rollout.Routing, from, to int)
	Refused string // why the router refuses every weight, "" if it does not

	shares map[string]map[string]int // stack → endpoint → percentage
}

// Weight implements rollout.Traffic.
func (t *RolloutTraffic) Weight(_ context.Context, r rollout.Routing) (int, bool, error) {
	if err := t.Faults.at("Weight"); err != nil {
		return 0, false, err
	}
	shares := t.shares[stackKey(r.Target)]
	for _, endpoint := range slices.Sorted(maps.Keys(shares)) {
		if shares[endpoint] > 0 && endpoint != r.Live.Endpoint && endpoint != r.Candidate.Endpoint {
			return 0, false, fault.Invalid("%s gets %d %%, which is neither of the sides", endpoint, shares[endpoint])
		}
	}
	return shares[r.Candidate.Endpoint], len(shares) > 0, nil
}

// SetWeight implements rollout.Traffic.
func (t *RolloutTraffic) SetWeight(_ context.Context, r rollout.Routing, percent int) (string, error) {
	if err := t.Faults.at("SetWeight"); err != nil {
		return "", err
	}
	const all = 100
	switch {
	case t.Refused != "":
		return "", fault.Invalid("%s", t.Refused)
	case r.Live == (rollout.Side{}) && percent != all:
		return "", fault.Invalid("there is no live side that could have %d %%", all-percent)
	}
	key := stackKey(r.Target)
	before := t.shares[key]
	after := map[string]int{r.Candidate.Endpoint: percent}
	if r.Live != (rollout.Side{}) {
		after[r.Live.Endpoint] += all - percent
	}
	if !maps.Equal(before, after) {
		t.put(key, after)
		if t.Changed != nil {
			t.Changed(r, before[r.Candidate.Endpoint], percent)
		}
	}
	if t.Settling == 0 {
		return "", t.Faults.at("SetWeight done")
	}
	return t.Now().Format(time.RFC3339Nano), t.Faults.at("SetWeight done")
}

func (t *RolloutTraffic) put(key string, shares map[string]int) {
	if t.shares == nil {
		t.shares = map[string]map[string]int{}
	}
	t.shares[key] = shares
}

// Settled implements rollout.Traffic.
func (t *RolloutTraffic) Settled(_ context.Context, _ rollout.Routing, change string) (bool, error) {
	if err := t.Faults.at("Settled"); err != nil || change == "" {
		return err == nil, err
	}
	at, err := time.Parse(time.RFC3339Nano, change)
	return err == nil && t.Now().Sub(at) >= t.Settling, err
}

// Serving implements rollout.Traffic.
func (t *RolloutTraffic) Serving(_ context.Context, r rollout.Routing) (string, bool, error) {
	if err := t.Faults.at("Serving"); err != nil {
		return "", false, err
	}
	const all = 100
	for _, endpoint := range slices.Sorted(maps.Keys(t.shares[stackKey(r.Target)])) {
		if t.shares[stackKey(r.Target)][endpoint] == all {
			return endpoint, true, nil
		}
	}
	return "", false, nil
}

// Shares returns what each endpoint of the stack gets.
func (t *RolloutTraffic) Shares(to events.Target) map[string]int {
	return maps.Clone(t.shares[stackKey(to)])
}

// Meddle is somebody else's hand on the router.
func (t *RolloutTraffic) Meddle(to events.Target, shares map[string]int) {
	t.put(stackKey(to), maps.Clone(shares))
}

// RolloutMetrics has values that a test makes up as they are asked for.
type RolloutMetrics struct {
	Faults Faults
	// Read returns the value of the first query, and when it can be there if it
	// is not yet.
	Read func(q rollout.Query) (value float64, at time.Time, ok bool)
}

// Value implements rollout.Metrics.
func (m *RolloutMetrics) Value(_ context.Context, _ events.Target, q rollout.Query) (float64, time.Time, bool, error) {
	if err := m.Faults.at("Value"); err != nil {
		return 0, time.Time{}, false, err
	}
	value, at, ok := m.Read(q)
	return value, at, ok, nil
}

// RolloutRecords keeps records as JSON, as the table does.
type RolloutRecords struct {
	Faults  Faults
	Stored  func(record rollout.Record) // hears what is stored; nil for nobody
	records map[string]versioned
}

// Read implements rollout.Records.
func (s *RolloutRecords) Read(_ context.Context, to events.Target) (rollout.Record, bool, error) {
	if err := s.Faults.at("ReadRollout"); err != nil {
		return rollout.Record{}, false, err
	}
	return s.decode(stackKey(to))
}

func (s *RolloutRecords) decode(key string) (rollout.Record, bool, error) {
	stored, ok := s.records[key]
	if !ok {
		return rollout.Record{}, false, nil
	}
	var record rollout.Record
	if err := json.Unmarshal(stored.data, &record); err != nil {
		return rollout.Record{}, false, err
	}
	record.Version = stored.version
	return record, true, nil
}

// Write implements rollout.Records.
func (s *RolloutRecords) Write(_ context.Context, to events.Target, record rollout.Record) error {
	if err := s.Faults.at("WriteRollout"); err != nil {
		return err
	}
	key := stackKey(to)
	if s.records[key].version != record.Version {
		return fault.Conflict("the rollout of %s was changed meanwhile", to.StackName)
	}
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	const most = 400 << 10 // Source: DynamoDB developer guide, quotas: the size of an item
	if len(data) > most {
		return fault.Permanent("the rollout of %s has %d bytes", to.StackName, len(data))
	}
	if s.records == nil {
		s.records = map[string]versioned{}
	}
	record.Version++
	s.records[key] = versioned{data, record.Version}
	if s.Stored != nil {
		s.Stored(record)
	}
	return s.Faults.at("WriteRollout done")
}

// List implements rollout.Records.
func (s *RolloutRecords) List(context.Context) ([]rollout.Record, error) {
	if err := s.Faults.at("ListRollouts"); err != nil {
		return nil, err
	}
	list := []rollout.Record{}
	for _, key := range slices.Sorted(maps.Keys(s.records)) {
		record, _, err := s.decode(key)
		if err != nil {
			return nil, err
		}
		list = append(list, record)
	}
	return list, nil
}

// RolloutExecutions starts executions by name.
type RolloutExecutions struct {
	Faults Faults
	// Begin starts an execution of a name that was not there before.
	Begin func(name string, input json.RawMessage)
	Names []string // in the order in which they were started
}

// Start implements rollout.Executions.
func (e *RolloutExecutions) Start(_ context.Context, name string, input any) (string, error) {
	if err := e.Faults.at("StartExecution"); err != nil {
		return "", err
	}
	data, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	if !slices.Contains(e.Names, name) {
		e.Names = append(e.Names, name)
		if e.Begin != nil {
			e.Begin(name, data)
		}
	}
	return "arn:aws:states:us-east-1:111111111111:execution:evenkeel-rollout:" + name, e.Faults.at("StartExecution done")
}

// RolloutStacks has the stacks of old sides by name.
type RolloutStacks struct {
	Faults    Faults
	Timeline  Timeline
	Deleting  time.Duration // that a deletion takes
	Fails     string        // why every deletion fails, "" if none does
	Known     map[string]*rollout.Stack
	Templates map[string]string // by name of the stack
	Deleted   []string          // names of the stacks of which a deletion was begun
}

// Describe implements rollout.Stacks.
func (s *RolloutStacks) Describe(_ context.Context, to events.Target) (rollout.Stack, error) {
	if err := s.Faults.at("DescribeOld"); err != nil {
		return rollout.Stack{}, err
	}
	if known := s.Known[to.StackName]; known != nil {
		return *known, nil
	}
	return rollout.Stack{}, nil
}

// Template implements rollout.Stacks.
func (s *RolloutStacks) Template(_ context.Context, to events.Target) ([]byte, error) {
	if err := s.Faults.at("TemplateOld"); err != nil {
		return nil, err
	}
	return []byte(s.Templates[to.StackName]), nil
}

// Delete implements rollout.Stacks.
func (s *RolloutStacks) Delete(_ context.Context, to events.Target, stackID, _ string) error {
	if err := s.Faults.at("DeleteOld"); err != nil {
		return err
	}
	known := s.Known[to.StackName]
	if known == nil || known.ID != stackID || known.Status == "DELETE_IN_PROGRESS" {
		return s.Faults.at("DeleteOld done")
	}
	s.Deleted = append(s.Deleted, to.StackName)
	known.Status = "DELETE_IN_PROGRESS"
	s.Timeline.After(s.Deleting, func() {
		if known.Status, known.Reason = "DELETE_FAILED", s.Fails; s.Fails == "" {
			delete(s.Known, to.StackName)
		}
	})
	return s.Faults.at("DeleteOld done")
}

// Forget implements rollout.Registry.
func (r *DeploymentRegistry) Forget(_ context.Context, account, region, stackName string) error {
	if err := r.Faults.at("Forget"); err != nil {
		return err
	}
	delete(r.Listed, account+"/"+region+"/"+stackName)
	return r.Faults.at("Forget done")
}

// RolloutSide makes a side of a stack whose endpoint is its name in DNS.
func RolloutSide(to events.Target, name, commit string) rollout.Side {
	stack := to.StackName + "-" + name
	return rollout.Side{
		Name: name, StackName: stack, StackID: fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/1", to.Region, to.Account, stack),
		Commit: commit, Digest: commit, Endpoint: stack + ".example.com",
	}
}

// RolloutErrors is a CloudWatch metric of a side, as evenkeel.yaml may have it.
func RolloutErrors(name string) pipeline.Metric {
	return pipeline.Metric{
		Name: name, Success: "< 1", Failure: ">= 5", Interval: pipeline.Duration(time.Minute), ErrorLimit: 3, NoData: pipeline.NoDataPause,
		CloudWatch: &pipeline.CloudWatchMetric{
			Period:  pipeline.Duration(time.Minute),
			Queries: []pipeline.MetricQuery{{ID: "errors", Namespace: "Shop", Metric: "Errors", Dimensions: map[string]string{"Side": "${side}"}, Stat: "Sum"}},
		},
	}
}
