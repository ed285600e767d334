package template

import (
	"reflect"
	"testing"
)

// FuzzJSON: what the parser of JSON takes, the parser of YAML takes too and
// makes the same tree of, positions included.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a": 1}`, "{\"a\":\t[1, -2.5, 1e3, 1.0e+3, true, null,\n {\"b\": \"c\\n\\u00e9\"}]}", `{"ä": "ö", "": [[]]}`,
		"{\n \"a\" : {\"b\":{}}\n}\n ", `{"a": 1, "a": 2}`, `{"a": [1,]}`, `{"a": "\ud83d\ude00"}`, "{\"a\"\n: 1}", `{"a": 01}`, `{"a":-0}`,
		`{"a": "b"} c`, `{"a": 12345678901234567890}`, "{\"a\": \"\u2028\"}", `{"<<": {"a": 1}}`, "\t{}", "{\r\n\"a\": 1\r}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, kind, err := prepare(data)
		if err != nil || kind.exotic {
			return
		}
		fast, fault := parseJSON(text, kind.ascii)
		if fast == nil && fault == nil {
			return
		}
		slow, err := parseYAML(text, kind.ascii, kind.exotic)
		if fault != nil && err == nil {
			t.Fatalf("YAML only: %v", fault)
		}
		if fault != nil {
			return
		}
		if err != nil {
			t.Fatalf("JSON only: %v", err)
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%+v\n%+v", fast, slow)
		}
	})
}
