package validation

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/shared/template"
)

// Who switches findings off.
const (
	ByMetadata  = "Metadata.cfn-lint" // config.ignore_checks of the template or a resource
	ByGuard     = "Metadata.guard"
	ByCfnNag    = "Metadata.cfn_nag"
	ByCDKNag    = "Metadata.cdk_nag"
	ByCheckov   = "Metadata.checkov"
	ByComment   = "comment"
	ByCfnlintrc = ".cfnlintrc"
	ByPipeline  = "evenkeel.yaml"
	ByBaseline  = "baseline" // the finding is older than the baseline file
)

// Suppression says who switched a finding off, and why.
type Suppression struct {
	By     string `json:"by"` // one of the constants
	Reason string `json:"reason,omitempty"`
	Until  string `json:"until,omitempty"` // the last day, 2027-01-31
	Line   int    `json:"line,omitempty"`  // of the suppression in its file, 0 when it has none
}

// InSource reports whether the suppression stands in the template itself.
func (s Suppression) InSource() bool {
	return s.By == ByComment || strings.HasPrefix(s.By, "Metadata.")
}

// Ignore is a suppression outside the templates: an entry of validation.ignore
// in evenkeel.yaml.
type Ignore struct {
	Rule     string   // id of the rule, or of another tool's rule that stands for it
	Paths    []string // globs of file names; none means all files
	Resource string   // glob of logical ids; "" means the whole template
	Reason   string
	Until    string // the last day that it holds, 2027-01-31; "" means for ever

	File         string // where it stands, for notes about it
	Line, Column int
}

// The notes about suppressions.
var (
	expiredRule = Rule{ID: "EK0004", Severity: Info, Title: "A suppression has expired",
		Description: "A suppression has a last day, which is over, so that what it suppressed is reported again. Remove it or renew it.",
		Link:        guide + "template-anatomy.html"}
	unusedRule = Rule{ID: "EK0005", Severity: Info, Title: "A suppression suppresses nothing",
		Description: "Nothing is found where the suppression stands, or no rule has its id. Remove it.",
		Link:        guide + "template-anatomy.html"}
)

// ownIgnores is where a template lists the checks that it ignores.
const ownIgnores = "Metadata/cfn-lint/config/ignore_checks"

// suppression is one suppression in force for one template.
type suppression struct {
	Suppression
	column   int
	ids      []string // as written
	prefix   bool     // an id may be the beginning of a rule's id
	resource string   // logical id, "" for all
	from, to int      // lines that it covers; 0 for all
	path     string   // of the finding about it
	expired  bool
	used     bool
}

// suppressor applies the suppressions of one run. Its methods may be called
// for several templates at a time.
type suppressor struct {
	o     *Options
	today string
	used  []atomic.Bool // by Ignore
}

func newSuppressor(o *Options) *suppressor {
	return &suppressor{o: o, today: o.now().UTC().Format(time.DateOnly), used: make([]atomic.Bool, len(o.Ignores))}
}

// apply parts the findings of one template into those that stand and those
// that somebody switched off, and leaves out those that nobody asked for.
// t is nil for a file that could not be parsed. Notes about the template's own
// suppressions are added.
func (s *suppressor) apply(t *template.Template, file string, source []byte, findings []Finding) (kept, suppressed []Finding) {
	var root *template.Node
	if t != nil {
		root = t.Root
	}
	settings := s.o.For(root)
	own := s.collect(t, root, source)
	index := s.index(own)
	for _, f := range findings {
		if s.dropped(&settings, f) {
			continue
		}
		if why := s.reason(&settings, own, index, &f); why != nil {
			f.Suppression = why
			suppressed = append(suppressed, f)
			continue
		}
		kept = append(kept, f)
	}
	for _, note := range s.ownNotes(own, file) {
		if note.Rule == unusedRule.ID || settings.Enabled(note.Rule, note.Severity) {
			kept = append(kept, note)
		}
	}
	return kept, suppressed
}

