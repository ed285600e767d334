// Parity compares the validator's findings with those of cfn-lint, rule by rule.
//
//	go run ./local/parity corpus...               all rules, the worst first
//	go run ./local/parity --rule E3012 corpus...  every disagreement on a rule
//	go run ./local/parity --one template.yaml     one template, both sides
//
// A finding is a file, a rule and the path of keys. For each corpus (a
// directory of templates) cfn-lint's findings are read from the file
// "<corpus>.ref.json" when there is one; otherwise cfn-lint is run, and what it
// says is remembered by content in the user's cache directory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

type options struct {
	ref      string
	rules    string
	show     int
	top      int
	json     string
	docs     string
	section  string
	refs     string
	record   bool
	check    bool
	verdicts string
	one      bool
	worker   bool
	info     bool
	date     string
	jobs     int
	python   string
	fresh    bool
	lines    bool
}

func main() {
	var o options
	flag.StringVar(&o.ref, "ref", "", "read cfn-lint's findings from this file instead of <corpus>.ref.json")
	flag.StringVar(&o.rules, "rule", "", "show only these rules: ids or beginnings of them, separated by commas")
	flag.IntVar(&o.show, "show", -1, "how many disagreements to list for each rule (default: 2, with -rule all)")
	flag.IntVar(&o.top, "top", 0, "how many of the worst rules to print (default: all that disagree)")
	flag.StringVar(&o.json, "json", "", "write the comparison to this file")
	flag.StringVar(&o.docs, "docs", "", "write the generated part of this Markdown file")
	flag.StringVar(&o.section, "section", "own", "with -docs: which generated section")
	flag.StringVar(&o.refs, "refs", "", "read cfn-lint's findings from <corpus name>.ref.json in this directory")
	flag.BoolVar(&o.record, "record", false, "run cfn-lint and write the file of its findings instead of reading it")
	flag.BoolVar(&o.check, "check", false, "with -docs: only check that the file is current")
	flag.StringVar(&o.verdicts, "verdicts", "local/parity/verdicts.yaml", "the verdicts on disagreements")
	flag.BoolVar(&o.one, "one", false, "compare one template; cfn-lint is run, and messages are shown")
	flag.BoolVar(&o.worker, "worker", false, "validate the files named on standard input (internal)")
	flag.BoolVar(&o.info, "info", true, "compare rules of severity info as well")
	flag.StringVar(&o.date, "date", "2026-11-01", "the day at which both clocks stand")
	flag.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "processes of cfn-lint")
	flag.StringVar(&o.python, "python", os.Getenv("EVENKEEL_PARITY_PYTHON"), "a Python that has cfn-lint (default: an environment of its own is made)")
	flag.BoolVar(&o.lines, "lines", false, "list the agreed findings that are on another line")
	flag.BoolVar(&o.fresh, "fresh", false, "run cfn-lint although <corpus>.ref.json exists")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, args []string) error {
	day, err := time.Parse(time.DateOnly, o.date)
	if err != nil {
		return err
	}
	switch {
	case o.worker:
		return work(os.Stdin, os.Stdout, day)
	case len(args) == 0:
		return fmt.Errorf("name a corpus: a directory of templates")
	case o.one:
		for _, name := range args {
			if err := diffOne(ctx, o, name); err != nil {
				return err
			}
		}
		return nil
	}
	all := comparison{}
	for _, dir := range args {
		corpus, err := readCorpus(dir)
		if err != nil {
			return err
		}
		theirs, err := theirFindings(ctx, o, corpus)
		if err != nil {
			return err
		}
		ours, err := ourFindings(ctx, corpus, o.date, func(name string) bool { return theirs[name].known() })
		if err != nil {
			return err
		}
		all.add(corpus, theirs, ours)
	}
	table, err := readVerdicts(o.verdicts)
	if err != nil {
		return err
	}
	if o.json != "" {
		if err := all.writeJSON(o.json); err != nil {
			return err
		}
	}
	if o.docs != "" {
		return writeDocs(o.docs, o.section, &all, table, o.check)
	}
	if o.lines {
		all.printLines(os.Stdout, o)
		return nil
	}
	all.print(os.Stdout, o, table)
	return nil
}

// selected reports whether a rule is among those asked for.
func (o options) selected(rule string) bool {
	if rule[0] == 'I' && !o.info {
		return false
	}
	if o.rules == "" {
		return true
	}
	for _, prefix := range strings.Split(o.rules, ",") {
		if strings.HasPrefix(rule, strings.TrimSpace(prefix)) {
			return true
		}
	}
	return false
}

// name of a corpus: the last part of its directory.
func corpusName(dir string) string { return filepath.Base(filepath.Clean(dir)) }
