package emulator

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Event is a complete event, as an AWS service puts it on a bus.
type Event struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Account    string          `json:"account"`
	Time       int64           `json:"time"` // seconds since 1970
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// NewEvent returns an event of an AWS service with a fresh id.
func NewEvent(source, detailType, account, region string, at time.Time, resources []string, detail any) (Event, error) {
	data, err := json.Marshal(detail)
	if err != nil {
		return Event{}, fmt.Errorf("encode the detail of %q: %w", detailType, err)
	}
	if resources == nil {
		resources = []string{}
	}
	return Event{ID: NewID(), Source: source, DetailType: detailType, Account: account, Time: at.Unix(), Region: region, Resources: resources, Detail: data}, nil
}

// NewID returns a random UUID (RFC 9562, version 4).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Put puts events on a bus of the hub account. MiniStack takes complete events
// at the route that the launcher adds. Another emulator has no such route:
// there PutEvents is used, which must allow "aws." sources and which sets the
// envelope's account to the hub's own; detail.recipientAccountId (CloudTrail)
// and detail.stack-id (CloudFormation) then still name the workload account.
func Put(ctx context.Context, client *http.Client, endpoint, bus, hub, region string, events ...Event) error {
	body, err := json.Marshal(map[string]any{"bus": bus, "account": hub, "region": region, "events": events})
	if err != nil {
		return err
	}
	status, answer, err := post(ctx, client, endpoint+"/_evenkeel/events", body, nil)
	if err != nil {
		return fmt.Errorf("put an event on the bus %s: %w", bus, err)
	}
	if status == http.StatusOK {
		return nil
	}
	if status == http.StatusBadRequest && bytes.HasPrefix(answer, []byte(`{"error":`)) {
		return fmt.Errorf("put an event on the bus %s: %s", bus, answer)
	}
	return putEvents(ctx, client, endpoint, bus, hub, region, events)
}

// CheckEvents reports whether the emulator at the endpoint takes events of AWS
// services for the hub. Stock MiniStack refuses them, as AWS does.
func CheckEvents(ctx context.Context, client *http.Client, endpoint, hub, region string) error {
	event, err := NewEvent("aws.evenkeel", "Evenkeel Check", hub, region, time.Unix(0, 0), nil, map[string]any{})
	if err != nil {
		return err
	}
	if err := Put(ctx, client, endpoint, "default", hub, region, event); err != nil {
		return fmt.Errorf("the hub emulator at %s takes no events of AWS services (start MiniStack by local/emulator/launcher.py): %w", endpoint, err)
	}
	return nil
}

func putEvents(ctx context.Context, client *http.Client, endpoint, bus, hub, region string, events []Event) error {
	type entry struct {
		Source, DetailType, Detail, EventBusName string
		Time                                     int64
		Resources                                []string
	}
	var entries []entry
	for _, e := range events {
		entries = append(entries, entry{e.Source, e.DetailType, string(e.Detail), bus, e.Time, e.Resources})
	}
	body, err := json.Marshal(map[string]any{"Entries": entries})
	if err != nil {
		return err
	}
	status, answer, err := post(ctx, client, endpoint+"/", body, map[string]string{
		"Content-Type":  "application/x-amz-json-1.1",
		"X-Amz-Target":  "AWSEvents.PutEvents",
		"Authorization": "AWS4-HMAC-SHA256 Credential=" + hub + "/20200101/" + region + "/events/aws4_request, SignedHeaders=host, Signature=0",
	})
	if err != nil {
		return fmt.Errorf("put an event on the bus %s: %w", bus, err)
	}
	var result struct{ FailedEntryCount int }
	if err := json.Unmarshal(answer, &result); err != nil || status != http.StatusOK || result.FailedEntryCount > 0 {
		return fmt.Errorf("put an event on the bus %s: the emulator answered %d: %s", bus, status, answer)
	}
	return nil
}

func post(ctx context.Context, client *http.Client, url string, body []byte, headers map[string]string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, err
}
