package demo

import "testing"

func TestRolloutsAlone(t *testing.T) {
	if err := Run(t.Context(), options(t), Group{"Spokes", nil, []Step{{Want: "spokes", Run: deploySpokes}}}, rolloutsGroup()); err != nil {
		t.Fatal(err)
	}
}
