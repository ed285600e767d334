package deployment

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/risk"
)

var update = flag.Bool("update", false, "write the golden files of rendered plans")

// shop is a plan with a row of every kind.
func shop(t *testing.T) Document {
	t.Helper()
	const child = "arn:aws:cloudformation:eu-west-1:333333333333:changeSet/nested/1"
	set := ChangeSet{
		ID: "arn:aws:cloudformation:eu-west-1:333333333333:changeSet/evenkeel-1-prod/1", StackID: "arn:aws:cloudformation:eu-west-1:333333333333:stack/shop-data-prod/1",
		Changes: []Change{
			{Action: "Add", LogicalID: "Topic", Type: "AWS::SNS::Topic", After: `{"Properties":{"KmsMasterKeyId":"{{changeSet:KNOWN_AFTER_APPLY}}","TopicName":"orders"}}`},
			{Action: "Modify", LogicalID: "Orders", PhysicalID: "orders", Type: "AWS::DynamoDB::Table", Replacement: "True", PolicyAction: "ReplaceAndDelete", Details: []Detail{
				{Attribute: "Properties", Name: "TableName", Path: "/Properties/TableName", Before: "orders", After: "orders-2", Recreation: "Always", Evaluation: "Static", Source: "DirectModification"},
				{Attribute: "Tags", Path: "/Properties/Tags/0/Value", Before: "1", After: "2", Recreation: "Never", Source: "ParameterReference", Cause: "Release"}}},
			{Action: "Modify", LogicalID: "Queue", Type: "AWS::SQS::Queue", Replacement: "False", Drift: "MODIFIED", Details: []Detail{
				{Attribute: "Properties", Path: "/Properties/DelaySeconds", Before: "5", Recreation: "Never"},
				{Attribute: "Properties", Path: "/Properties/VisibilityTimeout", Before: "7", After: "60", Deployed: "30", BeforeFrom: "ACTUAL_STATE", Recreation: "Never"}}},
			{Action: "Remove", LogicalID: "Old", Type: "AWS::SSM::Parameter", PolicyAction: "Delete", Before: `{"Properties":{"Value":"a\nb"}}`},
			{Action: "Modify", LogicalID: "Data", Type: "AWS::CloudFormation::Stack", Replacement: "False", Nested: child},
		},
		Nested: map[string]ChangeSet{child: {ID: child, Status: "CREATE_COMPLETE", Changes: []Change{
			{Action: "Modify", LogicalID: "Db", Type: "AWS::RDS::DBInstance", Replacement: "True", PolicyAction: "ReplaceAndSnapshot", Details: []Detail{
				{Attribute: "Properties", Path: "/Properties/DBSubnetGroupName", Before: "a", After: "{{changeSet:KNOWN_AFTER_APPLY}}", Recreation: "Always", Evaluation: "Dynamic", Source: "ResourceReference", Cause: "Subnets"}}},
		}}},
	}
	schemas := risk.Published("eu-west-1")
	rated := risk.Assess(set, risk.Templates{}, schemas, risk.Policy{})
	return Document{
		Run:    events.Run{RunID: "4f2a91c0-7d3e1b", Repository: "acme/shop", Branch: "main", Commit: strings.Repeat("a", 40), Actor: "ann"},
		Target: events.Target{Stage: "prod", Stack: "data", StackName: "shop-data-prod", Account: "333333333333", Region: "eu-west-1"}, ChangeSetID: set.ID,
		Digest: "0123456789abcdef0123456789abcdef", Risk: rated.Level, Reasons: rated.Reasons, Gate: GateApproval,
		Planned: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Rows: rows(set, schemas),
	}
}

