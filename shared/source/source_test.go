package source_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

func TestRepositoryCheck(t *testing.T) {
	github := source.Repository{Name: "acme/shop", Provider: source.GitHub, CloneURL: "https://github.com/acme/shop.git", WebhookSecret: "/evenkeel/secrets/shop"}
	tests := []struct {
		name   string
		change func(*source.Repository)
		want   string // part of the error; "" is valid
	}{
		{"github", func(*source.Repository) {}, ""},
		{"codecommit has no webhook", func(r *source.Repository) {
			r.Name, r.Provider, r.WebhookSecret = "shop", source.CodeCommit, ""
		}, ""},
		{"local", func(r *source.Repository) { r.CloneURL = "http://127.0.0.1:8080/acme/shop.git" }, ""},
		{"plain http leaves the machine", func(r *source.Repository) { r.CloneURL = "http://git.example.com/a.git" }, "want https"},
		{"ssh runs a program", func(r *source.Repository) { r.CloneURL = "ssh://github.com/acme/shop.git" }, "want https"},
		{"file runs a program", func(r *source.Repository) { r.CloneURL = "file:///srv/shop.git" }, "not an absolute URL"},
		{"scp form", func(r *source.Repository) { r.CloneURL = "git@github.com:acme/shop.git" }, "not an absolute URL"},
		{"credentials in the URL", func(r *source.Repository) { r.CloneURL = "https://u:p@github.com/a.git" }, "holds credentials"},
		{"no secret", func(r *source.Repository) { r.WebhookSecret = "" }, "webhookSecret is missing"},
		{"bounded", func(r *source.Repository) {
			r.Accounts = map[string]string{"222222222222": "never", "333333333333": "always"}
		}, ""},
		{"no account", func(r *source.Repository) { r.Accounts = map[string]string{"prod": "always"} }, "want 12 digits"},
		{"no approval", func(r *source.Repository) { r.Accounts = map[string]string{"333333333333": "maybe"} }, "one of never, on-risk, always"},
		{"unknown provider", func(r *source.Repository) { r.Provider = "svn" }, `provider "svn"`},
		{"climbs", func(r *source.Repository) { r.Name = "../secrets/x" }, "repository name"},
		{"dots", func(r *source.Repository) { r.Name = "acme/a..b" }, "repository name"},
		{"empty part", func(r *source.Repository) { r.Name = "acme//shop" }, "repository name"},
		{"deep", func(r *source.Repository) { r.Name = "a/b/c/d/e/f" }, "more than five"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := github
			tt.change(&r)
			err := r.Check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("unexpected: %v", err)
			case tt.want != "" && (!fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error = %v, want InvalidError with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "u:p") {
				t.Errorf("the error shows the credentials: %v", err)
			}
		})
	}
}

func TestZipRoundTrip(t *testing.T) {
	tree, err := source.NewTree([]source.File{
		{Path: "templates/network.yaml", Data: []byte("Resources: {}\n")},
		{Path: "link", Data: []byte("/etc/passwd"), Symlink: true},
		{Path: "run.sh", Data: []byte("#!/bin/sh\n"), Executable: true},
		{Path: "evenkeel.yaml", Data: []byte("version: 1\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := tree.Zip()
	if err != nil {
		t.Fatal(err)
	}
	back, err := source.Unzip(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := back.Zip()
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("equal trees gave different archives (%v)", err)
	}
	if data, ok := back.File("evenkeel.yaml"); !ok || string(data) != "version: 1\n" {
		t.Errorf("evenkeel.yaml = %q, %v", data, ok)
	}
	if i := slices.IndexFunc(back, func(f source.File) bool { return f.Path == "run.sh" }); i < 0 || !back[i].Executable {
		t.Error("a script is no longer executable")
	}
	if _, ok := back.File("link"); ok {
		t.Error("a symbolic link was read as a file")
	}
	if _, ok := back.File("missing"); ok {
		t.Error("found a missing file")
	}
}

func TestTreeRefuses(t *testing.T) {
	many := make([]source.File, source.MaxFiles+1)
	for i := range many {
		many[i].Path = fmt.Sprint("f", i)
	}
	tests := map[string][]source.File{
		"climbing":  {{Path: "../x"}},
		"absolute":  {{Path: "/etc/passwd"}},
		"backslash": {{Path: `a\..\..\x`}},
		"empty":     {{Path: ""}},
		"twice":     {{Path: "a"}, {Path: "a"}},
		"large":     {{Path: "a", Data: make([]byte, source.MaxFileBytes+1)}},
		"many":      many,
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := source.NewTree(files); !fault.Is(err, fault.InvalidError) {
				t.Errorf("error = %v, want InvalidError", err)
			}
		})
	}
}

// A zip bomb inflates to far more than it weighs; reading stops at the limit.
func TestUnzipStopsAtTheLimit(t *testing.T) {
	var bomb bytes.Buffer
	w := zip.NewWriter(&bomb)
	entry, err := w.Create("bomb")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(make([]byte, source.MaxFileBytes+1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Unzip(bomb.Bytes()); !fault.Is(err, fault.InvalidError) {
		t.Errorf("a bomb of %d bytes: error = %v, want InvalidError", bomb.Len(), err)
	}
	if _, err := source.Unzip([]byte("not a zip")); !fault.Is(err, fault.PermanentError) {
		t.Errorf("error = %v, want PermanentError", err)
	}
}
