package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func TestOpen(t *testing.T) {
	office := pipeline.Window{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "17:00", Timezone: "Europe/Zurich"}
	night := pipeline.Window{Days: []string{"fri"}, From: "22:00", To: "04:00"}
	christmas := pipeline.Freeze{From: "2026-12-20", To: "2027-01-03", Reason: "holidays", Timezone: "Europe/Zurich"}
	tests := []struct {
		name    string
		windows []pipeline.Window
		freezes []pipeline.Freeze
		now     string
		until   string // "" for open, "never" for none
		reason  string
	}{
		{"no windows", nil, nil, "2026-11-28T03:00:00Z", "", ""},
		{"inside", []pipeline.Window{office}, nil, "2026-11-27T08:00:00Z", "", ""},
		{"a minute early", []pipeline.Window{office}, nil, "2026-11-27T07:59:00Z", "2026-11-27T08:00:00Z", "outside of its windows (mon, tue, wed, thu, fri 09:00–17:00 Europe/Zurich); it opens at 2026-11-27T08:00:00Z"},
		{"the end does not count", []pipeline.Window{office}, nil, "2026-11-27T16:00:00Z", "2026-11-30T08:00:00Z", ""},
		{"summer time", []pipeline.Window{office}, nil, "2026-07-01T06:59:59Z", "2026-07-01T07:00:00Z", ""},
		{"over the change of the clock", []pipeline.Window{office}, nil, "2026-10-24T12:00:00Z", "2026-10-26T08:00:00Z", ""},
		{"past midnight", []pipeline.Window{night}, nil, "2026-11-28T03:59:00Z", "", ""},
		{"past the night", []pipeline.Window{night}, nil, "2026-11-28T04:00:00Z", "2026-12-04T22:00:00Z", ""},
		{"the earlier of two", []pipeline.Window{night, office}, nil, "2026-11-29T12:00:00Z", "2026-11-30T08:00:00Z", ""},
		{"all day", []pipeline.Window{{Days: []string{"sat"}, From: "00:00", To: "24:00"}}, nil, "2026-11-28T23:59:59Z", "", ""},
		{"frozen", nil, []pipeline.Freeze{christmas}, "2026-12-24T12:00:00Z", "2027-01-03T23:00:00Z", "frozen from 2026-12-20 to 2027-01-03: holidays; it opens at"},
		{"before the freeze", nil, []pipeline.Freeze{christmas}, "2026-12-19T22:59:59Z", "", ""},
		{"the freeze ends outside of a window", []pipeline.Window{office}, []pipeline.Freeze{christmas}, "2026-12-24T12:00:00Z", "2027-01-04T08:00:00Z", "frozen"},
		{"the window opens into a freeze", []pipeline.Window{office}, []pipeline.Freeze{christmas}, "2026-12-19T12:00:00Z", "2027-01-04T08:00:00Z", "outside"},
		{"a freeze by the minute", nil, []pipeline.Freeze{{From: "2026-12-24T12:00:00Z", To: "2026-12-24T13:00:00+01:00"}}, "2026-12-24T12:00:00Z", "", ""},
		{"frozen for long", nil, []pipeline.Freeze{{From: "2026-01-01", To: "2031-01-01"}}, "2026-12-24T12:00:00Z", "never", "it does not open within a year"},
		{"one freeze after the other", nil, []pipeline.Freeze{christmas, {From: "2027-01-04", To: "2027-01-05", Timezone: "Europe/Zurich"}}, "2026-12-24T12:00:00Z", "2027-01-05T23:00:00Z", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			got := pipeline.Open(pipeline.Stage{Windows: tt.windows, Freezes: tt.freezes}, now)
			until := ""
			if got.Until != nil {
				until = got.Until.Format(time.RFC3339)
			} else if !got.Now {
				until = "never"
			}
			if until != tt.until || got.Now != (tt.until == "") || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("open %v, until %s: %s; want %s: %s", got.Now, until, got.Reason, tt.until, tt.reason)
			}
			if got.Until != nil && !pipeline.Open(pipeline.Stage{Windows: tt.windows, Freezes: tt.freezes}, *got.Until).Now {
				t.Error("it is closed when it should open")
			}
		})
	}
}

const staged = `version: 1
stacks: {a: {template: t.yaml}}
stages:
  - {name: test, branch: main, account: "222222222222", region: us-east-1, approval: never}
`

func decodeStage(t *testing.T, old, replacement string) (*pipeline.Pipeline, error) {
	t.Helper()
	text := strings.Replace(staged, old, replacement, 1)
	if text == staged {
		t.Fatalf("the case changes nothing: %s", old)
	}
	return pipeline.Decode("evenkeel.yaml", []byte(text), func(string) bool { return true })
}

