package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/local/parity/reference"
)

// theirPatience is how long cfn-lint may take one template. The runner
// gives up by itself somewhat earlier.
const theirPatience = 90 * time.Second

// theirFindings returns cfn-lint's findings of a corpus, from the reference file
// or from cfn-lint.
func theirFindings(ctx context.Context, o options, c corpus) (map[string]answer, error) {
	ref, there, err := refOf(o, c.dir)
	if err != nil {
		return nil, err
	}
	if there {
		return readRef(ref)
	}
	oracle, err := newOracle(ctx, o)
	if err != nil {
		return nil, err
	}
	answers, err := oracle.findings(ctx, c)
	if err == nil && o.record {
		err = writeRef(ref, answers)
	}
	return answers, err
}

// oracle runs cfn-lint and remembers what it said.
type oracle struct {
	python string
	script string
	date   string
	jobs   int
	cache  string // a directory
}

func newOracle(ctx context.Context, o options) (*oracle, error) {
	home, err := reference.Home()
	if err != nil {
		return nil, err
	}
	// What it says depends on its version, on the program and on the date.
	cache := filepath.Join(home, "said-"+reference.Fingerprint()+"-"+o.date)
	r := &oracle{date: o.date, jobs: max(1, o.jobs), cache: cache, python: o.python}
	if err := os.MkdirAll(r.cache, 0o755); err != nil {
		return nil, err
	}
	if r.script, err = reference.Program(); err != nil {
		return nil, err
	}
	if r.python == "" {
		r.python, err = reference.Python(ctx)
	}
	return r, err
}

// findings returns what cfn-lint says of each file of a corpus.
func (r *oracle) findings(ctx context.Context, c corpus) (map[string]answer, error) {
	answers := make(map[string]answer, len(c.files))
	keys := make(map[string]string, len(c.files))
	var todo []string
	for _, name := range c.files {
		data, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		keys[name] = r.key(name, data)
		if a, ok := r.remembered(keys[name]); ok {
			answers[name] = a
		} else {
			todo = append(todo, name)
		}
	}
	if len(todo) > 0 {
		fmt.Fprintf(os.Stderr, "parity: %s: cfn-lint runs on %d of %d templates\n", c.name, len(todo), len(c.files))
	}
	var mu sync.Mutex
	var failed error
	var running sync.WaitGroup
	for i := range r.jobs {
		var share []string
		for j := i; j < len(todo); j += r.jobs {
			share = append(share, todo[j])
		}
		running.Go(func() {
			_, err := serve(ctx, share, r.command(c.dir), theirPatience, func(a answer) {
				mu.Lock()
				defer mu.Unlock()
				a.answered = true
				answers[a.File] = a
				r.remember(keys[a.File], a)
			})
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return answers, failed
}

func (r *oracle) command(dir string, extra ...string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		args := append([]string{"-n", "15", r.python, r.script, "--date", r.date}, extra...)
		cmd := exec.CommandContext(ctx, "nice", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0") // some of its findings depend on the order of sets
		return cmd
	}
}

// key names what is remembered. The extension and folder matter: cfn-lint
// follows nested templates by relative path.
func (r *oracle) key(name string, data []byte) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n", name)
	_, _ = h.Write(data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (r *oracle) remembered(key string) (answer, bool) {
	data, err := os.ReadFile(filepath.Join(r.cache, key+".json"))
	if err != nil {
		return answer{}, false
	}
	var a answer
	if json.Unmarshal(data, &a) != nil {
		return answer{}, false
	}
	a.answered = true
	return a, true
}

// remember keeps an answer; a cache that cannot be written is none.
func (r *oracle) remember(key string, a answer) {
	if a.Error != "" {
		return
	}
	data, err := json.Marshal(a)
	if err == nil {
		_ = os.WriteFile(filepath.Join(r.cache, key+".json"), data, 0o644)
	}
}
