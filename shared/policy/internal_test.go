package policy

import "testing"

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		want    bool
	}{
		{"iam:passrole", true}, {"iam:*", true}, {"*", true}, {"iam:pass*", true}, {"iam:*role", true}, {"i*:p*e", true}, {"iam:passrol?", true}, {"*passrole*", true},
		{"iam:get*", false}, {"iam:pass", false}, {"s3:*", false}, {"iam:?", false}, {"", false}, {"iam:passrole?", false},
	} {
		if got := covers(tt.pattern, "iam:passrole"); got != tt.want {
			t.Errorf("covers(%q) = %v", tt.pattern, got)
		}
	}
}

// The form alone tells a credential; documentation's own keys are none.
func TestCredential(t *testing.T) {
	for text, want := range map[string]string{
		"export KEY=AKIAIOSFODNN7ABCDEFG":               "an AWS access key",
		"AKIAIOSFODNN7EXAMPLE":                          "",
		"XAKIAIOSFODNN7ABCDEFGX":                        "",
		"-----BEGIN RSA " + "PRIVATE KEY-----\n":        "a private key",
		"-----BEGIN PUBLIC KEY-----":                    "",
		"ghp_" + "0123456789abcdefghij0123456789abcdef": "a GitHub token",
		"ghp_short":                                                   "",
		"sk_live_" + "0123456789abcdefghijABCD":                       "a Stripe key",
		"npm_" + "0123456789abcdefghij0123456789abcdef":               "an npm token",
		"arn:aws:secretsmanager:us-east-1:123456789012:secret:AKIA-x": "",
	} {
		if got := credential(text); got != want {
			t.Errorf("credential(%q) = %q, want %q", text, got, want)
		}
	}
}
