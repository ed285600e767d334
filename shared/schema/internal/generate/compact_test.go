package main

import "testing"

func TestPortable(t *testing.T) {
	tests := map[string]string{
		`^\p{Print}+$`:            `^[\x20-\x7E]+$`,
		`^[\p{Graph}a]+\p{Graph}`: `^[\x21-\x7Ea]+[\x21-\x7E]`,
		`^[\]\p{Print}]$`:         `^[\]\x20-\x7E]$`,
		`^\[\p{Print}$`:           `^\[[\x20-\x7E]$`,
		`\d{3}`:                   `\d{3}`,
	}
	for in, want := range tests {
		if got := portable(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// A property may be named like a keyword that is dropped elsewhere.
func TestCompactKeepsProperties(t *testing.T) {
	got, err := compact([]byte(`{"title": "x", "properties": {"title": {"type": "string", "title": "y"}, "N": {"maximum": 1e3}}}`))
	if want := `{"properties":{"N":{"maximum":1e3},"title":{"type":"string"}}}`; err != nil || string(got) != want {
		t.Errorf("%s %v", got, err)
	}
}
