package sam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

// The expected values come from samtranslator/utils/py27hash_fix.py and from
// Python 3.11 itself.

func TestHash27(t *testing.T) {
	for s, want := range map[string]uint64{
		"": 0, "a": 12416037344, "paths": 13778350363235242913,
		"x-amazon-apigateway-any-method": 15902357705948539159, "ä€": 29184175332271362,
	} {
		if got := hash27(s); got != want {
			t.Errorf("hash27(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestOrdered(t *testing.T) {
	copies := 0
	o := newOrdered(&copies)
	for i := range 12 {
		o.add(fmt.Sprintf("/path%d/{id}", i))
	}
	order := func(want string) {
		t.Helper()
		var got []string
		for _, k := range o.keys() {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(k, "/path"), "/{id}"))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("keys %s, want %s", s, want)
		}
	}
	order("6 9 2 7 0 5 1 10 11 4 3 8")
	copies++
	order("6 9 2 7 0 5 1 10 11 4 3 8")
	o.remove("/path3/{id}")
	o.add("ä€")
	o.add("")
	copies++
	order(" 6 ä€ 9 2 7 0 5 1 10 11 4 8")
}

// TestOrderedManyKeys removes and adds in turn: the table must neither fill up
// nor lose a key.
func TestOrderedManyKeys(t *testing.T) {
	o := newOrdered(nil)
	var want []string
	for i := range 500 {
		k := fmt.Sprint("k", i)
		o.add(k)
		o.add(k)
		if i%3 == 0 {
			o.remove(k)
			o.remove(k)
			continue
		}
		want = append(want, k)
	}
	got := o.keys()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}

func TestText(t *testing.T) {
	b := &build{line: 1, column: 1}
	float := func(f float64, text string) *template.Node {
		return &template.Node{Kind: template.Number, Float: f, Text: text}
	}
	n := b.obj("a", "it's", "b", `say "x" it's`, "c", &template.Node{},
		"d", b.list(true, float(1, "1.0"), float(1e16, "1e16"), float(1e-5, "0.00001"), float(0.1, ".1"), float(12, "0xc")), "e", "\n\t\x00\u00a0é\u200b😀")
	want := `{'a': "it's", 'b': 'say "x" it\'s', 'c': None, 'd': [True, 1.0, 1e+16, 1e-05, 0.1, 12], 'e': '\n\t\x00\xa0é\u200b😀'}`
	if got := b.text(n); got != want {
		t.Errorf("text\n%s, want\n%s", got, want)
	}
}

func TestHashData(t *testing.T) {
	b := &build{line: 1, column: 1}
	n := b.obj("b", b.list(1, &template.Node{Kind: template.Number, Float: 2.5, Text: "2.5"}, true, &template.Node{}), "a", "é\"\\\n\x01😀")
	if got, want := hashData(n), `{"a":"\u00e9\"\\\n\u0001\ud83d\ude00","b":[1,2.5,true,null]}`; got != want {
		t.Errorf("hashData %s, want %s", got, want)
	}
	if hashData(b.str("x")) != "x" || hashData(b.obj()) != "" || hashID("") != "" || hashID("x") != "11f6ad8ec5" {
		t.Error("strings are hashed as they are, nothing as nothing")
	}
}

func TestStarPath(t *testing.T) {
	for path, want := range map[string][2]string{
		"/a/{id}": {"/a/*", "/a/*"}, "/{proxy+}": {"/*", "/*"}, "/{x+}/y": {"/*/y", "/{x+}/y"}, "/{a{b}": {"/{a*", "/{a*"},
		"/{}": {"/{}", "/{}"}, "/{a b}/{": {"/{a b}/{", "/{a b}/{"},
	} {
		if starPath(path, true) != want[0] || starPath(path, false) != want[1] {
			t.Errorf("starPath(%s) = %s, %s, want %v", path, starPath(path, true), starPath(path, false), want)
		}
	}
}

func TestManagedPolicyARN(t *testing.T) {
	for name, want := range map[string]string{
		"AmazonS3ReadOnlyAccess":      "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
		"AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
		"arn:aws:iam::1:policy/x":     "arn:aws:iam::1:policy/x",
		"Unknown":                     "Unknown",
	} {
		if got := managedPolicyARN("aws", name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if n := len(sharedLibrary().templates); n < 80 {
		t.Errorf("%d policy templates", n)
	}
}
