package drift

import (
	"strings"
	"testing"
)

// A document must not make the process keep more and more: neither by names
// that the schema does not have nor by going down a recursive type on ever new
// ways.
func TestShapesAreBounded(t *testing.T) {
	top := shapeOf("AWS::WAFv2::WebACL")
	before := top.kept.Load()
	for n := range 256 {
		s := top.step("Rules").step("0").step("Statement")
		for bit := range 8 {
			if n>>bit&1 == 0 {
				s = s.step("NotStatement").step("Statement")
			} else {
				s = s.step("AndStatement").step("Statements").step("0")
			}
			s.step("Invented" + strings.Repeat("x", n%7))
		}
		if s.step("ByteMatchStatement") == nil {
			t.Fatal("a statement that is deep down has no shape")
		}
	}
	if kept := top.kept.Load(); kept > maxShapes+200 || kept < maxShapes || kept == before {
		t.Errorf("%d shapes are kept, want at most about %d", kept, maxShapes)
	}
}

func TestShapeOfNothing(t *testing.T) {
	if s := shapeOf("No::Such::Type"); s != nil || s.step("A") != nil || s.only("string") {
		t.Error("a type without a schema has a shape")
	}
	if s := shapeOf("Custom::Thing"); s == nil {
		t.Error("a custom resource has no shape")
	}
	if _, ok := shapes.Load("Custom::Thing"); ok {
		t.Error("the names of custom resources are anybody's, and kept")
	}
}

func TestCovers(t *testing.T) {
	tests := []struct {
		pointer string
		path    []string
		want    bool
	}{
		{"/properties/A", []string{"A"}, true},
		{"/properties/A", []string{"A", "B"}, true},
		{"/properties/A/B", []string{"A"}, false},
		{"/properties/A/*/B", []string{"A", "*", "B"}, true},
		{"/properties/A/B", []string{"A", "*", "B"}, true},
		{"/properties/A/items/properties/B", []string{"A", "*", "B"}, true},
		{"/properties/AB", []string{"A"}, false},
		{"/properties/*", []string{"A"}, false},
	}
	for _, tt := range tests {
		if got := covers([]string{tt.pointer}, tt.path); got != tt.want {
			t.Errorf("covers(%s, %v) = %v", tt.pointer, tt.path, got)
		}
	}
}
