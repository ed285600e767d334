package risk

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// TestGuardsExist: a guard of a property that no schema has would never fire.
func TestGuardsExist(t *testing.T) {
	for _, g := range guardTable {
		if _, ok := codes[g.code]; !ok || g.text == "" || len(g.types) == 0 {
			t.Errorf("%s %s: incomplete", g.code, g.path)
		}
		for _, name := range g.types {
			typ, ok := schema.Load(name)
			if !ok {
				if !contains(retired, name) {
					t.Errorf("%s is not a published type", name)
				}
				continue
			}
			var path []string
			for _, part := range strings.Split(g.path, "/") {
				if strings.HasPrefix(part, "[") || part == "*" {
					part = "*"
				}
				path = append(path, part)
			}
			if strings.HasSuffix(g.path, "PublicAccessBlockConfiguration/*") {
				path = append(path[:len(path)-1], "BlockPublicAcls")
			}
			if _, ok := typ.Property(schema.Pointer(path...)); !ok {
				t.Errorf("%s has no %s", name, g.path)
			}
		}
	}
	for name := range audits {
		if _, ok := schema.Load(name); !ok && !contains(retired, name) {
			t.Errorf("%s is not a published type", name)
		}
	}
}

// retired types are still in stacks but not in us-east-1's schemas.
var retired = []string{"AWS::QLDB::Ledger"}

func contains(list []string, name string) bool {
	for _, item := range list {
		if item == name {
			return true
		}
	}
	return false
}

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		pattern, candidate string
		want               bool
	}{
		{"*", "s3:*", true}, {"s3:get*", "s3:getobject*", true}, {"s3:getobject*", "s3:get*", false}, {"s3:?et", "s3:get", true}, {"s3:?et", "s3:*et", false},
		{"arn:aws:s3:::a/*", "arn:aws:s3:::a/b", true}, {"arn:aws:s3:::a/*", "arn:aws:s3:::*", false}, {"s3:*ject", "s3:getobject", true}, {"a", "a", true}, {"a", "b", false}, {"", "a", false},
	} {
		if got := covers(tt.pattern, tt.candidate); got != tt.want {
			t.Errorf("covers(%q, %q) = %v", tt.pattern, tt.candidate, got)
		}
	}
}
