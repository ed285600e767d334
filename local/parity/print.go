package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// print writes the table that people work from.
func (c *comparison) print(w io.Writer, o options, table verdicts) {
	agreed := 0
	printed := 0
	for _, s := range c.worst() {
		if !o.selected(s.Rule) {
			continue
		}
		if s.FP+s.FN == 0 {
			agreed++
			continue
		}
		if o.top > 0 && printed >= o.top {
			continue
		}
		if printed == 0 {
			fmt.Fprintf(w, "%-6s %6s %6s %6s %7s %9s\n", "rule", "tp", "fp", "fn", "recall", "precision")
		}
		printed++
		c.printRule(w, o, s, table)
	}
	fmt.Fprintf(w, "\n%d rules agree everywhere.\n", agreed)
	c.printSummary(w)
}

func (c *comparison) printRule(w io.Writer, o options, s *score, table verdicts) {
	r, _ := s.recall()
	p, _ := s.precision()
	fmt.Fprintf(w, "%-6s %6d %6d %6d %6.1f%% %8.1f%%\n", s.Rule, s.TP, s.FP, s.FN, 100*r, 100*p)
	show := o.show
	switch {
	case show >= 0:
	case o.rules != "":
		show = len(s.Differ)
	default:
		show = 2
	}
	for _, d := range spread(s.Differ, show) {
		fmt.Fprintln(w, "   ", d.line(table))
	}
}

// spread picks n disagreements, of both sides if there are.
func spread(all []disagreement, n int) []disagreement {
	if n >= len(all) {
		return all
	}
	first := slices.IndexFunc(all, func(d disagreement) bool { return d.Ours != all[0].Ours })
	if n < 2 || first < n {
		return all[:n]
	}
	return append(slices.Clone(all[:n-1]), all[first])
}

func (d disagreement) line(table verdicts) string {
	var b strings.Builder
	side := "- missing"
	if d.Ours {
		side = "+ extra  "
	}
	fmt.Fprintf(&b, "%s %s/%s:%d %s", side, d.Corpus, d.File, d.Line, orRoot(d.Path))
	if d.Near != "" {
		fmt.Fprintf(&b, "   (other side: %s)", d.Near)
	}
	if d.Message != "" {
		fmt.Fprintf(&b, "   %.140q", d.Message)
	}
	if v := table.of(d); v != nil {
		fmt.Fprintf(&b, "   [%s]", v.Verdict)
	}
	return b.String()
}

func (c *comparison) printSummary(w io.Writer) {
	for _, f := range c.Failures {
		if f.Ours {
			fmt.Fprintf(w, "FAILED %s/%s: %s\n", f.Corpus, f.File, f.Reason)
		}
	}
	crashes, unfinished, theirs := c.failed()
	fmt.Fprintf(w, "\n%d templates compared, %d crashes, %d unfinished (cfn-lint gave up on %d); %.2f s of validation, slowest %.0f ms: %s\n",
		c.Templates, crashes, unfinished, theirs, c.Seconds, 1000*c.Slowest, c.Slow)
	for _, letter := range "EWI" {
		a := c.averages(byte(letter))
		fmt.Fprintf(w, "%c: %3d rules fire; macro-averaged recall %7s, precision %7s   (findings: %d agree, %d missing, %d extra)\n",
			letter, a.Rules, percent(a.Recall, a.Rules), percent(a.Precision, a.reported), a.TP, a.FN, a.FP)
	}
	n := 0
	for _, all := range c.Lines {
		n += len(all)
	}
	if n > 0 {
		fmt.Fprintf(w, "%d agreed findings are on another line than cfn-lint says (-lines lists them).\n", n)
	}
}

// printLines lists the agreed findings that are on another line.
func (c *comparison) printLines(w io.Writer, o options) {
	show := o.show
	if show < 0 {
		show = 3
	}
	for _, rule := range slices.Sorted(maps.Keys(c.Lines)) {
		if !o.selected(rule) {
			continue
		}
		all := c.Lines[rule]
		fmt.Fprintf(w, "%s %d\n", rule, len(all))
		for _, d := range all[:min(show, len(all))] {
			fmt.Fprintf(w, "    %s/%s:%d (cfn-lint: %s) %s\n", d.Corpus, d.File, d.Line, d.Near, orRoot(d.Path))
		}
	}
}

// percent writes the average over n rules; over none there is none.
func percent(average float64, n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*average)
}
