package format

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	big := make([]any, 60)
	for i := range big {
		big[i] = "a value that is long enough"
	}
	wide := Map{}
	for _, k := range []string{"a", "b", "c", "d", "e", "f"} {
		for _, l := range []string{"u", "v", "w", "x", "y", "z"} {
			wide = append(wide, Member{k + l, big})
		}
	}
	document := Map{
		{"type", "object"}, {"z", nil}, {"a", true}, {"b", false}, {"n", json.Number("0")}, {"m", json.Number("-7")}, {"f", json.Number("1.5")},
		{"e", json.Number("1e3")}, {"l", json.Number("70000")}, {"s", ""}, {"long", string(make([]byte, 300))}, {"wide", wide}, {"big", big},
		{"definitions", Map{{"One", Map{{"type", "string"}, {"maxLength", json.Number("12")}}}, {"Two", Map{}}}}, {"unicode", "é\n"},
	}
	doc, roots, err := Encode([]any{document, "second", document})
	if err != nil {
		t.Fatal(err)
	}
	d := Doc(doc)
	for _, root := range []int{roots[0], roots[2]} {
		got, _ := d.Any(root)
		if want := plain(document); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		n, _ := d.Node(root)
		if !reflect.DeepEqual(n.Value(), plain(document)) {
			t.Errorf("as nodes: %v", n.Value())
		}
	}
	if s, _ := d.Text(roots[1]); s != "second" {
		t.Error(s)
	}
	if d.Skip(roots[0]) != roots[1] || d.Skip(roots[2]) != len(doc) {
		t.Error("skip does not end where the next value begins")
	}
	if roots[2]+10 < len(doc) {
		t.Errorf("the repetition takes %d bytes", len(doc)-roots[2])
	}
	at, ok := d.Member(roots[0], "definitions")
	if at, ok2 := d.Member(at, "Two"); !ok || !ok2 || d.Kind(at) != Object {
		t.Error("member of a sized object")
	}
	if at, ok := d.Member(roots[0], "big"); !ok || len(d.Strings(at)) != 60 {
		t.Error("strings")
	}
	if _, ok := d.Member(roots[0], "nope"); ok {
		t.Error("a member that is not there")
	}
}

// plain turns what Encode takes into the types of encoding/json.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case Map:
		out := map[string]any{}
		for _, m := range v {
			out[m.Key] = plain(m.Value)
		}
		return out
	}
	return v
}

func TestEncodeRefusesWhatIsNoJSON(t *testing.T) {
	if _, _, err := Encode([]any{struct{}{}}); err == nil {
		t.Error("a struct is no JSON")
	}
}

// Words are numbered by one byte, and no number may change its meaning twice.
func TestWords(t *testing.T) {
	if Words() > 254 {
		t.Errorf("%d words", Words())
	}
	sorted := slices.Sorted(slices.Values(words[:]))
	if len(slices.Compact(sorted)) != Words() {
		t.Error("a word stands twice")
	}
}

func TestIndex(t *testing.T) {
	entries := []Entry{
		{"AWS::A::A", 0, 10, 100, []Root{{0, 1}, {50, 6}}},
		{"AWS::B::B", 10, 300, 1000, []Root{{0, ^uint64(0)}}},
		{"x/y", 310, 5, 9, []Root{{0, 1}}},
	}
	x, err := ReadIndex(WriteIndex([]string{"r1", "region-2", "r3"}, entries))
	if err != nil || x.Len() != 3 || !slices.Equal(x.Regions(), []string{"r1", "region-2", "r3"}) || x.End() != 315 {
		t.Fatalf("%v %+v", err, x)
	}
	for i, e := range entries {
		n, ok := x.Find(e.Name)
		if !ok || n != i || !reflect.DeepEqual(x.Entry(n), e) {
			t.Errorf("%s: %v %+v", e.Name, ok, x.Entry(n))
		}
	}
	if _, ok := x.Find("AWS::A::B"); ok {
		t.Error("found what is not there")
	}
	if _, err := ReadIndex([]byte{1, 0, 0, 0, 200}); err == nil {
		t.Error("a cut index opens")
	}
}
