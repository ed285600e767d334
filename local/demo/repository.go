package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Repository is a git working copy whose origin is the local forge.
type Repository struct {
	dir string
	url string
}

// NewRepository makes a working copy in dir with the files under source, an
// origin at url, and nothing committed.
func NewRepository(ctx context.Context, dir, source, url string) (*Repository, error) {
	r := &Repository{dir: dir, url: url}
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		return nil, fmt.Errorf("copy %s: %w", source, err)
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"remote", "add", "origin", url},
	} {
		if _, err := r.git(ctx, args...); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Edit replaces old by updated in a file; the text must be there exactly once.
func (r *Repository) Edit(file, old, updated string) error {
	path := filepath.Join(r.dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(data), old); n != 1 {
		return fmt.Errorf("%s holds %q %d times, want once", file, old, n)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(data), old, updated, 1)), 0o600)
}

// Append adds text to the end of a file.
func (r *Repository) Append(file, text string) error {
	f, err := os.OpenFile(filepath.Join(r.dir, file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Close()
}

// Commit commits everything and returns the commit id.
func (r *Repository) Commit(ctx context.Context, message string) (string, error) {
	if _, err := r.git(ctx, "add", "--all"); err != nil {
		return "", err
	}
	if _, err := r.git(ctx, "commit", "--quiet", "--allow-empty", "--message", message); err != nil {
		return "", err
	}
	return r.git(ctx, "rev-parse", "HEAD")
}

// Push pushes HEAD to a branch of the forge.
func (r *Repository) Push(ctx context.Context, branch string) error {
	_, err := r.git(ctx, "push", "--quiet", "origin", "HEAD:refs/heads/"+branch)
	return err
}

// Revert makes a commit that takes the last one back.
func (r *Repository) Revert(ctx context.Context) error {
	_, err := r.git(ctx, "revert", "--no-edit", "HEAD")
	return err
}

// git runs the real git with an identity of its own, apart from the user's
// configuration.
func (r *Repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada Shop", "GIT_AUTHOR_EMAIL=ada@shop.example",
		"GIT_COMMITTER_NAME=Ada Shop", "GIT_COMMITTER_EMAIL=ada@shop.example")
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return text, nil
}