// Suppress parts the findings of one template, whoever found them, as
// ValidateWith does with its own: those that stand and those that somebody
// switched off. t is nil for a file that could not be parsed, data its text.
func Suppress(t *template.Template, file string, data []byte, findings []Finding, o Options) (kept, suppressed []Finding) {
	return newSuppressor(&o).apply(t, file, data, findings)
}

// dropped reports whether a finding is not asked for by the command line.
func (s *suppressor) dropped(settings *Settings, f Finding) bool {
	switch {
	case !settings.Enabled(f.Rule, f.Severity):
		return true
	case f.Rule == parseRule.ID && settings.IgnoreBadTemplate:
		return true
	}
	return hasPrefix(s.o.IgnoreChecks, f.Rule) && !settings.Mandatory(f.Rule)
}

// reason returns the suppression of a finding, nil when it stands. A finding
// that only an expired suppression covers says so.
func (s *suppressor) reason(settings *Settings, own []suppression, index map[about][]int, f *Finding) *Suppression {
	if settings.Mandatory(f.Rule) {
		return nil
	}
	var expired *Suppression
	keys := []about{{"", anyRule}, {"", f.Rule}, {f.Resource(), anyRule}, {f.Resource(), f.Rule}}
	if keys[2].resource == "" {
		keys = keys[:2]
	}
	for _, key := range keys {
		for _, i := range index[key] {
			switch o := &own[i]; {
			case !s.covers(o, f):
			case o.expired:
				expired, o.used = &o.Suppression, true
			default:
				o.used = true
				return &o.Suppression
			}
		}
	}
	if hasPrefix(s.defaultIgnores(own), f.Rule) {
		return &Suppression{By: ByCfnlintrc}
	}
	for i := range s.o.Ignores {
		ignore := &s.o.Ignores[i]
		if !s.ignores(ignore, f) {
			continue
		}
		s.used[i].Store(true)
		why := &Suppression{By: ByPipeline, Reason: ignore.Reason, Until: ignore.Until, Line: ignore.Line}
		if !s.isOver(ignore.Until) {
			return why
		}
		expired = why
	}
	if expired != nil {
		f.Message += " (a suppression of this expired on " + expired.Until + ")"
	}
	return nil
}

// about is what a suppression is about: a resource, "" for others, and a rule.
type about struct{ resource, rule string }

// anyRule stands for suppressions that give the beginning of an id.
const anyRule = "*"

// index finds suppressions by what they are about: there may be thousands in a
// template, and as many findings.
func (s *suppressor) index(own []suppression) map[about][]int {
	if len(own) == 0 {
		return nil
	}
	index := make(map[about][]int, len(own))
	for i, o := range own {
		seen := map[string]bool{}
		add := func(rule string) {
			if !seen[rule] {
				seen[rule] = true
				index[about{o.resource, rule}] = append(index[about{o.resource, rule}], i)
			}
		}
		for _, id := range o.ids {
			if o.prefix || strings.HasSuffix(id, "*") {
				add(anyRule)
				continue
			}
			add(id)
			for _, rule := range s.o.alias(id) {
				add(rule)
			}
		}
	}
	return index
}

// defaultIgnores is what configuration files ignore: the last layer, which
// counts when the command line and the template say nothing.
func (s *suppressor) defaultIgnores(own []suppression) []string {
	if s.o.Merge || len(s.o.IgnoreChecks) == 0 && (len(own) == 0 || own[0].path != ownIgnores) {
		return s.o.Defaults.IgnoreChecks
	}
	return nil
}

func (s *suppressor) covers(o *suppression, f *Finding) bool {
	switch {
	case o.resource != "" && o.resource != f.Resource():
		return false
	case o.from > 0 && (f.Line < o.from || f.Line > o.to):
		return false
	case o.prefix:
		return hasPrefix(o.ids, f.Rule)
	}
	return slices.ContainsFunc(o.ids, func(id string) bool { return s.o.names(id, f.Rule) })
}

