package policy

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

var secretRules = []Rule{
	{
		ID: "EK1009", Severity: Medium, Title: "Secret parameters are not echoed",
		Rationale: "Everybody who may describe the stack reads the value.",
		Fix:       "Set NoEcho, or better: use a dynamic reference to Secrets Manager instead of a parameter.",
		Link:      cfn + "parameters-section-structure.html",
		Template:  checkNoEcho,
	},
	{
		ID: "EK1010", Severity: Critical, Title: "No secret is written in the template",
		Types:     secretTypes,
		Rationale: "A password in a template is in every clone of the repository, and stays in its history. A default of a parameter is as readable.",
		Fix:       "Use a dynamic reference to Secrets Manager ({{resolve:secretsmanager:…}}) or let the service manage the password.",
		Link:      cfn + "dynamic-references.html",
		Check:     checkPlainSecrets,
	},
	{
		ID: "EK1139", Severity: Critical, Title: "No credential of a known format is written in the template",
		Others:    []string{"CKV_AWS_46", "CKV_AWS_384"},
		Rationale: "Access keys and tokens in public and private repositories are found and used by machines.",
		Fix:       "Revoke the credential, then read it at run time from Secrets Manager.",
		Link:      aws + "IAM/latest/UserGuide/id-credentials-access-keys-update.html",
		Template:  checkKnownFormats,
	},
	{
		ID: "EK1140", Severity: Low, Title: "Secrets are rotated",
		Types:     []string{"AWS::SecretsManager::Secret"},
		FSBP:      []string{"SecretsManager.1"},
		Others:    []string{"AwsSolutions-SMG4"},
		Rationale: "A secret that leaked unnoticed works until it is changed.",
		Fix:       "Add an AWS::SecretsManager::RotationSchedule for the secret, or let the service that uses it manage it.",
		Link:      hub + "secretsmanager-controls.html#secretsmanager-1",
		Check:     checkRotation,
	},
	{
		ID: "EK1141", Severity: High, Title: "Environment variables of functions hold no secrets",
		Types:     []string{"AWS::Lambda::Function", "AWS::Serverless::Function"},
		Others:    []string{"CKV_AWS_45"},
		Rationale: "Everybody who may look at the function's configuration reads the value.",
		Fix:       "Give the function the name of the secret, and let it read the value at run time.",
		Link:      aws + "lambda/latest/dg/configuration-envvars.html",
		Check: func(r *Resource) {
			r.At(at("Environment/Variables"), func(v Value) bool { v.secretEntries(); return true })
		},
	},
}

// secretName recognises names of parameters and variables that hold a secret;
// names such as PasswordLength, SecretArn or ServiceToken only tell of one.
var secretName = regexp.MustCompile(`(?i)(password|passwd|secret|api_?key|private_?key|secret_?access_?key|auth_?token|access_?token)$`)

// checkNoEcho reports parameters that are named like a secret, and those that a
// resource uses as one.
func checkNoEcho(t *Template) {
	used := map[string]bool{}
	t.r.each(func(r *Resource) {
		for _, property := range secretProperties[r.Type] {
			r.Each(at(property), func(v Value) { used[v.refers] = true })
		}
	}, secretTypes)
	for name, p := range t.Parsed().Parameters.All() {
		if !p.NoEcho && p.Type == "String" && (secretName.MatchString(name) || used[name]) {
			v := Value{r: t.r, state: absent, place: place{path: &link{&link{nil, "Parameters"}, name}, line: p.Line, column: p.Column}}
			v.Report("the value of the parameter is shown to everybody who may describe the stack")
		}
	}
}

// secretProperties are properties whose value is a secret.
var secretProperties = map[string][]string{
	"AWS::RDS::DBInstance":                   {"MasterUserPassword"},
	"AWS::RDS::DBCluster":                    {"MasterUserPassword"},
	"AWS::DocDB::DBCluster":                  {"MasterUserPassword"},
	"AWS::Redshift::Cluster":                 {"MasterUserPassword"},
	"AWS::RedshiftServerless::Namespace":     {"AdminUserPassword"},
	"AWS::SecretsManager::Secret":            {"SecretString"},
	"AWS::ElastiCache::ReplicationGroup":     {"AuthToken"},
	"AWS::ElastiCache::User":                 {"Passwords"},
	"AWS::MemoryDB::User":                    {"AuthenticationMode/Passwords"},
	"AWS::IAM::User":                         {"LoginProfile/Password"},
	"AWS::DMS::Endpoint":                     {"Password"},
	"AWS::DirectoryService::MicrosoftAD":     {"Password"},
	"AWS::DirectoryService::SimpleAD":        {"Password"},
	"AWS::AmazonMQ::Broker":                  {"Users/*/Password"},
	"AWS::OpenSearchService::Domain":         {"AdvancedSecurityOptions/MasterUserOptions/MasterUserPassword"},
	"AWS::Elasticsearch::Domain":             {"AdvancedSecurityOptions/MasterUserOptions/MasterUserPassword"},
	"AWS::Amplify::App":                      {"AccessToken", "OauthToken", "BasicAuthConfig/Password"},
	"AWS::CodePipeline::Webhook":             {"AuthenticationConfiguration/SecretToken"},
	"AWS::CodePipeline::Pipeline":            {"Stages/*/Actions/*/Configuration/OAuthToken"},
	"AWS::Cognito::UserPoolIdentityProvider": {"ProviderDetails/client_secret"},
	"AWS::EMR::Cluster":                      {"KerberosAttributes/KdcAdminPassword"},
}

