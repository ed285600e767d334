package report

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// maxMarkdown is how many characters are written: a comment on GitHub takes
// 65,536.
const maxMarkdown = 60000

var emblem = map[validation.Severity]string{validation.Error: "🔴 error", validation.Warning: "🟡 warning", validation.Info: "🔵 note"}

// markdown writes a heading, the counts and a table a file.
func (r *Report) markdown(p *printer) {
	title := "### ✅ Templates are valid"
	switch {
	case r.Errors > 0:
		title = "### ❌ Templates have errors"
	case r.Warnings > 0:
		title = "### ⚠️ Templates have warnings"
	}
	p.printf("%s\n\n%s.\n", title, r.Summary())
	file, left, shown := "", maxMarkdown, 0
	for _, f := range r.Findings {
		var b strings.Builder
		if f.File != file {
			fmt.Fprintf(&b, "\n#### `%s`\n\n| | Rule | Line | Finding |\n|---|---|---|---|\n", strings.ReplaceAll(printable(f.File), "`", "'"))
			file = f.File
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", emblem[f.Severity], r.ruleLink(f), r.lineLink(f), cell(message(f)))
		if left -= b.Len(); left < 0 {
			p.printf("\n%s more are not shown.\n", count(len(r.Findings)-shown, "finding"))
			break
		}
		p.printf("%s", b.String())
		shown++
	}
	if r.ShowSuppressed && len(r.Suppressed) > 0 && left > 0 {
		r.suppressedMarkdown(p, left)
	}
}

func (r *Report) suppressedMarkdown(p *printer, left int) {
	p.printf("\n<details><summary>%s suppressed</summary>\n\n| Rule | Where | Finding | Why |\n|---|---|---|---|\n", count(len(r.Suppressed), "finding"))
	for _, f := range r.Suppressed {
		row := fmt.Sprintf("| %s | %s:%d | %s | %s |\n", r.ruleLink(f), cell(f.File), f.Line, cell(message(f)), cell(why(f.Suppression)))
		if left -= len(row); left < 0 {
			break
		}
		p.printf("%s", row)
	}
	p.printf("\n</details>\n")
}

func (r *Report) ruleLink(f validation.Finding) string {
	if link := r.rule(f).Link; link != "" {
		return "[" + f.Rule + "](" + target(link) + ")"
	}
	return cell(f.Rule)
}

func (r *Report) lineLink(f validation.Finding) string {
	if r.Link != nil {
		if link := r.Link(f.File, f.Line); link != "" {
			return fmt.Sprintf("[%d](%s)", f.Line, target(link))
		}
	}
	return fmt.Sprint(f.Line)
}

// target escapes an address for a link.
func target(link string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "|", "%7C").Replace(link)
}

// cell escapes text for a cell of a table: what would end the cell, begin
// markup or mention somebody stands for itself.
func cell(text string) string {
	return strings.NewReplacer(
		`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "@", "@\u200b", "#", "#\u200b",
	).Replace(printable(text))
}
