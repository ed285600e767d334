package fake

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// DriftCloud is stacks that can drift, in memory: it implements drift.Stacks
// and drift.ChangeSets. What CloudFormation does later happens on the
// Timeline, and its status events go to Emit.
type DriftCloud struct {
	Time Timeline
	// Emit receives each status event as EventBridge would deliver it: an
	// events.Envelope. Nil loses them all.
	Emit func(detailType string, envelope any)
	// Fault, if set, is asked before each call ("StartDetection", "Execute",
	// …) and after the call was carried out ("Execute done", …); an error
	// becomes the call's.
	Fault func(call string, stack events.StackRef) error
	// How long CloudFormation takes. Zero means that the end comes with the
	// next callback of the Timeline.
	Detecting, Planning, Executing time.Duration

	stacks map[string]*DriftStack
	count  int
}

// DriftStack is one stack of a DriftCloud. Tests and simulations change its
// fields between calls.
type DriftStack struct {
	Ref       events.StackRef
	Status    string
	Updated   time.Time                 // when it was deployed last
	Resources map[string]*DriftResource // by logical id
	Phantoms  []drift.Change            // changes that every revert change set has besides the real ones
	Fails     bool                      // executing a change set rolls back
	Reaches   int                       // resources after which a detection breaks off, in the order of their ids; 0 for none
	Executed  map[string]int            // change set id or request token → how often it was executed
	Last      []drift.Change            // what the change set executed last did

	detecting  string
	detections map[string]*drift.Detection
	results    []drift.ResourceDrift
	changeSets map[string]*drift.ChangeSet
}

// DriftResource is a resource as its template says and as it is.
type DriftResource struct {
	Type             string
	PhysicalID       string // by default the logical id and "-1"
	Expected, Actual map[string]any
	Deleted          bool
	Unsupported      bool   // the type has no drift support
	Readable         bool   // although Unsupported, Cloud Control can read it
	NoModel          bool   // Cloud Control cannot read it, although CloudFormation can
	Unreadable       string // why the read fails; empty if it does not
	Released         bool   // a nested stack whose template is not the one that it was deployed from
}

// Stack adds a stack in UPDATE_COMPLETE.
func (c *DriftCloud) Stack(ref events.StackRef, resources map[string]*DriftResource) *DriftStack {
	if c.stacks == nil {
		c.stacks = map[string]*DriftStack{}
	}
	s := &DriftStack{
		Ref: ref, Status: "UPDATE_COMPLETE", Resources: resources, Executed: map[string]int{},
		detections: map[string]*drift.Detection{}, changeSets: map[string]*drift.ChangeSet{},
	}
	c.stacks[ref.StackID] = s
	return s
}

// Remove deletes a stack.
func (c *DriftCloud) Remove(ref events.StackRef) { delete(c.stacks, ref.StackID) }

// Gone reports whether a stack was deleted.
func (c *DriftCloud) Gone(ref events.StackRef) bool { return c.stacks[ref.StackID] == nil }

// State implements drift.Stacks.
func (c *DriftCloud) State(_ context.Context, ref events.StackRef) (drift.StackState, error) {
	if err := c.fault("State", ref); err != nil {
		return drift.StackState{}, err
	}
	if s, ok := c.stacks[ref.StackID]; ok {
		return drift.StackState{Status: s.Status, Updated: s.Updated}, nil
	}
	return drift.StackState{}, nil
}

// StartDetection implements drift.Stacks.
func (c *DriftCloud) StartDetection(_ context.Context, ref events.StackRef) (string, error) {
	s, err := c.find("StartDetection", ref)
	if err != nil {
		return "", err
	}
	if s.detecting != "" {
		return "", fault.Conflict("detect drift of %s: drift detection is already in progress", ref.StackName)
	}
	// As the adapter classifies CloudFormation's refusal.
	if reason, busy := drift.Undetectable(drift.StackState{Status: s.Status}); busy {
		return "", fault.Conflict("detect drift of %s: %s", ref.StackName, reason)
	} else if reason != "" {
		return "", fault.Invalid("detect drift of %s: %s", ref.StackName, reason)
	}
	id := c.id("detection")
	s.detecting = id
	s.detections[id] = &drift.Detection{ID: id, State: drift.DetectionStarted, Started: c.Time.Now()}
	c.emitDetection(s, id, "DETECTION_IN_PROGRESS")
	c.Time.After(c.Detecting, func() { c.endDetection(s, id) })
	return id, c.fault("StartDetection done", ref)
}

// endDetection has a new result for each resource that the detection reached.
// Those of an earlier one stay for the others.
func (c *DriftCloud) endDetection(s *DriftStack, id string) {
	d := s.detections[id]
	s.detecting = ""
	before, reached := s.results, 0
	s.results = nil
	var failed []string
	for _, name := range slices.Sorted(maps.Keys(s.Resources)) {
		r := s.Resources[name]
		switch {
		case r.Unsupported:
			continue
		case s.Reaches > 0 && reached == s.Reaches:
			failed = append(failed, name)
			if at := slices.IndexFunc(before, func(old drift.ResourceDrift) bool { return old.LogicalID == name }); at >= 0 {
				s.results = append(s.results, before[at])
			}
			continue
		case r.Unreadable != "":
			failed = append(failed, name)
		}
		reached++
		s.results = append(s.results, r.result(name, c.Time.Now()))
	}
	status := "DETECTION_COMPLETE"
	if d.State = drift.DetectionDone; len(failed) > 0 {
		status = "DETECTION_FAILED"
		d.State, d.Reason = drift.DetectionFailed, "Failed to detect drift on resources ["+strings.Join(failed, ", ")+"]"
	}
	c.emitDetection(s, id, status)
}

