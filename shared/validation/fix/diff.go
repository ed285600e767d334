package fix

import (
	"fmt"
	"strings"
)

// context is how many unchanged lines a hunk shows around a change.
const context = 3

// Diff returns the difference of two texts in the unified format, "" if there
// is none. name stands for both files.
// Source: POSIX.1-2024, diff, "Diff -u Output Format".
func Diff(name string, before, after []byte) string {
	a, b := lines(before), lines(after)
	script := compare(a, b)
	var out strings.Builder
	for start := 0; start < len(script); {
		if script[start].op == same {
			start++
			continue
		}
		end, last := start, start
		for end < len(script) && end-last <= 2*context {
			if script[end].op != same {
				last = end
			}
			end++
		}
		from, to := max(0, start-context), min(len(script), last+context+1)
		if out.Len() == 0 {
			fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n", name, name)
		}
		hunk(&out, script, from, to)
		start = to
	}
	return out.String()
}

func lines(text []byte) []string {
	all := strings.SplitAfter(string(text), "\n")
	if n := len(all); all[n-1] == "" {
		all = all[:n-1]
	}
	return all
}

type op byte

const (
	same    op = ' '
	removed op = '-'
	added   op = '+'
)

type row struct {
	op   op
	text string
}

func hunk(out *strings.Builder, script []row, from, to int) {
	oldLine, newLine := 1, 1
	for _, r := range script[:from] {
		if r.op != added {
			oldLine++
		}
		if r.op != removed {
			newLine++
		}
	}
	oldCount, newCount := 0, 0
	for _, r := range script[from:to] {
		if r.op != added {
			oldCount++
		}
		if r.op != removed {
			newCount++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", extent(oldLine, oldCount), extent(newLine, newCount))
	for _, r := range script[from:to] {
		out.WriteString(string(r.op) + r.text)
		if !strings.HasSuffix(r.text, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

func extent(line, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", line-1)
	case 1:
		return fmt.Sprint(line)
	}
	return fmt.Sprintf("%d,%d", line, count)
}

// maxChanged is how many changed lines a shortest script is looked for: the
// memory for it is the square of that.
const maxChanged = 1000

// compare gives a script from a to b, a shortest one by the greedy algorithm of
// Myers, "An O(ND) Difference Algorithm and Its Variations" (1986). Of texts
// with more changes, all is replaced between the first and the last.
func compare(a, b []string) []row {
	furthest := map[int]int{1: 0}
	var trace []map[int]int
	for d := 0; d <= min(len(a)+len(b), maxChanged); d++ {
		now := make(map[int]int, d+1)
		for k := -d; k <= d; k += 2 {
			x := begin(furthest, k, d)
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			now[k] = x
			if x >= len(a) && x-k >= len(b) {
				return walkBack(a, b, append(trace, now))
			}
		}
		trace = append(trace, now)
		furthest = now
	}
	return replaced(a, b)
}

func replaced(a, b []string) []row {
	first, last := 0, 0
	for first < len(a) && first < len(b) && a[first] == b[first] {
		first++
	}
	for last < len(a)-first && last < len(b)-first && a[len(a)-1-last] == b[len(b)-1-last] {
		last++
	}
	var script []row
	add := func(op op, lines []string) {
		for _, l := range lines {
			script = append(script, row{op, l})
		}
	}
	add(same, a[:first])
	add(removed, a[first:len(a)-last])
	add(added, b[first:len(b)-last])
	add(same, a[len(a)-last:])
	return script
}

// begin is where the diagonal k begins with d changes: a line below the
// diagonal above, or right of the one below.
func begin(furthest map[int]int, k, d int) int {
	if k == -d || k != d && furthest[k-1] < furthest[k+1] {
		return furthest[k+1]
	}
	return furthest[k-1] + 1
}

func walkBack(a, b []string, trace []map[int]int) []row {
	x, y := len(a), len(b)
	var reversed []row
	for d := len(trace) - 1; d >= 0; d-- {
		fromX, fromY := 0, 0
		if d > 0 {
			k := x - y
			from := k - 1
			if k == -d || k != d && trace[d-1][k-1] < trace[d-1][k+1] {
				from = k + 1
			}
			fromX = trace[d-1][from]
			fromY = fromX - from
		}
		for x > fromX && y > fromY {
			x, y = x-1, y-1
			reversed = append(reversed, row{same, a[x]})
		}
		switch {
		case d == 0:
		case x > fromX:
			x--
			reversed = append(reversed, row{removed, a[x]})
		default:
			y--
			reversed = append(reversed, row{added, b[y]})
		}
	}
	script := make([]row, 0, len(reversed))
	for i := len(reversed) - 1; i >= 0; i-- {
		script = append(script, reversed[i])
	}
	return script
}
