// Bench measures the validator against its peers on a directory of templates:
// whole processes of the command line, single templates in process, memory, and
// time against template size. It prints a table, writes it to docs/speed.md and
// draws docs/speed.svg. It asserts nothing: a busy machine fails no test.
//
//	go run ./local/parity/bench -cli build/evenkeel corpus
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	cli      string
	runs     int
	docs     string
	plot     string
	peers    bool
	patience time.Duration
	worker   bool
}

func main() {
	var o options
	flag.StringVar(&o.cli, "cli", "build/evenkeel", "the command line to measure")
	flag.IntVar(&o.runs, "runs", 5, "runs of each whole process; the median counts")
	flag.StringVar(&o.docs, "docs", "", "write the report to this Markdown file as well")
	flag.StringVar(&o.plot, "plot", "", "draw time against size into this SVG file")
	flag.BoolVar(&o.peers, "peers", true, "measure the peers besides cfn-lint (fetches them)")
	flag.DurationVar(&o.patience, "patience", 15*time.Second, "how long a peer may take one template")
	flag.BoolVar(&o.worker, "worker", false, "measure the files named on standard input (internal)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, args []string) error {
	if o.worker {
		return work(os.Stdin, os.Stdout)
	}
	if len(args) != 1 {
		return fmt.Errorf("name one directory of templates")
	}
	c, err := readCorpus(args[0])
	if err != nil {
		return err
	}
	r := report{corpus: c}
	for _, step := range []func(context.Context, options, *report) error{processes, singles, together, peers} {
		if err := step(ctx, o, &r); err != nil {
			return err
		}
	}
	var b strings.Builder
	r.write(&b)
	fmt.Print(b.String())
	if o.plot != "" {
		if err := os.WriteFile(o.plot, []byte(plot(r.singles, r.grown)), 0o644); err != nil {
			return err
		}
	}
	if o.docs == "" {
		return nil
	}
	return os.WriteFile(o.docs, []byte(document(b.String(), o)), 0o644)
}

// progress tells people what takes so long.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
