package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/report"
)

// outputs are the reports to write, in the order of the command line.
type outputs []output

type output struct {
	format report.Format
	file   string // "" is standard output
}

// formatFlag and outputFlag share the list: --output gives the format before it
// a file, so that several pairs can stand on one command line.
type (
	formatFlag outputs
	outputFlag outputs
)

// aliases are formats of cfn-lint under other names.
var formatAliases = map[string]report.Format{"pretty": report.Text}

func parseFormat(text string) (report.Format, error) {
	if alias, ok := formatAliases[text]; ok {
		return alias, nil
	}
	if !slices.Contains(report.Formats(), text) {
		return "", fmt.Errorf("%q is no format; the formats are %s", text, strings.Join(report.Formats(), ", "))
	}
	return report.Format(text), nil
}

func (f *formatFlag) Set(text string) error {
	format, err := parseFormat(text)
	if n := len(*f); err == nil && n > 0 && (*f)[n-1].format == "" {
		(*f)[n-1].format = format // --output stood first
		return nil
	}
	*f = append(*f, output{format: format})
	return err
}

func (f *formatFlag) Type() string   { return "format" }
func (f *formatFlag) String() string { return "" }

func (f *outputFlag) Set(file string) error {
	if n := len(*f); n > 0 && (*f)[n-1].file == "" {
		(*f)[n-1].file = file
		return nil
	}
	*f = append(*f, output{file: file})
	return nil
}

func (f *outputFlag) Type() string   { return "file" }
func (f *outputFlag) String() string { return "" }

// chooseOutputs fills in what the command line leaves open.
func (a *app) chooseOutputs(f *validateFlags, config *cfnlintrc) (outputs, error) {
	usual := report.Text
	switch {
	case a.json:
		usual = report.JSON
	case f.quiet:
		usual = report.Quiet
	case config.Format != "":
		var err error
		if usual, err = parseFormat(config.Format); err != nil {
			return nil, err
		}
	}
	chosen := slices.Clone(f.outputs)
	if len(chosen) == 0 {
		chosen = outputs{{format: usual, file: config.OutputFile}}
	}
	for i := range chosen {
		if chosen[i].format == "" {
			chosen[i].format = usual
		}
	}
	return chosen, nil
}

// write writes every report. When all go to files, the summary goes to
// standard error, so that a person sees something.
func (a *app) write(c *checkRun) error {
	silent := true
	for _, o := range c.outputs {
		r := c.report()
		if o.file == "" {
			silent = false
			r.Colour = a.coloured() && o.format == report.Text || a.coloured() && o.format == report.Quiet
			if err := r.Write(a.out, o.format); err != nil {
				return err
			}
			continue
		}
		var b bytes.Buffer
		if err := r.Write(&b, o.format); err != nil {
			return err
		}
		if err := os.WriteFile(o.file, b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if silent {
		a.progress("%s", c.report().Summary())
	}
	return nil
}

// configRule is cfn-lint's rule for what is wrong with its own arguments.
var configRule = validation.Rule{
	ID: "E0003", Severity: validation.Error, Title: "A path leads to no template", Description: "Every path and glob that is named has to match a file.",
	Link: "https://github.com/evenkeel/evenkeel#readme",
}

// securitySeverity is the score of a security rule for code scanning services,
// in the middle of its band of CVSS.
var securitySeverity = map[policy.Severity]float64{policy.Critical: 9.5, policy.High: 8, policy.Medium: 5.5, policy.Low: 3}

// catalogue describes every rule that may appear in a result, sorted by id.
func catalogue() []report.Rule {
	all := map[string]report.Rule{}
	for _, r := range slices.Concat(validation.Rules(), validation.SourceRules(), []validation.Rule{configRule}) {
		all[r.ID] = report.Rule{ID: r.ID, Severity: r.Severity, Title: r.Title, Description: r.Description, Link: r.Link}
	}
	for _, r := range policy.Rules() {
		severity := validation.Warning
		if known, ok := all[r.ID]; ok {
			severity = known.Severity
		}
		all[r.ID] = report.Rule{
			ID: r.ID, Severity: severity, Title: r.Title, Description: r.Rationale, Fix: r.Fix, Link: r.Link,
			Security: securitySeverity[r.Severity], Tags: slices.Concat([]string{"security"}, r.FSBP, r.ControlTower),
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b report.Rule) int { return strings.Compare(a.ID, b.ID) })
}

func listRules(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range catalogue() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.ID, r.Severity, r.Title)
	}
	_ = table.Flush() // to standard output, as Fprintf
}

// version is that of the module that the program was built from, without the v;
// a build in the source tree has none. SARIF wants it to begin with a number.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !strings.HasPrefix(info.Main.Version, "v") {
		return "0.0.0-devel"
	}
	return info.Main.Version[1:]
}
