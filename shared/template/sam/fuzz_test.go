package sam

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

// FuzzTranslate checks that no template makes the translation panic, that it
// says why it fails, and that it leaves its input alone.
func FuzzTranslate(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".expected.json") || strings.HasSuffix(file, ".py") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := template.ParseNode("t", data)
		if err != nil || !root.IsMap() {
			return
		}
		before := mustJSON(t, root)
		out, problems := Translate(root, Options{})
		if (out == nil) != (len(problems) > 0) {
			t.Fatalf("result %v with problems %v", out, problems)
		}
		if mustJSON(t, root) != before {
			t.Fatal("the translation changed its input")
		}
	})
}
