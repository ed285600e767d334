// Command generate builds the embedded store of schemas from the pinned
// cfn-lint wheel. It is run by `go generate ./shared/schema`.
//
// The wheel is taken from the path given by -wheel, or downloaded with pip into
// a temporary folder. Its resource schemas are the ones that AWS publishes at
// schema.cloudformation.REGION.amazonaws.com, without descriptions and with
// cfn-lint's corrections already applied.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The pinned wheel. The sum is the one that PyPI gives for the file.
const (
	version     = "1.51.0"
	wheelSHA256 = "116d4f9c7c7d039e69c01c31fe9ff309ff79f0884c859ea92b353507903dd89e"
)

func main() {
	wheel := flag.String("wheel", "", "path of the cfn-lint wheel; empty downloads it with pip")
	out := flag.String("out", ".", "folder to write store.bin and store.json to")
	flag.Parse()
	if err := run(*wheel, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(wheel, out string) error {
	if wheel == "" {
		dir, err := os.MkdirTemp("", "cfn-lint-wheel")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if wheel, err = download(dir); err != nil {
			return err
		}
	}
	data, err := os.ReadFile(wheel)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != wheelSHA256 {
		return fmt.Errorf("%s is not the pinned wheel of version %s", wheel, version)
	}
	store, origin, err := build(data)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	if err := os.WriteFile(filepath.Join(out, "store.bin"), store, 0o644); err != nil {
		return err
	}
	return writeOrigin(filepath.Join(out, "store.json"), origin)
}

// build returns the store of a wheel, and what to say about it.
func build(data []byte) (store []byte, origin map[string]any, err error) {
	w, err := openWheel(data)
	if err != nil {
		return nil, nil, err
	}
	regions, frames, err := w.contents()
	if err != nil {
		return nil, nil, err
	}
	if store, err = pack(regions, frames); err != nil {
		return nil, nil, err
	}
	documents := 0
	for _, f := range frames {
		documents += len(f.documents)
	}
	sum := sha256.Sum256(data)
	return store, map[string]any{
		"source":      "cfn-lint " + version + " on PyPI (cfnlint/data)",
		"version":     version,
		"wheelSha256": hex.EncodeToString(sum[:]),
		"licence":     "MIT-0",
		"regions":     len(regions),
		"entries":     len(frames),
		"documents":   documents,
		"bytes":       len(store),
		"regenerate":  "go generate ./shared/schema",
	}, nil
}

func download(dir string) (string, error) {
	cmd := exec.CommandContext(context.Background(), "pip", "download", "--no-deps", "--quiet", "--only-binary", ":all:", "--dest", dir, "cfn-lint=="+version)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("pip download cfn-lint==%s: %w", version, err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("expected one wheel in %s, found %d", dir, len(found))
	}
	return found[0], nil
}

func writeOrigin(path string, origin map[string]any) error {
	b, err := json.MarshalIndent(origin, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
