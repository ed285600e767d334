package check

import (
	"fmt"
	"testing"
)

func TestPlaces(t *testing.T) {
	r := NewRegistry([]Rule{
		{ID: RootRule}, {ID: "E1", Places: []string{"Resources/T/Properties"}},
		{ID: "E2", Parent: "E1", Places: []string{"Resources/T/Properties/P"}}, {ID: "E3", Parent: "E1", Places: []string{"*"}},
	})
	at := r.places.child("Resources", r).child("T", r).child("Properties", r)
	if at.String() != "Resources/T/Properties" || at.Len() != 3 || at.NameAt(1) != "T" || at.NameAt(3) != "" {
		t.Errorf("%s: %d names, the second %q", at, at.Len(), at.NameAt(1))
	}
	if len(at.rules) != 1 || len(at.child("P", r).under["E1"]) != 1 || len(r.anyAt["E1"]) != 1 {
		t.Error("rules are not found at their places")
	}
	if again := r.places.child("Resources", r).child("T", r).child("Properties", r); again != at {
		t.Error("a place was made twice")
	}
	for i := range 100 {
		name := fmt.Sprint(i)
		if c := at.child(name, r); c != at.child(name, r) || c.String() != "Resources/T/Properties/"+name {
			t.Errorf("the place %s", c)
		}
	}
}
