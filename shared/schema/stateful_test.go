package schema_test

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// TestHoldsIsTheOneTable: a name that AWS does not publish would never match,
// and cfn-lint's table is contained.
func TestHoldsIsTheOneTable(t *testing.T) {
	published := schema.TypesIn("")
	for _, name := range schema.HoldsTypes() {
		if loss, ok := schema.Holds(name); !ok || loss.What == "" || loss.Kind != schema.Data && loss.Kind != schema.Identity {
			t.Errorf("%s: %+v", name, loss)
		}
		if !slices.Contains(published, name) {
			t.Errorf("%s is not a published type", name)
		}
	}
	for _, name := range schema.StatefulTypes() {
		if _, ok := schema.Holds(name); !ok {
			t.Errorf("%s is in cfn-lint's table and not in ours", name)
		}
	}
	if _, ok := schema.Holds("AWS::Lambda::Function"); ok {
		t.Error("a function can be made again")
	}
}
