package review_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/risk"
)

func planned(stack string, rows int, text string) review.StackReview {
	d := &deployment.Document{Target: target(stack), Risk: deployment.RiskDangerous, Reasons: []risk.Reason{{Level: risk.Dangerous, Code: "replace-stateful", LogicalID: "Table0", Text: "Table is replaced " + text}}, Digest: strings.Repeat("a", 64)}
	for i := range rows {
		d.Rows = append(d.Rows, deployment.Row{
			Action: "Modify", LogicalID: fmt.Sprintf("Table%d", i), PhysicalID: "table-" + text, Type: "AWS::DynamoDB::Table", Replacement: "True",
			Properties: []deployment.Property{{Path: "/Properties/Name", Before: "old" + text, After: "new" + text, Recreation: "Always"}},
		})
	}
	return review.StackReview{Target: target(stack), State: review.StackPlanned, Document: d}
}

func report(stacks ...review.StackReview) review.Report {
	return review.Report{
		PullRequest: events.PullRequest{Repository: "acme/shop", Number: 7, Head: head, Base: "main"}, ReviewID: "pr-7-1f0c9a7b-000000",
		State: events.ReviewPassed, Reason: "1 change of 1 stack in 1 stage, risk dangerous", Stacks: stacks,
	}
}

func TestCompose(t *testing.T) {
	out := review.Compose(report(planned("network", 1, ""), review.StackReview{Target: target("data"), State: review.StackUnchanged}))
	if out.Status != (review.Status{State: review.StatusSuccess, Context: "evenkeel/plan", Description: "1 change of 1 stack in 1 stage, risk dangerous"}) {
		t.Errorf("%+v", out.Status)
	}
	for _, want := range []string{
		review.Marker, "### ✅ Evenkeel: 1 change of 1 stack in 1 stage, risk dangerous", "| `test` | `network` | planned | **dangerous** | 0 to add, 0 to modify, 1 to replace, 0 to remove |",
		"| `test` | `data` | no changes |  |  |", "<details><summary>test / network: ", "- /Properties/Name: old", "+ /Properties/Name: new", "Table is replaced",
	} {
		if !strings.Contains(out.Comment, want) {
			t.Errorf("%q is not in\n%s", want, out.Comment)
		}
	}
}

// A public repository's comment is read by everybody: it tells what changes,
// and neither values nor accounts.
func TestPublic(t *testing.T) {
	r := report(planned("network", 1, "-secret"), review.StackReview{Target: target("data"), State: review.StackRefused, Note: "role arn:aws:iam::222222222222:role/x-secret"})
	r.PullRequest.Public = true
	r.Remaining = []string{"the change set x of y in 222222222222"}
	out := review.Compose(r)
	if strings.Contains(out.Comment, "-secret") || strings.Contains(out.Comment, "222222222222") || !strings.Contains(out.Comment, "/Properties/Name changes") {
		t.Errorf("%s", out.Comment)
	}
	r.State, r.Reason = events.ReviewFailed, "role arn:aws:iam::222222222222:role/x-secret"
	if out = review.Compose(r); strings.Contains(out.Comment+out.Status.Description, "-secret") {
		t.Errorf("%+v", out)
	}
	if r.Stacks[0].Document.Rows[0].Properties[0].Before == "" {
		t.Error("the report itself was changed")
	}
}

// However much there is, the comment fits, is closed, and says what is missing.
func TestBounds(t *testing.T) {
	var many []review.StackReview
	for i := range 300 {
		many = append(many, planned(fmt.Sprintf("stack-%d", i), 20, strings.Repeat("é", 50)))
	}
	for name, r := range map[string]review.Report{
		"one large plan": report(planned("network", 5000, strings.Repeat("x", 100))),
		"many plans":     report(many...),
		"long notes":     report(review.StackReview{Target: target("data"), State: review.StackFailed, Note: strings.Repeat("é|", 10_000)}),
	} {
		t.Run(name, func(t *testing.T) {
			r.Reason = strings.Repeat("é", 5000)
			for range 50 {
				r.Validated.Findings = append(r.Validated.Findings, events.Finding{File: strings.Repeat("f", 500), Rule: "E1", Severity: "error", Message: strings.Repeat("<", 500)})
			}
			r.Validated.Errors = 200
			out := review.Compose(r)
			if len(out.Comment) > review.MaxComment || utf8.RuneCountInString(out.Status.Description) > review.MaxDescription {
				t.Errorf("%d bytes, description of %d", len(out.Comment), utf8.RuneCountInString(out.Status.Description))
			}
			if strings.Count(out.Comment, "<details>") != strings.Count(out.Comment, "</details>") || strings.Count(out.Comment, "```")%2 != 0 || !strings.Contains(out.Comment, "more") || !strings.HasSuffix(out.Comment, "</sub>\n") {
				t.Errorf("not closed: …%s", out.Comment[len(out.Comment)-300:])
			}
		})
	}
}

