package assembly_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/assembly"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// files is what `cdk synth` writes for an app with two stacks that depend on
// each other, and a third in a stage.
func files() map[string]string {
	return map[string]string{
		"cdk.out/manifest.json": `{"version": "48.0.0", "artifacts": {
			"Net.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Net.assets.json"}},
			"Net": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "displayName": "Net",
				"dependencies": ["Net.assets"], "properties": {"templateFile": "Net.template.json"}},
			"Shop.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Shop.assets.json"}},
			"Shop": {"type": "aws:cloudformation:stack", "environment": "aws://222222222222/eu-central-1", "displayName": "Shop (shop-main)",
				"dependencies": ["Net", "Shop.assets", "Tree"],
				"properties": {"templateFile": "Shop.template.json", "stackName": "shop-main", "parameters": {"A": "1", "B": "2"}, "tags": {"team": "shop"}}},
			"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
			"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}}}`,
		"cdk.out/Net.assets.json": `{"version": "48.0.0", "files": {"t": {"source": {"path": "Net.template.json", "packaging": "file"},
			"destinations": {"current_account-current_region": {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "t.json"}}}}, "dockerImages": {}}`,
		"cdk.out/Shop.assets.json": `{"version": "48.0.0", "files": {
			"z": {"source": {"path": "asset.z", "packaging": "zip"}, "destinations": {"d": {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "p/z.zip",
				"assumeRoleArn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk"}}},
			"f": {"source": {"path": "asset.f.txt", "packaging": "file"}, "destinations": {"d": {"bucketName": "cdk-hnb659fds-assets-222222222222-eu-central-1", "objectKey": "f.txt", "region": "eu-central-1"}}}}}`,
		"cdk.out/assembly-Prod/manifest.json": `{"version": "48.0.0", "artifacts": {
			"ProdWebABC.assets": {"type": "cdk:asset-manifest", "properties": {"file": "ProdWebABC.assets.json"}},
			"ProdWebABC": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "displayName": "Prod/Web",
				"dependencies": ["ProdWebABC.assets"], "properties": {"templateFile": "ProdWebABC.template.json", "stackName": "Prod-Web"}}}}`,
		"cdk.out/assembly-Prod/ProdWebABC.assets.json": `{"files": {"z": {"source": {"path": "../asset.z", "packaging": "zip"},
			"destinations": {"d": {"bucketName": "cdk-x-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "z.zip"}}}}}`,
	}
}

func read(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
}

func TestRead(t *testing.T) {
	a, err := assembly.Read(read(files()), "cdk.out")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range a.Stacks {
		got = append(got, fmt.Sprintf("%s %s %s after %v with %v %v", s.Path, s.StackName, s.Template, s.DependsOn, s.Parameters, s.Tags))
	}
	want := []string{
		"Net Net cdk.out/Net.template.json after [] with map[] map[]",
		"Prod/Web Prod-Web cdk.out/assembly-Prod/ProdWebABC.template.json after [] with map[] map[]",
		"Shop shop-main cdk.out/Shop.template.json after [Net] with map[A:1 B:2] map[team:shop]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range []string{"Prod/Web", "ProdWebABC"} {
		if s, err := a.Find(name); err != nil || s.Path != "Prod/Web" || s.Assets[0].Path != "cdk.out/asset.z" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if _, err := a.Find("Web"); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "it has Net, Prod/Web, Shop") {
		t.Error(err)
	}
}

func TestIn(t *testing.T) {
	a, err := assembly.Read(read(files()), "cdk.out")
	if err != nil {
		t.Fatal(err)
	}
	shop, _ := a.Find("Shop")
	here, err := shop.In("222222222222", "eu-central-1", "aws")
	if err != nil {
		t.Fatal(err)
	}
	want := []assembly.Asset{
		{Path: "cdk.out/asset.f.txt", Bucket: "cdk-hnb659fds-assets-222222222222-eu-central-1", Key: "f.txt", Region: "eu-central-1"},
		{Path: "cdk.out/asset.z", Zip: true, Bucket: "cdk-hnb659fds-assets-222222222222-eu-central-1", Key: "p/z.zip", Region: "eu-central-1"},
	}
	if got := here.Assets; len(got) != 2 || !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) {
		t.Errorf("assets %+v", here.Assets)
	}
	if !strings.Contains(shop.Assets[0].Bucket+shop.Assets[1].Bucket, "${AWS::AccountId}") {
		t.Error("In changed the stack that it was called on")
	}
	if _, err := shop.In("333333333333", "eu-central-1", "aws"); err == nil || !strings.Contains(err.Error(), "made for the account 222222222222, the stage has 333333333333") {
		t.Error(err)
	}
	if _, err := shop.In("222222222222", "us-east-1", "aws"); err == nil || !strings.Contains(err.Error(), "made for the region eu-central-1") {
		t.Error(err)
	}
}