func (s *suppressor) ignores(i *Ignore, f *Finding) bool {
	if !s.o.names(i.Rule, f.Rule) || i.Resource != "" && !MatchPath(i.Resource, f.Resource()) {
		return false
	}
	return len(i.Paths) == 0 || slices.ContainsFunc(i.Paths, func(p string) bool { return MatchPath(p, f.File) })
}

// names reports whether an id in a suppression means a rule: the rule's own
// id, its beginning followed by *, or another tool's id for the same.
func (o *Options) names(id, rule string) bool {
	if beginning, ok := strings.CutSuffix(id, "*"); ok {
		return beginning != "" && strings.HasPrefix(rule, beginning)
	}
	return id == rule || slices.Contains(o.alias(id), rule)
}

// alias returns the rules that another catalogue's id stands for. Ids of
// cfn-lint stand for themselves, so that nothing is looked up for them.
func (o *Options) alias(id string) []string {
	switch {
	case o.Aliases != nil:
		return o.Aliases[id]
	case len(id) == 5 && strings.IndexByte("EWI", id[0]) >= 0:
		return nil
	}
	return aliases()[id]
}

// isOver reports whether the last day has passed, in UTC.
func (s *suppressor) isOver(until string) bool { return until != "" && until < s.today }

// collect lists the suppressions that stand in a template.
func (s *suppressor) collect(t *template.Template, root *template.Node, source []byte) []suppression {
	var own []suppression
	if len(s.o.IgnoreChecks) == 0 || s.o.Merge {
		config := root.Get("Metadata").Get("cfn-lint").Get("config")
		if ids := texts(config.Get("ignore_checks")); len(ids) > 0 {
			own = append(own, suppression{
				Suppression: Suppression{By: ByMetadata, Line: config.Entry("ignore_checks").Line}, column: config.Entry("ignore_checks").Column,
				ids: ids, prefix: true, path: ownIgnores,
			})
		}
	}
	own = appendCDKNag(own, root.Get("Metadata"), "", "Metadata")
	if t != nil {
		for id, r := range t.Resources.All() {
			if r.Metadata.IsMap() {
				own = appendMetadata(own, r.Metadata, id)
			}
		}
	}
	own = appendComments(own, source)
	for i := range own {
		own[i].expired = s.isOver(own[i].Until)
	}
	return own
}

func (s *suppressor) ownNotes(own []suppression, file string) []Finding {
	var notes []Finding
	for i := range own {
		o := &own[i]
		at := Finding{File: file, Line: o.Line, Column: o.column, Path: o.path}
		ids := strings.Join(o.ids, ", ")
		switch {
		case o.expired:
			notes = append(notes, note(at, &expiredRule, "the suppression of "+ids+" expired on "+o.Until))
		case s.o.ReportUnused && !o.used:
			notes = append(notes, note(at, &unusedRule, "nothing here breaks "+ids+": the suppression can go"))
		}
	}
	return notes
}

// notes reports on the suppressions of evenkeel.yaml once all templates are done.
func (s *suppressor) notes() []Finding {
	settings := s.o.For(nil)
	var notes []Finding
	for i := range s.o.Ignores {
		ignore := &s.o.Ignores[i]
		at := Finding{File: ignore.File, Line: max(ignore.Line, 1), Column: max(ignore.Column, 1)}
		switch {
		case s.isOver(ignore.Until) && settings.Enabled(expiredRule.ID, Info):
			notes = append(notes, note(at, &expiredRule, "the suppression of "+ignore.Rule+" expired on "+ignore.Until))
		case s.o.ReportUnused && !s.used[i].Load():
			notes = append(notes, note(at, &unusedRule, "no template that was checked breaks "+ignore.Rule+": the suppression can go"))
		}
	}
	return notes
}

func note(at Finding, rule *Rule, message string) Finding {
	at.Rule, at.Severity, at.Message = rule.ID, rule.Severity, message
	return at
}
