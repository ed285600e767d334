package validation_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation"
)

func BenchmarkParse(b *testing.B) {
	files := read(b, "good")
	for _, name := range []string{"good/network.yaml", "good/topics.json"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(files[name])))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := template.Parse(name, files[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValidate(b *testing.B) {
	files := read(b, "good")
	for _, name := range []string{"good/network.yaml", "good/data.yaml", "good/topics.json"} {
		b.Run(name, func(b *testing.B) {
			one := map[string][]byte{name: files[name]}
			b.SetBytes(int64(len(files[name])))
			b.ReportAllocs()
			for b.Loop() {
				if r := validation.Validate(one); !r.Valid() {
					b.Fatal(r)
				}
			}
		})
	}
}

// Whatever the text, the validator neither fails nor loses its place: every
// finding says what and where, and what is incomplete is said.
func FuzzValidate(f *testing.F) {
	for _, text := range read(f, "good", "bad") {
		f.Add(text)
	}
	paths, err := filepath.Glob(fixtures + "/*.yaml")
	if err != nil || len(paths) == 0 {
		f.Fatalf("%d fixtures, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := validation.ValidateWith(map[string][]byte{"fuzz": data}, validation.Options{Settings: validation.Settings{IncludeChecks: []string{"I"}}})
		for _, finding := range r.Findings {
			if finding.Line < 1 || finding.Column < 1 || finding.EndLine < 0 || finding.Message == "" || finding.Rule == "" {
				t.Errorf("%+v", finding)
			}
			if strings.HasPrefix(finding.Message, "the validator failed") {
				t.Error(finding.Message)
			}
		}
		// The largest number of findings, and the notes about the file as a whole.
		if len(r.Findings) > 2100 {
			t.Errorf("%d findings", len(r.Findings))
		}
		if len(r.Incomplete) > 0 && !slices.ContainsFunc(r.Findings, func(f validation.Finding) bool {
			return f.Rule == "EK0002" || f.Rule == "E0002"
		}) {
			t.Error("it is not said that the analysis is incomplete")
		}
	})
}