// TestPlanGolden holds the three forms of a plan: go test ./shared/deployment -run Golden -update
func TestPlanGolden(t *testing.T) {
	plan := shop(t)
	data, err := json.MarshalIndent(plan, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for file, got := range map[string]string{
		"plan.txt": plan.Text(), "plan.ansi.txt": plan.ColorText(), "plan.md": plan.Markdown(MaxMarkdown), "plan.json": string(data) + "\n",
	} {
		if *update {
			if err := os.WriteFile("testdata/"+file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

func TestEmptyPlan(t *testing.T) {
	plan := Document{Empty: true, Target: events.Target{StackName: "shop"}}
	for _, got := range []string{plan.Text(), plan.Markdown(MaxMarkdown)} {
		if !strings.Contains(got, "nothing changes") || strings.Contains(got, "risk") {
			t.Errorf("%s", got)
		}
	}
}

// hostile are texts that a template may hold to get out of where they stand.
var hostile = []string{
	"</summary></details><script>alert(1)</script>", "```\n@everyone look\n```", "` @octocat `", "a | b | c", "line one\nline two\r\n- item", "[click](https://evil.example)",
	"![](https://evil.example/x.png)", "<!-- -->", "&lt;b&gt;", "\x1b[31mred\x1b[0m", "\u202egnirts", "``````````", "# title", "~~~", "@org/team", "\u2028", "$(x)", "-->",
}

// TestHostileTextStaysText: nothing that comes from a template is more than
// text, wherever it is shown.
func TestHostileTextStaysText(t *testing.T) {
	for _, text := range hostile {
		plan := Document{
			Target: events.Target{StackName: text, Stack: text, Stage: text, Region: text}, Risk: RiskReview, Digest: text,
			Reasons: []risk.Reason{{Level: RiskReview, Code: "delete", Text: text}},
			Rows: []Row{{Action: text, LogicalID: text, Type: text, PolicyAction: text, Drift: text, Replacement: "True", Why: text,
				Properties: []Property{{Path: text, Before: text, After: text, Deployed: "x" + text, Cause: text}}}},
		}
		checkMarkdown(t, plan.Markdown(MaxMarkdown))
		if out := plan.Text(); strings.ContainsAny(out, "\x1b\r\u202e\u2028") {
			t.Errorf("%q reaches the terminal: %q", text, out)
		}
	}
}

// checkMarkdown reads Markdown line by line as GitHub does: outside of fences
// and code nothing may be left of what a template holds.
func checkMarkdown(t *testing.T, text string) {
	t.Helper()
	fence, open := "", 0
	for line := range strings.SplitSeq(text, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "":
			if len(ticks) >= len(fence) {
				if line != fence {
					t.Errorf("the fence ends in %q", line)
				}
				fence = ""
			}
			continue
		case strings.HasSuffix(line, "diff") && len(ticks) >= 3:
			fence = ticks
			continue
		case strings.HasPrefix(line, "<details>"):
			open++
			rest := codeElement.ReplaceAllString(line, "")
			if strings.NewReplacer("&nbsp;", "", " ", "").Replace(rest) != "<details><summary></summary>" {
				t.Errorf("the summary holds more than its own tags: %q", line)
			}
			continue
		case line == "</details>":
			open--
			continue
		}
		if outside := withoutCode(line); strings.ContainsAny(outside, "<>@[]!|#&\\$\x1b\u202e\u2028\r`") {
			t.Errorf("outside of code: %q in %q", outside, line)
		}
	}
	if fence != "" || open != 0 {
		t.Errorf("not closed: fence %q, %d details", fence, open)
	}
}

var codeElement = regexp.MustCompile(`<code>[^<>]*</code>`)

// withoutCode takes the code spans out of a line.
func withoutCode(line string) string {
	var b strings.Builder
	for {
		start := strings.IndexByte(line, '`')
		if start < 0 {
			return b.String() + line
		}
		b.WriteString(line[:start])
		rest := strings.TrimLeft(line[start:], "`")
		ticks := line[start : len(line)-len(rest)]
		end := -1
		for i := 0; i < len(rest); {
			run := len(rest[i:]) - len(strings.TrimLeft(rest[i:], "`"))
			if run == len(ticks) {
				end = i
				break
			}
			i += max(run, 1)
		}
		if end < 0 {
			return b.String() + line[start:]
		}
		line = rest[end+len(ticks):]
	}
}

func TestMarkdownIsBounded(t *testing.T) {
	plan := Document{Target: events.Target{StackName: "shop"}, Risk: RiskDangerous}
	for range 2000 {
		plan.Reasons = append(plan.Reasons, risk.Reason{Level: RiskReview, Text: strings.Repeat("ü", 500)})
		plan.Rows = append(plan.Rows, Row{Action: "Modify", LogicalID: "R", Type: "T", Properties: []Property{{Path: "/P", Before: strings.Repeat("`", 5000), After: strings.Repeat("<", 5000)}}})
	}
	for _, limit := range []int{0, 2000, 20_000, MaxMarkdown} {
		got := plan.Markdown(limit)
		checkMarkdown(t, got)
		if n := len(got); n > max(limit, 2*markdownTail) || !utf8.ValidString(got) {
			t.Errorf("limit %d: %d bytes", limit, n)
		}
		if !strings.Contains(got, "more resources") || !strings.Contains(got, "more reasons") {
			t.Errorf("limit %d: what was left out is not said", limit)
		}
	}
}

// FuzzMarkdown: no text gets out of where it stands.
func FuzzMarkdown(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		checkMarkdown(t, Document{
			Target: events.Target{StackName: text}, Risk: RiskReview, Reasons: []risk.Reason{{Text: text}},
			Rows: []Row{{LogicalID: text, Type: text, Why: text, Properties: []Property{{Path: text, Before: text, After: text, Cause: text}}}},
		}.Markdown(MaxMarkdown))
	})
}
