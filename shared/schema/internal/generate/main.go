// Command generate builds the embedded stores of schemas: the first layer from
// the pinned cfn-lint wheel, the second from the pinned npm package
// @aws-cdk/aws-service-spec. It is run by `go generate ./shared/schema`.
//
// The packages are taken from the paths given by -wheel and -spec, or downloaded
// with pip and npm into a temporary folder. The wheel's resource schemas are the ones that AWS publishes at
// schema.cloudformation.REGION.amazonaws.com, without descriptions and with
// cfn-lint's corrections already applied.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"hash"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The pinned packages. The sums are those that PyPI and npm give for the files.
const (
	version     = "1.51.0"
	wheelSHA256 = "116d4f9c7c7d039e69c01c31fe9ff309ff79f0884c859ea92b353507903dd89e"
	specPackage = "@aws-cdk/aws-service-spec"
	specVersion = "0.1.216"
	specSHA512  = "3b72eeeafe89e919c8f847a79256f0f36dfb915eb8713a4cf784045e695c9ac200ce170aadd77ea80a598654cbf87dc80edd493fa56985b77e38e9aaeabf29ab"
)

func main() {
	wheel := flag.String("wheel", "", "path of the cfn-lint wheel; empty downloads it with pip")
	spec := flag.String("spec", "", "path of the npm package of "+specPackage+"; empty downloads it with npm")
	out := flag.String("out", ".", "folder to write store.bin, fresh.bin and store.json to")
	flag.Parse()
	if err := run(*wheel, *spec, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(wheel, spec, out string) error {
	dir, err := os.MkdirTemp("", "evenkeel-schemas")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	data, err := pinned(wheel, dir, "*.whl", wheelSHA256, sha256.New(), "pip", "download", "--no-deps", "--quiet", "--only-binary", ":all:", "cfn-lint=="+version)
	if err != nil {
		return err
	}
	tarball, err := pinned(spec, dir, "*.tgz", specSHA512, sha512.New(), "npm", "pack", "--silent", specPackage+"@"+specVersion)
	if err != nil {
		return err
	}
	store, origin, err := build(data)
	if err != nil {
		return fmt.Errorf("cfn-lint %s: %w", version, err)
	}
	fresh, second, err := buildFresh(data, tarball)
	if err != nil {
		return fmt.Errorf("%s %s: %w", specPackage, specVersion, err)
	}
	origin["freshness"] = second
	for name, content := range map[string][]byte{"store.bin": store, "fresh.bin": fresh} {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o644); err != nil {
			return err
		}
	}
	return writeOrigin(filepath.Join(out, "store.json"), origin)
}

// pinned reads a package from a path, or downloads it by a command into a
// folder, and compares its sum.
func pinned(path, dir, pattern, want string, sum hash.Hash, command ...string) ([]byte, error) {
	if path == "" {
		cmd := exec.CommandContext(context.Background(), command[0], command[1:]...)
		cmd.Dir, cmd.Stderr = dir, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
		}
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("%s: expected one file, found %d", strings.Join(command, " "), len(found))
		}
		path = found[0]
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum.Write(data)
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return nil, fmt.Errorf("%s has the sum %s, not the pinned one", path, got)
	}
	return data, nil
}

// buildFresh returns the second layer, and what to say about it.
func buildFresh(wheel, tarball []byte) (fresh []byte, origin map[string]any, err error) {
	w, err := openWheel(wheel)
	if err != nil {
		return nil, nil, err
	}
	fresh, types, properties, err := freshness(w, tarball)
	if err != nil {
		return nil, nil, err
	}
	sum := sha512.Sum512(tarball)
	return fresh, map[string]any{
		"source":        specPackage + " " + specVersion + " on npm",
		"version":       specVersion,
		"packageSha512": hex.EncodeToString(sum[:]),
		"licence":       "Apache-2.0",
		"types":         types,
		"properties":    properties,
		"bytes":         len(fresh),
	}, nil
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

func writeOrigin(path string, origin map[string]any) error {
	b, err := json.MarshalIndent(origin, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
