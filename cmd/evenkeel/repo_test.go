package main

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
)

func unregistered(awsstub.Call) awsstub.Answer {
	return awsstub.JSONError("ParameterNotFound", "no such parameter")
}

func TestRepoAdd(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("ssm", "PutParameter", `{}`)
	c.aws.On("ssm", "GetParameter", unregistered)
	c.app.in = strings.NewReader("correct horse\n")
	c.run("repo", "add", "acme/shop", "--clone-url", "https://github.com/acme/shop.git", "--webhook-secret-stdin").want(0, "registered acme/shop")
	puts := c.aws.Calls("ssm", "PutParameter")
	if len(puts) != 2 || !strings.Contains(string(puts[0].Body), "SecureString") || !strings.Contains(string(puts[0].Body), `"correct horse"`) {
		t.Fatalf("puts = %+v", puts)
	}
	if entry := string(puts[1].Body); !strings.Contains(entry, "/evenkeel/repositories/acme/shop") || strings.Contains(entry, "correct horse") {
		t.Errorf("registration = %s", entry)
	}
	if all := c.out.String() + c.err.String(); strings.Contains(all, "correct horse") {
		t.Errorf("the secret was printed: %s", all)
	}
	c.run("repo", "add", "ledger", "--provider", "codecommit", "--clone-url", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/ledger").want(0)
}

// The token goes to Secrets Manager; the registration has its name only.
func TestRepoAddToken(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("ssm", "PutParameter", `{}`)
	c.aws.On("ssm", "GetParameter", unregistered)
	c.aws.Reply("secretsmanager", "PutSecretValue", `{}`)
	c.app.in = strings.NewReader("github_pat_x\n")
	c.run("repo", "add", "acme/shop", "--clone-url", "https://github.com/acme/shop.git", "--webhook-secret", "/evenkeel/secrets/acme/shop/webhook", "--status-token-stdin").want(0, "registered acme/shop")
	if put := string(c.aws.Calls("secretsmanager", "PutSecretValue")[0].Body); !strings.Contains(put, "evenkeel/repositories/acme/shop/status") || !strings.Contains(put, `"github_pat_x"`) {
		t.Errorf("put = %s", put)
	}
	if entry := string(c.aws.Calls("ssm", "PutParameter")[0].Body); !strings.Contains(entry, "evenkeel/repositories/acme/shop/status") || strings.Contains(entry, "github_pat") {
		t.Errorf("registration = %s", entry)
	}
	if all := c.out.String() + c.err.String(); strings.Contains(all, "github_pat") {
		t.Errorf("the token was printed: %s", all)
	}
	c.run("repo", "add", "acme/shop", "--clone-url", "https://github.com/acme/shop.git", "--webhook-secret", "/evenkeel/x", "--status-secret", "other/x").want(1, "begins with evenkeel/")
}

// TestRepoAddKeepsBounds: whoever only adds a token does not take the accounts away.
func TestRepoAddKeepsBounds(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("ssm", "GetParameter", `{"Parameter": {"Name": "/evenkeel/repositories/acme/shop", "Type": "String",
		"Value": "{\"provider\":\"github\",\"cloneUrl\":\"https://github.com/acme/shop.git\",\"webhookSecret\":\"/evenkeel/x\",\"accounts\":{\"222222222222\":\"always\"}}"}}`)
	c.run("repo", "add", "acme/shop", "--clone-url", "https://github.com/acme/shop.git", "--webhook-secret", "/evenkeel/x").want(2, "registered with --account, which this would take away")
	if puts := c.aws.Calls("ssm", "PutParameter"); len(puts) != 0 {
		t.Errorf("written: %v", puts)
	}
}

func TestRepoAddRefuses(t *testing.T) {
	c := newCLI(t)
	c.aws.On("ssm", "GetParameter", unregistered)
	const url = "https://github.com/acme/shop.git"
	for name, args := range map[string][]string{
		"no secret":     {"acme/shop", "--clone-url", url},
		"empty secret":  {"acme/shop", "--clone-url", url, "--webhook-secret-stdin"},
		"two tokens":    {"acme/shop", "--clone-url", url, "--webhook-secret-stdin", "--status-token-stdin"},
		"other secret":  {"acme/shop", "--clone-url", url, "--provider", "codecommit", "--status-secret", "evenkeel/x"},
		"two secrets":   {"acme/shop", "--clone-url", url, "--webhook-secret-stdin", "--credentials-stdin"},
		"ssh":           {"acme/shop", "--clone-url", "ssh://github.com/acme/shop.git", "--webhook-secret-stdin"},
		"credentials":   {"acme/shop", "--clone-url", "https://u:p@github.com/acme/shop.git", "--webhook-secret-stdin"},
		"provider":      {"acme/shop", "--clone-url", url, "--provider", "svn", "--webhook-secret-stdin"},
		"climbing name": {"../x", "--clone-url", url, "--webhook-secret-stdin"},
		"no name":       {"--clone-url", url},
	} {
		t.Run(name, func(t *testing.T) {
			c.app.in = strings.NewReader("\n")
			c.run(append([]string{"repo", "add"}, args...)...).want(2)
		})
	}
	if puts := c.aws.Calls("ssm", "PutParameter"); len(puts) != 0 {
		t.Errorf("something was written: %s", puts[0].Body)
	}
}

func TestRepoIdentities(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("ssm", "PutParameter", `{}`)
	c.aws.On("ssm", "GetParameter", unregistered)
	base := []string{"repo", "add", "ledger", "--provider", "codecommit", "--clone-url", "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/ledger"}
	c.run(append(base, "--identity", "ada=arn:aws:iam::*:user/ada", "--identity", "ada=ada@shop.example", "--allow-self-approval")...).want(0)
	if entry := string(c.aws.Calls("ssm", "PutParameter")[0].Body); !strings.Contains(entry, `\"ada\":[\"arn:aws:iam::*:user/ada\",\"ada@shop.example\"]`) || !strings.Contains(entry, `\"selfApproval\":true`) {
		t.Errorf("registration = %s", entry)
	}
	for _, identity := range []string{"ada", "=x", "ada=", "ada=*", "ada=two words"} {
		c.run(append(base, "--identity", identity)...).want(2)
	}
}

func TestRepoList(t *testing.T) {
	c := newCLI(t)
	c.aws.Reply("ssm", "GetParametersByPath", `{"Parameters":[{"Name":"/evenkeel/repositories/acme/shop","Value":"{\"provider\":\"github\",\"cloneUrl\":\"https://github.com/acme/shop.git\",\"webhookSecret\":\"/s\"}"}]}`)
	c.run("repo", "list").want(0, "acme/shop  github    https://github.com/acme/shop.git")
	c.run("repo", "--json").want(0)
	if list := decoded[[]map[string]string](c); len(list) != 1 || list[0]["name"] != "acme/shop" || list[0]["webhookSecret"] != "/s" {
		t.Errorf("%v", list)
	}
	c.aws.Reply("ssm", "GetParametersByPath", `{"Parameters":[]}`)
	c.run("repo").want(0, "No repository is registered")
}
