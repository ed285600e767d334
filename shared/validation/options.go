package validation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Options are what a person sets for a run.
type Options struct {
	Settings          // of the command line: they come first
	Defaults Settings // of configuration files: they come last, after a template's own
	// Merge joins the lists of the three layers instead of taking the first one
	// that is not empty (cfn-lint's --merge-configs).
	Merge bool

	Ignores []Ignore // of evenkeel.yaml
	// Aliases gives the ids of the rules that stand for another tool's id:
	// "CKV_AWS_18" → "EK1016". Suppressions may name either. nil stands for the
	// cross references of the security pack.
	Aliases map[string][]string
	// Region is validated for when no layer names regions; "" is DefaultRegion.
	Region string
	// ReportUnused adds a note for each suppression that suppresses nothing.
	ReportUnused bool

	// Judges are policies beside the built-in ones. LoadPolicies makes one of the
	// Rego files of a repository; nil leaves them out.
	Judges       []Judge
	LoadPolicies PolicyLoader

	// ReadFile reads the template of a nested stack that is not validated itself;
	// nil looks only among the templates that are.
	ReadFile func(name string) ([]byte, error)

	// Now is the clock that suppressions expire by; nil is time.Now.
	Now func() time.Time
}

// Settings is one layer of configuration, in the words of cfn-lint's own
// configuration file. The check lists hold rule ids or beginnings of them.
type Settings struct {
	Regions         []string
	IgnoreChecks    []string
	IncludeChecks   []string
	MandatoryChecks []string // cannot be suppressed
	// IgnoreBadTemplate leaves out files that cannot be parsed.
	IgnoreBadTemplate bool
	// Configure sets options of rules: "E3012" → "strict" → "true".
	Configure map[string]map[string]string
	// Parameters are the sets of parameter values that the template is deployed with.
	Parameters []map[string]string
}

// DefaultRegion is validated against when nobody says otherwise.
const DefaultRegion = "us-east-1"

// For returns the settings of one template: the first layer that sets
// something wins, the command line before Metadata.cfn-lint.config of the
// template before configuration files. Mandatory checks are none of a
// template's business.
// Source: cfn-lint README, "Metadata" and "Parameters".
func (o *Options) For(root *template.Node) Settings {
	own := metadataSettings(root)
	s := Settings{
		Regions:           o.list(o.Regions, own.Regions, o.Defaults.Regions),
		IgnoreChecks:      o.list(o.IgnoreChecks, own.IgnoreChecks, o.Defaults.IgnoreChecks),
		IncludeChecks:     o.list(o.IncludeChecks, own.IncludeChecks, o.Defaults.IncludeChecks),
		MandatoryChecks:   o.list(o.MandatoryChecks, nil, o.Defaults.MandatoryChecks),
		IgnoreBadTemplate: o.IgnoreBadTemplate || own.IgnoreBadTemplate || o.Defaults.IgnoreBadTemplate,
		Configure:         o.configure(o.Configure, own.Configure, o.Defaults.Configure),
		Parameters:        first(o.Parameters, own.Parameters, o.Defaults.Parameters),
	}
	if len(s.Regions) == 0 {
		s.Regions = []string{cmp.Or(o.Region, DefaultRegion)}
	}
	return s
}

func (o *Options) list(layers ...[]string) []string {
	if o.Merge {
		return slices.Concat(layers...)
	}
	return first(layers...)
}

func first[T any](layers ...[]T) []T {
	for _, l := range layers {
		if len(l) > 0 {
			return l
		}
	}
	return nil
}

func (o *Options) configure(layers ...map[string]map[string]string) map[string]map[string]string {
	var merged map[string]map[string]string
	for _, l := range layers {
		switch {
		case len(l) == 0:
		case !o.Merge:
			return l
		case merged == nil:
			merged = make(map[string]map[string]string, len(l))
			fallthrough
		default:
			for id, values := range l {
				merged[id] = values
			}
		}
	}
	return merged
}

