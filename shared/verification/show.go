package verification

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/shared/redact"
)

// The longest texts that a result keeps, in characters. Results travel in
// events of at most 256 KB.
const (
	maxWhy  = 200
	maxSeen = 500
)

func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

// concealed hides a value whose path tells of a secret.
func concealed(path, value string) string {
	return redact.Value("/"+strings.Trim(path[strings.LastIndexAny(path, ".[")+1:], "[]'"), value)
}

// seen is what a result keeps of an observation that is no success: enough to
// begin to search, bounded and without secrets. What came from a secret is
// hidden wherever it comes back.
func seen(o Observation, secrets []string) string {
	var text string
	switch {
	case o.HTTP != nil:
		text = fmt.Sprintf("%d in %s, %s", o.HTTP.Status, rounded(o.HTTP.Latency), body(o.HTTP.Body))
	case o.Function != nil:
		text = body(o.Function.Payload)
	case o.Build != nil:
		text = o.Build.Logs
	}
	return shorten(hide(text, secrets), maxSeen)
}

func body(data []byte) string {
	if len(data) == 0 {
		return "no body"
	}
	return redact.Value("/body", string(data))
}

func hide(text string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, redact.Hidden)
		}
	}
	return text
}
