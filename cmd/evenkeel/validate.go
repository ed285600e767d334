package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/fix"
	"github.com/evenkeel/evenkeel/shared/validation/report"
)

// Exit codes of validate: those of cfn-lint, so that it can take its place in a
// build. Source: cfn-lint README, "Exit Codes".
const (
	exitBadUsage  = 1
	exitErrors    = 2 // bits, added up
	exitWarnings  = 4
	exitNotes     = 8
	exitBadRegion = 32
)

// validateFlags is the command line of validate.
type validateFlags struct {
	templates         []string
	ignoreTemplates   []string
	templatesOnly     bool
	outputs           outputs
	quiet             bool
	watch             bool
	listRules         bool
	listTemplates     bool
	showSuppressed    bool
	reportUnused      bool
	nonZero           string
	configFile        string
	baseline          string
	writeBaseline     string
	policies          []string
	date              string
	fix               bool
	dryRun            bool
	regions           []string
	ignore            []string
	include           []string
	mandatory         []string
	configure         []string
	parameters        []string
	parameterFiles    []string
	merge             bool
	ignoreBadTemplate bool
	info              bool
}

func newValidateCommand(a *app) *cobra.Command {
	f := &validateFlags{}
	cmd := &cobra.Command{
		Use:   "validate [path...]",
		Short: "Check local templates as a push would be checked",
		Long: `Check templates without any AWS call. A path is a file, a glob (** crosses folders), a folder, or -
for standard input. A folder with an evenkeel.yaml is checked as a repository: evenkeel.yaml, the
template of every stack, and templates/. In any other folder every file that looks like a template
is checked. Without a path, the templates of .cfnlintrc or else the current folder are checked.

Settings come from the command line, then from Metadata.cfn-lint.config of a template, then from
.cfnlintrc in the current folder and in the home folder. Suppressions may also stand in Metadata
(cfn-lint, cfn_nag, cdk_nag, guard, checkov), in comments (# evenkeel:ignore RULE reason
until=DATE) and in evenkeel.yaml (validation.ignore).

Exit codes are those of cfn-lint and differ from the other commands': 0 nothing found, the sum of
2 errors, 4 warnings and 8 notes otherwise; 1 wrong usage, 32 a region that does not exist.`,
		Example: `  evenkeel validate
  evenkeel validate 'templates/**/*.yaml' --ignore-checks W3005
  evenkeel validate --format text --format sarif --output evenkeel.sarif
  evenkeel validate - < template.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.noteUnused(cmd)
			return badUsage(a.validate(cmd.Context(), f, append(f.templates, args...)))
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &codedError{code: exitBadUsage, err: fmt.Errorf("%w\nusage: %s", err, cmd.UseLine())}
	})
	f.register(cmd)
	return cmd
}

func (f *validateFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVarP(&f.templates, "template", "t", nil, "a path, as an argument is")
	flags.StringSliceVar(&f.ignoreTemplates, "ignore-templates", nil, "globs of files to leave out")
	flags.BoolVar(&f.templatesOnly, "templates-only", false, "leave out named files that do not look like templates")
	flags.VarP((*formatFlag)(&f.outputs), "format", "f", "output format: "+strings.Join(report.Formats(), ", ")+"; may be repeated")
	flags.Var((*outputFlag)(&f.outputs), "output", "file for the --format before it")
	flags.Var((*outputFlag)(&f.outputs), "output-file", "the same")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "one line a finding and nothing else (--format quiet)")
	flags.StringSliceVarP(&f.regions, "regions", "r", nil, "regions to validate for, or ALL_REGIONS (default: AWS_REGION, else us-east-1)")
	flags.StringSliceVarP(&f.ignore, "ignore-checks", "i", nil, "leave out rules, by id or its beginning")
	flags.StringSliceVarP(&f.include, "include-checks", "c", nil, "ask for rules that are off, by id or its beginning: I for all notes")
	flags.BoolVarP(&f.info, "info", "I", false, "show notes (--include-checks I)")
	flags.StringSliceVarP(&f.mandatory, "mandatory-checks", "m", nil, "rules that nothing suppresses, by id or its beginning")
	flags.StringSliceVarP(&f.configure, "configure-rule", "x", nil, "option of a rule: E3012:strict=true")
	flags.StringSliceVar(&f.parameters, "parameters", nil, "values of the template's parameters: Name=value")
	flags.StringSliceVar(&f.parameterFiles, "parameter-files", nil, "files of parameter values, as the AWS CLI takes them")
	flags.StringVar(&f.nonZero, "non-zero-exit-code", "", "least severity that fails: informational, warning, error or none (default informational)")
	flags.BoolVar(&f.showSuppressed, "show-suppressed", false, "list suppressed findings, with who and why")
	flags.BoolVar(&f.reportUnused, "report-unused", false, "add a note for each suppression that suppresses nothing")
	flags.StringVar(&f.baseline, "baseline", "", "file of known findings, which do not fail (default: validation.baseline of evenkeel.yaml, else "+baselineFile+" where it exists; \"none\" for none)")
	flags.StringVar(&f.writeBaseline, "write-baseline", "", "write all findings to this file and exit with 0")
	flags.StringSliceVar(&f.policies, "policy", nil, "folders of policies in Rego, and for Guard where cfn-guard is installed (default: validation.policies of evenkeel.yaml)")
	flags.StringVar(&f.date, "date", "", "validate as on this day, 2027-01-31: runtimes end, suppressions expire (default: today)")
	flags.BoolVar(&f.fix, "fix", false, "correct what is certain in the files ("+strings.Join(fix.Rules(), ", ")+") and report the rest")
	flags.BoolVar(&f.dryRun, "dry-run", false, "with --fix: print the changes as a diff and make none")
	flags.BoolVarP(&f.ignoreBadTemplate, "ignore-bad-template", "b", false, "leave out files that cannot be parsed and globs that match nothing")
	flags.StringVar(&f.configFile, "config-file", "", "read this instead of .cfnlintrc")
	flags.BoolVar(&f.merge, "merge-configs", false, "join the lists of all settings instead of taking the first")
	flags.BoolVarP(&f.listRules, "list-rules", "l", false, "list all rules")
	flags.BoolVarP(&f.listTemplates, "list-templates", "L", false, "list the files that would be checked")
	f.registerUnused(cmd)
	flags.BoolVarP(&f.watch, "watch", "w", false, "check again when a file changes, and print what is new and what is gone")
}

// registerUnused takes the options of cfn-lint that mean nothing here, so that
// a command line that was made for it goes on working.
func (f *validateFlags) registerUnused(cmd *cobra.Command) {
	flags := cmd.Flags()
	for name, letter := range map[string]string{"append-rules": "a", "registry-schemas": "s", "deployment-files": ""} {
		flags.StringSliceVarP(new([]string), name, letter, nil, "")
	}
	for name, letter := range map[string]string{"custom-rules": "z", "override-spec": "o"} {
		flags.StringVarP(new(string), name, letter, "", "")
	}
	for name, letter := range map[string]string{"include-experimental": "e", "debug": "D", "build-graph": "g"} {
		flags.BoolVarP(new(bool), name, letter, false, "")
	}
	for name := range without {
		if flag := flags.Lookup(strings.ReplaceAll(name, "_", "-")); flag != nil {
			flag.Hidden = true
		}
	}
	flags.Lookup("build-graph").Hidden = true
}

// noteUnused says which options were given in vain.
func (a *app) noteUnused(cmd *cobra.Command) {
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if about := without[strings.ReplaceAll(flag.Name, "-", "_")]; about != "" {
			a.progress("--%s is not used: %s", flag.Name, about)
		}
	})
}

// badUsage gives the errors that are no findings cfn-lint's exit code.
func badUsage(err error) error {
	var coded *codedError
	if err == nil || errors.As(err, &coded) && (coded.silent || coded.code == exitBadRegion) {
		return err
	}
	return &codedError{code: exitBadUsage, err: err}
}

// heapLimit is how far the heap may grow, in bytes, before it is collected: most
// runs end before, and a fifth of their time would be spent collecting.
const heapLimit = 192 << 20

func (a *app) validate(ctx context.Context, f *validateFlags, paths []string) error {
	if a.getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(heapLimit))
	}
	c, err := a.newCheckRun(f, paths)
	switch {
	case err != nil:
		return err
	case f.dryRun && !f.fix:
		return errors.New("--dry-run goes with --fix")
	case f.watch && f.fix:
		return errors.New("--watch does not go with --fix: it would change files while they are edited")
	case f.listRules:
		return a.print(catalogue(), listRules)
	case f.listTemplates:
		return c.listTemplates(a.out)
	case f.watch:
		return a.watch(ctx, c)
	}
	if err := c.check(); err != nil {
		return err
	}
	if f.fix {
		if err := c.fix(f.dryRun); err != nil || f.dryRun {
			return err
		}
	}
	if f.writeBaseline != "" {
		return c.writeBaseline(f.writeBaseline)
	}
	if err := a.write(c); err != nil {
		return err
	}
	return c.exit()
}

// exit turns the result into an exit code: a bit for each severity that fails.
func (c *checkRun) exit() error {
	code := 0
	for severity, bit := range map[validation.Severity]int{validation.Error: exitErrors, validation.Warning: exitWarnings, validation.Info: exitNotes} {
		if slices.Contains(failing[c.nonZero], severity) && slices.ContainsFunc(c.result.Findings, func(f validation.Finding) bool { return f.Severity == severity }) {
			code |= bit
		}
	}
	if code == 0 {
		return nil
	}
	return &codedError{code: code, silent: true, err: errors.New("validation found something")}
}

// failing lists what fails a run, by the value of --non-zero-exit-code.
var failing = map[string][]validation.Severity{
	"informational": {validation.Error, validation.Warning, validation.Info},
	"warning":       {validation.Error, validation.Warning},
	"error":         {validation.Error},
	"none":          {},
}