func TestStageKeys(t *testing.T) {
	p, err := decodeStage(t, "approval: never", `approval: never, role: "arn:aws:iam::222222222222:role/evenkeel-deploy-shop",
     windows: [{days: [mon, fri], from: "09:00", to: "24:00", timezone: Europe/Zurich}], freezes: [{from: 2026-12-20, to: 2027-01-03T06:00:00Z, reason: holidays}]`)
	if err != nil {
		t.Fatal(err)
	}
	stage := p.For("main")[0]
	if stage.Role != "evenkeel-deploy-shop" || len(stage.Windows) != 1 || stage.Windows[0].Days[1] != "fri" || stage.Windows[0].Timezone != "Europe/Zurich" ||
		len(stage.Freezes) != 1 || stage.Freezes[0].To != "2027-01-03T06:00:00Z" || stage.Freezes[0].Reason != "holidays" {
		t.Errorf("%+v", stage)
	}
}

func TestBadStageKeys(t *testing.T) {
	tests := []struct{ name, add, want string }{
		{"a role of another account", `role: "arn:aws:iam::333333333333:role/evenkeel-deploy-x"`, `4:99: role "arn:aws:iam::333333333333:role/evenkeel-deploy-x" is not a role of the stage's account 222222222222`},
		{"any role", "role: admin", `role "admin" is not the name or the ARN of a role without a path, whose name begins with evenkeel-deploy-`},
		{"the suite's own", "role: evenkeel-deploy", "is not the name"},
		{"a role with a path", `role: "arn:aws:iam::222222222222:role/x/evenkeel-deploy-y"`, "is not the name"},
		{"windows", "windows: x", `windows must be a list, not "x"`},
		{"an unknown key of a window", `windows: [{days: [mon], from: "09:00", to: "17:00", zone: UTC}]`, `4:145: unknown key "zone" in the window; allowed are days, from, to, timezone`},
		{"no days", `windows: [{days: [], from: "09:00", to: "17:00"}]`, "days names no day"},
		{"a long day", `windows: [{days: [monday], from: "09:00", to: "17:00"}]`, `the day "monday" is not one of sun, mon`},
		{"no end", `windows: [{days: [mon], from: "09:00"}]`, `the window lacks the key "to"`},
		{"a time without colon", `windows: [{days: [mon], from: 9, to: "17:00"}]`, `from "9" is not a time of day, such as "09:00"`},
		{"a zone that is none", `windows: [{days: [mon], from: "09:00", to: "17:00", timezone: Mars/Olympus}]`, `timezone "Mars/Olympus" is not the name of a time zone`},
		{"the zone of the machine", `windows: [{days: [mon], from: "09:00", to: "17:00", timezone: Local}]`, "is not the name of a time zone"},
		{"a freeze that ends first", "freezes: [{from: 2027-01-03, to: 2026-12-20}]", "the freeze ends before it begins: from 2027-01-03 to 2026-12-20"},
		{"no day", "freezes: [{from: Christmas, to: 2026-12-20}]", `from "Christmas" is not a day, such as 2026-12-20`},
		{"too many", "freezes: [" + strings.Repeat("{from: 2027-01-03, to: 2027-01-03}, ", 51) + "]", "there are 51 freezes; the limit is 50"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := decodeStage(t, "approval: never", "approval: never, "+tt.add); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestBranchGlobs(t *testing.T) {
	for glob, cases := range map[string]map[string]bool{
		"main":      {"main": true, "maine": false},
		"release/*": {"release/1.2": true, "release/1/2": false, "release": false},
		"v?":        {"v1": true, "v10": false},
		"[ab]":      {"a": true, "c": false, "[ab]": false},
	} {
		p, err := decodeStage(t, "branch: main,", `branch: "`+glob+`",`)
		if glob == "main" {
			p, err = pipeline.Decode("evenkeel.yaml", []byte(staged), func(string) bool { return true })
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Every()) != 1 {
			t.Errorf("%s: every stage is %d stages", glob, len(p.Every()))
		}
		for branch, want := range cases {
			if got := len(p.For(branch)) == 1; got != want {
				t.Errorf("%s follows %s: %v", glob, branch, got)
			}
		}
	}
	if _, err := decodeStage(t, "branch: main,", `branch: "release/[a",`); err == nil || !strings.Contains(err.Error(), "is not a glob") {
		t.Errorf("an open bracket: %v", err)
	}
}

// TestLimitsCountGlobs: what one branch may follow counts together, whichever
// globs match it.
func TestLimitsCountGlobs(t *testing.T) {
	var text strings.Builder
	text.WriteString("version: 1\nstacks:\n")
	text.WriteString(repeat(160, func(i int) string {
		return "  s" + strings.Repeat("x", i%28) + string(rune('a'+i/28)) + ": {template: t}\n"
	}))
	text.WriteString("stages:\n" + stage("a") + strings.Replace(stage("b"), "branch: main", `branch: "m*"`, 1))
	_, err := pipeline.Decode("evenkeel.yaml", []byte(text.String()), func(string) bool { return true })
	if err == nil || strings.Count(err.Error(), "more than 300 stacks together") != 1 {
		t.Errorf("got %v", err)
	}
}
