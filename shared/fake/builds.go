package fake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/build"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

var (
	_ build.Builds      = (*Builds)(nil)
	_ build.Records     = (*BuildRecords)(nil)
	_ deployment.Assets = (*DeploymentAssets)(nil)
)

// Builds is a CodeBuild project in virtual time.
type Builds struct {
	Faults  Faults
	Project string // its name; "" is "project"
	Clock   Timeline
	Time    time.Duration // that a build takes
	// End says how a build ends: its status, and what it writes is its own. Nil is SUCCEEDED.
	End func(o build.Order) build.State
	// Emit is told the event of each change; nil is not called.
	Emit   func(events.BuildStateDetail)
	Lines  []string // of every log
	Orders []build.Order
	states []*build.State
	begun  []time.Time
}

// idempotent is for how long CodeBuild knows an idempotency token.
// Source: CodeBuild API reference, StartBuild, idempotencyToken.
const idempotent = 5 * time.Minute

// Start implements build.Builds.
func (b *Builds) Start(_ context.Context, o build.Order) (string, error) {
	if err := b.Faults.at("StartBuild"); err != nil {
		return "", err
	}
	for i, before := range b.Orders {
		if before.RunID == o.RunID && b.Clock.Now().Sub(b.begun[i]) < idempotent {
			return b.states[i].ID, b.Faults.at("StartBuild done")
		}
	}
	state := &build.State{ID: fmt.Sprintf("%s:%d", b.name(), len(b.Orders)+1), Status: "IN_PROGRESS", LogGroup: "log", LogStream: "stream"}
	b.Orders, b.states, b.begun = append(b.Orders, o), append(b.states, state), append(b.begun, b.Clock.Now())
	b.emit(*state, o)
	b.Clock.After(b.Time, func() {
		end := build.State{Status: "SUCCEEDED", Digest: "digest"}
		if b.End != nil {
			end = b.End(o)
		}
		end.ID, end.LogGroup, end.LogStream, end.Seconds = state.ID, state.LogGroup, state.LogStream, int(b.Time.Seconds())
		*state = end
		b.emit(*state, o)
	})
	return state.ID, b.Faults.at("StartBuild done")
}

func (b *Builds) name() string {
	if b.Project == "" {
		return "project"
	}
	return b.Project
}

func (b *Builds) emit(s build.State, o build.Order) {
	if b.Emit == nil {
		return
	}
	detail := events.BuildStateDetail{BuildStatus: s.Status, ProjectName: b.name(), BuildID: "arn:aws:codebuild:us-east-1:111111111111:build/" + s.ID}
	detail.Information.Environment.Variables = []events.BuildVariable{{Name: build.RunVariable, Type: "PLAINTEXT", Value: o.RunID}}
	b.Emit(detail)
}

// Read implements build.Builds.
func (b *Builds) Read(_ context.Context, id string) (build.State, error) {
	for _, s := range b.states {
		if s.ID == id {
			return *s, b.Faults.at("ReadBuild")
		}
	}
	return build.State{}, b.Faults.at("ReadBuild")
}

// Log implements build.Builds.
func (b *Builds) Log(_ context.Context, _ build.State, lines int) ([]string, error) {
	return slices.Clone(b.Lines[max(0, len(b.Lines)-lines):]), b.Faults.at("ReadLog")
}

// BuildRecords remembers builds.
type BuildRecords struct {
	Faults  Faults
	records map[string]build.Record
}

func (r *BuildRecords) change(call, runID string, change func(*build.Record)) (build.Record, error) {
	if err := r.Faults.at(call); err != nil {
		return build.Record{}, err
	}
	if r.records == nil {
		r.records = map[string]build.Record{}
	}
	record := r.records[runID]
	change(&record)
	r.records[runID] = record
	return record, r.Faults.at(call + " done")
}

// Await implements build.Records.
func (r *BuildRecords) Await(_ context.Context, runID, token string) (build.Record, error) {
	return r.change("AwaitBuild", runID, func(record *build.Record) { record.Token = token })
}

// Started implements build.Records.
func (r *BuildRecords) Started(_ context.Context, runID, buildID string) (build.Record, error) {
	return r.change("BuildStarted", runID, func(record *build.Record) {
		if record.BuildID == "" {
			record.BuildID = buildID
		}
	})
}

// Read implements build.Records.
func (r *BuildRecords) Read(_ context.Context, runID string) (build.Record, error) {
	return r.records[runID], r.Faults.at("ReadBuildRecord")
}

// Forget implements build.Records.
func (r *BuildRecords) Forget(_ context.Context, runID, token string) error {
	_, err := r.change("ForgetBuild", runID, func(record *build.Record) {
		if record.Token == token {
			record.Token = ""
		}
	})
	return err
}

// DeploymentAssets keeps objects of workload accounts by "bucket/key".
type DeploymentAssets struct {
	Faults  Faults
	Objects map[string][]byte
}

// Has implements deployment.Assets.
func (a *DeploymentAssets) Has(_ context.Context, _ events.Target, bucket, key string) (there bool, sum string, err error) {
	if data, ok := a.Objects[bucket+"/"+key]; ok {
		there, sum = true, deployment.Sum(data)
	}
	return there, sum, a.Faults.at("HasAsset")
}

// Put implements deployment.Assets.
func (a *DeploymentAssets) Put(_ context.Context, _ events.Target, bucket, key string, data []byte) error {
	if err := a.Faults.at("PutAsset"); err != nil {
		return err
	}
	if a.Objects == nil {
		a.Objects = map[string][]byte{}
	}
	a.Objects[bucket+"/"+key] = data
	return a.Faults.at("PutAsset done")
}