var (
	fence   = regexp.MustCompile("^(`{3,})text$")
	mention = regexp.MustCompile(`(^|[^\w` + "`" + `])@\w`)
)

// Texts of strangers stand for themselves: whatever they hold, outside of code
// there is no mention, no reference, no HTML but ours, and no second marker, and
// a code block ends where we end it.
func FuzzCompose(f *testing.F) {
	for _, text := range []string{"@dana", "</details><script>", "```\n@dana\n```", "| a | b |", "[x](https://evil.example)", "#1 GH-1", "<!-- evenkeel:review -->", "\u202egnp", "`@x`", "``` ```` @y", "\r\n\r\n# big"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := report(planned("network", 2, text), review.StackReview{Target: events.Target{Stage: text, Stack: text}, State: review.StackFailed, Note: text})
		r.Reason, r.Remaining = text, []string{text}
		r.Validated.Findings = []events.Finding{{File: text, Rule: text, Severity: "error", Message: text}}
		out := review.Compose(r)
		if len(out.Comment) > review.MaxComment || !strings.HasPrefix(out.Comment, review.Marker+"\n") {
			t.Fatalf("%d bytes: %.100s", len(out.Comment), out.Comment)
		}
		// What stands between code tags of ours has no tag of its own.
		outside := regexp.MustCompile(`<code>[^<]*</code>`).ReplaceAllString(codeSpans(withoutBlocks(t, out.Comment)), "")
		if found := mention.FindString(outside); found != "" {
			t.Fatalf("mentions %q in\n%s", found, outside)
		}
		for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(outside, -1) {
			switch tag {
			case review.Marker, "<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>":
			default:
				t.Fatalf("HTML %q in\n%s", tag, outside)
			}
		}
	})
}

// withoutBlocks leaves out fenced code blocks. A block ends with the first line
// of at least as many backticks, which must be our own.
func withoutBlocks(t *testing.T, text string) string {
	var out []string
	open := ""
	for _, line := range strings.Split(text, "\n") {
		switch match := fence.FindStringSubmatch(line); {
		case open == "" && match != nil:
			open = match[1]
		case open == "":
			out = append(out, line)
		case strings.HasPrefix(strings.TrimLeft(line, " "), open) && strings.Trim(line, " `") == "":
			if line != open {
				t.Fatalf("a block that begins with %s ends with %q", open, line)
			}
			open = ""
		}
	}
	if open != "" {
		t.Fatalf("a block is open at the end of\n%s", text)
	}
	return strings.Join(out, "\n")
}

// codeSpans leaves out what stands between equal rows of backticks that are not
// escaped.
func codeSpans(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '\\' && i+1 < len(text) {
			b.WriteString(text[i : i+2])
			i += 2
			continue
		}
		row := 0
		for i+row < len(text) && text[i+row] == '`' {
			row++
		}
		if row == 0 {
			b.WriteByte(text[i])
			i++
			continue
		}
		end := closing(text, i+row, row)
		if end < 0 {
			b.WriteString(text[i : i+row])
			end = i + row
		}
		i = end
	}
	return b.String()
}

func closing(text string, from, row int) int {
	for i := from; i < len(text); {
		n := 0
		for i+n < len(text) && text[i+n] == '`' {
			n++
		}
		if n == row {
			return i + n
		}
		i += max(n, 1)
	}
	return -1
}
