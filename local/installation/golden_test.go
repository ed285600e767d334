package installation_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/installation"
	"github.com/evenkeel/evenkeel/shared/config"
	"github.com/evenkeel/evenkeel/shared/testtool"
)

// The committed synthesis deploys as it is. The probe stands for the
// functions; the end-to-end test deploys the real ones.
func TestDeployTakesTheGoldenTemplate(t *testing.T) {
	c := cloudtest.Up(t)
	probe, err := os.ReadFile(filepath.Join(cloudtest.Probe(t), "probe", "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	builds := t.TempDir()
	for _, name := range []string{"webhook", "validation", "build", "deployment", "drift", "healing", "ledger", "review", "rollout", "trail"} {
		if err := os.MkdirAll(filepath.Join(builds, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(builds, name, "bootstrap"), probe, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	options := installation.Options{
		Endpoint: c.State.Endpoint, Account: c.State.Hub, Region: c.State.Region, Builds: builds,
		Template: filepath.Join(testtool.Root(t), installation.GoldenTemplate), Progress: func(line string) { t.Log(line) },
	}
	outputs, err := installation.Deploy(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"WebhookUrl", "Bus", "StateTable", "LedgerTable", "WritesTable", "Bucket", "PipelineWorkflow", "DriftWorkflow", "DriftscanWorkflow", "HealingFunction", "RolloutFunction", "RolloutWorkflow"} {
		if outputs[name] == "" {
			t.Errorf("output %s is missing in %v", name, outputs)
		}
	}
	// Its ARN is put together in the template: the workflow and the function need each other.
	client := lambda.NewFromConfig(aws.Config{Region: c.State.Region, BaseEndpoint: aws.String(c.State.Endpoint), Credentials: credentials.NewStaticCredentialsProvider(c.State.Hub, "local", "")})
	fn, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(outputs["RolloutFunction"])})
	if err != nil {
		t.Fatal(err)
	}
	if workflow := fn.Environment.Variables[config.RolloutWorkflow]; workflow != outputs["RolloutWorkflow"] {
		t.Errorf("the function is told the workflow %s, which is %s", workflow, outputs["RolloutWorkflow"])
	}
	// The queue of the healer: the emulator takes batches from it as the template says.
	mappings, err := client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: aws.String(outputs["HealingFunction"])})
	if err != nil || len(mappings.EventSourceMappings) != 1 {
		t.Fatalf("event source mappings %+v, want one (%v)", mappings, err)
	}
	if m := mappings.EventSourceMappings[0]; !strings.HasSuffix(aws.ToString(m.EventSourceArn), ":evenkeel-security-group-changed") || aws.ToInt32(m.BatchSize) != 10 ||
		!slices.Equal(m.FunctionResponseTypes, []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures}) ||
		m.ScalingConfig == nil || aws.ToInt32(m.ScalingConfig.MaximumConcurrency) != 5 {
		t.Errorf("event source mapping %+v", m)
	}
	again, err := installation.Deploy(ctx, options)
	if err != nil || again["StateTable"] != outputs["StateTable"] {
		t.Errorf("a second deploy of the same made other tables (%v): %v", err, again)
	}
}
