package drift

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/evenkeel/evenkeel/events"
)

// maxCell is how many characters of a value a table shows.
const maxCell = 60

// RenderText writes one table a stack for a person: status and coverage always
// stand together, then resource, property, expected and actual value of every
// difference. Stacks are sorted by account, region and name.
func RenderText(w io.Writer, scans []events.DriftScanned) error {
	for i, scan := range Sorted(scans) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s/%s  %s\n", scan.StackName, scan.Account, scan.Region, scan.Status)
		if scan.Parent != "" {
			fmt.Fprintf(w, "  nested in: %s\n", scan.Parent)
		}
		fmt.Fprintf(w, "  coverage: %s\n", CoverageText(scan.Coverage))
		if scan.Reason != "" {
			fmt.Fprintf(w, "  note: %s\n", printable(scan.Reason))
		}
		if err := renderTable(w, scan.Resources); err != nil {
			return err
		}
	}
	return nil
}

// CoverageText says in words how much of a stack was looked at.
func CoverageText(c events.Coverage) string {
	text := fmt.Sprintf("%d checked, %d unsupported, %d unknown, %d nested", c.Checked, c.Unsupported, c.Unknown, c.Nested)
	if c.Live > 0 {
		text += fmt.Sprintf("; %d checked live", c.Live)
	}
	switch {
	case c.Unresolved == 1:
		text += ", 1 property unresolved"
	case c.Unresolved > 1:
		text += fmt.Sprintf(", %d properties unresolved", c.Unresolved)
	}
	return text
}

// columns are those beside what every table has: a stack of which nothing is
// known there has none.
type columns struct{ severity, response, engine bool }

func columnsOf(resources []events.DriftedResource) columns {
	var c columns
	for _, r := range resources {
		c.severity = c.severity || r.Severity != ""
		c.response = c.response || r.Response != ""
		c.engine = c.engine || r.Engine != "" || len(r.Undeclared) > 0
	}
	return c
}

// pick returns the cells of the columns that are shown.
func (c columns) pick(severity, response, engine string) string {
	text := ""
	for _, cell := range []struct {
		shown bool
		text  string
	}{{c.severity, severity}, {c.response, response}, {c.engine, engine}} {
		if cell.shown {
			text += "\t" + cell.text
		}
	}
	return text
}

func renderTable(w io.Writer, resources []events.DriftedResource) error {
	if len(resources) == 0 {
		return nil
	}
	shown := columnsOf(resources)
	var text bytes.Buffer
	table := &rows{Writer: tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)}
	under := map[int]string{} // what stands below a row of the table
	fmt.Fprintf(table, "  RESOURCE\tTYPE\tPROPERTY\tEXPECTED\tACTUAL%s\n", shown.pick("SEVERITY", "RESPONSE", "ENGINE"))
	for _, r := range resources {
		renderResource(table, r, shown)
		for _, text := range append([]string{AttributionText(r.Attribution), why(r)}, expected(r)...) {
			if text != "" {
				under[table.written] += "    " + text + "\n"
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	row := 0
	for line := range strings.Lines(text.String()) {
		row++
		line = strings.TrimRight(line, " \n") + "\n" + under[row]
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	for _, r := range resources {
		if r.Disagreement != "" {
			fmt.Fprintf(w, "  %s: the engines disagree: %s\n", r.LogicalID, printable(r.Disagreement))
		}
	}
	return nil
}

// why says why drift is ignored: who looks at it must know who agreed.
func why(r events.DriftedResource) string {
	if r.Why == "" || r.Response != "ignore" {
		return ""
	}
	return "why: " + printable(r.Why)
}

// expected says what of drift that is told the healer made.
func expected(r events.DriftedResource) []string {
	if r.Response == "ignore" {
		return nil // why says it
	}
	var lines []string
	for _, e := range r.Expected {
		lines = append(lines, printable(cmp.Or(e.Path, "(all)")+" "+e.Why))
	}
	return lines
}

// rows counts the rows of a table. A line of another shape in between would end
// its columns: such lines are put below their row when the table is done.
type rows struct {
	*tabwriter.Writer
	written int
}

// Write implements io.Writer.
func (r *rows) Write(text []byte) (int, error) {
	r.written += bytes.Count(text, []byte("\n"))
	return r.Writer.Write(text)
}

func renderResource(table io.Writer, r events.DriftedResource, shown columns) {
	row := func(property, expected, actual, engine string) {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s%s\n", r.LogicalID, r.ResourceType, property, expected, actual, shown.pick(r.Severity, r.Response, engine))
	}
	switch {
	case r.Status == StatusDeleted:
		row("(all)", "present", "deleted", r.Engine)
	case len(r.Differences) == 0 && r.Status != StatusInSync:
		row("(not named)", "", strings.ToLower(r.Status), r.Engine)
	default:
		renderDifferences(row, r.Differences, "", r.Engine)
	}
	renderDifferences(row, r.Undeclared, " (undeclared)", EngineLive)
}

func renderDifferences(row func(property, expected, actual, engine string), differences []events.PropertyDifference, mark, engine string) {
	for _, d := range differences {
		row(printable(d.Path)+mark, cell(d.Expected, d.Type == DifferenceAdd), cell(d.Actual, d.Type == DifferenceRemove), engine)
	}
}

// cell is a value in a table; absent is one that the side does not have.
func cell(value string, absent bool) string {
	if absent {
		return "(none)"
	}
	runes := []rune(printable(value))
	if len(runes) > maxCell {
		return string(runes[:maxCell-1]) + "…"
	}
	return string(runes)
}

// printable replaces what would break a table or steer a terminal: values come
// from whoever changed the resource.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
}

// RenderJSON writes the scans as an indented JSON list, in the order of
// RenderText.
func RenderJSON(w io.Writer, scans []events.DriftScanned) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(Sorted(scans))
}

// Sorted returns the scans in the order of every report: by account, region and
// name of the stack.
func Sorted(scans []events.DriftScanned) []events.DriftScanned {
	out := slices.Clone(scans)
	if out == nil {
		out = []events.DriftScanned{}
	}
	slices.SortStableFunc(out, func(a, b events.DriftScanned) int {
		return strings.Compare(sortKey(a.StackRef), sortKey(b.StackRef))
	})
	return out
}
