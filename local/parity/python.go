package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// requirements are cfn-lint and all it needs, every file pinned by hash.
//
//go:embed requirements.txt
var requirements []byte

// ensurePython returns the interpreter of an environment that has cfn-lint; it
// makes the environment when it is not there.
func ensurePython(ctx context.Context, dir string) (string, error) {
	sum := sha256.Sum256(requirements)
	dir = filepath.Join(dir, hex.EncodeToString(sum[:6]))
	python := filepath.Join(dir, "bin", "python")
	stamp := filepath.Join(dir, "complete")
	if _, err := os.Stat(stamp); err == nil {
		return python, nil
	}
	fmt.Fprintln(os.Stderr, "parity: installing cfn-lint into", dir)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := command(ctx, "python3", "-m", "venv", dir); err != nil {
		return "", err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return "", err
	}
	err := command(ctx, python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
		"--require-hashes", "--no-deps", "--progress-bar=off", "--quiet", "-r", list)
	if err != nil {
		return "", err
	}
	return python, os.WriteFile(stamp, nil, 0o644)
}

func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}
