//go:build !validator

package main

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/report"
)

// driftOutput is how drift is shown, and when it fails.
type driftOutput struct {
	format string
	file   string
	failOn string
}

// flags adds the flags of an output; failOn is what fails without a flag.
func (o *driftOutput) flags(cmd *cobra.Command, failOn string) {
	cmd.Flags().StringVar(&o.format, "format", string(report.Text), "one of "+strings.Join(report.Formats(), ", "))
	cmd.Flags().StringVarP(&o.file, "output", "o", "", "file to write; a summary then goes to standard error")
	cmd.Flags().StringVar(&o.failOn, "fail-on", failOn, "exit code 1 from which severity on: one of "+strings.Join(report.FailOns(), ", "))
}

// check refuses what is no format or no level.
func (o *driftOutput) check(a *app) error {
	if a.json {
		o.format = string(report.JSON)
	}
	if !slices.Contains(report.Formats(), o.format) {
		return usageError("%q is no format; the formats are %s", o.format, strings.Join(report.Formats(), ", "))
	}
	if !slices.Contains(report.FailOns(), o.failOn) {
		return usageError("%q is no level of --fail-on; the levels are %s", o.failOn, strings.Join(report.FailOns(), ", "))
	}
	return nil
}

// write shows the scans. text and value are what the command shows for a person
// and as JSON.
func (o *driftOutput) write(a *app, scans []events.DriftScanned, value any, text func(io.Writer)) error {
	var b bytes.Buffer
	var err error
	switch shown := *a; report.Format(o.format) {
	case report.Text:
		text(&b)
	case report.JSON:
		shown.json, shown.out = true, &b
		err = shown.print(value, nil)
	default:
		err = report.Report{Scans: scans, Version: version()}.Write(&b, report.Format(o.format))
	}
	if err != nil {
		return err
	}
	if o.file == "" {
		_, err = a.out.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(o.file, b.Bytes(), 0o644); err != nil {
		return err
	}
	a.progress("%s of %s written to %s", o.format, count(len(scans), "stack"), o.file)
	return nil
}

// fails reports whether one of the scans is as severe as what fails.
func (o *driftOutput) fails(scans []events.DriftScanned) bool {
	return slices.ContainsFunc(scans, func(s events.DriftScanned) bool { return report.Fails(s, o.failOn) })
}
