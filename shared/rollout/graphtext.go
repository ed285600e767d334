package rollout

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// style is for light pages; a viewer that prefers dark ones gets the second
// half. The drawing has a ground of its own, so that it can be read on a page
// that is not what the viewer prefers.
const style = `.card{fill:#fff}.frame{fill:#fff;stroke:#d1d9e0}.lane{fill:#f6f8fa}.area{fill-opacity:.16}.area.blue{fill:#0969da}.area.green{fill:#1a7f37}
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}.line.blue{stroke:#0969da}.line.green{stroke:#1a7f37}.swatch{fill-opacity:.35;stroke-width:1.5}
.swatch.blue{fill:#0969da;stroke:#0969da}.swatch.green{fill:#1a7f37;stroke:#1a7f37}.grid,.tick{stroke:#59636e;stroke-opacity:.18;fill:none}
.pause{fill:#bf8700;fill-opacity:.09}.band{fill:#bf8700}.bound{stroke:#59636e;stroke-dasharray:4 4;stroke-opacity:.7}.value{fill:none;stroke:#59636e;stroke-opacity:.6}
.mark{fill:none;stroke:#59636e;stroke-dasharray:2 3}.badge.good{fill:#1a7f37}.badge.bad{fill:#cf222e}.badge.wait{fill:#9a6700}.badge.plain{fill:#59636e}
.successful{fill:#1a7f37}.failed{fill:none;stroke:#cf222e;stroke-width:2.5;stroke-linecap:round}.inconclusive{fill:#9a6700}
.noData{fill:#fff;stroke:#59636e;stroke-width:1.6}.error{fill:#fff;stroke:#8250df;stroke-width:1.6;stroke-linejoin:round}
text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;font-size:12px;fill:#1f2328}
.title{font-size:18px;font-weight:600}.sub{font-size:13px;fill:#59636e}.small{font-size:11.5px;fill:#59636e}.strong,.step{font-weight:600}.body{fill:#1f2328}
.number{font-size:11px;font-weight:600;fill:#fff}
@media(prefers-color-scheme:dark){.card{fill:#0d1117}.frame{fill:#0d1117;stroke:#3d444d}.lane{fill:#151b23}.area{fill-opacity:.24}.area.blue{fill:#4493f8}.area.green{fill:#3fb950}
.line.blue{stroke:#4493f8}.line.green{stroke:#3fb950}.swatch.blue{fill:#4493f8;stroke:#4493f8}.swatch.green{fill:#3fb950;stroke:#3fb950}
.grid,.tick{stroke:#9198a1}.bound,.value,.mark{stroke:#9198a1}.pause{fill:#d29922;fill-opacity:.12}.band{fill:#9e6a03}
.badge.good{fill:#238636}.badge.bad{fill:#da3633}.badge.wait{fill:#9e6a03}.badge.plain{fill:#656c76}.successful{fill:#3fb950}.failed{stroke:#f85149}.inconclusive{fill:#d29922}
.noData{fill:#0d1117;stroke:#9198a1}.error{fill:#0d1117;stroke:#ab7df8}text,.body{fill:#f0f6fc}.sub,.small{fill:#9198a1}.number{fill:#fff}}`

// document is the whole picture.
func (g *drawing) document(height float64) []byte {
	title, sub := g.titles()
	var out strings.Builder
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %s\" width=\"%d\" height=\"%s\" role=\"img\" aria-labelledby=\"title description\">\n",
		graphWidth, coordinate(height), graphWidth, coordinate(height))
	fmt.Fprintf(&out, "<title id=\"title\">%s</title>\n<desc id=\"description\">%s</desc>\n<style>%s</style>\n",
		escape(title), escape(g.candidate()+" over time: "+strings.Join(g.described, "; ")), style)
	fmt.Fprintf(&out, "<rect x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%s\" rx=\"8\" class=\"frame\"/>\n", graphWidth-1, coordinate(height-1))
	fmt.Fprintf(&out, "<text x=\"28\" y=\"36\" class=\"title\">%s</text>\n<text x=\"28\" y=\"57\" class=\"sub\">%s</text>\n", escape(shorten(title, 80)), escape(shorten(sub, 132)))
	out.WriteString(g.legend())
	out.Write(g.back.Bytes())
	out.Write(g.fore.Bytes())
	out.Write(g.labels.Bytes())
	out.WriteString("</svg>\n")
	return []byte(out.String())
}

