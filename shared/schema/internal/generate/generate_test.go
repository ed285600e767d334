package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// fixture is a wheel with two types in two regions.
func fixture(t *testing.T) []byte {
	t.Helper()
	files := map[string]string{
		schemas + "providers/us_east_1.py":                       "types: dict[str, str] = {\n    \"AWS::A::A\": \"aa00\",\n    \"AWS::B::B\": \"bb00\",\n}\n",
		schemas + "providers/eu_west_1.py":                       "types: dict[str, str] = {\n    \"AWS::A::A\": \"aa11\",\n}\n",
		schemas + "providers/__init__.py":                        "",
		schemas + "resources/aa00.json":                          `{"typeName": "AWS::A::A", "description": "x", "additionalProperties": false, "properties": {"title": {"type": "string", "title": "x"}, "L": {"type": "array", "items": {"$ref": "#/definitions/I"}}}, "definitions": {"I": {"type": "object", "additionalProperties": false, "properties": {"K": {"type": "string"}}}}}`,
		schemas + "resources/aa11.json":                          `{"typeName": "AWS::A::A", "additionalProperties": false, "properties": {}}`,
		schemas + "resources/bb00.json":                          `{"typeName": "AWS::B::B"}`,
		schemas + "extensions/aws_a_a/plain.json":                `{"description": "x", "required": ["title"]}`,
		schemas + "extensions/aws_a_a/regional.json":             `{"us-east-1": {"enum": ["a"]}, "eu-west-1": {"enum": ["b"]}, "moon-1": {"enum": ["c"]}}`,
		schemas + "other/functions/ref.json":                     `{"type": "string"}`,
		schemas + "other/draft7/schema.json":                     `{}`,
		"cfnlint/helpers.py":                                     "AVAILABILITY_ZONES = {\n    \"us-east-1\": [\"us-east-1a\",],\n    # a comment\n}\n",
		"cfnlint/schema/_getatts.py":                             "_all_property_types = [\n    \"AWS::B::B\",\n]\n_exceptions = {\n    \"AWS::A::A\": [\"L\"],\n}\n",
		"cfnlint/data/AdditionalSpecs/Policies.json":             `{"s3": {"Actions": {"getobject": {"Resources": ["object"]}}, "Resources": {}}}`,
		"cfnlint/data/AdditionalSpecs/LmbdRuntimeLifecycle.json": `{}`,
		"cfnlint/data/AdditionalSpecs/StatefulResources.json":    `{}`,
		"cfnlint/data/Serverless/ManagedPolicies.json":           `{}`,
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBuildGivesTheSameBytesEachTime(t *testing.T) {
	first, _, err := build(fixture(t)) // the order of the files in the wheel differs each time
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, _, err := build(fixture(t)); err != nil || !bytes.Equal(first, again) {
			t.Fatal("another wheel with the same files gives another store", err)
		}
	}
}

func TestContents(t *testing.T) {
	w, err := openWheel(fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	regions, frames, err := w.contents()
	if err != nil || !reflect.DeepEqual(regions, []string{"eu-west-1", "us-east-1"}) {
		t.Fatal(err, regions)
	}
	byName := map[string]frame{}
	for _, f := range frames {
		byName[f.name] = f
	}
	a := byName["AWS::A::A"].documents
	if len(a) != 2 || a[0].regions != 2 || a[1].regions != 1 {
		t.Errorf("%+v", a)
	}
	if m := a[0].value.(format.Map); m.Get("description") != nil || m.Get("properties").(format.Map).Get("title").(format.Map).Get("title") != nil {
		t.Errorf("noise is left, or a property is gone: %v", m)
	}
	if regional := byName["extensions/aws_a_a/regional"].documents; len(regional) != 2 || regional[0].regions != 2 {
		t.Errorf("%+v", regional)
	}
	if plain := byName["extensions/aws_a_a/plain"].documents; len(plain) != 1 || plain[0].regions != everywhere {
		t.Errorf("%+v", plain)
	}
	for _, name := range []string{"other/functions/ref", "iam/s3", "table/availabilityZones", "table/attributesAll", "table/attributesExceptions"} {
		if len(byName[name].documents) != 1 {
			t.Errorf("no %s", name)
		}
	}
	if _, ok := byName["other/draft7/schema"]; ok {
		t.Error("the meta-schema is in the store")
	}
}

func TestParseKeepsOrder(t *testing.T) {
	v, err := parse([]byte(`{"z": 1, "a": [true, null, "x", 1e3]}`))
	m, ok := v.(format.Map)
	if err != nil || !ok || m[0].Key != "z" || m[1].Key != "a" || len(m[1].Value.([]any)) != 4 {
		t.Errorf("%v %v", v, err)
	}
	for _, bad := range []string{"", "{", "{}{}", `{"a":}`, "[1,"} {
		if _, err := parse([]byte(bad)); err == nil {
			t.Errorf("%q parses", bad)
		}
	}
}

const database = `{"schema": {"region": {"entities": [{"$id": "1"}]},
	"resource": {"type": "entities", "entities": [
		{"$id": "10", "cloudFormationType": "AWS::A::A", "properties": {"title": {"type": {"type": "string"}}, "New": {"type": {"type": "string"}},
			"L": {"type": {"type": "array", "element": {"type": "ref", "reference": {"$ref": "20"}}}}}},
		{"$id": "11", "cloudFormationType": "AWS::C::New", "properties": {}},
		{"$id": "12", "cloudFormationType": "AWS::C::Withdrawn", "properties": {}}]},
	"typeDefinition": {"type": "entities", "entities": [{"$id": "20", "properties": {"K": {"type": {"type": "string"}}, "Newer": {"type": {"type": "string"}},
		"Self": {"type": {"type": "ref", "reference": {"$ref": "20"}}}}}]},
	"regionHasResource": {"type": "rel", "forward": {"1": [{"$id": "11"}]}}}}`

func specFixture(t *testing.T) []byte {
	t.Helper()
	var inner, outer bytes.Buffer
	g := gzip.NewWriter(&inner)
	_, _ = g.Write([]byte(database))
	_ = g.Close()
	o := gzip.NewWriter(&outer)
	tw := tar.NewWriter(o)
	if err := tw.WriteHeader(&tar.Header{Name: "package/db.json.gz", Size: int64(inner.Len()), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	_, _ = tw.Write(inner.Bytes())
	_ = tw.Close()
	_ = o.Close()
	return outer.Bytes()
}

func TestFreshness(t *testing.T) {
	w, err := openWheel(fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	packed, types, properties, err := freshness(w, specFixture(t))
	if err != nil || types != 1 || properties != 3 {
		t.Fatal(types, properties, err)
	}
	dec, _ := zstd.NewReader(nil)
	b, err := dec.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := format.Doc(b).Any(0)
	want := map[string]any{"types": []any{"AWS::C::New"}, "properties": map[string]any{
		"AWS::A::A": []any{"/properties/L/*/Newer", "/properties/L/*/Self", "/properties/New"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	again, _, _, err := freshness(w, specFixture(t))
	if err != nil || !bytes.Equal(packed, again) {
		t.Error("the same package gives other bytes")
	}
}

func TestPinnedComparesTheSum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.whl")
	if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("content"))
	if _, err := pinned(path, "", "", hex.EncodeToString(sum[:]), sha256.New()); err != nil {
		t.Error(err)
	}
	if _, err := pinned(path, "", "", strings.Repeat("0", 64), sha256.New()); err == nil {
		t.Error("another file passes")
	}
}
