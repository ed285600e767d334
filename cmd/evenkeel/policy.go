package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/policy"
	"github.com/evenkeel/evenkeel/shared/policy/rego/regotest"
)

// policyFolder is where a repository keeps its own policies.
const policyFolder = "policies"

func newPolicyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check templates and plans against policies",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPolicyCheckCommand(a), newPolicyTestCommand(a), newPolicyListCommand(a), newPolicyShowCommand(a), newPolicyInputCommand(a))
	return cmd
}

func newPolicyTestCommand(a *app) *cobra.Command {
	verbose, o := false, regotest.Options{}
	cmd := &cobra.Command{
		Use:   "test [path...]",
		Short: "Run the tests of Rego policies",
		Long: `Run every rule whose name begins with test_ in the Rego files of folders (default: policies).
A test passes when its body holds; rules whose name begins with todo_test_ are skipped.

Exit code 1 when a test fails.`,
		Example: `  evenkeel policy test
  evenkeel policy test policies --verbose --coverage
  evenkeel policy test --run 'deny_.*public'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{policyFolder}
			}
			files, err := readPolicies(args, ".rego")
			if err != nil {
				return err
			}
			if len(files) == 0 {
				return usageError("no Rego file in %s", strings.Join(args, ", "))
			}
			report, err := regotest.Run(cmd.Context(), files, o)
			if err != nil {
				return err
			}
			if err := a.print(report, func(w io.Writer) { a.testReport(w, report, verbose, o.Coverage) }); err != nil {
				return err
			}
			if report.Failed > 0 {
				return failed("tests failed")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&verbose, "verbose", "v", false, "show every test, and what it prints")
	flags.StringVarP(&o.Match, "run", "r", "", "regular expression: only tests whose package and name match")
	flags.BoolVarP(&o.Coverage, "coverage", "c", false, "show which lines of the policies the tests ran")
	flags.DurationVar(&o.Timeout, "timeout", 0, "limit of one test (default 5s)")
	return cmd
}

func (a *app) testReport(w io.Writer, r regotest.Report, verbose, coverage bool) {
	for _, t := range r.Results {
		name := fmt.Sprintf("%s:%d: %s.%s", t.File, t.Line, t.Package, t.Name)
		switch {
		case t.Skipped && verbose:
			fmt.Fprintf(w, "%s %s\n", a.yellow("skip"), name)
		case t.Passed && verbose:
			fmt.Fprintf(w, "%s %s (%.1f ms)\n", a.green("pass"), name, t.Milliseconds)
		case !t.Passed && !t.Skipped:
			fmt.Fprintf(w, "%s %s\n", a.red("FAIL"), name)
			for _, reason := range []string{t.Error, t.Failed} {
				if reason != "" {
					fmt.Fprintf(w, "     %s\n", printable(reason))
				}
			}
		}
		if t.Output != "" && (verbose || !t.Passed) {
			fmt.Fprintf(w, "     %s\n", printable(strings.TrimSpace(t.Output)))
		}
	}
	if coverage {
		for _, lines := range r.Uncovered {
			if verbose {
				fmt.Fprintf(w, "%s: not run by a test\n", lines)
			}
		}
		fmt.Fprintf(w, "coverage %.1f %%\n", r.Coverage)
	}
	fmt.Fprintf(w, "%s: %d passed, %d failed, %d skipped\n", count(len(r.Results), "test"), r.Passed, r.Failed, r.Skipped)
}

// readPolicies reads the files with an ending in folders, and files, by path.
// A folder that does not exist is an error only if it was named.
func readPolicies(paths []string, ending string) (map[string]string, error) {
	files := map[string]string{}
	for _, path := range paths {
		err := walk(path, func(name string, entry fs.DirEntry) error {
			if !strings.HasSuffix(name, ending) || entry.Type()&fs.ModeSymlink != 0 {
				return nil
			}
			data, err := os.ReadFile(name)
			if err == nil {
				files[filepath.ToSlash(name)] = string(data)
			}
			return err
		})
		if err != nil {
			return nil, usageError("policies: %w", err)
		}
	}
	return files, nil
}

// ruleView is a built-in rule as list and show print it.
type ruleView struct {
	ID           string          `json:"id"`
	Title        string          `json:"title"`
	Severity     policy.Severity `json:"severity"`
	Types        []string        `json:"types"`
	FSBP         []string        `json:"fsbp,omitempty"`
	ControlTower []string        `json:"controlTower,omitempty"`
	Others       []string        `json:"others,omitempty"`
	Rationale    string          `json:"rationale"`
	Fix          string          `json:"fix"`
	Link         string          `json:"link,omitempty"`
}

func ruleViews() []ruleView {
	var views []ruleView
	for _, r := range policy.Rules() {
		views = append(views, ruleView{r.ID, r.Title, r.Severity, r.Types, r.FSBP, r.ControlTower, r.Others, r.Rationale, r.Fix, r.Link})
	}
	for _, r := range policy.PlanRules() {
		views = append(views, ruleView{ID: r.ID, Title: r.Title, Severity: r.Severity, Rationale: r.Rationale, Fix: r.Fix})
	}
	return views
}

// ids are all ids by which people may know the rule.
func (v ruleView) ids() []string {
	return slices.Concat([]string{v.ID}, v.FSBP, v.ControlTower, v.Others)
}

func newPolicyListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list [text...]",
		Short: "List the built-in rules",
		Long:  `List the built-in rules, or those whose id, title or resource type contains every text.`,
		Example: `  evenkeel policy list
  evenkeel policy list s3 public
  evenkeel policy list --json`,
		RunE: func(_ *cobra.Command, args []string) error {
			views := slices.DeleteFunc(ruleViews(), func(v ruleView) bool {
				text := strings.ToLower(strings.Join(append(v.ids(), v.Title, string(v.Severity), strings.Join(v.Types, " ")), " "))
				return slices.ContainsFunc(args, func(arg string) bool { return !strings.Contains(text, strings.ToLower(arg)) })
			})
			return a.print(views, func(w io.Writer) {
				table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				for _, v := range views {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", v.ID, v.Severity, v.Title, strings.Join(slices.Concat(v.FSBP, v.ControlTower), " "))
				}
				_ = table.Flush()
				fmt.Fprintf(w, "%s\n", count(len(views), "rule"))
			})
		},
	}
}

func newPolicyShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show rule...",
		Short: "Explain built-in rules",
		Long:  `Explain built-in rules. A rule is named by its id or by an id of another catalogue that asks for the same.`,
		Example: `  evenkeel policy show EK1001
  evenkeel policy show S3.8 CT.S3.PR.1 CKV_AWS_18`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			var found []ruleView
			for _, arg := range args {
				matches := slices.DeleteFunc(ruleViews(), func(v ruleView) bool {
					return !slices.ContainsFunc(v.ids(), func(id string) bool { return strings.EqualFold(id, arg) })
				})
				if len(matches) == 0 {
					return notFound("there is no rule %s: evenkeel policy list has them all", arg)
				}
				found = append(found, matches...)
			}
			return a.print(found, func(w io.Writer) {
				for i, v := range found {
					if i > 0 {
						fmt.Fprintln(w)
					}
					a.explain(w, v)
				}
			})
		},
	}
}

func (a *app) explain(w io.Writer, v ruleView) {
	fmt.Fprintf(w, "%s %s\n", a.bold(v.ID), a.bold(v.Title))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"Severity", a.policySeverity(v.Severity)}, {"Why", v.Rationale}, {"Fix", v.Fix}, {"Types", strings.Join(v.Types, ", ")},
		{"FSBP", strings.Join(v.FSBP, ", ")}, {"Control Tower", strings.Join(v.ControlTower, ", ")}, {"Others", strings.Join(v.Others, ", ")}, {"Link", v.Link},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
		}
	}
	_ = table.Flush()
}

func (a *app) policySeverity(s policy.Severity) string {
	switch s {
	case policy.Critical, policy.High:
		return a.red(string(s))
	case policy.Medium:
		return a.yellow(string(s))
	}
	return string(s)
}

// worst orders severities, the worst first.
func worst(a, b policy.Severity) int {
	all := policy.Severities()
	return cmp.Compare(slices.Index(all, a), slices.Index(all, b))
}

// folderExists reports whether a folder is there.
func folderExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() && !errors.Is(err, fs.ErrNotExist)
}
