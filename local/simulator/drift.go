package simulator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// detection is one drift detection of a stack.
type detection struct {
	id      string
	stack   *stack
	started time.Time
	status  types.StackDriftDetectionStatus
	reason  string
	drift   types.StackDriftStatus // empty while it runs
	drifted int32
}

// detectable are the states in which drift detection may start (CFN-50).
var detectable = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusUpdateComplete,
	types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateRollbackFailed,
}

// supportsDrift tells whether drift detection reads resources of the type: it
// has a schema that says how to identify it, and is not CloudFormation's own.
func supportsDrift(typeName string) bool {
	t, ok := schema.Load(typeName)
	return ok && len(t.PrimaryIdentifier) > 0 && !strings.HasPrefix(typeName, "AWS::CloudFormation::") && !strings.HasPrefix(typeName, "Custom::")
}

func (r *region) checkDetectable(s *stack) error {
	if s.detecting != "" {
		return validationError("Drift detection is already in progress for stack [%s]", s.id)
	}
	if !slices.Contains(detectable, s.status) {
		return validationError("Drift detection cannot be performed on stack [%s] while it is in [%s] state", s.id, s.status)
	}
	return nil
}

func (r *region) detectStackDrift(_ context.Context, in *cfn.DetectStackDriftInput) (*cfn.DetectStackDriftOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	if err := r.checkDetectable(s); err != nil {
		return nil, err
	}
	d := &detection{id: newUUID(), stack: s, started: r.now(), status: types.StackDriftDetectionStatusDetectionInProgress}
	r.detections[d.id] = d
	s.detecting = d.id
	r.publishDetection(d, -1)
	r.start(func(ctx context.Context) { r.runDetection(ctx, d, in.LogicalResourceIds) })
	return &cfn.DetectStackDriftOutput{StackDriftDetectionId: &d.id}, nil
}

