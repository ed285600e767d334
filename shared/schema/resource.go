package schema

import (
	"fmt"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
	"github.com/evenkeel/evenkeel/shared/schema/jsonschema"
)

// Primary is the region that publishes types first and has nearly all of them.
const Primary = "us-east-1"

// root is what has been made of one document of an entry.
type root struct {
	opened   sync.Once
	document *jsonschema.Document
	compiled sync.Once
	schema   *jsonschema.Schema
	attrOnce sync.Once
	attrs    *Attributes

	tableOnce sync.Once
	table     map[string]any
	service   *IAMService
}

// Resource returns the schema of a resource type in a region, and whether the
// region has the type. Regions that publish the same schema give the same
// pointer. Custom::Anything is AWS::CloudFormation::CustomResource, and a module
// (Name::Of::MODULE) is the type "Module".
func Resource(typeName, region string) (*jsonschema.Schema, bool) {
	e, i := embedded().resource(typeName, region)
	if e == nil {
		return nil, false
	}
	return embedded().compile(e, i), true
}

// resource returns the entry of a type and the number of the document for a
// region, nil if there is none.
func (s *store) resource(typeName, region string) (*entry, int) {
	name := canonical(typeName)
	if !isType(name) {
		return nil, 0
	}
	e := s.find(name)
	if e == nil {
		return nil, 0
	}
	if i := s.root(e, region); i >= 0 {
		return e, i
	}
	return nil, 0
}

func (s *store) compile(e *entry, i int) *jsonschema.Schema {
	r := &e.roots[i]
	r.compiled.Do(func() {
		compiled, err := s.openDocument(e, i).At("")
		if err != nil {
			// Every schema of the embedded store is decoded by the tests.
			panic(fmt.Sprintf("schema: %s: %v", e.Name, err))
		}
		r.schema = compiled
	})
	return r.schema
}

func (s *store) openDocument(e *entry, i int) *jsonschema.Document {
	r := &e.roots[i]
	r.opened.Do(func() {
		r.document = jsonschema.NewDocument(s.text(e), e.Roots[i].Position, s.named, &s.patterns)
	})
	return r.document
}

// named finds the document that a reference such as policy#/definitions/Action
// names: they all lead to IAM's policy language.
func (s *store) named(name string) *jsonschema.Document {
	e := s.find("other/iam/" + name)
	if e == nil {
		return nil
	}
	return s.openDocument(e, 0)
}

// Regions returns the names of all regions, sorted.
func Regions() []string { return slices.Clone(embedded().index.Regions()) }

// RegionsOf returns the regions that have a type, sorted; none if the type is
// unknown.
func RegionsOf(typeName string) []string {
	s := embedded()
	name := canonical(typeName)
	e := s.find(name)
	if e == nil || !isType(name) {
		return nil
	}
	var out []string
	for i, region := range s.index.Regions() {
		if slices.ContainsFunc(e.Roots, func(r format.Root) bool { return r.Regions&(1<<i) != 0 }) {
			out = append(out, region)
		}
	}
	return out
}

// TypesIn returns the names of the types that a region has, sorted. An empty
// region stands for all regions together.
func TypesIn(region string) []string {
	s := embedded()
	bit := ^uint64(0)
	if region != "" {
		n := s.region(region)
		if n < 0 {
			return nil
		}
		bit = 1 << n
	}
	var out []string
	for i := range s.index.Len() {
		if !isType(s.index.Name(i)) {
			continue
		}
		e := s.index.Entry(i)
		if slices.ContainsFunc(e.Roots, func(r format.Root) bool { return r.Regions&bit != 0 }) {
			out = append(out, e.Name)
		}
	}
	return out
}

// Extension returns the extension schema of a name such as
// "aws_lambda_function/zipfile_runtime_enum", nil if there is none or if it
// differs by region.
func Extension(name string) *jsonschema.Schema { return embedded().everywhere("extensions/" + name) }

// Other returns the schema of a part of a template, of a function or of a policy
// document, by a name such as "functions/ref" or "iam/policy_identity"; nil if
// there is none.
func Other(name string) *jsonschema.Schema { return embedded().everywhere("other/" + name) }

func (s *store) everywhere(name string) *jsonschema.Schema {
	e := s.find(name)
	if e == nil || e.Roots[0].Regions != ^uint64(0) {
		return nil
	}
	return s.compile(e, 0)
}

// RegionalExtension returns the extension schema of a name for a region, nil if
// there is none. A schema that does not differ by region holds in all.
func RegionalExtension(name, region string) *jsonschema.Schema {
	s := embedded()
	e := s.find("extensions/" + name)
	if e == nil {
		return nil
	}
	if i := s.root(e, region); i >= 0 {
		return s.compile(e, i)
	}
	return nil
}

// Extensions returns the names of all extension schemas, sorted.
func Extensions() []string { return embedded().under("extensions/") }

// Others returns the names of all other schemas, sorted.
func Others() []string { return embedded().under("other/") }

// under returns the names of the entries below a folder.
func (s *store) under(folder string) []string {
	var out []string
	for i := s.index.Search(folder); i < s.index.Len(); i++ {
		name := s.index.Name(i)
		if len(name) < len(folder) || name[:len(folder)] != folder {
			break
		}
		out = append(out, name[len(folder):])
	}
	return out
}
