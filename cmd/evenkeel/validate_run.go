package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/validation"
	"github.com/evenkeel/evenkeel/shared/validation/baseline"
	"github.com/evenkeel/evenkeel/shared/validation/report"
)

// checkRun is one run of validate: what to check, how, and what came of it.
type checkRun struct {
	app            *app
	paths          []string
	ignored        []string // globs of files to leave out
	options        validation.Options
	pipeline       pipeline.Validation // of evenkeel.yaml in the current folder
	outputs        outputs
	nonZero        string
	showSuppressed bool
	templatesOnly  bool

	stdin     []byte            // read once, a run may be repeated
	texts     map[string][]byte // by file name, for excerpts
	generated map[string]bool   // files that a program writes: they are not fixed
	owned     map[string]owned  // files of repositories
	result    validation.Result
	fixed     []baseline.Entry   // of the baseline that are gone
	judges    []validation.Judge // of evenkeel.yaml in the current folder
	known     *knownFindings     // nil without a baseline
}

// owned is a file of a repository: its name there, and what it is validated with.
type owned struct {
	name    string
	options validation.Options
}

// newCheckRun puts the command line, the configuration files and the
// environment together.
func (a *app) newCheckRun(f *validateFlags, paths []string) (*checkRun, error) {
	config, err := readConfig(f.configFile, a.getenv("HOME"))
	if err != nil {
		return nil, err
	}
	for _, line := range config.notes {
		a.progress("%s", line)
	}
	c := &checkRun{
		app: a, paths: paths, ignored: first(f.ignoreTemplates, config.IgnoreTemplates), showSuppressed: f.showSuppressed, templatesOnly: f.templatesOnly,
		nonZero: cmp.Or(f.nonZero, config.NonZeroExitCode, "informational"),
		options: validation.Options{Defaults: config.settings(), Merge: f.merge || config.MergeConfigs, ReportUnused: f.reportUnused, Now: a.now, ReadFile: readRegular},
	}
	if _, ok := failing[c.nonZero]; !ok {
		return nil, fmt.Errorf("--non-zero-exit-code %q is not informational, warning, error or none", c.nonZero)
	}
	if f.date != "" {
		day, err := time.Parse(time.DateOnly, f.date)
		if err != nil {
			return nil, fmt.Errorf("--date %q is not a day, such as 2027-01-31", f.date)
		}
		c.options.Now = func() time.Time { return day }
	}
	if c.options.Settings, err = f.settings(); err != nil {
		return nil, err
	}
	if err := a.addRegions(&c.options); err != nil {
		return nil, err
	}
	if len(c.paths) == 0 {
		c.paths = first(config.Templates, []string{"."})
	}
	c.outputs, err = a.chooseOutputs(f, config)
	if err := errors.Join(err, c.addPipeline()); err != nil {
		return nil, err
	}
	if err := c.addPolicies(f); err != nil {
		return nil, err
	}
	return c, c.readBaseline(f)
}

// settings reads the layer of the command line.
func (f *validateFlags) settings() (validation.Settings, error) {
	s := validation.Settings{
		Regions: f.regions, IgnoreChecks: f.ignore, IncludeChecks: f.include, MandatoryChecks: f.mandatory, IgnoreBadTemplate: f.ignoreBadTemplate,
	}
	if f.info {
		s.IncludeChecks = append(s.IncludeChecks, "I")
	}
	for _, text := range f.configure {
		id, option, _ := strings.Cut(text, ":")
		name, value, ok := strings.Cut(option, "=")
		if !ok || id == "" || name == "" {
			return s, fmt.Errorf("--configure-rule %q is not RULE:option=value, such as E3012:strict=true", text)
		}
		if s.Configure == nil {
			s.Configure = map[string]map[string]string{}
		}
		if s.Configure[id] == nil {
			s.Configure[id] = map[string]string{}
		}
		s.Configure[id][name] = value
	}
	var err error
	s.Parameters, err = f.parameterSets()
	return s, err
}

// addRegions expands ALL_REGIONS, reads from the environment which region to
// validate for when nothing else says, and refuses those that do not exist.
func (a *app) addRegions(o *validation.Options) error {
	known := schema.Regions()
	for _, layer := range []*validation.Settings{&o.Settings, &o.Defaults} {
		if slices.Contains(layer.Regions, "ALL_REGIONS") {
			layer.Regions = known
		}
	}
	o.Region = cmp.Or(a.getenv("AWS_REGION"), a.getenv("AWS_DEFAULT_REGION"), validation.DefaultRegion)
	for _, region := range slices.Concat(o.Regions, o.Defaults.Regions, []string{o.Region}) {
		if !slices.Contains(known, region) {
			return &codedError{code: exitBadRegion, err: fmt.Errorf("there is no region %q; regions are %s", region, strings.Join(known, ", "))}
		}
	}
	return nil
}

