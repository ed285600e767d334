package cloudtrail

import (
	"slices"
	"strings"
	"testing"
)

func TestObject(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1}`:        "",
		`null`:            "null is no object",
		`{} {}`:           "something follows the object",
		`["t0ps3cret"`:    "it is no JSON object",
		`{"a": t0ps3cret`: "it is no JSON object",
	} {
		_, err := Object([]byte(text))
		if (err == nil) != (want == "") || err != nil && (err.Error() != want || strings.Contains(err.Error(), "t0ps3cret")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestTexts: one element is an object, several are a list.
func TestTexts(t *testing.T) {
	record, err := Object([]byte(`{"set": {"items": [{"id": "a"}, {"id": 7}, {"id": ""}]}, "one": {"id": "b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := Texts(record, "set.items.id"); !slices.Equal(got, []string{"a", "7"}) {
		t.Errorf("%q", got)
	}
	if got := Text(record, "one.id"); got != "b" {
		t.Errorf("%q", got)
	}
	if got := Text(record, "one.id.more"); got != "" {
		t.Errorf("%q", got)
	}
}
