// Package reference installs cfn-lint, with which the validator is compared, and
// knows how to run it.
package reference

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

// Version of cfn-lint.
const Version = "1.51.0"

// requirements are cfn-lint and all it needs, every file pinned by hash.
//
//go:embed requirements.txt
var requirements []byte

// program answers for one template after the other; see there.
//
//go:embed oracle.py
var program []byte

// Home is the directory in the user's cache that everything here is kept in.
func Home() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "evenkeel", "parity")
	return dir, os.MkdirAll(dir, 0o755)
}

// Fingerprint changes when cfn-lint could answer differently.
func Fingerprint() string { return fingerprint(append(append([]byte{}, requirements...), program...)) }

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}

// Program writes the program that answers for templates and returns its path.
func Program() (string, error) {
	home, err := Home()
	if err != nil {
		return "", err
	}
	path := filepath.Join(home, "oracle-"+fingerprint(program)+".py")
	return path, os.WriteFile(path, program, 0o644)
}

// Python returns the interpreter of an environment that has cfn-lint, whose
// command stands beside it. It makes the environment when it is not there.
func Python(ctx context.Context) (string, error) {
	home, err := Home()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(home, "venv", fingerprint(requirements))
	python := filepath.Join(dir, "bin", "python")
	stamp := filepath.Join(dir, "complete")
	if _, err := os.Stat(stamp); err == nil {
		return python, nil
	}
	fmt.Fprintln(os.Stderr, "parity: installing cfn-lint", Version, "into", dir)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := run(ctx, "python3", "-m", "venv", dir); err != nil {
		return "", err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return "", err
	}
	err = run(ctx, python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
		"--require-hashes", "--no-deps", "--progress-bar=off", "--quiet", "-r", list)
	if err != nil {
		return "", err
	}
	return python, os.WriteFile(stamp, nil, 0o644)
}

func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}
