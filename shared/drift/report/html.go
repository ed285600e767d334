package report

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
)

//go:embed report.html
var page string

// view is what the page shows.
type view struct {
	Version string
	Summary []figure
	Stacks  []stackView
}

// figure is a number of the summary and what it counts.
type figure struct{ Number, Of string }

type stackView struct {
	events.DriftScanned
	ID       string // of the section
	Covered  string
	Severity string // the worst that is neither ignored nor accepted, or ""
	Rows     []row
}

// row is one difference. A resource stands in the first of its rows only.
type row struct {
	change
	Resource *events.DriftedResource // nil in all rows but the first
	Rows     int                     // of the resource
	Severity response.Severity
	Who      string
	Details  []string
}

// html writes one page with everything in it. Every value is escaped for the
// place where it stands: values come from whoever changed the resource.
func (r Report) html(w io.Writer) error {
	parsed, err := template.New("report").Parse(page)
	if err != nil {
		return err
	}
	v := view{Version: r.Version}
	counts := map[response.Severity]int{}
	drifted, kept := 0, 0
	for i, scan := range r.Scans {
		stack := stackView{DriftScanned: scan, ID: "stack-" + strconv.Itoa(i+1), Covered: drift.CoverageText(scan.Coverage)}
		if scan.Status == drift.StatusDrifted {
			drifted++
		}
		for _, resource := range scan.Resources {
			stack.Rows = append(stack.Rows, rows(resource)...)
			severity := severityOf(resource)
			if resource.Response == string(response.Ignore) {
				kept++
				continue
			}
			counts[severity]++
			if severity.AtLeast(response.Severity(stack.Severity)) {
				stack.Severity = string(severity)
			}
		}
		v.Stacks = append(v.Stacks, stack)
	}
	v.Summary = []figure{{strconv.Itoa(len(r.Scans)), "stacks"}, {strconv.Itoa(drifted), "drifted"}}
	for _, severity := range slices.Backward(response.Severities()) {
		v.Summary = append(v.Summary, figure{strconv.Itoa(counts[severity]), string(severity)})
	}
	v.Summary = append(v.Summary, figure{strconv.Itoa(kept), "ignored or accepted"})
	return parsed.Execute(w, v)
}

func rows(r events.DriftedResource) []row {
	var out []row
	all := changes(r)
	for i, c := range all {
		one := row{change: c}
		if i == 0 {
			one.Resource, one.Rows, one.Severity, one.Who = &r, len(all), severityOf(r), who(r.Attribution)
			for _, detail := range []string{r.Why, r.Disagreement} {
				if detail != "" {
					one.Details = append(one.Details, detail)
				}
			}
			if a := r.Attribution; a != nil {
				one.Details = append(one.Details, traces(*a)...)
			}
		}
		out = append(out, one)
	}
	return out
}

// traces are what CloudTrail recorded beside the principal.
func traces(a events.Attribution) []string {
	var out []string
	for _, part := range [][2]string{{"session", a.Session}, {"from", a.SourceIP}, {"with", a.UserAgent}, {"event", a.EventID}, {"", a.Why}} {
		if part[1] != "" {
			out = append(out, strings.TrimSpace(part[0]+" "+part[1]))
		}
	}
	return out
}
