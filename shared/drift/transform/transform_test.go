package transform_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/drift/transform"
)

func TestForms(t *testing.T) {
	model := map[string]any{"Name": "Web", "Inner": map[string]any{"Id": "a/B"}, "Size": 2.0}
	tests := []struct {
		name, expression string
		contexts         []any
		want             []any
	}{
		{"a function", `$lowercase(Name)`, []any{model}, []any{"web"}},
		{"alternatives", `$lowercase(Name) $OR Name`, []any{model}, []any{"web", "Web"}},
		{"the resource and the object around", `$split(Inner.Id, "/")[-1] $OR $split(Id, "/")[-1]`, []any{model["Inner"], model}, []any{"B", "B"}},
		{"nothing to work on", `$lowercase(Other)`, []any{model}, nil},
		{"null", `Size > 1 ? null : Size`, []any{model}, []any{nil}},
		{"a number", `Size * 1000`, []any{model}, []any{2000.0}},
		{"an object", `$merge([{"Sid": "s"}, Inner])`, []any{model}, []any{map[string]any{"Sid": "s", "Id": "a/B"}}},
		{"a line break in a regular expression", "$replace(Name, /e\n/, '')", []any{map[string]any{"Name": "We\nb"}}, []any{"Wb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := transform.Compile(tt.expression).Forms(tt.contexts...)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, %v, want %#v", got, err, tt.want)
			}
		})
	}
}

func TestFormsThatCannotBe(t *testing.T) {
	deep := any("x")
	for range 100 {
		deep = []any{deep}
	}
	tests := []struct {
		name, expression string
		context          any
		want             string
	}{
		{"not JSONata", `$lowercase(`, map[string]any{}, "transform $lowercase("},
		{"the wrong type", `Name * 2`, map[string]any{"Name": "a"}, "transform Name * 2"},
		{"too deep", `$lowercase(Name)`, map[string]any{"Name": deep}, "too large or too deep"},
		{"too much text", `$lowercase(Name)`, map[string]any{"Name": strings.Repeat("x", 300<<10)}, "too large or too deep"},
		{"too many values", `$lowercase(Name)`, map[string]any{"Name": make([]any, 30_000)}, "too large or too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := transform.Compile(tt.expression).Forms(tt.context)
			if len(got) > 0 || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want an error with %q", got, err, tt.want)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		form, text string
		want       bool
	}{
		{"a.c", "a.c", true},
		{"8.0.*", "8.0.35", true},
		{"8.0.*", "18.0.35", false},
		{`arn:.+?:kms:.+?:.+?:key/k`, "arn:aws:kms:us-east-1:222222222222:key/k", true},
		{`arn:.+?:kms:.+?:.+?:key/k`, "arn:aws:kms:us-east-1:222222222222:key/kk", false},
		{"a|b", "axb", false},
		{"web", "web2", false},
		{"(", "x", false},
		{"(" + strings.Repeat("a*", 5000) + ")", "aaa", false},
	}
	for _, tt := range tests {
		if got := transform.Matches(tt.form, tt.text); got != tt.want {
			t.Errorf("Matches(%.40q, %q) = %v", tt.form, tt.text, got)
		}
	}
}

// The evaluator must not be driven into the ground, nor down, by an expression
// or a value.
func FuzzForms(f *testing.F) {
	f.Add(`$lowercase(Name)`, "Web")
	f.Add(`$split(Name, "/")[-1] $OR Name`, "a/b")
	f.Add(`Name~>function($c){$split($c,"/")}`, "10.0.0.0/8")
	f.Add(`$replace(Name, /\s+$/, '')`, "x \n")
	f.Fuzz(func(t *testing.T, expression, value string) {
		if len(expression) > 200 || strings.Contains(expression, "function") || strings.Contains(expression, "λ") || strings.Contains(expression, "..") {
			return // an expression of a schema is not anybody's: it may loop
		}
		context := map[string]any{"Name": value}
		started := time.Now()
		transform.Compile(expression).Forms(context)
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s took %s", expression, took)
		}
		if context["Name"] != value {
			t.Errorf("%s changed its input to %v", expression, context)
		}
	})
}
