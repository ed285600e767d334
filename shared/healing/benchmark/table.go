package benchmark

import (
	"fmt"
	"strings"
)

// Table is a table of the cases in Markdown: what must fire first.
func Table(cases []Case) string {
	var b strings.Builder
	for _, kind := range []Kind{MustFire, MustBeSilent} {
		var rows strings.Builder
		n := 0
		for _, c := range cases {
			if c.Kind != kind {
				continue
			}
			n++
			fmt.Fprintf(&rows, "| [%s](%s.json) | %s | %s |\n", c.ID, c.ID, cell(c.Title), cell(c.Why))
		}
		fmt.Fprintf(&b, "\n### %s (%d)\n\n| case | what happens | why it is here |\n| --- | --- | --- |\n%s", kind, n, rows.String())
	}
	return b.String() + "\n"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
