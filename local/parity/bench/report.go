package main

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// row compares whole processes on so many templates.
type row struct {
	templates, bytes  int
	ours, theirs, lex cost
}

// report is all that was measured.
type report struct {
	corpus       corpus
	rows         []row
	lexMissing   string // why cfn-lint-go was not measured
	singles      []single
	grown        []single
	together     float64 // seconds
	togetherHeap uint64
	aws          []single
	awsMissing   string
}

func cold(s single) float64 { return s.Cold }
func warm(s single) float64 { return s.Warm }

func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "%d templates of %q, %s; %s/%s, %d processors, %s.\n", len(r.corpus.files), filepath.Base(r.corpus.dir),
		amount(r.corpus.bytes), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	r.writeProcesses(w)
	r.writeSingles(w)
	r.writePeers(w)
}

func (r *report) writeProcesses(w io.Writer) {
	fmt.Fprint(w, "\n### Whole processes\n\nFrom start to exit, the median of several runs in turns; and the time of the processors, which other work on the machine disturbs less.\n\n")
	fmt.Fprint(w, "| templates | size | evenkeel | cfn-lint 1.51.0 | cfn-lint ÷ evenkeel | of the processors | cfn-lint-go ÷ evenkeel |\n|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, row := range r.rows {
		lex := "–"
		if row.lex.wall > 0 {
			lex = times(row.lex.wall.Seconds() / row.ours.wall.Seconds())
		}
		fmt.Fprintf(w, "| %d | %s | %s | %s | %s | %s | %s |\n", row.templates, amount(row.bytes), clock(row.ours.wall), clock(row.theirs.wall),
			times(row.theirs.wall.Seconds()/row.ours.wall.Seconds()), times(row.theirs.cpu.Seconds()/row.ours.cpu.Seconds()), lex)
	}
	if r.lexMissing != "" {
		fmt.Fprintf(w, "\nlex00/cfn-lint-go (%s) is not measured: %s.\n", lexPackage, strings.TrimSuffix(r.lexMissing, "."))
	}
}

func (r *report) writeSingles(w io.Writer) {
	fmt.Fprint(w, "\n### One template in process\n\nCold: the first time in this process, schemas of new types included. Warm: seen before.\n\n")
	fmt.Fprint(w, "| | p50 | p90 | p99 | max |\n|---|---:|---:|---:|---:|\n")
	for _, kind := range []struct {
		name string
		of   func(single) float64
	}{{"cold", cold}, {"warm", warm}} {
		fmt.Fprintf(w, "| %s | %.2f ms | %.2f ms | %.2f ms | %.2f ms |\n", kind.name,
			quantile(r.singles, 0.5, kind.of), quantile(r.singles, 0.9, kind.of), quantile(r.singles, 0.99, kind.of), quantile(r.singles, 1, kind.of))
	}
	heap := quantile(r.singles, 1, func(s single) float64 { return float64(s.Heap) / (1 << 20) / 1000 })
	slowest := largest(r.singles, cold)
	fmt.Fprintf(w, "\nSlowest: %s (%s). Largest heap while one template was validated: %.1f MB. %d failed.\n",
		slowest.File, amount(slowest.Size), heap, failures(r.singles))
	fmt.Fprintf(w, "All %d in one call: %.2f s, heap at most %.0f MB.\n", len(r.corpus.files), r.together, float64(r.togetherHeap)/(1<<20))
	fmt.Fprint(w, "\nTime against size (warm), by least squares; the exponent is that of the size on logarithmic axes, 1 is linear:\n\n")
	for _, side := range []struct {
		name string
		all  []single
	}{{"the corpus", r.singles}, {"one template, grown", r.grown}} {
		l := fitted(side.all)
		fmt.Fprintf(w, "- %s: %.2f ms + %.3f ms per KB, R² = %.3f, exponent %.2f\n", side.name, l.at, l.slope, l.r2, l.exponent)
	}
}

func (r *report) writePeers(w io.Writer) {
	fmt.Fprintf(w, "\n### %s, each template after its start\n\n", awsPackage)
	if r.awsMissing != "" {
		fmt.Fprintf(w, "Not measured: %s.\n", r.awsMissing)
		return
	}
	fmt.Fprint(w, "| | p50 | p99 | max |\n|---|---:|---:|---:|\n")
	for _, side := range []struct {
		name string
		all  []single
	}{{"evenkeel", r.singles}, {"cloudformation-validate", r.aws}} {
		fmt.Fprintf(w, "| %s | %.2f ms | %.2f ms | %.2f ms |\n", side.name, quantile(side.all, 0.5, warm), quantile(side.all, 0.99, warm), quantile(side.all, 1, warm))
	}
	ours, theirs, n := 0.0, 0.0, 0
	for i := range min(len(r.singles), len(r.aws)) {
		if a, b := r.singles[i], r.aws[i]; a.Failure == "" && b.Failure == "" {
			ours, theirs, n = ours+a.Warm, theirs+b.Warm, n+1
		}
	}
	fmt.Fprintf(w, "\nOver the %d templates that both finished, it takes %s as long; %d unfinished or failed.\n", n, times(theirs/ours), failures(r.aws))
}

func failures(all []single) int {
	n := 0
	for _, s := range all {
		if s.Failure != "" {
			n++
		}
	}
	return n
}

func largest(all []single, of func(single) float64) single {
	var most single
	for _, s := range all {
		if s.Failure == "" && of(s) > of(most) {
			most = s
		}
	}
	return most
}

func fitted(all []single) line {
	var xs, ys []float64
	for _, s := range all {
		if s.Failure == "" {
			xs, ys = append(xs, float64(s.Size)/1024), append(ys, 1000*s.Warm)
		}
	}
	return fit(xs, ys)
}

// times writes a ratio.
func times(x float64) string {
	if x >= 20 {
		return fmt.Sprintf("%.0f×", x)
	}
	return fmt.Sprintf("%.1f×", x)
}

func clock(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

func document(report string, o options) string {
	text := "# Speed of validation\n\n" +
		"Written by `make bench-validate CORPUS=directory` from one run; ratios travel better than seconds.\n" +
		"The corpus is fetched for a run and is no part of this repository.\n\n" + report
	if o.plot != "" {
		text += "\n### Time against size\n\n![Validation time against template size](" + filepath.Base(o.plot) + ")\n"
	}
	return text
}
