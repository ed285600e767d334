package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report prints progress line by line and remembers what was observed, so that
// the summary at the end can say what is missing.
type Report struct {
	out     io.Writer
	color   bool
	now     func() time.Time
	started time.Time
	rows    []row
}

// row is one thing that has to be observed.
type row struct {
	group, want, seen string
	state             state
	took              time.Duration
}

type state string

const (
	observed   state = "ok"
	missing    state = "MISSING"
	notReached state = "not reached"
)

// NewReport returns a Report that prints on out.
func NewReport(out io.Writer, color bool, now func() time.Time) *Report {
	return &Report{out: out, color: color, now: now, started: now()}
}

// Line prints one line of progress with the time since the start.
func (r *Report) Line(format string, args ...any) {
	fmt.Fprintf(r.out, "%6.1fs  %s\n", r.now().Sub(r.started).Seconds(), fmt.Sprintf(format, args...))
}

// Block prints a text of several lines, indented under the line before.
func (r *Report) Block(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(r.out, "         │ %s\n", line)
	}
}

func (r *Report) heading(title string) {
	if r.color {
		title = "\x1b[1m" + title + "\x1b[0m"
	}
	fmt.Fprintf(r.out, "\n%s\n", title)
}

func (r *Report) record(x row) {
	r.rows = append(r.rows, x)
	switch x.state {
	case observed:
		r.Line("%s %s: %s", r.paint("✓", "32"), x.want, x.seen)
	case missing:
		r.Line("%s %s: %s", r.paint("✗", "31"), x.want, x.seen)
	}
}

func (r *Report) paint(text, code string) string {
	if !r.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Missing lists what was expected and not observed, in order.
func (r *Report) Missing() []string {
	var missed []string
	for _, x := range r.rows {
		if x.state != observed {
			missed = append(missed, x.group+": "+x.want)
		}
	}
	return missed
}

// Summary prints the table that ends a run.
func (r *Report) Summary() {
	r.heading("Summary")
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tWHAT HAD TO HAPPEN\tRESULT\tTOOK\tWHAT WAS SEEN")
	group := ""
	for _, x := range r.rows {
		if x.group != group {
			group = x.group
			fmt.Fprintf(w, "%s\n", group)
		}
		took := ""
		if x.state == observed {
			took = fmt.Sprintf("%.1fs", x.took.Seconds())
		}
		seen, _, _ := strings.Cut(x.seen, "\n")
		fmt.Fprintf(w, "\t%s\t%s\t%s\t%s\n", x.want, x.state, took, seen)
	}
	_ = w.Flush() // a broken pipe: nobody is reading any more
	done := len(r.rows) - len(r.Missing())
	fmt.Fprintf(r.out, "\n%d of %d observed in %.0f s\n", done, len(r.rows), r.now().Sub(r.started).Seconds())
}