// runDetection checks every supported resource, in the order of their logical
// ids. What cannot be read is UNKNOWN and makes the detection fail, with results
// for the others (CFN-52); what is not reached fails without one (CFN-53).
func (r *region) runDetection(ctx context.Context, d *detection, only []string) {
	if !pause(ctx, r.sim.opts.OperationDelay) {
		return
	}
	r.mu.Lock()
	list := slices.DeleteFunc(d.stack.sortedResources(), func(res *resource) bool {
		return len(only) > 0 && !slices.Contains(only, res.logicalID) || !supportsDrift(res.typeName)
	})
	r.mu.Unlock()
	broken := r.sim.faults.onDetection(r.account, r.name, d.stack.name)
	var failed []unchecked
	for i, res := range list {
		if broken != nil && i >= broken.After {
			failed = append(failed, unchecked{res.logicalID, orDefault(broken.Reason, "Internal Failure")})
		} else if drift := r.driftOf(ctx, d.stack, res); drift.StackResourceDriftStatus == types.StackResourceDriftStatusUnknown {
			failed = append(failed, unchecked{res.logicalID, aws.ToString(drift.DriftStatusReason)})
		}
	}
	if broken != nil {
		pause(ctx, time.Duration(broken.DelayMs)*time.Millisecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.concludeDetection(d, failed)
}

// unchecked is a resource that a detection could not check, as its reason names it
// (CFN-54).
type unchecked struct {
	Resource      string
	FailureReason string
}

func (r *region) concludeDetection(d *detection, failed []unchecked) {
	s := d.stack
	d.status, d.drift = types.StackDriftDetectionStatusDetectionComplete, types.StackDriftStatusInSync
	if len(failed) > 0 {
		d.status, d.drift, d.reason = types.StackDriftDetectionStatusDetectionFailed, types.StackDriftStatusUnknown, uncheckedReason(failed)
	}
	for _, res := range s.resources {
		without := slices.ContainsFunc(failed, func(f unchecked) bool { return f.Resource == res.logicalID })
		if !without && res.drift != nil && (res.drift.StackResourceDriftStatus == types.StackResourceDriftStatusModified || res.drift.StackResourceDriftStatus == types.StackResourceDriftStatusDeleted) {
			d.drifted++
			d.drift = types.StackDriftStatusDrifted
		}
	}
	s.detecting, s.drift, s.driftChecked = "", d.drift, aws.Time(r.now())
	r.publishDetection(d, int(d.drifted))
}

// uncheckedReason is the DetectionStatusReason of a detection that failed (CFN-54).
func uncheckedReason(failed []unchecked) string {
	names := make([]string, len(failed))
	for i, f := range failed {
		names[i] = f.Resource
	}
	return compactJSON(struct {
		Summary  string
		Failures []unchecked
	}{"Failed to detect drift on resources [" + strings.Join(names, ", ") + "]", failed})
}

// driftOf compares one resource and stores the result with it.
func (r *region) driftOf(ctx context.Context, s *stack, res *resource) types.StackResourceDrift {
	r.mu.Lock()
	identifier, typeName, expected := res.identifier, res.typeName, clone(res.properties)
	result := types.StackResourceDrift{
		StackId: &s.id, LogicalResourceId: aws.String(res.logicalID), PhysicalResourceId: aws.String(res.physicalID), ResourceType: aws.String(typeName),
		StackResourceDriftStatus: types.StackResourceDriftStatusInSync, ExpectedProperties: aws.String(compactJSON(expected)),
		PropertyDifferences: []types.PropertyDifference{},
	}
	metadata := res.attributes.metadata
	r.mu.Unlock()
	t, _ := schema.Load(typeName)
	reason, delay := r.sim.faults.onStep(step{account: r.account, region: r.name, stack: s.name, logicalID: *result.LogicalResourceId, typeName: typeName, on: "read", metadata: metadata})
	pause(ctx, delay)
	live, err := r.models.read(ctx, typeName, identifier)
	var failed *ResourceError
	switch {
	case reason != "":
		result.StackResourceDriftStatus, result.DriftStatusReason = types.StackResourceDriftStatusUnknown, &reason
	case errors.As(err, &failed) && failed.Code == "NotFound":
		result.StackResourceDriftStatus = types.StackResourceDriftStatusDeleted
	case err != nil:
		result.StackResourceDriftStatus, result.DriftStatusReason = types.StackResourceDriftStatusUnknown, aws.String(err.Error())
	default:
		actual := shownActual(t, expected, live)
		result.ActualProperties = aws.String(compactJSON(actual))
		for _, difference := range driftBetween(t, expected, actual) {
			result.StackResourceDriftStatus = types.StackResourceDriftStatusModified
			result.PropertyDifferences = append(result.PropertyDifferences, types.PropertyDifference{
				PropertyPath: aws.String("/" + joinPath(difference.path)), DifferenceType: difference.kind,
				ExpectedValue: aws.String(differenceText(difference.expected)), ActualValue: aws.String(differenceText(difference.actual)),
			})
		}
	}
	result.Timestamp = aws.Time(r.now())
	r.mu.Lock()
	defer r.mu.Unlock()
	res.drift = &result
	return result
}

// shownActual reduces a live model to the properties that the template sets:
// what AWS shows as ActualProperties (CFN-51).
func shownActual(t *schema.Type, expected, live map[string]any) map[string]any {
	actual := map[string]any{}
	for name := range expected {
		if value, ok := live[name]; ok {
			actual[name] = value
		}
	}
	if t != nil {
		for _, pointer := range t.ReadOnly {
			removePointer(actual, pointerPath(pointer))
		}
	}
	return actual
}

// differenceText renders a value as Expected/ActualValue: both are always
// text, and "null" stands for nothing.
func differenceText(v any) string {
	if text := valueText(v); text != nil {
		return *text
	}
	return "null"
}

func (r *region) describeStackDriftDetectionStatus(_ context.Context, in *cfn.DescribeStackDriftDetectionStatusInput) (*cfn.DescribeStackDriftDetectionStatusOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := r.detections[aws.ToString(in.StackDriftDetectionId)]
	if !ok {
		return nil, validationError("Drift detection with id %s does not exist", aws.ToString(in.StackDriftDetectionId))
	}
	out := &cfn.DescribeStackDriftDetectionStatusOutput{
		StackDriftDetectionId: &d.id, StackId: &d.stack.id, DetectionStatus: d.status, DetectionStatusReason: optional(d.reason),
		StackDriftStatus: d.drift, Timestamp: &d.started,
	}
	if d.status != types.StackDriftDetectionStatusDetectionInProgress {
		out.DriftedStackResourceCount = aws.Int32(d.drifted)
	}
	return out, nil
}

func (r *region) detectStackResourceDrift(ctx context.Context, in *cfn.DetectStackResourceDriftInput) (*cfn.DetectStackResourceDriftOutput, error) {
	s, res, err := r.findResource(aws.ToString(in.StackName), aws.ToString(in.LogicalResourceId))
	if err != nil {
		return nil, err
	}
	if !supportsDrift(res.typeName) {
		return nil, validationError("Drift detection is not supported for resource type %s", res.typeName)
	}
	drift := r.driftOf(ctx, s, res)
	return &cfn.DetectStackResourceDriftOutput{StackResourceDrift: &drift}, nil
}

func (r *region) findResource(stackName, logicalID string) (*stack, *resource, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(stackName)
	if err != nil {
		return nil, nil, err
	}
	res, ok := s.resources[logicalID]
	if !ok {
		return nil, nil, validationError("Resource %s does not exist for stack %s", logicalID, s.name)
	}
	return s, res, r.checkDetectable(s)
}

func (r *region) describeStackResourceDrifts(_ context.Context, in *cfn.DescribeStackResourceDriftsInput) (*cfn.DescribeStackResourceDriftsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.mustFindStack(aws.ToString(in.StackName))
	if err != nil {
		return nil, err
	}
	size := int(aws.ToInt32(in.MaxResults))
	if in.MaxResults != nil && (size < 1 || size > 100) {
		return nil, validationError("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100", size)
	}
	var list []types.StackResourceDrift
	for _, res := range s.sortedResources() {
		drift := res.drift
		if drift == nil && supportsDrift(res.typeName) && slices.Contains(in.StackResourceDriftStatusFilters, types.StackResourceDriftStatusNotChecked) {
			drift = &types.StackResourceDrift{
				StackId: &s.id, LogicalResourceId: aws.String(res.logicalID), PhysicalResourceId: aws.String(res.physicalID), ResourceType: aws.String(res.typeName),
				StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked, Timestamp: aws.Time(res.updated),
			}
		}
		if drift == nil || len(in.StackResourceDriftStatusFilters) > 0 && !slices.Contains(in.StackResourceDriftStatusFilters, drift.StackResourceDriftStatus) {
			continue
		}
		list = append(list, *drift)
	}
	out := &cfn.DescribeStackResourceDriftsOutput{}
	out.StackResourceDrifts, out.NextToken = page(list, in.NextToken, orDefault(size, 100))
	return out, nil
}
