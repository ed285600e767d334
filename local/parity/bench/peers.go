package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/evenkeel/evenkeel/local/parity/reference"
)

const (
	awsPackage = "@aws/cloudformation-validate@1.9.0-beta"
	lexPackage = "github.com/lex00/cfn-lint-go/cmd/cfn-lint"
	lexVersion = "v0.5.0"
)

// lexSums are the hashes of the module and of what it is built with. With them
// it is built by a module of its own, since it cannot be asked for its versions.
const lexSums = `github.com/lex00/cfn-lint-go v0.5.0 h1:8lN4tG3fJM6Et6xgMqIXtTMexJCu/1RDZ61N8cYazi8=
github.com/lex00/cfn-lint-go v0.5.0/go.mod h1:9AwpaWGKhLiJV1WcmBScniOnZiTc+VgFRnW/qAUg1b4=
github.com/spf13/cobra v1.8.0 h1:7aJaZx1B85qltLMc546zn58BxxfZdR/W22ej9CFoEf0=
github.com/spf13/cobra v1.8.0/go.mod h1:WXLWApfZ71AjXPya3WOlMsY9yMs7YeiHhFVlvLyhcho=
github.com/spf13/pflag v1.0.5 h1:iy+VFUOCP1a+8yFto/drg2CJ5u0yRoB7fZw3DKv/JXA=
github.com/spf13/pflag v1.0.5/go.mod h1:McXfInJRrz4CZXVZOBLb0bTZqETkiAhM9Iw0y3An2Bg=
gopkg.in/yaml.v3 v3.0.1 h1:fxVm/GzAzEWqLHuvctI91KS9hhNmmWOoWu0XTYJS7CA=
gopkg.in/yaml.v3 v3.0.1/go.mod h1:K4uyk7z7BCEPqu6E+C64Yfv1cQ7kz7rIZviUmN+EgEM=
`

// awsProgram measures the package as the worker here measures us.
//
//go:embed validate.cjs
var awsProgram []byte

// peers measures AWS's own validator on each template, after it has started.
func peers(ctx context.Context, o options, r *report) error {
	if !o.peers {
		r.awsMissing = "left out"
		return nil
	}
	program := awsInstalled(ctx, r)
	if program == "" {
		return nil
	}
	progress("each template with %s (at most %s each)", awsPackage, o.patience)
	return ask(ctx, r.corpus, o.patience, &r.aws, "node", program)
}

// awsInstalled returns the program that measures it, "" when it cannot be had:
// the report then says why.
func awsInstalled(ctx context.Context, r *report) string {
	program, err := installAWS(ctx)
	if err != nil {
		r.awsMissing = err.Error()
		return ""
	}
	return program
}

func installAWS(ctx context.Context) (string, error) {
	home, err := reference.Home()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(home, "aws-"+awsPackage[strings.LastIndex(awsPackage, "@")+1:])
	program := filepath.Join(dir, "validate.cjs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(program, awsProgram, 0o644); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@aws", "cloudformation-validate", "package.json")); err == nil {
		return program, nil
	}
	progress("installing %s", awsPackage)
	return program, quietly(exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "--silent", awsPackage))
}

// lexProgram returns the command of lex00/cfn-lint-go, nil when it cannot be had.
func lexProgram(ctx context.Context, o options, r *report) *program {
	if !o.peers {
		r.lexMissing = "left out"
		return nil
	}
	home, err := reference.Home()
	if err != nil {
		r.lexMissing = err.Error()
		return nil
	}
	bin := filepath.Join(home, "lex00", "cfn-lint")
	if _, err := os.Stat(bin); err != nil {
		progress("building %s@%s", lexPackage, lexVersion)
		if err := buildLex(ctx, bin); err != nil {
			progress("%v", err)
			r.lexMissing = "it could not be built, the output of the run says why"
			return nil
		}
	}
	return &program{"cfn-lint-go", []string{bin, "--format", "json"}}
}

func buildLex(ctx context.Context, bin string) error {
	dir, err := os.MkdirTemp("", "evenkeel-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	module := "module bench\n\ngo 1.21\n\nrequire " + strings.TrimSuffix(lexPackage, "/cmd/cfn-lint") + " " + lexVersion + "\n"
	for name, text := range map[string]string{"go.mod": module, "go.sum": lexSums} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=mod", "-o", bin, lexPackage)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	return quietly(cmd)
}

func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(lines[len(lines)-1]))
	}
	return nil
}
