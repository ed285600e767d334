//go:build ignore

// Generate writes data.json.gz from the wheels of aws-sam-translator 1.110.0
// (Apache-2.0) and cfn-lint 1.51.0 (MIT-0): SAM's policy templates and connector
// profiles, and the names of the managed policies. Only data are taken over.
//
// It downloads both with pip and refuses what has another SHA-256.
//
//	go run generate.go
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

type policy struct {
	Parameters map[string]any
	Definition json.RawMessage
}

// A wheel of PyPI: the requirement that pins it and its SHA-256.
type wheel struct{ requirement, sha256 string }

var (
	translator = wheel{"aws-sam-translator==1.110.0", "69b09aacf2d305ac747037b7b913224cb8a9d653f47a0306509c1d20e420b670"}
	linter     = wheel{"cfn-lint==1.51.0", "116d4f9c7c7d039e69c01c31fe9ff309ff79f0884c859ea92b353507903dd89e"}
)

func main() {
	sam, lint := download(translator), download(linter)
	var policies struct{ Templates map[string]policy }
	read(sam, "samtranslator/policy_templates_data/policy_templates.json", &policies)
	var connectors struct{ Permissions, CfnResourceProperties json.RawMessage } // the order counts
	read(sam, "samtranslator/model/connector_profiles/profiles.json", &connectors)
	var bundled map[string]map[string]string
	read(sam, "samtranslator/internal/data/aws_managed_policies.json", &bundled)
	var known map[string]string
	read(lint, "cfnlint/data/Serverless/ManagedPolicies.json", &known)

	templates := map[string]any{}
	for name, p := range policies.Templates {
		templates[name] = map[string]any{"Parameters": slices.Sorted(maps.Keys(p.Parameters)), "Definition": p.Definition}
	}
	// A name that cfn-lint knows has its ARN in every partition, so that the
	// partitions list only what is left.
	managed := map[string]any{"known": paths("aws", known, nil)}
	for partition, names := range bundled {
		managed[partition] = paths(partition, names, known)
	}
	out := map[string]any{
		"Source":     "aws-sam-translator 1.110.0 (Apache-2.0), cfn-lint 1.51.0 (MIT-0)",
		"Policies":   templates,
		"Connectors": connectors.Permissions, "Resources": connectors.CfnResourceProperties,
		"Managed": managed,
	}
	data, err := json.Marshal(out)
	check(err)
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	check(err)
	_, err = w.Write(data)
	check(err)
	check(w.Close())
	check(os.WriteFile("data.json.gz", b.Bytes(), 0o644))
}

// paths lists the parts of ARNs after "policy/".
func paths(partition string, names, without map[string]string) []string {
	out := []string{}
	for name, arn := range names {
		path, ok := strings.CutPrefix(arn, "arn:"+partition+":iam::aws:policy/")
		if !ok || path != name && !strings.HasSuffix(path, "/"+name) {
			log.Fatalf("ARN %s of policy %s has an unknown form", arn, name)
		}
		if _, has := without[name]; !has {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

// download returns the wheel's archive.
func download(w wheel) *zip.Reader {
	dir, err := os.MkdirTemp("", "evenkeel-sam-")
	check(err)
	defer os.RemoveAll(dir)
	pip := exec.Command("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", dir, w.requirement)
	pip.Stderr = os.Stderr
	check(pip.Run())
	names, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	check(err)
	if len(names) != 1 {
		log.Fatalf("pip download %s left %d wheels, want 1", w.requirement, len(names))
	}
	data, err := os.ReadFile(names[0])
	check(err)
	if sum := fmt.Sprintf("%x", sha256.Sum256(data)); sum != w.sha256 {
		log.Fatalf("%s has the SHA-256 %s, want %s", w.requirement, sum, w.sha256)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	check(err)
	return z
}

func read(z *zip.Reader, name string, into any) {
	f, err := z.Open(name)
	check(err)
	defer f.Close()
	check(json.NewDecoder(f).Decode(into))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
