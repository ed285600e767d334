package webhook_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/webhook"
)

const (
	before = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
	after  = "1f0c9a7be2d45f6a8890b1c2d3e4f5061728394a"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The vectors were computed by GitHub's documentation and by another
// implementation of HMAC, not by this package.
func TestSignatureVectors(t *testing.T) {
	var vectors []struct{ Payload, Secret, Signature, Source string }
	if err := json.Unmarshal(sample(t, "signatures.json"), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 5 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		request := func(header string) webhook.Request {
			return webhook.Request{Body: []byte(v.Payload), Header: map[string]string{"x-hub-signature-256": header}}
		}
		if !(webhook.GitHub{}).Verify(request(v.Signature), []byte(v.Secret)) {
			t.Errorf("%q: the published signature was refused (%s)", v.Payload, v.Source)
		}
		if got := webhook.Sign([]byte(v.Payload), []byte(v.Secret)); got != v.Signature {
			t.Errorf("Sign = %s, want %s", got, v.Signature)
		}
		for name, forged := range map[string]string{
			"missing": "", "no scheme": strings.TrimPrefix(v.Signature, "sha256="), "sha1": "sha1=" + v.Signature[7:47],
			"short": v.Signature[:69], "not hex": "sha256=" + strings.Repeat("z", 64), "other": "sha256=" + strings.Repeat("0", 64),
		} {
			if (webhook.GitHub{}).Verify(request(forged), []byte(v.Secret)) {
				t.Errorf("%q: a forged signature passed (%s)", v.Payload, name)
			}
		}
		if (webhook.GitHub{}).Verify(request(webhook.Sign([]byte(v.Payload), nil)), nil) {
			t.Error("an empty secret verified")
		}
	}
}

func TestGitHubPush(t *testing.T) {
	tests := []struct {
		file    string
		want    webhook.Push
		ignored string
	}{
		{"github-push.json", webhook.Push{Repository: "acme/shop", Branch: "main", Commit: after, Before: before, Actor: "dana", Authors: []string{"dana@example.com"}}, ""},
		{"github-push-new-branch.json", webhook.Push{Repository: "acme/shop", Branch: "feature/subnets", Commit: after, Actor: "dana", Authors: []string{"dana@example.com"}}, ""},
		{"github-push-branch-delete.json", webhook.Push{Repository: "acme/shop", Branch: "old", Before: before, Deleted: true, Actor: "dana"}, "was deleted"},
		{"github-push-tag.json", webhook.Push{Repository: "acme/shop", Tag: "v1.0.0", Commit: after, Actor: "dana", Authors: []string{"dana@example.com"}}, "only branches"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			got, err := webhook.GitHub{}.Push(webhook.Request{Body: sample(t, tt.file)})
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
			if reason := got.Ignored(); (reason == "") != (tt.ignored == "") || !strings.Contains(reason, tt.ignored) {
				t.Errorf("Ignored() = %q, want %q", reason, tt.ignored)
			}
		})
	}
}

func TestMalformedNamesTheField(t *testing.T) {
	tests := []struct{ field, replace, with string }{
		{"ref", `"refs/heads/main"`, `"main"`},
		{"ref", `"refs/heads/main"`, `"refs/heads/"`},
		{"ref", `"refs/heads/main"`, `"refs/heads/a b"`},
		{"ref", `"refs/heads/main"`, `"refs/heads/../x"`},
		{"ref", `"refs/heads/main"`, `"refs/heads/a\u001b[31m"`},
		{"ref", `"refs/heads/main"`, `"refs/heads/` + strings.Repeat("a", 256) + `"`},
		{"ref", `"refs/heads/main"`, `["refs/heads/main"]`},
		{"after", after + `",`, `HEAD",`},
		{"after", after + `",`, strings.ToUpper(after) + `",`},
		{"before", before, "12345"},
		{"deleted", `"deleted": false`, `"deleted": true`},
		{"deleted", `"deleted": false`, `"deleted": "no"`},
		{"body", `"ref"`, `ref`},
	}
	for _, tt := range tests {
		t.Run(tt.field+" "+tt.with, func(t *testing.T) {
			body := string(sample(t, "github-push.json"))
			changed := strings.Replace(body, tt.replace, tt.with, 1)
			if changed == body {
				t.Fatal("the sample has no " + tt.replace)
			}
			_, err := webhook.GitHub{}.Push(webhook.Request{Body: []byte(changed)})
			var bad *webhook.Malformed
			if !errors.As(err, &bad) || bad.Field != tt.field {
				t.Errorf("error = %v, want one that names %s", err, tt.field)
			}
		})
	}
}

// The decoder reads what a stranger sends. Whatever it is: no panic, the error
// is *Malformed, and a push that is accepted is safe to put into paths, logs
// and commands.
func FuzzGitHub(f *testing.F) {
	for _, name := range []string{"github-push.json", "github-push-new-branch.json", "github-push-branch-delete.json", "github-push-tag.json", "github-ping.json", "github-star.json"} {
		f.Add("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", sample(f, name))
	}
	f.Add("", "", []byte(`null`))
	f.Add("push", "x", []byte(`{"repository":{"full_name":"../.."}}`))
	f.Fuzz(func(t *testing.T, event, id string, body []byte) {
		r := webhook.Request{Method: "POST", Body: body, Header: map[string]string{
			"x-github-event": event, "x-github-delivery": id, "content-type": "application/json"}}
		var bad *webhook.Malformed
		d, err := webhook.GitHub{}.Delivery(r)
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("Delivery: %v is not *Malformed", err)
		}
		if err == nil && (strings.Contains(d.Repository, "..") || strings.HasPrefix(d.Repository, "/") || strings.ContainsAny(d.ID, ":# ")) {
			t.Fatalf("unsafe delivery %+v", d)
		}
		p, err := webhook.GitHub{}.Push(r)
		if err != nil {
			if !errors.As(err, &bad) {
				t.Fatalf("Push: %v is not *Malformed", err)
			}
			return
		}
		if (p.Branch == "") == (p.Tag == "") || p.Deleted != (p.Commit == "") {
			t.Fatalf("inconsistent push %+v", p)
		}
		if p.Commit != "" && len(p.Commit) != 40 && len(p.Commit) != 64 || strings.ContainsAny(p.Branch+p.Tag+p.Actor, "\n\r\x00\x1b") {
			t.Fatalf("unsafe push %+v", p)
		}
		if (webhook.GitHub{}).Verify(r, []byte("secret")) {
			t.Fatal("an unsigned request verified")
		}
	})
}
