package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// comments are the doc comments of a package's types and fields.
type comments struct {
	types   map[string]string    // by type
	byField map[[2]string]string // by type and field
}

// readComments parses the package in dir.
func readComments(dir string) (*comments, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	c := &comments{types: map[string]string{}, byField: map[[2]string]string{}}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if general, ok := d.(*ast.GenDecl); ok {
				c.declaration(general)
			}
		}
	}
	return c, nil
}

func (c *comments) declaration(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		c.types[t.Name.Name] = oneLine(d.Doc.Text())
		s, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				c.byField[[2]string{t.Name.Name, name.Name}] = oneLine(f.Comment.Text())
			}
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// field returns the comment behind a field.
func (c *comments) field(typeName, field string) string { return c.byField[[2]string{typeName, field}] }

// sentence returns what a fact says: its comment without "X says that".
func (c *comments) sentence(typeName string) string {
	text := strings.TrimPrefix(c.types[typeName], typeName+" says ")
	text = strings.TrimPrefix(text, "that ")
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
}
