package installation_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/cloud"
	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/installation"
)

func options(t *testing.T, c *cloud.Cloud, template string) (context.Context, installation.Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx, installation.Options{
		Endpoint: c.State.Endpoint, Account: c.State.Hub, Region: c.State.Region, Template: template,
		Builds: cloudtest.Probe(t), Progress: func(line string) { t.Log(line) },
	}
}

func TestDeploy(t *testing.T) {
	c := cloudtest.Up(t)
	t.Run("takes every type of the suite", func(t *testing.T) { everyType(t, c) })
	t.Run("makes the stack again for another template", func(t *testing.T) { another(t, c) })
	t.Run("names the resource that failed", func(t *testing.T) { failure(t, c) })
}

func everyType(t *testing.T, c *cloud.Cloud) {
	ctx, opts := options(t, c, "testdata/types.template.json")
	outputs, err := installation.Deploy(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	// The Function URL takes a webhook and hands it over in payload format 2.0.
	// Source: Lambda developer guide, "Invoking Lambda function URLs".
	url := installation.LocalURL(c.State.Endpoint, outputs["WebhookUrl"])
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"echo":{"statusCode":202,"body":"taken","headers":{"X-Test":"1"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"arn"`) {
		t.Errorf("the Function URL answered %s: %s (%v)", response.Status, body, err)
	}
	var answer struct {
		Environment map[string]string `json:"environment"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Environment["TABLE"] != outputs["StateTable"] || answer.Environment["AWS_ENDPOINT_URL"] != c.State.Endpoint {
		t.Errorf("the function's table is %q, its endpoint %q", answer.Environment["TABLE"], answer.Environment["AWS_ENDPOINT_URL"])
	}
}

func write(t *testing.T, template string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.template.json")
	if err := os.WriteFile(path, []byte(template), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func another(t *testing.T, c *cloud.Cloud) {
	ctx, opts := options(t, c, write(t, `{"Resources":{"T":{"Type":"AWS::SNS::Topic"}},"Outputs":{"Topic":{"Value":{"Ref":"T"}}}}`))
	outputs, err := installation.Deploy(ctx, opts)
	if err != nil || len(outputs) != 1 || outputs["Topic"] == "" {
		t.Errorf("outputs %v: %v", outputs, err)
	}
}

func failure(t *testing.T, c *cloud.Cloud) {
	ctx, opts := options(t, c, write(t, `{"Resources":{"Q":{"Type":"AWS::SQS::Queue","Properties":{"VisibilityTimeout":99999999}}}}`))
	_, err := installation.Deploy(ctx, opts)
	if err == nil || !strings.Contains(err.Error(), "Q (AWS::SQS::Queue)") {
		t.Errorf("got %v", err)
	}
	// A failed stack does not stand in the way of the next.
	ctx, opts = options(t, c, write(t, `{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}`))
	if _, err := installation.Deploy(ctx, opts); err != nil {
		t.Error(err)
	}
}
