package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/report"
)

var update = flag.Bool("update", false, "write the golden files")

func scans() []events.DriftScanned {
	at := time.Date(2026, 1, 2, 3, 20, 0, 0, time.UTC)
	return []events.DriftScanned{
		{
			StackRef: events.StackRef{StackName: "shop-network-test", Account: "222222222222", Region: "us-east-1", Stage: "test", Repository: "acme/shop"},
			ScanID:   "scan-1", Status: "DRIFTED", Coverage: events.Coverage{Checked: 5, Unsupported: 1},
			Resources: []events.DriftedResource{
				{
					LogicalID: "Gate", PhysicalID: "sg-1", ResourceType: "AWS::EC2::SecurityGroup", Status: "MODIFIED", Severity: "critical", Response: "open",
					Why: "critical: it decides who can reach the resource; made by class person", Engine: "both",
					Differences: []events.PropertyDifference{
						{Path: "/SecurityGroupIngress/1", Type: "ADD", Actual: `{"CidrIp":"0.0.0.0/0","FromPort":22}`},
						{Path: "/SecurityGroupIngress/0/Description", Type: "NOT_EQUAL", Expected: "office", Actual: `<script>alert("x")</script>`},
					},
					Undeclared: []events.PropertyDifference{{Path: "/Tags/0", Type: "REMOVE", Expected: "owner"}},
					Attribution: &events.Attribution{
						Class: "person", Principal: "arn:aws:sts::222222222222:assumed-role/admin/kim", Session: "kim", SourceIP: "203.0.113.9",
						UserAgent: "aws-cli/2", EventName: "AuthorizeSecurityGroupIngress", EventID: "e-1", Time: at, From: "ledger", Exact: true,
					},
				},
				{LogicalID: "News", ResourceType: "AWS::SNS::Topic", Status: "DELETED", Severity: "high", Response: "ignore", Why: "accepted by kim: not needed"},
				{LogicalID: "Jobs", ResourceType: "AWS::SQS::Queue", Status: "MODIFIED", Disagreement: "live says 6, CloudFormation says 5", Differences: []events.PropertyDifference{
					{Path: "/VisibilityTimeout", Type: "NOT_EQUAL", Expected: "30", Actual: "5"},
				}},
			},
		},
		{
			StackRef: events.StackRef{StackName: "shop-data-test", Account: "222222222222", Region: "us-east-1"}, ScanID: "scan-1",
			Status: "UNKNOWN", Coverage: events.Coverage{Unknown: 2}, Reason: "Table could not be checked: access denied",
		},
		{
			StackRef: events.StackRef{StackName: "shop-app-test", Account: "222222222222", Region: "us-east-1"}, ScanID: "scan-1",
			Status: "IN_SYNC", Coverage: events.Coverage{Checked: 3},
		},
	}
}

func write(t *testing.T, format report.Format, scans []events.DriftScanned) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (report.Report{Scans: scans, Version: "1.2.3"}).Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for _, format := range report.Formats() {
		t.Run(format, func(t *testing.T) {
			got, path := write(t, report.Format(format), scans()), filepath.Join("testdata", format+".golden")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s differs (%v):\n%s", path, err, got)
			}
		})
	}
	if err := (report.Report{}).Write(&bytes.Buffer{}, "pdf"); err == nil {
		t.Error("wrote a format that does not exist")
	}
}

// TestPageIsSelfContained: nothing is loaded, nothing runs, and what somebody
// wrote into a resource stays text. Every cell of the table has its heading.
func TestPageIsSelfContained(t *testing.T) {
	page := write(t, report.HTML, scans())
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	seen, ids := map[string]int{}, map[string]bool{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		seen[n.Data]++
		for _, attribute := range n.Attr {
			switch {
			case strings.HasPrefix(attribute.Key, "on"), attribute.Key == "src", attribute.Key == "href" && !strings.HasPrefix(attribute.Val, "#"):
				t.Errorf("<%s %s=%q> loads or runs something", n.Data, attribute.Key, attribute.Val)
			case attribute.Key == "id" && ids[attribute.Val]:
				t.Errorf("id %s stands twice", attribute.Val)
			case attribute.Key == "id":
				ids[attribute.Val] = true
			}
		}
	}
	for _, forbidden := range []string{"script", "link", "img", "iframe", "object", "base"} {
		if seen[forbidden] > 0 {
			t.Errorf("the page has <%s>", forbidden)
		}
	}
	for name, want := range map[string]int{"h1": 1, "h2": 3, "main": 1, "table": 1, "caption": 1, "tr": 6} {
		if seen[name] != want {
			t.Errorf("%d <%s>, want %d", seen[name], name, want)
		}
	}
	if !bytes.Contains(page, []byte("&lt;script&gt;")) || bytes.Contains(page, []byte("url(")) || bytes.Contains(page, []byte("@import")) {
		t.Error("a value is not escaped, or the style loads something")
	}
}

