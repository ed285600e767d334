// Command probe is the Lambda function of the local cloud's own tests. It does
// what its event asks for and writes a line to PROBE_FILE for every event.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is the event. All fields are optional.
type order struct {
	ID        string          `json:"id"`
	SleepMS   int             `json:"sleepMs"`
	Print     int             `json:"print"` // bytes to print to stdout
	Fail      string          `json:"fail"`  // error message
	Panic     bool            `json:"panic"`
	Echo      json.RawMessage `json:"echo"`
	TaskToken string          `json:"taskToken"`

	// Records are messages of a queue, each the body of which is an event whose
	// detail is an order of its own: sleepMs and fail.
	Records []struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	} `json:"Records"`
}

// failures answers a batch of messages: those that are asked to fail do.
// Source: Lambda developer guide, "Implementing partial batch responses".
func (o order) failures() any {
	type failure struct {
		Item string `json:"itemIdentifier"`
	}
	failed := []failure{}
	for _, r := range o.Records {
		var event struct {
			Detail order `json:"detail"`
		}
		_ = json.Unmarshal([]byte(r.Body), &event) // a body of another shape is only written down
		time.Sleep(time.Duration(event.Detail.SleepMS) * time.Millisecond)
		if event.Detail.Fail != "" {
			failed = append(failed, failure{r.MessageID})
		}
	}
	return map[string]any{"batchItemFailures": failed}
}

// Line is what the probe writes for every event.
type Line struct {
	Pid       int             `json:"pid"`
	RequestID string          `json:"requestId"`
	Time      time.Time       `json:"time"`
	Event     json.RawMessage `json:"event"`
}

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	received := time.Now()
	lc, _ := lambdacontext.FromContext(ctx)
	if err := write(Line{Pid: os.Getpid(), RequestID: lc.AwsRequestID, Time: received, Event: event}); err != nil {
		return nil, err
	}
	var o order
	_ = json.Unmarshal(event, &o) // an event of another shape is only written down
	time.Sleep(time.Duration(o.SleepMS) * time.Millisecond)
	for printed := 0; printed < o.Print; printed += 1000 {
		fmt.Println(strings.Repeat("x", 999))
	}
	fmt.Fprintln(os.Stderr, "probe", o.ID, lc.AwsRequestID)
	if o.Panic {
		panic("asked to")
	}
	if o.Fail != "" {
		return nil, errors.New(o.Fail)
	}
	if o.Echo != nil {
		return o.Echo, nil
	}
	if o.Records != nil {
		return o.failures(), nil
	}
	return map[string]any{
		"pid": os.Getpid(), "id": o.ID, "requestId": lc.AwsRequestID, "arn": lc.InvokedFunctionArn,
		"environment": environment(),
	}, nil
}

func environment() map[string]string {
	out := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		out[name] = value
	}
	return out
}

// write appends one line in one write, which the kernel keeps whole.
func write(line Line) error {
	path := os.Getenv("PROBE_FILE")
	if path == "" {
		return nil
	}
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(append(data, '\n'))
	return err
}

func main() { lambda.Start(handle) }
