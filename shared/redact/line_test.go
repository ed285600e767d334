package redact_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/redact"
)

func TestLine(t *testing.T) {
	tests := map[string]string{
		"npm ERR! code E401":                                  "npm ERR! code E401",
		"Error: ENOENT: no such file":                         "Error: ENOENT: no such file",
		"NPM_TOKEN=abc123 npm ci":                             "NPM_TOKEN=**** npm ci",
		`{"password": "hunter2", "user": "dana"}`:             `{"password": "****", "user": "dana"}`,
		"refused: password=hunter2 by it":                     "refused: password=**** by it",
		"db_password: hunter2":                                "db_password: ****",
		"Authorization: Bearer eyJhbGciOi.abc.def":            "Authorization: ****",
		"using AKIAIOSFODNN7EXAMPLE":                          "using ****",
		"remote: ghp_0123456789abcdefghijABCDEFGHIJ012345":    "remote: ****",
		"fetch https://dana:hunter2@git.example.com/shop.git": "fetch https://dana:****@git.example.com/shop.git",
	}
	for line, want := range tests {
		if got := redact.Line(line); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", line, got, want)
		}
	}
}
