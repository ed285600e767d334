package deployment_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/evenkeel/evenkeel/shared/deployment"
)

func sample(t *testing.T, name string) json.RawMessage {
	t.Helper()
	data, err := os.ReadFile("../../testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSamples hears the events as AWS sends them.
func TestSamples(t *testing.T) {
	const (
		stackID   = "arn:aws:cloudformation:us-east-1:222222222222:stack/shop-data-test/8b1e44c0-1623-11f1-8d52-0affd1e2a302"
		request   = "evenkeel-4f2a91c0-7d3e1b-test-data"
		execution = "arn:aws:states:us-east-1:111111111111:execution:evenkeel-pipeline:9d7e6c5b"
	)
	for name, want := range map[string]string{
		"cloudformation-stack-update-in-progress":       "ignored",
		"cloudformation-stack-update-complete":          "answered",
		"cloudformation-stack-update-rollback-complete": "answered",
		"cloudformation-stack-without-token":            "ignored",
		"cloudformation-drift-detection-complete":       "ignored",
		"stepfunctions-execution-aborted":               "ended",
		"stepfunctions-execution-failed":                "ended",
		"stepfunctions-execution-succeeded":             "ignored",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.service.Tokens.Put(t.Context(), stackID, request, "task"); err != nil {
				t.Fatal(err)
			}
			var ended struct{ Detail struct{ Input string } }
			if err := json.Unmarshal(sample(t, name), &ended); err != nil {
				t.Fatal(err)
			}
			if ended.Detail.Input != "" {
				begin := deployment.Request{Action: deployment.ActionBegin, Execution: execution, Event: json.RawMessage(ended.Detail.Input)}
				if r, err := handle[deployment.Release](w, begin); err != nil || r.Repository != "acme/shop" {
					t.Fatalf("begin: %+v, %v", r, err)
				}
			}
			out, err := w.service.Handle(t.Context(), sample(t, name))
			if answered, _ := out.(deployment.Answered); err != nil || answered.State != want {
				t.Errorf("%+v, %v, want %s", out, err, want)
			}
		})
	}
}
