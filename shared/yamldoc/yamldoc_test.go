package yamldoc_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

func TestRoot(t *testing.T) {
	tests := []struct{ name, data, kind, fault string }{
		{"a mapping", "a: 1\n", "a mapping", ""},
		{"JSON with tabs", "{\n\t\"a\": [1]\n}\n", "a mapping", ""},
		{"a list", "- 1\n", "a list", ""},
		{"text", "hello\n", `"hello"`, ""},
		{"null", "~\n", "empty", ""},
		{"nothing", "", "", "1:1: the document is empty; write {}"},
		{"only a comment", "# later\n", "", "1:1: the document is empty; write {}"},
		{"two documents", "a: 1\n---\nb: 2\n", "", "2:1: a second YAML document; only one is read"},
		{"a broken second document", "a: 1\n---\nb: [\n", "", "3:1: did not find expected node content"},
		{"broken", "a: [1\nb: 2\n", "", "1:1: did not find expected ',' or ']'"},
		{"a tab in YAML", "a:\n\tb: 1\n", "", "2:1: found character that cannot start any token"},
	}
	for _, tt := range tests {
		root, fault := yamldoc.Root([]byte(tt.data), "write {}")
		switch {
		case fault != nil && fault.Error() != tt.fault, fault == nil && tt.fault != "":
			t.Errorf("%s: fault %v, want %q", tt.name, fault, tt.fault)
		case fault == nil && yamldoc.Kind(root) != tt.kind:
			t.Errorf("%s: %s, want %s", tt.name, yamldoc.Kind(root), tt.kind)
		}
	}
}

func FuzzRoot(f *testing.F) {
	f.Add([]byte("a: &x [1]\nb: *x\n"))
	f.Add([]byte("{\"a\": \t1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, fault := yamldoc.Root(data, "write {}")
		if (root == nil) == (fault == nil) {
			t.Fatalf("root %v and fault %v", root, fault)
		}
		if fault != nil && (fault.Line < 1 || fault.Column < 1 || fault.Message == "") {
			t.Fatalf("fault %+v has no place", fault)
		}
	})
}
