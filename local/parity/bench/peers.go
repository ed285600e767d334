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
	lexPackage = "github.com/lex00/cfn-lint-go/cmd/cfn-lint@v0.5.0"
)

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
		progress("installing %s", lexPackage)
		cmd := exec.CommandContext(ctx, "go", "install", lexPackage)
		cmd.Dir = os.TempDir()
		cmd.Env = append(os.Environ(), "GOBIN="+filepath.Dir(bin), "GOFLAGS=")
		if err := quietly(cmd); err != nil {
			r.lexMissing = err.Error()
			return nil
		}
	}
	return &program{"cfn-lint-go", []string{bin, "lint", "--format", "json"}}
}

func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(lines[len(lines)-1]))
	}
	return nil
}
