package simulator

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Event is an EventBridge event of CloudFormation, in its published shape.
type Event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"` // RFC 3339, seconds
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"` // the stack's ARN
	Detail     json.RawMessage `json:"detail"`
}

// Detail types of CloudFormation's events (CFN-40).
const (
	stackStatusChange    = "CloudFormation Stack Status Change"
	resourceStatusChange = "CloudFormation Resource Status Change"
	driftStatusChange    = "CloudFormation Drift Detection Status Change"
)

type statusDetails struct {
	Status       string `json:"status"`
	StatusReason string `json:"status-reason"`
}

type stackDetail struct {
	StackID       string        `json:"stack-id"`
	StatusDetails statusDetails `json:"status-details"`
	Token         string        `json:"client-request-token"`
}

type resourceDetail struct {
	StackID       string        `json:"stack-id"`
	LogicalID     string        `json:"logical-resource-id"`
	PhysicalID    string        `json:"physical-resource-id"`
	StatusDetails statusDetails `json:"status-details"`
	Type          string        `json:"resource-type"`
	Token         string        `json:"client-request-token"`
}

type driftDetail struct {
	StackID       string `json:"stack-id"`
	DetectionID   string `json:"stack-drift-detection-id"`
	StatusDetails struct {
		StackDriftStatus string `json:"stack-drift-status"`
		DetectionStatus  string `json:"detection-status"`
	} `json:"status-details"`
	Drift struct {
		Count int `json:"drifted-stack-resource-count"`
	} `json:"drift-detection-details"`
	Token string `json:"client-request-token"`
}

// publish queues an event about a stack.
func (r *region) publish(detailType, stackID string, detail any) {
	text, err := json.Marshal(detail)
	if err != nil {
		return
	}
	r.sim.outbox.add(outgoing{r.account, r.name, Event{
		Version: "0", ID: newUUID(), DetailType: detailType, Source: "aws.cloudformation",
		Account: r.account, Time: r.now().Format(time.RFC3339), Region: r.name,
		Resources: []string{stackID}, Detail: text,
	}})
}

// eventTime gives the time of the stack's next event. Clients sort events by
// their time, which the API gives in milliseconds: no two may have the same.
func (r *region) eventTime(s *stack) time.Time {
	now := r.now().Truncate(time.Millisecond)
	if n := len(s.events); n > 0 && !now.After(*s.events[n-1].Timestamp) {
		now = s.events[n-1].Timestamp.Add(time.Millisecond)
	}
	return now
}

// setStatus moves the stack to a status: one stack event, one EventBridge
// event. The caller holds r.mu.
func (r *region) setStatus(s *stack, op *operation, status types.StackStatus, reason string) {
	s.status, s.statusReason = status, reason
	s.events = append(s.events, types.StackEvent{
		EventId: aws.String(newUUID()), StackId: &s.id, StackName: aws.String(s.name), Timestamp: aws.Time(r.eventTime(s)),
		LogicalResourceId: aws.String(s.name), PhysicalResourceId: &s.id, ResourceType: aws.String("AWS::CloudFormation::Stack"),
		ResourceStatus: types.ResourceStatus(status), ResourceStatusReason: optional(reason),
		ClientRequestToken: optional(op.token), OperationId: optional(op.id),
	})
	r.publish(stackStatusChange, s.id, stackDetail{s.id, statusDetails{string(status), reason}, op.token})
}

// setResource records a step of a resource. The caller holds r.mu.
func (r *region) setResource(s *stack, op *operation, res *resource, status types.ResourceStatus, reason string) {
	now := r.eventTime(s)
	res.status, res.reason, res.updated = status, reason, now
	event := types.StackEvent{
		EventId: aws.String(res.logicalID + "-" + string(status) + "-" + now.Format("2006-01-02T15:04:05.000Z")),
		StackId: &s.id, StackName: aws.String(s.name), Timestamp: aws.Time(now),
		LogicalResourceId: aws.String(res.logicalID), PhysicalResourceId: aws.String(res.physicalID), ResourceType: aws.String(res.typeName),
		ResourceStatus: status, ResourceStatusReason: optional(reason),
		ClientRequestToken: optional(op.token), OperationId: optional(op.id),
	}
	if res.properties != nil {
		event.ResourceProperties = aws.String(compactJSON(res.properties))
	}
	s.events = append(s.events, event)
	r.publish(resourceStatusChange, s.id, resourceDetail{s.id, res.logicalID, res.physicalID, statusDetails{string(status), reason}, res.typeName, op.token})
}

func (r *region) publishDetection(d *detection, count int) {
	detail := driftDetail{StackID: d.stack.id, DetectionID: d.id}
	detail.StatusDetails.DetectionStatus = string(d.status)
	detail.StatusDetails.StackDriftStatus = string(d.drift)
	detail.Drift.Count = count
	r.publish(driftStatusChange, d.stack.id, detail)
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type outgoing struct {
	account, region string
	event           Event
}

// outbox hands events to Publish one by one, in order, away from every lock.
type outbox struct {
	publish func(account, region string, event Event)
	faults  *faults

	mu    sync.Mutex
	queue []outgoing
	wake  chan struct{}
}

func newOutbox(publish func(string, string, Event), f *faults) *outbox {
	return &outbox{publish: publish, faults: f, wake: make(chan struct{}, 1)}
}

func (o *outbox) add(e outgoing) {
	if o.publish == nil {
		return
	}
	o.mu.Lock()
	o.queue = append(o.queue, e)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) take() []outgoing {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch := o.queue
	o.queue = nil
	return batch
}

func (o *outbox) run(ctx context.Context) {
	for {
		for _, e := range o.take() {
			times, delay := o.faults.onEvent(e)
			if !pause(ctx, delay) {
				return
			}
			for range times {
				o.publish(e.account, e.region, e.event)
			}
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return
		}
	}
}
