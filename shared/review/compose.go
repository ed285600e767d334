package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
)

// StatusContext is the context of a review's commit status, RunContext that of
// a run's.
const (
	StatusContext = "evenkeel/plan"
	RunContext    = "evenkeel"
)

// Marker is in every comment of a review, so that the next one changes it.
const Marker = "<!-- evenkeel:review -->"

// The limits of GitHub.
// Source: GitHub REST API, "Create a commit status" (description); a comment
// of more than 65,536 characters is refused with "Body is too long".
const (
	MaxDescription = 140
	MaxComment     = 65_536
)

// Of the comment, in bytes: whatever a character is, there are fewer of them.
const (
	maxBytes    = 65_000
	maxTable    = 24_000
	maxFindings = 16_000
	maxNote     = 400 // characters
)

// Report is a review as it is published.
type Report struct {
	PullRequest events.PullRequest
	ReviewID    string
	State       string // one of the Review constants of events
	Reason      string
	Validated   events.Validated
	Stacks      []StackReview
	Remaining   []string
}

// Publication is what goes to the provider.
type Publication struct {
	Status  Status
	Comment string
}

// Compose writes a report down. What strangers wrote stands for itself and does
// nothing. In a public repository values and account numbers are left out.
func Compose(r Report) Publication {
	if r.PullRequest.Public {
		r = withoutValues(r)
	}
	state := map[string]string{events.ReviewPassed: StatusSuccess, events.ReviewRejected: StatusFailure}[r.State]
	if state == "" {
		state = StatusError
	}
	return Publication{
		Status:  Status{State: state, Context: StatusContext, Description: clip(visible(r.Reason), MaxDescription)},
		Comment: r.comment(),
	}
}

var emblems = map[string]string{events.ReviewPassed: "✅", events.ReviewRejected: "❌"}

func (r Report) comment() string {
	var b strings.Builder
	emblem := emblems[r.State]
	if emblem == "" {
		emblem = "⚠️"
	}
	fmt.Fprintf(&b, "%s\n### %s Evenkeel: %s\n\n", Marker, emblem, inline(r.Reason, 600))
	fmt.Fprintf(&b, "What %s would deploy when it is merged into %s. Nothing was executed.\n", code(r.PullRequest.Head[:min(8, len(r.PullRequest.Head))]), code(r.PullRequest.Base))
	if r.PullRequest.Fork {
		b.WriteString("\nA pull request from a fork is validated and not planned: a plan reads the accounts that it is for. " +
			"To see one, push the commits to a branch of this repository after you have read them.\n")
	}
	r.table(&b)
	r.findings(&b)
	r.remaining(&b)
	foot := "\n<sub>review " + code(r.ReviewID) + ", Evenkeel</sub>\n"
	r.plans(&b, maxBytes-len(foot))
	b.WriteString(foot)
	return b.String()
}

// titles name what became of a stack.
var titles = map[string]string{
	StackPlanned: "planned", StackUnchanged: "no changes", StackRefused: "**refused**", StackNotPlanned: "not planned", StackFailed: "**failed**",
}

func (r Report) table(b *strings.Builder) {
	if len(r.Stacks) == 0 {
		return
	}
	b.WriteString("\n| Stage | Stack | Plan | Risk | Changes |\n|---|---|---|---|---|\n")
	left := maxTable
	for i, s := range r.Stacks {
		risk, changes := "", inline(s.Note, maxNote)
		if s.State == StackPlanned && s.Document != nil {
			risk, changes = inline(s.Document.Risk, 20), s.Document.Counts()
			if s.Document.Risk != deployment.RiskSafe {
				risk = "**" + risk + "**"
			}
		}
		row := fmt.Sprintf("| %s | %s | %s | %s | %s |\n", code(s.Target.Stage), code(s.Target.Stack), titles[s.State], risk, changes)
		if left -= len(row); left < 0 {
			fmt.Fprintf(b, "\n%d more stacks are not listed.\n", len(r.Stacks)-i)
			return
		}
		b.WriteString(row)
	}
}

var severities = map[string]string{"error": "🔴 error", "warning": "🟡 warning", "info": "🔵 note"}

