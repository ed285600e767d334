package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// spec is the part of @aws-cdk/aws-service-spec's database that matters here:
// which types there are, and the names of their properties
// (https://github.com/cdklabs/awscdk-service-spec).
type spec struct {
	Schema struct {
		Resource       entities
		TypeDefinition entities
		// RegionHasResource tells the types of the current registry from those
		// that only the former resource specification has.
		RegionHasResource struct {
			Forward map[string][]reference
		}
	}
}

type entities struct{ Entities []entity }

type entity struct {
	ID                 string `json:"$id"`
	CloudFormationType string
	Properties         map[string]struct{ Type specType }
}

type reference struct {
	ID string `json:"$ref"`
}

// UnmarshalJSON reads the two ways in which the database refers to an entity.
func (r *reference) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	r.ID = m["$ref"] + m["$id"]
	return nil
}

type specType struct {
	Type      string
	Reference reference
	Element   *specType
	Types     []specType
}

// readSpec reads the database out of the npm package.
func readSpec(tarball []byte) (*spec, error) {
	outer, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return nil, err
	}
	files := tar.NewReader(outer)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("no db.json.gz in the npm package")
		}
		if err != nil {
			return nil, err
		}
		if header.Name != "package/db.json.gz" {
			continue
		}
		inner, err := gzip.NewReader(files)
		if err != nil {
			return nil, err
		}
		var s spec
		return &s, json.NewDecoder(inner).Decode(&s)
	}
}

// freshness returns what the second layer knows and the first does not, as one
// compressed document: {"types": [names], "properties": {type: [pointers]}}.
func freshness(w wheel, tarball []byte) (packed []byte, types, properties int, err error) {
	s, err := readSpec(tarball)
	if err != nil {
		return nil, 0, 0, err
	}
	regions, err := w.providers()
	if err != nil {
		return nil, 0, 0, err
	}
	first := map[string]string{} // type → hash of a schema, of us-east-1 if it has the type
	for _, region := range append(slices.Sorted(maps.Keys(regions)), "us-east-1") {
		maps.Copy(first, regions[region])
	}
	f := &finder{definitions: map[string]*entity{}}
	for i := range s.Schema.TypeDefinition.Entities {
		e := &s.Schema.TypeDefinition.Entities[i]
		f.definitions[e.ID] = e
	}
	current := map[string]bool{}
	for _, resources := range s.Schema.RegionHasResource.Forward {
		for _, r := range resources {
			current[r.ID] = true
		}
	}
	names, found := []any{}, format.Map{}
	slices.SortFunc(s.Schema.Resource.Entities, func(a, b entity) int { return strings.Compare(a.CloudFormationType, b.CloudFormationType) })
	for i := range s.Schema.Resource.Entities {
		e := &s.Schema.Resource.Entities[i]
		hash, known := first[e.CloudFormationType]
		if !known {
			if current[e.ID] {
				names = append(names, e.CloudFormationType)
			}
			continue
		}
		pointers, err := f.missing(w, hash, e)
		if err != nil {
			return nil, 0, 0, fmt.Errorf("%s: %w", e.CloudFormationType, err)
		}
		if len(pointers) > 0 {
			found = append(found, format.Member{Key: e.CloudFormationType, Value: pointers})
			properties += len(pointers)
		}
	}
	doc, _, err := format.Encode([]any{format.Map{{Key: "types", Value: names}, {Key: "properties", Value: found}}})
	if err != nil {
		return nil, 0, 0, err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() { _ = enc.Close() }() // EncodeAll leaves nothing to flush
	return enc.EncodeAll(doc, nil), len(names), properties, nil
}

// finder looks for properties that a schema does not allow.
type finder struct {
	definitions map[string]*entity
	root        format.Map
	out         []any
	way         []string // ids of the definitions on the way: a type may contain itself
}

// missing returns the pointers of the properties that the second layer has and
// the schema of the first forbids, sorted.
func (f *finder) missing(w wheel, hash string, e *entity) ([]any, error) {
	v, err := w.json(schemas + "resources/" + hash + ".json")
	if err != nil {
		return nil, err
	}
	f.root, _ = v.(format.Map)
	f.out, f.way = nil, nil
	f.properties(e, f.root, "/properties")
	return f.out, nil
}

func (f *finder) properties(e *entity, s format.Map, pointer string) {
	for _, name := range slices.Sorted(maps.Keys(e.Properties)) {
		at := pointer + "/" + name
		if sub := f.step(s, name); sub != nil {
			f.inside(e.Properties[name].Type, sub, at)
		} else if s.Get("additionalProperties") == false && s.Get("patternProperties") == nil {
			f.out = append(f.out, at)
		}
	}
}

func (f *finder) inside(t specType, s format.Map, pointer string) {
	switch t.Type {
	case "array":
		if items := f.resolve(s.Get("items")); items != nil && t.Element != nil {
			f.inside(*t.Element, items, pointer+"/*")
		}
	case "ref":
		e := f.definitions[t.Reference.ID]
		if e == nil || slices.Contains(f.way, e.ID) || len(f.way) > 12 {
			return
		}
		f.way = append(f.way, e.ID)
		f.properties(e, s, pointer)
		f.way = f.way[:len(f.way)-1]
	}
}

// step returns the schema of a property, also if only an alternative has it.
func (f *finder) step(s format.Map, name string) format.Map {
	if properties, ok := s.Get("properties").(format.Map); ok {
		if v := properties.Get(name); v != nil {
			if sub := f.resolve(v); sub != nil {
				return sub
			}
			return format.Map{}
		}
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		alternatives, _ := s.Get(key).([]any)
		for _, a := range alternatives {
			if sub := f.step(f.resolve(a), name); sub != nil {
				return sub
			}
		}
	}
	return nil
}

// resolve follows local references.
func (f *finder) resolve(v any) format.Map {
	m, _ := v.(format.Map)
	for range 20 { // a reference may lead to itself
		ref, ok := m.Get("$ref").(string)
		if !ok {
			break
		}
		at := f.root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			at, _ = at.Get(part).(format.Map)
		}
		m = at
	}
	return m
}
