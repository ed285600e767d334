package assembly_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/assembly"
	"github.com/evenkeel/evenkeel/shared/fault"
)

type member struct {
	name, text string
	mode       fs.FileMode
}

func archive(t testing.TB, at time.Time, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		header := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: at}
		header.SetMode(m.mode)
		part, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestPackingIsDeterministic: neither the order nor the times of the build's
// archive are seen in the asset, and modes are kept.
func TestPackingIsDeterministic(t *testing.T) {
	members := []member{
		{"asset.z/bin/run", "#!/bin/sh\n", 0o755}, {"asset.z/index.js", "x", 0o640}, {"asset.z/link", "bin/run", fs.ModeSymlink | 0o777},
		{"asset.zz/other", "no part of it", 0o644}, {"asset.z/", "", fs.ModeDir | 0o755},
	}
	reversed := []member{members[2], members[1], members[0], members[3]}
	var packed [2][]byte
	for i, data := range [][]byte{archive(t, time.Unix(1e9, 0), members...), archive(t, time.Unix(2e9, 0), reversed...)} {
		a, err := assembly.Open(data, "cdk.out")
		if err != nil {
			t.Fatal(err)
		}
		if packed[i], err = a.Content(assembly.Asset{Path: "cdk.out/asset.z", Zip: true}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("the same files give different bytes")
	}
	r, err := zip.NewReader(bytes.NewReader(packed[0]), int64(len(packed[0])))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.File {
		part, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %v %q %d", f.Name, f.Mode(), text, f.Modified.Year()))
	}
	want := []string{`bin/run -rwxr-xr-x "#!/bin/sh\n" 1980`, `index.js -rw-r--r-- "x" 1980`, `link Lrwxrwxrwx "bin/run" 1980`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestArchiveFaults(t *testing.T) {
	now := time.Unix(1e9, 0)
	huge := strings.Repeat("\x00", 129<<20) // deflates to about 128 KiB
	tests := []struct {
		name  string
		data  []byte
		asset assembly.Asset
		want  string
	}{
		{"no zip", []byte("x"), assembly.Asset{}, "cannot be read"},
		{"climbing", archive(t, now, member{"../x", "", 0o644}), assembly.Asset{}, "unsafe path"},
		{"absolute", archive(t, now, member{"/etc/x", "", 0o644}), assembly.Asset{}, "unsafe path"},
		{"backslash", archive(t, now, member{`a\..\x`, "", 0o644}), assembly.Asset{}, "unsafe path"},
		{"twice", archive(t, now, member{"a", "", 0o644}, member{"a", "", 0o644}), assembly.Asset{}, "twice"},
		{"bomb", archive(t, now, member{"a", huge, 0o644}), assembly.Asset{Path: "a"}, "inflates to more than 128 MiB"},
		{"bomb in a folder", archive(t, now, member{"a/b", huge, 0o644}), assembly.Asset{Path: "a", Zip: true}, "inflates to more than 128 MiB"},
		{"missing file", archive(t, now, member{"a", "", 0o644}), assembly.Asset{Path: "b"}, "cannot be read"},
		{"missing folder", archive(t, now, member{"a", "", 0o644}), assembly.Asset{Path: "b", Zip: true}, "is not a folder"},
		{"a link for a file", archive(t, now, member{"a", "/etc/passwd", fs.ModeSymlink | 0o777}), assembly.Asset{Path: "a"}, "cannot be read"},
		{"a link that leads out", archive(t, now, member{"a/b/c", "../../x", fs.ModeSymlink | 0o777}), assembly.Asset{Path: "a", Zip: true}, "outside of its asset"},
		{"an absolute link", archive(t, now, member{"a/b", "/etc", fs.ModeSymlink | 0o777}), assembly.Asset{Path: "a", Zip: true}, "outside of its asset"},
		{"a device", archive(t, now, member{"a/b", "", fs.ModeDevice | 0o644}), assembly.Asset{Path: "a", Zip: true}, "neither a file nor a link"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := assembly.Open(tt.data, "")
			if err == nil {
				_, err = a.Content(tt.asset)
			}
			if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
		})
	}
}

// TestAllThatIsReadIsBounded: many files, each below its own limit.
func TestAllThatIsReadIsBounded(t *testing.T) {
	part := strings.Repeat("\x00", 100<<20)
	data := archive(t, time.Unix(1e9, 0), member{"a", part, 0o644})
	a, err := assembly.Open(data, "")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := a.Read("a"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Read("a"); err == nil || !strings.Contains(err.Error(), "inflates to more than 12 MiB") {
		t.Error(err)
	}
}
