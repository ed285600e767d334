package deployment

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/risk"
)

// MaxMarkdown is the most characters of a comment on a pull request.
// Source: GitHub answers a longer one with "body is too long (maximum is 65536
// characters)".
const MaxMarkdown = 65_536

// What Markdown keeps free for its last lines, and the most reasons it lists.
const (
	markdownTail    = 400
	markdownReasons = 50
	markdownRow     = 8_000 // bytes of one resource
)

// marks are the sign of each level in front of a summary.
var marks = map[string]string{risk.Safe: "🟢", risk.Review: "🟡", risk.Dangerous: "🔴", risk.Blocked: "⛔"}

// Markdown renders the plan for a comment on a pull request, with at most limit
// bytes: a summary line with the risk, the reasons, and a part that opens for
// each resource, with its properties as a difference. What comes from a
// template stands in code: it can neither end it, nor mention anybody, nor
// carry HTML or links. What does not fit is counted.
func (d Document) Markdown(limit int) string {
	w := &markdown{limit: max(limit, 2*markdownTail)}
	title := fmt.Sprintf("%s (%s in %s, %s)", d.Target.StackName, d.Target.Stack, d.Target.Stage, d.Target.Region)
	if d.Empty {
		w.put("**Plan** " + span(title) + ": nothing changes\n")
		return w.String()
	}
	w.put(fmt.Sprintf("%s **Plan** %s: **%s** · %s\n\n", marks[d.Risk], span(title), plainWord(d.Risk), d.counts()))
	for i, reason := range d.Reasons {
		line := "- " + plainWord(reason.Level) + " " + span(shown(reason.Text)) + "\n"
		if i == markdownReasons || !w.fits(line) {
			w.put(fmt.Sprintf("- … and %d more reasons\n", len(d.Reasons)-i))
			break
		}
		w.put(line)
	}
	w.put("\n")
	all := flat(d.Rows, "")
	for i, row := range all {
		part := row.markdown()
		if !w.fits(part) {
			w.put(fmt.Sprintf("\n… and %d more resources\n", len(all)-i))
			break
		}
		w.put(part)
	}
	if len(all) == 0 {
		w.put("No resource changes; outputs or metadata do.\n")
	}
	if d.Digest != "" {
		w.put(fmt.Sprintf("\nDigest %s\n", span(fmt.Sprintf("%.15s", d.Digest))))
	}
	return w.String()
}

type markdown struct {
	strings.Builder
	limit int
}

func (m *markdown) fits(part string) bool { return m.Len()+len(part) <= m.limit-markdownTail }

func (m *markdown) put(part string) { m.WriteString(part) }

// markdown renders one resource as a part that opens. Resources of nested
// stacks are indented by their level.
func (r Row) markdown() string {
	var b strings.Builder
	indent := strings.Repeat("&nbsp;&nbsp;", min(strings.Count(r.LogicalID, "/"), maxNesting))
	fmt.Fprintf(&b, "<details><summary>%s%s %s%s</summary>\n\n", indent, htmlCode(r.symbol()+" "+r.LogicalID), htmlCode(r.Type), htmlCode(strings.TrimSpace(r.note())))
	lines := r.difference()
	fence := strings.Repeat("`", max(3, longestRun(strings.Join(lines, "\n"))+1))
	b.WriteString(fence + "diff\n")
	for i, line := range lines {
		if b.Len()+len(line) > markdownRow {
			fmt.Fprintf(&b, "  … and %d more lines\n", len(lines)-i)
			break
		}
		b.WriteString(line + "\n")
	}
	b.WriteString(fence + "\n</details>\n\n")
	return b.String()
}

// difference is the resource as lines of a difference.
func (r Row) difference() []string {
	var lines []string
	if r.Why != "" {
		lines = append(lines, "! because "+clip(visible(r.Why), 4*maxValue))
	}
	for _, p := range r.Properties {
		before, after, path := shown(p.Before), shown(p.After), clip(visible(p.Path), maxValue)
		if before == "" && after == "" {
			lines = append(lines, "! "+path+" changes"+p.remarks())
			continue
		}
		if before != "" {
			lines = append(lines, "- "+path+": "+before)
		}
		if after != "" {
			lines = append(lines, "+ "+path+": "+after)
		}
		if remarks := p.remarks(); remarks != "" {
			lines = append(lines, "! "+path+":"+remarks)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "  no property is shown")
	}
	return lines
}

// span writes text as a code span, in which nothing has a meaning. It is put
// between more backticks than it holds in a row.
// Source: CommonMark 0.31, "Code spans".
func span(text string) string {
	text = visible(text)
	if text == "" {
		return ""
	}
	ticks := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.HasPrefix(text, " ") {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// longestRun is the most backticks in a row.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// htmlCode writes text as code inside an HTML block, where Markdown has no
// meaning, and GitHub makes no mentions and links in code.
// Source: CommonMark 0.31, "HTML blocks".
func htmlCode(text string) string {
	if text == "" {
		return ""
	}
	return "<code>" + htmlEscaper.Replace(visible(text)) + "</code>"
}

// plainWord keeps what a level may consist of.
func plainWord(text string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r >= 'a' && r <= 'z') {
			return r
		}
		return -1
	}, text)
}
