package validation_test

import (
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

func FuzzValidate(f *testing.F) {
	for _, text := range read(f, "good", "bad") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := validation.Validate(map[string][]byte{"fuzz": data})
		for _, finding := range r.Findings {
			if finding.Line < 1 || finding.Column < 1 || finding.Message == "" || finding.Rule == "" {
				t.Fatalf("%+v", finding)
			}
		}
	})
}
