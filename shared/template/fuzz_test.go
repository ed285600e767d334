package template_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/template"
)

// FuzzParse: no text makes the parser panic or run long, every error has a
// position within the text, and what parses can be evaluated and ordered.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"../../testdata/templates/good/*", "../../testdata/templates/bad/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	for _, s := range []string{
		network, header + "!Sub '${Name}'", "A: &a [*a]", "<<: {A: 1}", "? !Ref a\n: b", "{\"a\": [1, null, \"\\ud83d\\ude00\"]}",
		"Resources: {A: {Type: !If [a, b, c], DependsOn: [A]}}", "A: !!binary aGk=", "!Ref", "Conditions: {A: !Condition A}", "\xef\xbb\xbf{}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		begin := time.Now()
		tmpl, err := template.Parse("fuzz", data)
		if took := time.Since(begin); took > 20*time.Second {
			t.Fatalf("took %s", took)
		}
		if err != nil {
			var syntax *template.SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 || syntax.File != "fuzz" {
				t.Fatalf("%#v", err)
			}
			return
		}
		tmpl.Root.Walk(func(n *template.Node) bool {
			if n.Line < 1 || n.Column < 1 {
				t.Fatalf("node without a position: %+v", n)
			}
			return true
		})
		s := &template.Scope{}
		_, _ = tmpl.Conditions(s)
		_, _ = tmpl.Evaluate(tmpl.Root, s)
		_, _ = tmpl.CreationOrder()
		tmpl.CircularDependencies()
		_, _ = tmpl.ParameterValues(nil, nil)
	})
}

// FuzzExpand: an expansion ends within its budget, leaves its source alone, and
// what it gives can be expanded again.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{
		`{Fn::ForEach::A: [I, [a, b], {"X${I}": !Sub "${I}"}]}`, `{Fn::ForEach::A: [I, !Ref Names, {Fn::ForEach::B: [J, !Ref Open, {"&{I}": !Ref J}]}]}`,
		`{A: !FindInMap [!Ref Open, !Ref AWS::AccountId, List, {DefaultValue: [x]}]}`, `{Fn::ForEach::A: [I, !FindInMap [M, !Ref Open, !Ref Open], {}]}`,
		`{A: !Sub [], B: !If [], 1: {}}`, `{Fn::ForEach::A: [I, [!Ref Open], {I: !Ref {Ref: I}}]}`,
	} {
		f.Add(loops + "Resources: " + s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		root, err := template.ParseNode("fuzz", []byte(text))
		if err != nil {
			return
		}
		before := root.Value()
		begin := time.Now()
		out, problems := template.ExpandLanguageExtensions(root)
		if took := time.Since(begin); took > 20*time.Second {
			t.Fatalf("took %s", took)
		}
		if (out == nil) == (problems == nil) {
			t.Fatalf("%v %v", out, problems)
		}
		if !reflect.DeepEqual(root.Value(), before) {
			t.Fatal("the source has changed")
		}
		if out != nil {
			template.ExpandLanguageExtensions(out)
		}
	})
}