// titles are what the picture is of.
func (g *drawing) titles() (title, sub string) {
	r := g.record
	state := string(r.State.Phase)
	switch {
	case r.State.Phase == SwitchedBack:
		state = "switched back"
	case r.State.Phase == Retired:
		state = "promoted"
	case !r.State.Phase.Ended() && r.State.Phase != Promoted:
		state = fmt.Sprintf("%s at %d %%", state, r.State.Weight)
	}
	target := r.Request.Target
	title = fmt.Sprintf("%s in %s: %s", target.Stack, target.Stage, state)
	parts := []string{r.Request.Rollout.Strategy + routerText(r.Request.Rollout.Router)}
	if commit := r.Request.Candidate.Commit; commit != "" {
		parts = append(parts, "commit "+commit[:min(len(commit), 7)])
	}
	parts = append(parts, "began "+g.began.UTC().Format("2 Jan 2006, 15:04:05 UTC"))
	if took := g.took(); took > 0 {
		parts = append(parts, "took "+brief(took))
	}
	return title, strings.Join(parts, " · ")
}

// took is the time until the rollout was promoted or aborted.
func (g *drawing) took() time.Duration {
	for _, e := range g.notable {
		if e.Action == EntryPromoted || e.Action == EntryAborted {
			return e.Time.Sub(g.began)
		}
	}
	return 0
}

func routerText(r pipeline.Router) string {
	switch {
	case r.Route53 != nil:
		return " by Route 53 (" + r.Route53.Name + ")"
	case r.ALB != nil:
		return " by load balancer"
	case r.LambdaAlias != nil:
		return " by Lambda alias " + r.LambdaAlias.Alias
	default:
		return ""
	}
}

// legend says which side is which.
func (g *drawing) legend() string {
	sides := []struct{ name, text string }{{g.candidate(), g.candidate() + ", new"}}
	if !g.record.Plan.First {
		sides = append(sides, struct{ name, text string }{g.live(), g.live() + ", live before"})
	}
	var out strings.Builder
	x := plotRight + 32 - 110*float64(len(sides))
	for _, side := range sides {
		fmt.Fprintf(&out, "<rect x=\"%s\" y=\"26\" width=\"12\" height=\"12\" rx=\"2\" class=\"swatch %s\"/><text x=\"%s\" y=\"36\">%s</text>\n",
			coordinate(x), side.name, coordinate(x+18), escape(side.text))
		x += 92
	}
	return out.String()
}

// key says which shape is which outcome, of those that are drawn.
func (g *drawing) key(y float64) {
	x := plotLeft - 118
	for _, outcome := range []string{Successful, Failed, Inconclusive, NoData, Errored} {
		if !g.seen[outcome] {
			continue
		}
		text := map[string]string{NoData: "no data", Errored: "error"}[outcome]
		if text == "" {
			text = outcome
		}
		g.shape(x, y+6, outcome, text)
		g.text(x+12, y+10, "start", "small", text)
		x += 34 + 6.6*float64(len(text))
	}
}

func (g *drawing) text(x, y float64, anchor, class, text string) {
	if text == "" {
		return
	}
	if anchor != "start" {
		class += "\" text-anchor=\"" + anchor
	}
	fmt.Fprintf(&g.labels, "<text x=\"%s\" y=\"%s\" class=\"%s\">%s</text>\n", coordinate(x), coordinate(y), class, escape(text))
}

// coordinate writes a number with one decimal at most.
func coordinate(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// escape makes a text safe in XML; what XML cannot hold becomes a blank.
// Source: XML 1.0, 2.2 Characters.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == unicode.ReplacementChar || r == 0xFFFE || r == 0xFFFF {
			return ' '
		}
		return r
	}, text)
	return html.EscapeString(text)
}

// wrap breaks a text into lines of at most so many characters; the last one
// tells that something is left.
func wrap(text string, width, most int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		word = shorten(word, width)
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		case len(lines)+1 == most:
			return append(lines, shorten(line+" "+strings.Repeat("…", width), min(len([]rune(line))+2, width)))
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