// metadataSettings reads Metadata.cfn-lint.config. A value of another type
// than expected counts as absent, as it does for cfn-lint.
func metadataSettings(root *template.Node) Settings {
	config := root.Get("Metadata").Get("cfn-lint").Get("config")
	if !config.IsMap() {
		return Settings{}
	}
	s := Settings{
		Regions:           texts(config.Get("regions")),
		IgnoreChecks:      texts(config.Get("ignore_checks")),
		IncludeChecks:     texts(config.Get("include_checks")),
		IgnoreBadTemplate: setTrue(config.Get("ignore_bad_template")),
	}
	if rules := config.Get("configure_rules"); rules.IsMap() {
		s.Configure = make(map[string]map[string]string, len(rules.Entries))
		for _, rule := range rules.Entries {
			values := make(map[string]string, len(rule.Value.Entries))
			for _, e := range rule.Value.Entries {
				values[e.Key] = e.Value.Text
			}
			s.Configure[rule.Key] = values
		}
	}
	if sets := config.Get("parameters"); sets.IsList() {
		for _, set := range sets.Items {
			values := make(map[string]string, len(set.Entries))
			for _, e := range set.Entries {
				values[e.Key] = e.Value.Text
			}
			s.Parameters = append(s.Parameters, values)
		}
	}
	return s
}

func texts(n *template.Node) []string {
	if !n.IsList() {
		return nil
	}
	return n.Strings()
}

func setTrue(n *template.Node) bool { return n != nil && n.Kind == template.Bool && n.True }

// Enabled reports whether a rule is asked for: errors and warnings are, notes
// only when IncludeChecks names them ("I" names all). What IgnoreChecks says is
// not looked at here: a finding that is ignored is suppressed, not unknown.
func (s *Settings) Enabled(id string, severity Severity) bool {
	return severity != Info || hasPrefix(s.IncludeChecks, id) || slices.Contains(s.IncludeChecks, "I")
}

// Mandatory reports whether a rule cannot be suppressed.
func (s *Settings) Mandatory(id string) bool { return hasPrefix(s.MandatoryChecks, id) }

// hasPrefix reports whether an id begins with one of the prefixes.
func hasPrefix(prefixes []string, id string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return p != "" && strings.HasPrefix(id, p) })
}

// WithPipeline returns the options with what evenkeel.yaml says: its
// suppressions and the rules that it asks for.
func (o Options) WithPipeline(v pipeline.Validation, file string) Options {
	o.Ignores = slices.Clone(o.Ignores)
	for _, i := range v.Ignore {
		o.Ignores = append(o.Ignores, Ignore{
			Rule: i.Rule, Paths: i.Paths, Resource: i.Resource, Reason: i.Reason, Until: i.Until, File: file, Line: i.At().Line, Column: i.At().Column,
		})
	}
	o.Defaults.IncludeChecks = slices.Concat(o.Defaults.IncludeChecks, v.Include)
	return o
}

// ForRepository returns the options for the templates of a repository, as
// Source uses them: with what its evenkeel.yaml says, for its stages' regions.
// nil is a file that could not be read.
func (o Options) ForRepository(p *pipeline.Pipeline) Options {
	if p == nil {
		return o
	}
	return o.WithPipeline(p.Validation, pipeline.FileName).withStages(p.Stages)
}

// withStages returns the options with the regions of the stages, where nobody
// said which regions to validate for: that is where the templates go.
func (o Options) withStages(stages []pipeline.Stage) Options {
	if len(o.Regions) > 0 || len(o.Defaults.Regions) > 0 {
		return o
	}
	known := schema.Regions()
	for _, s := range stages {
		if slices.Contains(known, s.Region) && !slices.Contains(o.Defaults.Regions, s.Region) {
			o.Defaults.Regions = append(o.Defaults.Regions, s.Region)
		}
	}
	return o
}

func (o *Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
