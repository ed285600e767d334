package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// corpus is a directory of templates.
type corpus struct {
	name  string
	dir   string
	files []string // relative to dir, with slashes, sorted
}

func readCorpus(dir string) (corpus, error) {
	c := corpus{name: corpusName(dir), dir: dir}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".yaml", ".yml", ".json", ".template":
			name, err := filepath.Rel(dir, path)
			c.files = append(c.files, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	if err == nil && len(c.files) == 0 {
		err = fmt.Errorf("%s contains no templates", dir)
	}
	slices.Sort(c.files)
	return c, err
}

// finding is what both sides report, as they report it.
type finding struct {
	rule string
	path string
	line int
	// message is for people; it is not compared.
	message string
}

// MarshalJSON writes [rule, path, line], and the message if there is one.
func (f finding) MarshalJSON() ([]byte, error) {
	if f.message == "" {
		return json.Marshal([]any{f.rule, f.path, f.line})
	}
	return json.Marshal([]any{f.rule, f.path, f.line, f.message})
}

// UnmarshalJSON reads [rule, path, line] and perhaps a message.
func (f *finding) UnmarshalJSON(data []byte) error {
	parts := []any{&f.rule, &f.path, &f.line, &f.message}
	return json.Unmarshal(data, &parts)
}

// answer is what one side said of one template.
type answer struct {
	File       string    `json:"file,omitempty"`
	Findings   []finding `json:"findings"`
	Seconds    float64   `json:"seconds,omitempty"`
	Incomplete bool      `json:"incomplete,omitempty"`
	// Error says why there are no findings: "timeout", "crash: …".
	Error string `json:"error,omitempty"`

	answered bool
}

// known reports whether there is something to compare with.
func (a answer) known() bool { return a.answered && a.Error == "" }

// readRef reads a file of cfn-lint's findings: {file: [[rule, path, line]…]},
// or {file: {"error": …}} where it failed.
func readRef(path string) (map[string]answer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	answers := make(map[string]answer, len(raw))
	for name, text := range raw {
		a := answer{answered: true}
		if text[0] == '{' {
			err = json.Unmarshal(text, &a)
		} else {
			err = json.Unmarshal(text, &a.Findings)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, name, err)
		}
		answers[name] = a
	}
	return answers, nil
}

// refOf returns the file of cfn-lint's findings of a corpus, and whether it is
// there.
func refOf(o options, dir string) (string, bool, error) {
	path := filepath.Clean(dir) + ".ref.json"
	switch {
	case o.ref != "":
		path = o.ref
	case o.refs != "":
		path = filepath.Join(o.refs, corpusName(dir)+".ref.json")
	}
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, false, nil
	}
	return path, err == nil && !o.fresh && !o.record, err
}

// writeRef writes what readRef reads, one template a line.
func writeRef(path string, answers map[string]answer) error {
	var b bytes.Buffer
	b.WriteString("{")
	for i, name := range slices.Sorted(maps.Keys(answers)) {
		if i > 0 {
			b.WriteString(",")
		}
		var said any = answers[name].Findings
		if reason := answers[name].Error; reason != "" {
			said = map[string]string{"error": reason}
		}
		text, err := json.Marshal(said)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n%q: %s", name, text)
	}
	b.WriteString("\n}\n")
	return os.WriteFile(path, b.Bytes(), 0o644)
}
