//go:build ignore

// Generate writes data.json.gz from the wheels of aws-sam-translator 1.110.0
// (Apache-2.0) and cfn-lint 1.51.0 (MIT-0): SAM's policy templates and connector
// profiles, and the names of the managed policies. Only data are taken over.
//
//	pip download --no-deps aws-sam-translator==1.110.0 cfn-lint==1.51.0
//	go run generate.go aws_sam_translator-1.110.0-*.whl cfn_lint-1.51.0-*.whl
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
)

type policy struct {
	Parameters map[string]any
	Definition json.RawMessage
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go run generate.go <aws-sam-translator wheel> <cfn-lint wheel>")
	}
	var policies struct{ Templates map[string]policy }
	read(os.Args[1], "samtranslator/policy_templates_data/policy_templates.json", &policies)
	var connectors struct{ Permissions, CfnResourceProperties json.RawMessage } // the order counts
	read(os.Args[1], "samtranslator/model/connector_profiles/profiles.json", &connectors)
	var bundled map[string]map[string]string
	read(os.Args[1], "samtranslator/internal/data/aws_managed_policies.json", &bundled)
	var known map[string]string
	read(os.Args[2], "cfnlint/data/Serverless/ManagedPolicies.json", &known)

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

func read(wheel, name string, into any) {
	z, err := zip.OpenReader(wheel)
	check(err)
	defer z.Close()
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
