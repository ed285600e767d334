package deployment

import (
	"archive/zip"
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// store is Files, Assets and Publisher in memory; it cannot be of package fake,
// which imports this one.
type store struct {
	Files
	objects map[string][]byte
	facts   []events.Fact
	puts    int
}

func (s *store) Get(_ context.Context, key string) ([]byte, error) { return s.objects[key], nil }

func (s *store) Has(_ context.Context, to events.Target, bucket, key string) (there bool, sum string, err error) {
	data, ok := s.objects[to.Account+"/"+bucket+"/"+key]
	if ok && string(data) != "from before" {
		sum = Sum(data)
	}
	return ok, sum, nil
}

func (s *store) Put(_ context.Context, to events.Target, bucket, key string, data []byte) error {
	s.puts++
	s.objects[to.Account+"/"+bucket+"/"+key] = data
	return nil
}

func (s *store) Publish(_ context.Context, facts ...events.Fact) error {
	s.facts = append(s.facts, facts...)
	return nil
}

type onlyFiles struct{ *store }

func (onlyFiles) Put(context.Context, string, []byte) error                    { return nil }
func (onlyFiles) File(context.Context, string, string) ([]byte, error)         { return []byte("plain"), nil }
func (onlyFiles) Share(context.Context, string, time.Duration) (string, error) { return "", nil }

func TestTemplateOfAnArtifact(t *testing.T) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, text := range map[string]string{
		"manifest.json": `{"version": "48.0.0", "artifacts": {"Shop.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Shop.assets.json"}},
			"Shop": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "dependencies": ["Shop.assets"], "properties": {"templateFile": "Shop.template.json"}}}}`,
		"Shop.assets.json": `{"files": {"a": {"source": {"path": "asset.a", "packaging": "zip"}, "destinations": {"d": {"bucketName": "cdk-x-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "a.zip"}}},
			"b": {"source": {"path": "b.txt"}, "destinations": {"d": {"bucketName": "cdk-x-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "b.txt"}}}}}`,
		"Shop.template.json": "the template", "asset.a/index.js": "x", "b.txt": "b",
	} {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const there = "222222222222/cdk-x-assets-222222222222-us-east-1/b.txt"
	s := &store{objects: map[string][]byte{"builds/r.zip": archive.Bytes(), there: []byte("from before")}}
	service := &Service{Files: onlyFiles{s}, Assets: s, Publisher: s, Now: time.Now}
	r := Release{RunID: "r1", Build: Build{Key: "builds/r.zip", Mount: "cdk.out", Folder: "cdk.out", Digest: strings.ToUpper(Sum(archive.Bytes()))}}
	to := events.Target{Stage: "test", Stack: "shop", Account: "222222222222", Region: "us-east-1"}
	stack := pipeline.Stack{Name: "shop", Artifact: "Shop", Template: "cdk.out/Shop.template.json"}
	for range 2 { // the state is repeated
		if data, err := service.template(t.Context(), r, to, stack); err != nil || string(data) != "the template" {
			t.Fatalf("%s, %v", data, err)
		}
	}
	if s.puts != 1 || s.objects["222222222222/cdk-x-assets-222222222222-us-east-1/a.zip"] == nil || string(s.objects[there]) != "from before" {
		t.Errorf("%d objects were put", s.puts)
	}
	fact := s.facts[0].Data.(events.AssetsPublished)
	if fact.Assets != 2 || fact.Uploaded != 1 || fact.Bytes == 0 || !slices.Equal(fact.Objects, []string{"cdk-x-assets-222222222222-us-east-1/a.zip", "cdk-x-assets-222222222222-us-east-1/b.txt"}) {
		t.Errorf("%+v", fact)
	}
	if s.facts[1].Metadata.ID != s.facts[0].Metadata.ID {
		t.Error("a repetition tells of something new")
	}

	r.Build.Digest = Sum([]byte("what was built"))
	if _, err := service.template(t.Context(), r, to, stack); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "not the one that was built") {
		t.Errorf("replaced: %v", err)
	}
	if data, err := service.template(t.Context(), r, to, pipeline.Stack{Template: "t.yaml"}); err != nil || string(data) != "plain" {
		t.Errorf("%s, %v", data, err)
	}
}