// addPipeline reads what evenkeel.yaml in the current folder says about
// validation. That of a folder that is checked as a repository is read with it.
func (c *checkRun) addPipeline() error {
	data, err := os.ReadFile(pipeline.FileName)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	v, err := pipeline.DecodeValidation(pipeline.FileName, data)
	c.pipeline = v
	return err
}

// check validates every path and puts the results together. Findings name
// files as they can be opened from here.
func (c *checkRun) check() error {
	c.texts, c.generated, c.owned, c.fixed = map[string][]byte{}, map[string]bool{}, map[string]owned{}, nil
	in, err := c.collect()
	if err != nil {
		return err
	}
	reserveHeap(in)
	var results []validation.Result
	for _, folder := range in.repositories {
		result, err := c.checkRepository(folder)
		if err != nil {
			return err
		}
		results = append(results, result)
	}
	if len(in.files) > 0 {
		results = append(results, validation.ValidateWith(in.files, c.fileOptions()))
	}
	for name, data := range in.files {
		c.texts[name] = data
	}
	for _, assembly := range in.assemblies {
		results = append(results, c.checkAssembly(assembly)...)
	}
	c.result = validation.Join(results...)
	if len(in.findings) > 0 {
		c.result = c.result.Add(in.findings...)
	}
	return c.applyBaseline()
}

// heapFactor is how many bytes of heap a byte of template takes when nothing is
// collected; below heapWorth of templates, growing the heap costs more than it saves.
const (
	heapFactor = 32
	heapWorth  = 256 << 10
)

// reserveHeap makes room for what the validation of the files will allocate.
func reserveHeap(in *input) {
	size := 0
	for _, data := range in.files {
		size += len(data)
	}
	if size >= heapWorth {
		growHeap(min(heapFactor*size, heapLimit/2))
	}
}

// fileOptions are the options for files that are not checked as part of a
// repository.
func (c *checkRun) fileOptions() validation.Options {
	o := c.options.WithPipeline(c.pipeline, pipeline.FileName)
	o.Judges = slices.Concat(o.Judges, c.judges)
	return o
}

func (c *checkRun) checkRepository(folder string) (validation.Result, error) {
	tree, err := readTree(folder)
	if err != nil {
		return validation.Result{}, err
	}
	if tree, err = withAssembly(tree, folder); err != nil {
		return validation.Result{}, err
	}
	checked := validation.Source(tree, validation.Offline{}, c.options)
	named := func(name string) string { return filepath.ToSlash(filepath.Join(folder, name)) }
	for _, list := range [][]validation.Finding{checked.Findings, checked.Suppressed} {
		for i := range list {
			list[i].File = named(list[i].File)
		}
	}
	for _, e := range checked.Fixed {
		e.File = named(e.File)
		c.fixed = append(c.fixed, e)
	}
	for i, name := range checked.Incomplete {
		checked.Incomplete[i] = named(name)
	}
	options := c.options.ForRepository(checked.Pipeline)
	generated := ""
	if checked.Pipeline != nil && checked.Pipeline.UsesAssembly() {
		generated = checked.Pipeline.OutputFolder() + "/"
	}
	for _, f := range tree {
		c.texts[named(f.Path)] = f.Data
		if generated != "" && strings.HasPrefix(f.Path, generated) {
			c.generated[named(f.Path)] = true
			continue
		}
		if !f.Symlink {
			c.owned[named(f.Path)] = owned{f.Path, options}
		}
	}
	return checked.Result, nil
}

// report is the result with what is needed to show it.
func (c *checkRun) report() *report.Report {
	return &report.Report{
		Result: c.result, Rules: catalogue, Version: version(), Colour: false, ShowSuppressed: c.showSuppressed, Fixed: c.fixed,
		Source: func(file string) []byte { return c.texts[file] }, Link: c.app.sourceLink,
	}
}

// sourceLink returns the address of a line on GitHub when a workflow runs there.
// Source: GitHub documentation, "Default environment variables".
func (a *app) sourceLink(file string, line int) string {
	server, repository, commit := a.getenv("GITHUB_SERVER_URL"), a.getenv("GITHUB_REPOSITORY"), a.getenv("GITHUB_SHA")
	if server == "" || repository == "" || commit == "" || filepath.IsAbs(file) || strings.HasPrefix(file, "..") {
		return ""
	}
	return fmt.Sprintf("%s/%s/blob/%s/%s#L%d", server, repository, commit, file, line)
}

func (c *checkRun) listTemplates(w io.Writer) error {
	in, err := c.collect()
	if err != nil {
		return err
	}
	for _, folder := range in.repositories {
		fmt.Fprintln(w, filepath.ToSlash(filepath.Join(folder, pipeline.FileName)))
	}
	names := make([]string, 0, len(in.files))
	for name := range in.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintln(w, name)
	}
	return nil
}

// first returns the first list that is not empty.
func first[T any](lists ...[]T) []T {
	for _, l := range lists {
		if len(l) > 0 {
			return l
		}
	}
	return nil
}
