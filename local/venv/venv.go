// Package venv makes the Python environment of the local cloud: the emulators
// and the clients of its tests, every package pinned by hash.
package venv

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed requirements.txt
var requirements []byte

// stamp is the file in a complete environment that holds the fingerprint of
// the requirements it was made from. It is written last.
const stamp = "evenkeel-requirements.sha256"

// oldest is the oldest Python that the pinned packages run on.
var oldest = [2]int{3, 10}

// candidates are the interpreters that are tried, in this order.
var candidates = []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"}

// Env is a complete environment.
type Env struct {
	Dir string // absolute path of the environment
}

// Python is the path of the environment's interpreter.
func (e Env) Python() string { return e.Bin("python") }

// Bin is the path of one of the environment's programs, for example "aws".
func (e Env) Bin(program string) string { return filepath.Join(e.Dir, "bin", program) }

// Ensure returns the environment under root/.venv, which it makes when it is
// missing, incomplete or made from other requirements. One process makes it at
// a time; others wait. progress is told each step and must not be nil.
func Ensure(ctx context.Context, root string, progress func(string)) (Env, error) {
	dir, err := filepath.Abs(filepath.Join(root, ".venv"))
	if err != nil {
		return Env{}, err
	}
	env := Env{Dir: dir}
	if complete(dir) {
		return env, nil
	}
	locks := filepath.Join(filepath.Dir(dir), ".evenkeel")
	if err := os.MkdirAll(locks, 0o755); err != nil {
		return Env{}, err
	}
	release, err := lock(ctx, filepath.Join(locks, "venv.lock"))
	if err != nil {
		return Env{}, err
	}
	defer release()
	if complete(dir) {
		return env, nil
	}
	return env, create(ctx, env, progress)
}

func create(ctx context.Context, env Env, progress func(string)) error {
	python, err := interpreter(ctx)
	if err != nil {
		return err
	}
	progress("python: making " + env.Dir + " with " + python)
	if err := os.RemoveAll(env.Dir); err != nil {
		return fmt.Errorf("remove the incomplete Python environment: %w", err)
	}
	if err := run(ctx, progress, python, "-m", "venv", env.Dir); err != nil {
		return fmt.Errorf("make the Python environment (on Debian, install python3-venv): %w", err)
	}
	list := filepath.Join(env.Dir, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return err
	}
	started := time.Now()
	// --no-deps: the list is complete, so nothing outside it is ever resolved.
	err = run(ctx, progress, env.Python(), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
		"--no-compile", "--require-hashes", "--no-deps", "--progress-bar=off", "-r", list)
	if err != nil {
		return fmt.Errorf("install the pinned Python packages: %w", err)
	}
	progress(fmt.Sprintf("python: packages installed in %.0f s", time.Since(started).Seconds()))
	return os.WriteFile(filepath.Join(env.Dir, stamp), []byte(fingerprint()), 0o644)
}

// complete reports whether dir was made to the end from these requirements.
func complete(dir string) bool {
	made, err := os.ReadFile(filepath.Join(dir, stamp))
	if err != nil || string(made) != fingerprint() {
		return false
	}
	// The interpreter is a link that a system upgrade can break.
	_, err = os.Stat(filepath.Join(dir, "bin", "python"))
	return err == nil
}

func fingerprint() string {
	sum := sha256.Sum256(requirements)
	return hex.EncodeToString(sum[:])
}

// interpreter returns the first Python on the PATH that is new enough.
func interpreter(ctx context.Context) (string, error) {
	var seen []string
	for _, name := range candidates {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(ctx, path, "-c", "import sys; print(sys.version_info[0], sys.version_info[1])").Output()
		if err != nil {
			continue
		}
		if newEnough(string(out)) {
			return path, nil
		}
		seen = append(seen, path+" is "+strings.Join(strings.Fields(string(out)), "."))
	}
	if len(seen) == 0 {
		return "", errors.New("the local cloud needs Python 3.10 or later; no python3 is on the PATH")
	}
	return "", fmt.Errorf("the local cloud needs Python 3.10 or later: %s", strings.Join(seen, ", "))
}

// newEnough reads "major minor".
func newEnough(version string) bool {
	var major, minor int
	if _, err := fmt.Sscan(version, &major, &minor); err != nil {
		return false
	}
	return major > oldest[0] || major == oldest[0] && minor >= oldest[1]
}

// run runs a command and passes the lines that tell a person something on.
func run(ctx context.Context, progress func(string), name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	// pip's own settings (index, certificates) come from the environment; what
	// would change which interpreter or packages are used does not.
	cmd.Env = without(os.Environ(), "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	var last []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if last = append(last, line); len(last) > 15 {
			last = last[1:]
		}
		if said := tell(line); said != "" {
			progress(said)
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(last, "\n"))
	}
	return nil
}

// tell shortens a line of pip's to what a person wants to see, or "".
func tell(line string) string {
	switch {
	case strings.HasPrefix(line, "Collecting "):
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "Collecting "), " ")
		return "python: fetching " + name
	case strings.HasPrefix(line, "Installing collected"):
		return "python: installing"
	}
	return ""
}

func without(environ []string, names ...string) []string {
	var kept []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		drop := false
		for _, n := range names {
			drop = drop || n == name
		}
		if !drop {
			kept = append(kept, pair)
		}
	}
	return kept
}