// Reached is how many resources a detection checks now.
func (s *DriftStack) Reached() int {
	reached, checked := 0, 0
	for _, name := range slices.Sorted(maps.Keys(s.Resources)) {
		if r := s.Resources[name]; !r.Unsupported && (s.Reaches == 0 || reached < s.Reaches) {
			reached++
			if r.Unreadable == "" {
				checked++
			}
		}
	}
	return checked
}

// result is what a detection finds. Like CloudFormation it compares text.
func (r *DriftResource) result(name string, now time.Time) drift.ResourceDrift {
	out := drift.ResourceDrift{
		Resource: drift.Resource{LogicalID: name, PhysicalID: r.physicalID(name), Type: r.Type},
		Status:   drift.StatusInSync, Checked: now,
	}
	switch {
	case r.Unreadable != "":
		out.Status, out.Reason = drift.StatusUnknown, r.Unreadable
	case r.Deleted:
		out.Status = drift.StatusDeleted
	default:
		out.Expected, out.Actual = r.Expected, r.Actual
		for _, property := range slices.Sorted(maps.Keys(r.Expected)) {
			want, have := driftText(r.Expected[property]), driftText(r.Actual[property])
			if want != have {
				out.Status = drift.StatusModified
				out.Differences = append(out.Differences, events.PropertyDifference{
					Path: "/" + property, Type: drift.DifferenceNotEqual, Expected: want, Actual: have,
				})
			}
		}
	}
	return out
}

func (r *DriftResource) physicalID(logicalID string) string {
	return cmp.Or(r.PhysicalID, logicalID+"-1")
}

func driftText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a fake holds plain JSON values
	}
	return string(text)
}

// Detection implements drift.Stacks.
func (c *DriftCloud) Detection(_ context.Context, ref events.StackRef, id string) (drift.Detection, error) {
	s, err := c.find("Detection", ref)
	if err != nil {
		return drift.Detection{}, err
	}
	d, ok := s.detections[id]
	if !ok {
		return drift.Detection{}, fault.Invalid("there is no detection %s", id)
	}
	return *d, nil
}

// Drifts implements drift.Stacks.
func (c *DriftCloud) Drifts(_ context.Context, ref events.StackRef) ([]drift.ResourceDrift, error) {
	s, err := c.find("Drifts", ref)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.results), nil
}

// Resources implements drift.Stacks.
func (c *DriftCloud) Resources(_ context.Context, ref events.StackRef) ([]drift.Resource, error) {
	s, err := c.find("Resources", ref)
	if err != nil {
		return nil, err
	}
	var out []drift.Resource
	for _, name := range slices.Sorted(maps.Keys(s.Resources)) {
		out = append(out, drift.Resource{LogicalID: name, PhysicalID: s.Resources[name].physicalID(name), Type: s.Resources[name].Type})
	}
	return out, nil
}

func (c *DriftCloud) find(call string, ref events.StackRef) (*DriftStack, error) {
	if err := c.fault(call, ref); err != nil {
		return nil, err
	}
	s, ok := c.stacks[ref.StackID]
	if !ok {
		return nil, fault.Invalid("%s: stack %s does not exist", call, ref.StackName)
	}
	return s, nil
}

func (c *DriftCloud) fault(call string, ref events.StackRef) error {
	if c.Fault == nil {
		return nil
	}
	return c.Fault(call, ref)
}

func (c *DriftCloud) id(kind string) string {
	c.count++
	return fmt.Sprintf("%s-%d", kind, c.count)
}

func (c *DriftCloud) emitDetection(s *DriftStack, id, status string) {
	e := envelope[events.DriftDetectionDetail](c, s.Ref, events.DriftDetectionStatusChange)
	e.Detail.StackID, e.Detail.DriftDetectionID = s.Ref.StackID, id
	e.Detail.StatusDetails.DetectionStatus = status
	// While the detection runs the count is -1 and the drift status empty.
	e.Detail.DriftDetectionDetails.DriftedStackResourceCount = -1
	if status == "DETECTION_COMPLETE" {
		drifted := 0
		for _, r := range s.results {
			if r.Status == drift.StatusModified || r.Status == drift.StatusDeleted {
				drifted++
			}
		}
		e.Detail.DriftDetectionDetails.DriftedStackResourceCount = drifted
		e.Detail.StatusDetails.StackDriftStatus = map[bool]string{true: drift.StatusDrifted, false: drift.StatusInSync}[drifted > 0]
	}
	c.emit(e.DetailType, e)
}

func (c *DriftCloud) emit(detailType string, e any) {
	if c.Emit != nil {
		c.Emit(detailType, e)
	}
}

func envelope[T any](c *DriftCloud, ref events.StackRef, detailType string) events.Envelope[T] {
	return events.Envelope[T]{
		Version: "0", ID: c.id("event"), DetailType: detailType, Source: events.SourceCloudFormation,
		Account: ref.Account, Region: ref.Region, Time: c.Time.Now().Truncate(time.Second), // as in EventBridge
		Resources: []string{cmp.Or(ref.StackID, ref.StackName)},
	}
}

var _ drift.Stacks = (*DriftCloud)(nil)