func TestFaults(t *testing.T) {
	const bucket = `"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "p/z.zip"`
	tests := []struct{ name, file, old, new, want string }{
		{"no manifest", "cdk.out/manifest.json", "", "", "not exist"},
		{"no JSON", "cdk.out/manifest.json", `{"version"`, `{`, "cdk.out/manifest.json: invalid"},
		{"old schema", "cdk.out/manifest.json", "48.0.0", "2.0.0", "has version 2.0.0; this Evenkeel reads"},
		{"new schema", "cdk.out/manifest.json", "48.0.0", "4800.0.0", "update Evenkeel"},
		{"no schema", "cdk.out/manifest.json", "48.0.0", "", "is not a version"},
		{"unknown context", "cdk.out/manifest.json", `"artifacts"`, `"missing": [{"key": "vpc-provider:x"}], "artifacts"`, "commit cdk.context.json"},
		{"template outside", "cdk.out/manifest.json", "Net.template.json", "../evenkeel.yaml", "is not valid"},
		{"absolute template", "cdk.out/manifest.json", "Net.template.json", "/etc/passwd", "is not valid"},
		{"assembly in itself", "cdk.out/manifest.json", `"directoryName": "assembly-Prod"`, `"directoryName": "assembly-Prod/.."`, "is not valid"},
		{"environment", "cdk.out/manifest.json", "aws://222222222222/eu-central-1", "everywhere", "is not aws://account/region"},
		{"asset outside", "cdk.out/Shop.assets.json", `"asset.z"`, `"../../etc"`, "is not valid"},
		{"asset beside the assembly", "cdk.out/Shop.assets.json", `"asset.z"`, `"../.git"`, "is not valid"},
		{"asset by a command", "cdk.out/Shop.assets.json", `"path": "asset.z"`, `"path": "asset.z", "executable": ["curl"]`, "made by a command"},
		{"packaging", "cdk.out/Shop.assets.json", `"zip"`, `"tar"`, `packaging "tar"`},
		{"no key", "cdk.out/Shop.assets.json", `"objectKey": "f.txt"`, `"objectKey": ""`, "no objectKey"},
		{"image", "cdk.out/Shop.assets.json", `{"version": "48.0.0", "files"`, `{"dockerImages": {"abc": {"source": {"directory": "asset.abc"}}}, "files"`, "needs the container image abc"},
		{"foreign bucket", "cdk.out/Shop.assets.json", bucket, `"bucketName": "loot", "objectKey": "x"`, "asset for the bucket loot"},
		{"bucket of another account", "cdk.out/Shop.assets.json", bucket, `"bucketName": "cdk-hnb659fds-assets-999999999999-${AWS::Region}", "objectKey": "x"`, "asset for the bucket cdk-hnb659fds-assets-999999999999"},
		{"bucket of another region", "cdk.out/Shop.assets.json", bucket, bucket + `, "region": "us-east-1"`, "in us-east-1; assets go to the bootstrap bucket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := files()
			if tt.old == "" {
				delete(all, tt.file)
			} else if before := all[tt.file]; strings.Contains(before, tt.old) {
				all[tt.file] = strings.Replace(before, tt.old, tt.new, 1)
			} else {
				t.Fatal("the case changes nothing")
			}
			a, err := assembly.Read(read(all), "cdk.out")
			if err == nil {
				var s assembly.Stack
				if s, err = a.Find("Shop"); err == nil {
					_, err = s.In("222222222222", "eu-central-1", "aws")
				}
			}
			if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
		})
	}
}

// FuzzRead: whatever a manifest says, nothing panics, and no path of a stack or
// an asset leads out of the assembly.
func FuzzRead(f *testing.F) {
	all := files()
	f.Add(all["cdk.out/manifest.json"], all["cdk.out/Shop.assets.json"])
	f.Add(`{"version": "48.0.0", "artifacts": {"A": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "a"}}}}`, `{}`)
	f.Fuzz(func(t *testing.T, manifest, assets string) {
		a, err := assembly.Read(func(name string) ([]byte, error) {
			if strings.HasSuffix(name, "manifest.json") {
				return []byte(manifest), nil
			}
			return []byte(assets), nil
		}, "cdk.out")
		if err != nil {
			if !fault.Is(err, fault.InvalidError) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, s := range a.Stacks {
			for _, asset := range append(s.Assets, assembly.Asset{Path: s.Template}) {
				if !strings.HasPrefix(asset.Path, "cdk.out/") || !fs.ValidPath(asset.Path) {
					t.Errorf("%q leads out of the assembly", asset.Path)
				}
			}
			if here, err := s.In("222222222222", "eu-central-1", "aws"); err == nil {
				for _, asset := range here.Assets {
					if !strings.HasSuffix(asset.Bucket, "-assets-222222222222-eu-central-1") {
						t.Errorf("an asset for %s", asset.Bucket)
					}
				}
			}
		}
	})
}
