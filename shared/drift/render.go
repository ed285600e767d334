package drift

import (
	"bytes"
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
	for i, scan := range sortedScans(scans) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s/%s  %s\n", scan.StackName, scan.Account, scan.Region, scan.Status)
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
	return fmt.Sprintf("%d checked, %d unsupported, %d unknown, %d nested", c.Checked, c.Unsupported, c.Unknown, c.Nested)
}

func renderTable(w io.Writer, resources []events.DriftedResource) error {
	if len(resources) == 0 {
		return nil
	}
	var text bytes.Buffer
	table := &rows{Writer: tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)}
	under := map[int]string{} // what stands below a row of the table
	fmt.Fprintln(table, "  RESOURCE\tTYPE\tPROPERTY\tEXPECTED\tACTUAL")
	for _, r := range resources {
		renderResource(table, r)
		under[table.written] = AttributionText(r.Attribution)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	row := 0
	for line := range strings.Lines(text.String()) {
		if row++; under[row] != "" {
			line += "    " + under[row] + "\n"
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
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

func renderResource(table io.Writer, r events.DriftedResource) {
	if r.Status == StatusDeleted {
		fmt.Fprintf(table, "  %s\t%s\t(all)\tpresent\tdeleted\n", r.LogicalID, r.ResourceType)
		return
	}
	if len(r.Differences) == 0 {
		fmt.Fprintf(table, "  %s\t%s\t(not named)\t\t%s\n", r.LogicalID, r.ResourceType, strings.ToLower(r.Status))
	}
	for _, d := range r.Differences {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", r.LogicalID, r.ResourceType, printable(d.Path), cell(d.Expected, d.Type == DifferenceAdd), cell(d.Actual, d.Type == DifferenceRemove))
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
	return encoder.Encode(sortedScans(scans))
}

func sortedScans(scans []events.DriftScanned) []events.DriftScanned {
	out := slices.Clone(scans)
	if out == nil {
		out = []events.DriftScanned{}
	}
	slices.SortStableFunc(out, func(a, b events.DriftScanned) int {
		return strings.Compare(sortKey(a.StackRef), sortKey(b.StackRef))
	})
	return out
}
