package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
)

// schemaPage is the description of a type for people.
type schemaPage struct {
	a      *app
	t      *schema.Type
	region string
	depth  int // 0 for no limit
	rows   []schemaRow
	cut    bool // something nested is left out
}

// schemaRow is one line of the tree of properties.
type schemaRow struct {
	indent            int
	name, kind, notes string
	required          bool
}

func newSchemaPage(a *app, t *schema.Type, region string, depth int) *schemaPage {
	return &schemaPage{a: a, t: t, region: region, depth: depth}
}

func (p *schemaPage) write(w io.Writer) {
	fmt.Fprintln(w, p.a.bold(p.t.Name))
	p.head(w)
	fmt.Fprintln(w, "\n"+p.a.bold("Properties"))
	p.properties(p.t.Root, nil, 0, nil)
	p.writeRows(w)
	p.attributes(w)
}

func (p *schemaPage) writeProperty(w io.Writer, names []string, s *schema.Schema) {
	fmt.Fprintln(w, p.a.bold(p.t.Name+" "+strings.Join(names, "/")))
	p.rows = append(p.rows, schemaRow{name: names[len(names)-1], kind: kindOf(s), notes: strings.Join(p.notes(s, names, true), "; ")})
	p.inside(s, names, 1, nil)
	p.writeRows(w)
}

// head says what is true of the type as a whole.
func (p *schemaPage) head(w io.Writer) {
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %-12s %s\n", label, text)
		}
	}
	var ids []string
	for _, id := range p.t.PrimaryIdentifier {
		ids = append(ids, strings.Join(schema.Names(id), "."))
	}
	if len(ids) == 1 {
		line("Ref", ids[0])
	} else {
		// What Ref gives for a compound identifier differs by type.
		line("Identifier", strings.Join(ids, " | "))
	}
	line("Tags", tagText(p.t.Tagging))
	if p.t.ReplacementStrategy == "delete_then_create" {
		line("Replacement", "the old resource is deleted before the new one is created")
	}
	if p.t.Lifecycle.Status != "" {
		line("Lifecycle", p.a.yellow(strings.TrimSpace(p.t.Lifecycle.Status+" "+p.t.Lifecycle.Date)))
	}
	line("Regions", regionText(p.t.Name))
}

func tagText(t schema.Tagging) string {
	if !t.Taggable {
		return "none"
	}
	text := strings.Join(schema.Names(t.TagProperty), "/")
	switch {
	case !t.OnCreate:
		text += ", not when it is created"
	case !t.Updatable:
		text += ", only when it is created"
	}
	return text
}

// regionText lists the regions that have a type, or the few that lack it.
func regionText(name string) string {
	const few = 8
	have, all := schema.RegionsOf(name), schema.Regions()
	missing := slices.DeleteFunc(slices.Clone(all), func(r string) bool { return slices.Contains(have, r) })
	switch {
	case len(missing) == 0:
		return fmt.Sprintf("all %d", len(all))
	case len(missing) <= few:
		return fmt.Sprintf("%d of %d, not %s", len(have), len(all), strings.Join(missing, ", "))
	case len(have) <= few:
		return strings.Join(have, ", ")
	}
	return fmt.Sprintf("%d of %d", len(have), len(all))
}

// properties adds the rows of an object's properties. above are the schemas on
// the way here: a type may contain itself.
func (p *schemaPage) properties(s *schema.Schema, at []string, indent int, above []*schema.Schema) {
	if slices.Contains(above, s) {
		p.rows = append(p.rows, schemaRow{indent: indent, name: "…", notes: "the same again"})
		return
	}
	above = append(slices.Clone(above), s)
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := append(slices.Clone(at), name)
		sub := s.Properties[name]
		notes := p.notes(sub, path, false)
		required := slices.Contains(s.Required, name)
		if required {
			notes = append([]string{"required"}, notes...)
		}
		p.rows = append(p.rows, schemaRow{indent, name, kindOf(sub), strings.Join(notes, "; "), required})
		p.inside(sub, path, indent+1, above)
	}
	for _, alternatives := range [][]*schema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, alternative := range alternatives {
			if len(s.Properties) == 0 && len(alternative.Properties) > 0 {
				p.properties(alternative, at, indent, above)
			}
		}
	}
}

// inside adds the rows of what is in a value.
func (p *schemaPage) inside(s *schema.Schema, at []string, indent int, above []*schema.Schema) {
	for s.Items != nil {
		s, at = s.Items, append(slices.Clone(at), "*")
	}
	if len(s.Properties) == 0 && len(s.PatternProperties) > 0 {
		s, at = s.PatternProperties[0].Schema, append(slices.Clone(at), "*")
	}
	if len(s.Properties) == 0 && len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) == 0 {
		return
	}
	if p.depth > 0 && indent >= p.depth {
		p.cut = p.cut || len(s.Properties) > 0
		return
	}
	p.properties(s, at, indent, above)
}

// kindOf names the type of a value.
func kindOf(s *schema.Schema) string {
	switch {
	case s.Items != nil:
		return "list of " + kindOf(s.Items)
	case len(s.PatternProperties) > 0 && len(s.Properties) == 0:
		return "map of " + kindOf(s.PatternProperties[0].Schema)
	case len(s.Types) > 0:
		return strings.Join(s.Types, " or ")
	case len(s.Properties) > 0:
		return "object"
	}
	for _, alternatives := range [][]*schema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, alternative := range alternatives {
			if kind := kindOf(alternative); kind != "any" {
				return kind
			}
		}
	}
	return "any"
}

