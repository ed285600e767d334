package template_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCircularDependencies(t *testing.T) {
	tests := []struct{ name, resources, want string }{
		{"none", "A: {Type: T, DependsOn: B}, B: {Type: T}", "[]"},
		{"itself", "A: {Type: T, P: !Ref A}", "[{A A}]"},
		{"two", "A: {Type: T, DependsOn: B}, B: {Type: T, P: !GetAtt A.Arn}", "[{A B} {B A}]"},
		{"from outside", "A: {Type: T, DependsOn: C}, B: {Type: T, DependsOn: C}, C: {Type: T, DependsOn: B}", "[{C B} {B C}]"},
		{"in any function", "A: {Type: T, P: !If [x, !Sub 'a${B.Arn}', y]}, B: {Type: T, Metadata: !Ref A}", "[{A B} {B A}]"},
		{"own variable", "A: {Type: T, P: !Sub ['${B}', {B: x}]}, B: {Type: T, P: !Ref A}", "[]"},
		{"text of GetAtt", "A: {Type: T, P: {Fn::GetAtt: B.Arn}}, B: {Type: T, P: {Fn::GetAtt: [A, B, C]}}", "[]"},
		{"no resource", "A: {Type: 1, P: !Ref B}, B: {Type: T, P: !Ref A}", "[]"},
		{"DependsOn comes first", "A: {Type: T, P: !Ref B, DependsOn: C}, B: {Type: T, P: !Ref A}, C: {Type: T, P: !Ref A}", "[{A C} {C A}]"},
		{"apart", "A: {Type: T, P: !Ref A}, B: {Type: T, P: [!Ref A, !Ref B]}", "[{A A}]"},
	}
	for _, tt := range tests {
		tmpl := parse(t, "Resources: {"+tt.resources+"}\n")
		if got := fmt.Sprint(tmpl.CircularDependencies()); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A long way to a cycle from every resource takes no longer than the text.
func TestCircularDependenciesAreLinear(t *testing.T) {
	var b strings.Builder
	b.WriteString("{\"Resources\": {")
	const count = 100_000
	for i := range count {
		fmt.Fprintf(&b, "\"R%d\": {\"DependsOn\": \"R%d\"},\n", i, min(i+1, count-1))
	}
	b.WriteString("\"X\": {\"Type\": \"T\"}}}")
	tmpl := parse(t, b.String())
	begin := time.Now()
	if got := tmpl.CircularDependencies(); len(got) != 1 || got[0].From != "R99999" {
		t.Errorf("%v", got)
	}
	// Some 20 ms; a walk for each resource takes minutes.
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}