func TestSARIFIsValid(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../validation/report/testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range [][]events.DriftScanned{scans(), nil} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(write(t, report.SARIF, found)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Error(err)
		}
	}
}

func TestSARIF(t *testing.T) {
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID              string
				RuleIndex           int
				Level               string
				Suppressions        []struct{ Justification string }
				PartialFingerprints map[string]string
				Locations           []struct {
					LogicalLocations []struct{ FullyQualifiedName string }
				}
			}
			Invocations []struct {
				ToolExecutionNotifications []struct{ Message struct{ Text string } }
			}
		}
	}
	if err := json.Unmarshal(write(t, report.SARIF, scans()), &log); err != nil {
		t.Fatal(err)
	}
	run, prints := log.Runs[0], map[string]bool{}
	for _, r := range run.Results {
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("%s has the index of %s", r.RuleID, run.Tool.Driver.Rules[r.RuleIndex].ID)
		}
		if !strings.HasPrefix(r.Locations[0].LogicalLocations[0].FullyQualifiedName, "222222222222/us-east-1/shop-network-test/") {
			t.Errorf("location %+v", r.Locations)
		}
		for _, print := range r.PartialFingerprints {
			if prints[print] {
				t.Errorf("two results have the fingerprint %s", print)
			}
			prints[print] = true
		}
	}
	if len(run.Results) != 5 || run.Results[0].RuleID != "AWS::EC2::SecurityGroup/SecurityGroupIngress/*" || run.Results[0].Level != "error" ||
		run.Results[1].RuleID != "AWS::EC2::SecurityGroup/SecurityGroupIngress/*/Description" {
		t.Errorf("%+v", run.Results)
	}
	if news := run.Results[3]; news.RuleID != "AWS::SNS::Topic" || len(news.Suppressions) != 1 || news.Suppressions[0].Justification != "accepted by kim: not needed" {
		t.Errorf("%+v", news)
	}
	if notes := run.Invocations[0].ToolExecutionNotifications; len(notes) != 1 || !strings.Contains(notes[0].Message.Text, "shop-data-test is UNKNOWN") {
		t.Errorf("%+v", notes)
	}
}

func TestFails(t *testing.T) {
	all := scans()
	drifted, unknown, inSync := all[0], all[1], all[2]
	mild := drifted
	mild.Resources = []events.DriftedResource{{LogicalID: "Jobs", Status: "MODIFIED", Severity: "low", Response: "notify"}}
	kept := drifted
	kept.Resources = drifted.Resources[1:2]
	undeclared, rated := inSync, inSync
	undeclared.Resources = []events.DriftedResource{{LogicalID: "Gate", Status: "IN_SYNC", Undeclared: drifted.Resources[0].Undeclared}}
	rated.Resources = []events.DriftedResource{{LogicalID: "Gate", Status: "IN_SYNC", Undeclared: drifted.Resources[0].Undeclared, Severity: "high", Response: "open"}}
	late := drifted
	late.Resources = nil
	parent := late // what drifted is in the scan of its nested stack
	parent.Nested = []events.NestedStack{{LogicalID: "Inner", Status: "DRIFTED"}}
	half := late // only what is unknown is nested: its own differences are missing
	half.Nested = []events.NestedStack{{LogicalID: "Inner", Status: "UNKNOWN"}}
	tests := []struct {
		name  string
		scan  events.DriftScanned
		fails string // the levels that fail, in order
	}{
		{"drifted", drifted, "any low medium high critical"},
		{"mild", mild, "any low"},
		{"kept", kept, ""},
		{"differences are missing", late, "any low medium high critical"},
		{"a nested stack drifted", parent, ""},
		{"a nested stack is unknown, and differences are missing", half, "any low medium high critical"},
		{"undeclared only", undeclared, ""},
		{"undeclared and rated", rated, "any low medium high"},
		{"unknown", unknown, "any"},
		{"in sync", inSync, ""},
	}
	for _, tt := range tests {
		var fails []string
		for _, level := range report.FailOns() {
			if report.Fails(tt.scan, level) {
				fails = append(fails, level)
			}
		}
		if got := strings.Join(fails, " "); got != tt.fails {
			t.Errorf("%s fails with %q, want %q", tt.name, got, tt.fails)
		}
	}
}
