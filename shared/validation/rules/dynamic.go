package rules

import (
	"slices"
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

const dynamicGuide = guide + "dynamic-references.html"

// dynamicRules check dynamic references, "{{resolve:service:…}}", and texts that
// look as if something else were meant.
func dynamicRules() []check.Rule {
	return []check.Rule{
		{
			ID: "E1027", Severity: check.Error, Title: "A secure string stands where it is not resolved", Link: dynamicGuide,
			Description: "CloudFormation resolves secure strings of Parameter Store only in a few properties.",
		},
		{
			ID: "E1050", Severity: check.Error, Title: "A dynamic reference is not built right", Link: dynamicGuide,
			Description: "A dynamic reference names a service and what to look up, separated by colons.",
			Funcs:       map[js.Keyword]check.Func{js.DynamicReference: checkDynamicReference},
		},
		{
			ID: "E1051", Severity: check.Error, Title: "A secret stands outside the properties of a resource", Link: dynamicGuide + "#dynamic-references-secretsmanager",
			Description: "CloudFormation resolves references to Secrets Manager only in the properties of resources.",
		},
		{
			ID: "W1051", Severity: check.Warning, Title: "A secret stands where its ARN is wanted", Link: dynamicGuide + "#dynamic-references-secretsmanager",
			Description: "A property that names a secret wants the secret's ARN, not what the secret holds.",
		},
		{
			ID: "W1053", Severity: check.Warning, Title: "A dynamic reference has spaces", Link: dynamicGuide,
			Description: "With spaces between {{ and resolve, CloudFormation takes the reference for a text.",
			Funcs: map[js.Keyword]check.Func{js.DynamicReferenceSpaces: func(v *check.Validator, _ *js.Schema, n *template.Node) {
				v.Fault("%s is not resolved, because of its spaces", check.Excerpt(n)).By("W1053")
			}},
		},
		{
			ID: "W1054", Severity: check.Warning, Title: "A pseudo parameter stands without Ref", Link: guide + "pseudo-parameter-reference.html",
			Description: "The name of a pseudo parameter as a plain text is not replaced by its value.",
			Funcs: map[js.Keyword]check.Func{js.RawPseudoParameter: func(v *check.Validator, _ *js.Schema, n *template.Node) {
				v.Fault("%s without Ref is only a text", n.Text).By("W1054")
			}},
		},
	}
}

// reference is the inner part of the last dynamic reference in a text.
func reference(text string) string {
	start := strings.LastIndex(text, "{{resolve:")
	end := strings.LastIndex(text, "}}")
	if start < 0 || end < start {
		return ""
	}
	return text[start+2 : end]
}

func checkDynamicReference(v *check.Validator, _ *js.Schema, n *template.Node) {
	if n.Kind != template.String {
		return
	}
	inner := reference(n.Text)
	parts := strings.Split(inner, ":")
	if len(parts) < 3 {
		v.Fault("the dynamic reference %s names nothing to look up", inner).By("E1050")
		return
	}
	var right bool
	switch parts[1] {
	case "ssm":
		right = parameterStore(parts)
	case "ssm-secure":
		if v.Place == nil || !slices.Contains(secretProperties, v.Place.String()) {
			v.Fault("a secure string is not resolved here").By("E1027")
		}
		right = parameterStore(parts)
	case "secretsmanager":
		if !secretHere(v.Path()) {
			v.Fault("a secret is only resolved in the properties of a resource").By("E1051")
		}
		secretForARN(v, inner, false)
		right = secretsManager(parts)
	}
	if !right { // nor is a service that there is not
		v.Fault("the dynamic reference %s is not built right", inner).By("E1050")
	}
}

// parameterStore checks resolve:ssm:name:version.
func parameterStore(parts []string) bool {
	return len(parts) <= 4 && strings.ContainsFunc(parts[2], isNameRune) && (len(parts) < 4 || strings.ContainsAny(parts[3], "0123456789"))
}

func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '/'
}

// secretsManager checks resolve:secretsmanager:id:SecretString:key:stage:version,
// where the id can be an ARN, which has colons of its own.
func secretsManager(parts []string) bool {
	if parts[2] != "arn" {
		return len(parts) <= 7 && secretString(parts, 3)
	}
	return len(parts) >= 9 && len(parts) <= 13 && parts[7] == "secret" && secretString(parts, 9)
}

func secretString(parts []string, i int) bool {
	return len(parts) <= i || parts[i] == "" || parts[i] == "SecretString"
}

func secretHere(at check.Path) bool {
	return len(at) >= 3 && (at[0].Key == "Resources" && at[2].Key == "Properties" || at[0].Key == "Parameters" && at[2].Key == "Default")
}

// secretFields are the properties that name a secret.
var secretFields = []string{
	"SecretArn", "SecretARN", "SecretsManagerSecretId", "SecretsManagerOracleAsmSecretId",
	"SecretsManagerSecurityDbEncryptionSecretId", "SecretsManagerConfiguration",
}

// secretForARN reports a secret where its ARN is wanted.
func secretForARN(v *check.Validator, text string, inSub bool) {
	if inSub && !strings.HasSuffix(strings.TrimSuffix(text, `\"`), "}}") {
		return
	}
	at := v.Path()
	if len(at) < 3 || at[0].Key != "Resources" || at[2].Key != "Properties" {
		return
	}
	for _, field := range secretFields {
		if hasKey(at, field) {
			v.Fault("%s wants the ARN of the secret, not what it holds", field).By("W1051")
		}
	}
}