func (r Report) findings(b *strings.Builder) {
	v := r.Validated
	total := max(v.Errors+v.Warnings, len(v.Findings))
	if len(v.Findings) == 0 {
		return
	}
	fmt.Fprintf(b, "\n#### Findings\n\n%s, %s in %s.\n\n| | Rule | Where | Finding |\n|---|---|---|---|\n",
		count(v.Errors, "error"), count(v.Warnings, "warning"), count(v.Files, "template"))
	left := maxFindings
	for i, f := range v.Findings {
		row := fmt.Sprintf("| %s | %s | %s | %s |\n", severities[f.Severity], inline(f.Rule, 40), code(fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)), inline(f.Message, maxNote))
		if left -= len(row); left < 0 {
			total = max(total, len(v.Findings))
			fmt.Fprintf(b, "\n%s more not listed.\n", count(total-i, "finding"))
			return
		}
		b.WriteString(row)
	}
	if total > len(v.Findings) {
		fmt.Fprintf(b, "\n%s more not listed.\n", count(total-len(v.Findings), "finding"))
	}
}

func (r Report) remaining(b *strings.Builder) {
	if len(r.Remaining) == 0 {
		return
	}
	b.WriteString("\nLeft behind, to be deleted by hand:\n\n")
	for _, what := range r.Remaining[:min(len(r.Remaining), 10)] {
		fmt.Fprintf(b, "- %s\n", inline(what, maxNote))
	}
}

// plans writes the plan of each stack as long as there is room.
func (r Report) plans(b *strings.Builder, limit int) {
	planned := slices.DeleteFunc(slices.Clone(r.Stacks), func(s StackReview) bool { return s.Document == nil || s.State != StackPlanned })
	for i, s := range planned {
		const (
			tail    = "\n</details>\n"
			reserve = 120   // for the sentence that more is left out
			least   = 1_200 // a plan that is shorter says nothing
		)
		head := fmt.Sprintf("\n<details><summary>%s / %s: %s</summary>\n\n", inline(s.Target.Stage, 60), inline(s.Target.Stack, 60), s.Document.Counts())
		room := limit - b.Len() - len(head) - len(tail) - reserve
		if room < least {
			fmt.Fprintf(b, "\n%s more not shown: there is no room for more in a comment.\n", count(len(planned)-i, "plan"))
			return
		}
		b.WriteString(head + s.Document.Markdown(room) + tail)
	}
}

// withoutValues leaves out what a stranger need not know.
func withoutValues(r Report) Report {
	if r.State == events.ReviewFailed {
		r.Reason = "It could not be reviewed; see evenkeel reviews show" // the reason names accounts and roles
	}
	r.Stacks = slices.Clone(r.Stacks)
	for i, s := range r.Stacks {
		s.Target.Account = "hidden"
		if s.State == StackRefused || s.State == StackFailed || s.State == StackNotPlanned {
			s.Note = "see `evenkeel reviews show`"
		}
		if s.Document != nil {
			d := *s.Document
			d.Target.Account = "hidden"
			d.Rows = rowsWithoutValues(d.Rows)
			d.Reasons = slices.Clone(d.Reasons)
			for j, reason := range d.Reasons {
				d.Reasons[j].Text = strings.TrimSpace(reason.LogicalID + " " + reason.Code) // the sentence quotes values
			}
			s.Document = &d
		}
		r.Stacks[i] = s
	}
	if len(r.Remaining) > 0 {
		r.Remaining = []string{fmt.Sprintf("%s; see evenkeel reviews show", count(len(r.Remaining), "change set"))}
	}
	return r
}

func rowsWithoutValues(rows []deployment.Row) []deployment.Row {
	rows = slices.Clone(rows)
	for i, row := range rows {
		rows[i].PhysicalID = ""
		rows[i].Properties = slices.Clone(row.Properties)
		for k := range row.Properties {
			rows[i].Properties[k].Before, rows[i].Properties[k].After, rows[i].Properties[k].Deployed = "", "", ""
		}
		rows[i].Nested = rowsWithoutValues(row.Nested)
	}
	return rows
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