// notes says what is special about a property and what constrains its value.
func (p *schemaPage) notes(s *schema.Schema, at []string, all bool) []string {
	var notes []string
	for _, flag := range []struct {
		pointers []string
		word     string
	}{
		{p.t.CreateOnly, "replaces the resource"}, {p.t.ConditionalCreateOnly, "may replace the resource"},
		{p.t.ReadOnly, "read-only"}, {p.t.WriteOnly, "write-only"}, {p.t.Deprecated, "deprecated"},
	} {
		if names(flag.pointers, at) {
			notes = append(notes, flag.word)
		}
	}
	return append(notes, constraints(s, all)...)
}

// names reports whether one of the pointers is exactly the path.
func names(pointers, path []string) bool {
	return slices.ContainsFunc(pointers, func(pointer string) bool { return slices.Equal(schema.Names(pointer), path) })
}

// constraints lists what a value must be like. Long lists and patterns are cut
// unless all is asked for.
func constraints(s *schema.Schema, all bool) []string {
	var notes []string
	for s.Items != nil {
		if text := between(s.MinItems, s.MaxItems, "item"); text != "" {
			notes = append(notes, text)
		}
		if s.UniqueItems {
			notes = append(notes, "unique")
		}
		s = s.Items
	}
	values := append(slices.Clone(s.Enum), anys(s.EnumCaseInsensitive)...)
	if s.HasConst {
		values = append(values, s.Const)
	}
	if len(values) > 0 {
		notes = append(notes, valueText(values, all))
	}
	for _, text := range []string{between(s.MinLength, s.MaxLength, "character"), betweenNumbers(s.Minimum, s.Maximum)} {
		if text != "" {
			notes = append(notes, text)
		}
	}
	if s.Pattern != nil {
		notes = append(notes, "pattern "+shorten(s.Pattern.String(), all))
	}
	if s.Format != "" {
		notes = append(notes, "format "+s.Format)
	}
	if s.HasDefault {
		notes = append(notes, "default "+plainText(s.Default))
	}
	return notes
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

func plainText(v any) string {
	if t := schema.Plain(v).Text(); t != "" {
		return t
	}
	return fmt.Sprint(v)
}

func valueText(values []any, all bool) string {
	const most = 8
	var parts []string
	for i, v := range values {
		if i == most && !all {
			return strings.Join(parts, " | ") + fmt.Sprintf(" | … (%d values)", len(values))
		}
		parts = append(parts, plainText(v))
	}
	return strings.Join(parts, " | ")
}

func shorten(text string, all bool) string {
	const most = 60
	if all || utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

func between(low, high *int, noun string) string {
	switch {
	case low != nil && high != nil && *low == *high:
		return count(*low, noun)
	case low != nil && high != nil:
		return fmt.Sprintf("%d to %s", *low, count(*high, noun))
	case low != nil && *low > 0:
		return "at least " + count(*low, noun)
	case high != nil:
		return "at most " + count(*high, noun)
	}
	return ""
}

func betweenNumbers(low, high *float64) string {
	text := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case low != nil && high != nil:
		return text(low) + " to " + text(high)
	case low != nil:
		return "at least " + text(low)
	case high != nil:
		return "at most " + text(high)
	}
	return ""
}

// writeRows aligns the rows by hand: a tabwriter would give the deepest name the
// say over all lines.
func (p *schemaPage) writeRows(w io.Writer) {
	const widest = 44
	name, kind := 0, 0
	for _, r := range p.rows {
		if n := 2*r.indent + utf8.RuneCountInString(r.name); n <= widest {
			name = max(name, n)
		}
		if n := utf8.RuneCountInString(r.kind); n <= widest/2 {
			kind = max(kind, n)
		}
	}
	for _, r := range p.rows {
		margin := strings.Repeat("  ", r.indent)
		gap := strings.Repeat(" ", max(0, name-2*r.indent-utf8.RuneCountInString(r.name)))
		line := fmt.Sprintf("  %s%s%s  %-*s  %s", margin, p.mark(r), gap, kind, r.kind, printable(r.notes))
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	if len(p.rows) == 0 {
		fmt.Fprintln(w, "  anything")
	}
	if p.cut {
		fmt.Fprintln(w, "  (more inside: --depth or --property)")
	}
}

func (p *schemaPage) mark(r schemaRow) string {
	if r.required {
		return p.a.bold(r.name)
	}
	return r.name
}

// attributes lists what Fn::GetAtt gives.
func (p *schemaPage) attributes(w io.Writer) {
	attributes := schema.GetAtts(p.t.Name, p.region)
	if attributes == nil || len(attributes.All()) == 0 {
		return
	}
	fmt.Fprintln(w, "\n"+p.a.bold("Attributes of Fn::GetAtt"))
	out := table(w)
	for _, name := range attributes.Names() {
		kind := "any"
		if a, ok := attributes.Get(name); ok && a.Schema != nil && a.Schema.Types != 0 && a.Schema.Types != jsonschema.AnyType {
			kind = strings.Join(a.Schema.Types.Names(), " or ")
		}
		fmt.Fprintf(out, "  %s\t%s\n", name, kind)
	}
	_ = out.Flush() // what cannot be written is the shell's to report
}
