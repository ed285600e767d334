package template_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
)

func reader(files map[string]string) template.ReadFile {
	return func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
}

// assemblyFiles is as `cdk synth` writes it: a stack with metadata in its own file,
// with a nested stack, and a stage with a stack that has no metadata.
var assemblyFiles = map[string]string{
	"cdk.out/manifest.json": `{"version": "54.0.0", "artifacts": {
		"Shop.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Shop.assets.json"}},
		"Shop": {"type": "aws:cloudformation:stack", "environment": "aws://123456789012/eu-central-1",
			"properties": {"templateFile": "Shop.template.json", "stackName": "shop"}, "additionalMetadataFile": "Shop.metadata.json"},
		"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
		"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}}}`,
	"cdk.out/Shop.assets.json": `{"files": {"abc": {"source": {"path": "ShopNet.nested.template.json"},
		"destinations": {"current": {"bucketName": "b", "objectKey": "abc.json"}}}}}`,
	"cdk.out/Shop.metadata.json": `{"/Shop/Bucket/Resource": [{"type": "aws:cdk:logicalId", "data": "Bucket1"}],
		"/Shop/Net.NestedStack/Net.NestedStackResource": [{"type": "aws:cdk:logicalId", "data": "Net1"}],
		"/Shop/Net/Bucket/Resource": [{"type": "aws:cdk:logicalId", "data": "Bucket1"}, {"type": "aws:cdk:warning", "data": "x"}]}`,
	"cdk.out/Shop.template.json": `{"Resources": {"Bucket1": {"Type": "AWS::S3::Bucket"}, "Net1": {"Type": "AWS::CloudFormation::Stack",
		"Properties": {"TemplateURL": {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::URLSuffix"}, "/b/abc.json"]]}}}}}`,
	"cdk.out/ShopNet.nested.template.json": `{"Resources": {"Bucket1": {"Type": "AWS::S3::Bucket"}}}`,
	"cdk.out/assembly-Prod/manifest.json": `{"artifacts": {"ProdWeb": {"type": "aws:cloudformation:stack",
		"properties": {"templateFile": "ProdWeb.template.json"}}}}`,
	"cdk.out/assembly-Prod/ProdWeb.template.json": `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Metadata": {"aws:cdk:path": "Prod/Web/Queue/Resource"}}}}`,
}

func TestReadAssembly(t *testing.T) {
	a, err := template.ReadAssembly(reader(assemblyFiles), "cdk.out")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range a.Stacks {
		if s.Err != nil {
			t.Errorf("%s: %v", s.File, s.Err)
			continue
		}
		line := s.Name + " " + s.File + " " + s.Parent + ">" + s.LogicalID
		for _, id := range s.Template.Resources.Names() {
			line += " " + id + "=" + s.Construct(id)
		}
		got = append(got, line)
	}
	want := []string{
		"shop cdk.out/Shop.template.json > Bucket1=Shop/Bucket/Resource Net1=Shop/Net.NestedStack/Net.NestedStackResource",
		"shop/Net1 cdk.out/ShopNet.nested.template.json cdk.out/Shop.template.json>Net1 Bucket1=Shop/Net/Bucket/Resource",
		"ProdWeb cdk.out/assembly-Prod/ProdWeb.template.json > Queue=Prod/Web/Queue/Resource",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if a.Stacks[1].Environment != "aws://123456789012/eu-central-1" {
		t.Error(a.Stacks[1].Environment)
	}
}

func TestAssemblyFaults(t *testing.T) {
	stack := func(file string) string {
		return `{"artifacts": {"A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "` + file + `"}}}}`
	}
	tests := []struct {
		name     string
		manifest string
		message  string
	}{
		{"no manifest", "", "not exist"},
		{"no JSON", "x", "manifest.json"},
		{"out of the tree", stack("../../etc/passwd"), "not valid"},
		{"absolute", stack("/etc/passwd"), "not valid"},
		{"no template", stack(""), "not valid"},
		{"in itself", `{"artifacts": {"A": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}}}`, "too many"},
	}
	for _, tt := range tests {
		files := map[string]string{}
		if tt.manifest != "" {
			files["out/manifest.json"] = tt.manifest
		}
		if _, err := template.ReadAssembly(reader(files), "out"); err == nil || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	a, err := template.ReadAssembly(reader(map[string]string{"out/manifest.json": stack("a.json")}), "out")
	if err != nil || len(a.Stacks) != 1 || !errors.Is(a.Stacks[0].Err, fs.ErrNotExist) {
		t.Errorf("%v %+v", err, a)
	}
}

// A nested stack whose template is one of those around it is not read again.
func TestAssemblyNestedInItself(t *testing.T) {
	files := map[string]string{
		"manifest.json": `{"artifacts": {"A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "a.json"}}}}`,
		"a.json":        `{"Resources": {"N": {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "a.json"}}}}`,
	}
	a, err := template.ReadAssembly(reader(files), ".")
	if err != nil || len(a.Stacks) != 1 {
		t.Errorf("%v %+v", err, a)
	}
}
