package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// schemaCommand runs `evenkeel schema` and returns the exit code and the outputs.
func schemaCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &errs, getenv: func(string) string { return "" }, now: time.Now}
	code = run(context.Background(), a, append([]string{"schema"}, args...))
	return code, out.String(), errs.String()
}

func TestSchema(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		code   int
		out    []string // in standard output
		absent []string
		err    string
	}{
		{name: "type", args: []string{"AWS::SQS::Queue"}, out: []string{
			"Ref          QueueUrl\n", "Regions      all 46\n", "\n  FifoQueue                      boolean           replaces the resource\n",
			"\n    deadLetterTargetArn          string\n", "read-only", "0 to 900", "\nAttributes of Fn::GetAtt\n  Arn ",
		}},
		{name: "compound identifier", args: []string{"AWS::ECS::Service", "--depth", "1"}, out: []string{"Identifier   ServiceArn | Cluster\n", "may replace the resource"}},
		{name: "wound down", args: []string{"AWS::QLDB::Ledger"}, out: []string{"Lifecycle    shutdown 2025-07-31\n"}},
		{name: "any case", args: []string{"aws::sqs::queue"}, out: []string{"AWS::SQS::Queue\n"}},
		{name: "depth", args: []string{"AWS::S3::Bucket", "--depth", "1"}, out: []string{"  CorsConfiguration ", "more inside: --depth"}, absent: []string{"CorsRules"}},
		{name: "property", args: []string{"AWS::S3::Bucket", "--property", "VersioningConfiguration/Status"}, out: []string{"Enabled | Suspended"}, absent: []string{"BucketName"}},
		{name: "inside a list", args: []string{"AWS::S3::Bucket", "--property", "/properties/Tags/*/Key"}, out: []string{"Tags/*/Key\n  Key  string"}},
		{name: "a type in itself", args: []string{"AWS::WAFv2::WebACL", "--depth", "0"}, out: []string{"the same again"}},
		{name: "write-only", args: []string{"AWS::RDS::DBInstance"}, out: []string{"write-only", "Endpoint.Address"}},
		{name: "list", args: []string{"AWS::SQS*"}, out: []string{"AWS::SQS::Queue\nAWS::SQS::QueueInlinePolicy\n"}},
		{name: "all", out: []string{"\nAWS::S3::Bucket\n", "Module\n"}},
		{name: "region", args: []string{"AWS::SQS::Queue", "--region", "us-iso-west-1"}, out: []string{"QueueName"}},
		{name: "unknown type", args: []string{"AWS::S3::Buket"}, code: exitUsage, err: "AWS::S3::Bucket"},
		{name: "unknown property", args: []string{"AWS::S3::Bucket", "--property", "Nope"}, code: exitUsage, err: "no property Nope"},
		{name: "unknown region", args: []string{"AWS::S3::Bucket", "--region", "moon-1"}, code: exitUsage, err: "moon-1"},
		{name: "nothing matches", args: []string{"AWS::Nope*"}, code: exitUsage, err: "AWS::Nope*"},
		{name: "bad pattern", args: []string{"AWS::[*"}, code: exitUsage, err: "pattern"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := schemaCommand(t, tt.args...)
			if code != tt.code || !strings.Contains(errs, tt.err) {
				t.Errorf("exit code %d, %s", code, errs)
			}
			for _, want := range tt.out {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%.3000s", want, out)
				}
			}
			for _, unwanted := range tt.absent {
				if strings.Contains(out, unwanted) {
					t.Errorf("%q is there", unwanted)
				}
			}
		})
	}
}

func TestSchemaOfARegionThatLacksTheType(t *testing.T) {
	code, _, errs := schemaCommand(t, "AWS::Amplify::App", "--region", "af-south-1")
	if code != exitUsage || !strings.Contains(errs, "us-east-1") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestSchemaJSON(t *testing.T) {
	_, out, _ := schemaCommand(t, "AWS::S3::Bucket", "--json")
	var raw map[string]any
	if err := json.Unmarshal([]byte(out), &raw); err != nil || raw["typeName"] != "AWS::S3::Bucket" {
		t.Errorf("%v %.200s", err, out)
	}
	_, out, _ = schemaCommand(t, "AWS::S3::Bucket", "--property", "Tags/*/Key", "--json")
	if err := json.Unmarshal([]byte(out), &raw); err != nil || raw["type"] != "string" {
		t.Errorf("%v %.200s", err, out)
	}
}

func TestSchemaCompletion(t *testing.T) {
	var out bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &bytes.Buffer{}, getenv: func(string) string { return "" }, now: time.Now}
	run(context.Background(), a, []string{"__complete", "schema", "AWS::SQS::Queue"})
	if !strings.HasPrefix(out.String(), "AWS::SQS::Queue\nAWS::SQS::QueueInlinePolicy\n") {
		t.Error(out.String())
	}
}
