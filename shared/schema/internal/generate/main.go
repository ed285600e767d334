// Command generate builds the embedded store of resource provider schemas from
// the pinned cfn-lint wheel. It is run by `go generate ./shared/schema`.
//
// The wheel is taken from the path given by -wheel, or downloaded with pip into
// a temporary folder. Its resource schemas are the ones that AWS publishes at
// schema.cloudformation.us-east-1.amazonaws.com, without descriptions and with
// cfn-lint's corrections already applied.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	version = "1.51.0"
	region  = "us-east-1"
	prefix  = "cfnlint/data/schemas/"
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
	types, err := readWheel(data)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	store, err := pack(types)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "store.bin"), store, 0o644); err != nil {
		return err
	}
	return writeOrigin(filepath.Join(out, "store.json"), data, len(types), len(store))
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

// providerLine is one entry of the table that maps a type to the hash which
// names its schema file.
var providerLine = regexp.MustCompile(`^\s*"([^"]+)": "([0-9a-f]+)",?$`)

// readWheel returns the compacted schema of every type of the region.
func readWheel(data []byte) (map[string][]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	files := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		files[f.Name] = f
	}
	table, err := readFile(files, prefix+"providers/"+strings.ReplaceAll(region, "-", "_")+".py")
	if err != nil {
		return nil, err
	}
	types := map[string][]byte{}
	for _, line := range strings.Split(string(table), "\n") {
		m := providerLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		raw, err := readFile(files, prefix+"resources/"+m[2]+".json")
		if err != nil {
			return nil, err
		}
		if types[m[1]], err = compact(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", m[1], err)
		}
	}
	if len(types) < 1000 {
		return nil, fmt.Errorf("only %d types found: the layout of the wheel has changed", len(types))
	}
	return types, nil
}

func readFile(files map[string]*zip.File, name string) ([]byte, error) {
	f, ok := files[name]
	if !ok {
		return nil, fmt.Errorf("no file %s", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func writeOrigin(path string, wheel []byte, types, size int) error {
	sum := sha256.Sum256(wheel)
	origin := map[string]any{
		"source":      "cfn-lint " + version + " on PyPI (cfnlint/data/schemas)",
		"version":     version,
		"wheelSha256": hex.EncodeToString(sum[:]),
		"licence":     "MIT-0",
		"region":      region,
		"types":       types,
		"bytes":       size,
		"regenerate":  "go generate ./shared/schema",
	}
	b, err := json.MarshalIndent(origin, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