var secretTypes = sortedKeys(secretProperties)

func checkPlainSecrets(r *Resource) {
	for _, property := range secretProperties[r.Type] {
		r.Each(at(property), func(v Value) {
			if text, ok := v.Text(); ok && plainSecret(text) {
				v.Report("a secret stands in the template in plain text")
			}
		})
	}
}

// plainSecret leaves out dynamic references and empty texts.
func plainSecret(text string) bool { return text != "" && !strings.Contains(text, "{{resolve:") }

// secretEntries reports the entries of a map whose name tells of a secret and
// whose value is written in the template. Names that end in the place of a
// secret (an ARN, a URL, a path) are left out by secretName.
func (v Value) secretEntries() {
	if !v.Known() {
		return
	}
	for i := range v.node.Entries {
		name := v.node.Entries[i].Key
		if !slices.Contains(awsCredentials, name) && !secretName.MatchString(name) {
			continue
		}
		v.At([]string{name}, func(value Value) bool {
			value.reportSecret(name)
			return true
		})
	}
}

// awsCredentials are the variables that AWS's own programs read credentials
// from; whatever stands in them is one.
var awsCredentials = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// reportSecret reports the value of a variable whose name tells of a secret.
func (v Value) reportSecret(name string) {
	text, ok := v.Text()
	if !ok || !plainSecret(text) {
		return
	}
	if slices.Contains(awsCredentials, name) || secretName.MatchString(name) && len(text) >= 6 && !nameOfSecret(text) {
		v.Report("the variable has a secret in plain text")
	}
}

// nameOfSecret recognises values that say where a secret is.
func nameOfSecret(text string) bool {
	return strings.HasPrefix(text, "arn:") || strings.HasPrefix(text, "/") || strings.Contains(text, "://") || slices.Contains([]string{"changeme", "dummy", "example"}, strings.ToLower(text))
}

// knownFormats are credentials that can be told by their form alone. The texts
// before are searched first: they are cheap and nearly never there.
var knownFormats = []struct {
	name, contains string
	pattern        *regexp.Regexp
}{
	{"an AWS access key", "AKIA", regexp.MustCompile(`(^|[^A-Z0-9])AKIA[A-Z2-7]{16}($|[^A-Z0-9])`)},
	{"a private key", "PRIVATE KEY", regexp.MustCompile(`-----BEGIN (RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY( BLOCK)?-----`)},
	{"a GitHub token", "gh", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{36}\b`)},
	{"a GitHub token", "github_pat_", regexp.MustCompile(`\bgithub_pat_[A-Za-z0-9_]{82}\b`)},
	{"a GitLab token", "glpat-", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20}\b`)},
	{"a Slack token", "xox", regexp.MustCompile(`\bxox[abprs]-[0-9A-Za-z-]{20,}\b`)},
	{"a Slack webhook", "hooks.slack.com", regexp.MustCompile(`hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24}`)},
	{"a Stripe key", "k_live_", regexp.MustCompile(`\b[sr]k_live_[0-9A-Za-z]{24,}\b`)},
	{"a Google API key", "AIza", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}\b`)},
	{"a SendGrid key", "SG.", regexp.MustCompile(`\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b`)},
	{"an npm token", "npm_", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}\b`)},
}

// maxScan is how much of one string is searched, in bytes.
const maxScan = 64 << 10

func checkKnownFormats(t *Template) {
	var scan func(n *template.Node, at place)
	scan = func(n *template.Node, at place) {
		t.r.steps++
		switch n.Kind {
		case template.String:
			if found := credential(n.Text); found != "" {
				v := Value{r: t.r, node: n, place: at}
				v.Report(found + " stands in the template")
			}
		case template.List:
			for i, item := range n.Items {
				scan(item, at.item(i, item))
			}
		case template.Map:
			for i := range n.Entries {
				if text, ok := userData(&n.Entries[i]); ok && credential(text) != "" {
					Value{r: t.r, node: n, place: at.entry(&n.Entries[i])}.Report(credential(text) + " stands in the user data")
				}
				scan(n.Entries[i].Value, at.entry(&n.Entries[i]))
			}
		}
	}
	scan(t.Parsed().Root, place{})
}

// userData decodes the user data of an instance that is written in base64.
func userData(e *template.Entry) (text string, ok bool) {
	if e.Key != "UserData" || !e.Value.IsString() || len(e.Value.Text) > maxScan {
		return "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Value.Text))
	return string(decoded), err == nil
}

// credential names what a text holds. AWS documentation uses keys that end in
// EXAMPLE.
func credential(text string) string {
	if len(text) < 20 {
		return ""
	}
	text = text[:min(len(text), maxScan)]
	for _, format := range knownFormats {
		if !strings.Contains(text, format.contains) {
			continue
		}
		if match := format.pattern.FindString(text); match != "" && !strings.Contains(match, "EXAMPLE") {
			return format.name
		}
	}
	return ""
}

// checkRotation leaves out secrets whose value another service keeps, or that
// are replicas of one.
func checkRotation(r *Resource) {
	rotated := false
	r.Peers(func(peer *Resource) {
		rotated = rotated || peer.RefersTo(at("SecretId"), r.ID) || !peer.Any(at("SecretId"), func(v Value) bool { return v.refers != "" })
	}, "AWS::SecretsManager::RotationSchedule")
	if !rotated {
		r.as(absent).Report("the secret is not rotated")
	}
}
