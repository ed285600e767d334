package template

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// ReadFile returns the content of a file by its slash-separated name.
type ReadFile func(name string) ([]byte, error)

// Assembly is a CDK cloud assembly (aws-cdk, cloud-assembly-schema): what `cdk
// synth` writes to cdk.out.
type Assembly struct {
	Stacks []*AssemblyStack // in the order of the artifacts' ids, nested stacks after their parent
}

// AssemblyStack is a stack of an assembly.
type AssemblyStack struct {
	Name        string // of the stack; of a nested stack, its parent's name and its logical id
	File        string // the template
	Environment string // "aws://123456789012/eu-central-1"; parts may be unknown-account, unknown-region
	Template    *Template
	Err         error  // why there is no Template: it cannot be read or parsed
	Parent      string // of a nested stack: the parent's template
	LogicalID   string // of a nested stack: the resource in the parent

	constructs map[string]string
}

// Construct returns the path of the construct that a resource comes from,
// "App/Stack/Bucket/Resource", "" if the assembly does not say.
func (s *AssemblyStack) Construct(logicalID string) string { return s.constructs[logicalID] }

// The limits of an assembly keep the work on a hostile one small.
const (
	maxAssemblies = 100
	maxStacks     = 2000
)

// manifest is manifest.json as far as it is needed.
type manifest struct {
	Version   string              `json:"version"`
	Artifacts map[string]artifact `json:"artifacts"`
}

type artifact struct {
	Type               string                     `json:"type"`
	Environment        string                     `json:"environment"`
	Metadata           map[string][]metadataEntry `json:"metadata"`
	AdditionalMetadata string                     `json:"additionalMetadataFile"`
	Properties         struct {
		TemplateFile  string `json:"templateFile"`
		StackName     string `json:"stackName"`
		DirectoryName string `json:"directoryName"`
		File          string `json:"file"` // of asset manifests
	} `json:"properties"`
}

type metadataEntry struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// assetManifest is "*.assets.json" as far as it is needed.
type assetManifest struct {
	Files map[string]struct {
		Source struct {
			Path string `json:"path"`
		} `json:"source"`
		Destinations map[string]struct {
			ObjectKey string `json:"objectKey"`
		} `json:"destinations"`
	} `json:"files"`
}

// ReadAssembly reads the cloud assembly in a directory: the stacks of its
// manifest, those of assemblies inside it (stages), and nested stacks, whose
// templates are assets. The error says what of the manifests cannot be read; a
// template that cannot be read has its error in its stack.
func ReadAssembly(read ReadFile, dir string) (*Assembly, error) {
	r := &assemblyReader{read: read, assembly: &Assembly{}}
	if err := r.directory(dir, 1); err != nil {
		return nil, err
	}
	return r.assembly, nil
}

type assemblyReader struct {
	read        ReadFile
	assembly    *Assembly
	directories int
}

// join resolves a name in a directory of the assembly. Nothing leads out of the
// tree that read serves.
func join(dir, name string) (string, error) {
	joined := path.Join(dir, name)
	if name == "" || !fs.ValidPath(joined) && !path.IsAbs(dir) || path.IsAbs(name) || strings.Contains(name, `\`) {
		return "", fmt.Errorf("the file name %q is not valid in an assembly", excerpt(name))
	}
	return joined, nil
}

func (r *assemblyReader) json(dir, name string, v any) error {
	file, err := join(dir, name)
	if err != nil {
		return err
	}
	data, err := r.read(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func (r *assemblyReader) directory(dir string, depth int) error {
	if r.directories++; r.directories > maxAssemblies || depth > maxAssemblies/10 {
		return fmt.Errorf("%s: too many assemblies in each other", dir)
	}
	var m manifest
	if err := r.json(dir, "manifest.json", &m); err != nil {
		return err
	}
	assets, err := r.assets(dir, m)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(m.Artifacts)) {
		a := m.Artifacts[id]
		switch a.Type {
		case "aws:cloudformation:stack":
			if err := r.stack(dir, id, a, assets); err != nil {
				return err
			}
		case "cdk:cloud-assembly":
			inner, err := join(dir, a.Properties.DirectoryName)
			if err != nil {
				return err
			}
			if err := r.directory(inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// assets maps the object keys of file assets to their paths.
func (r *assemblyReader) assets(dir string, m manifest) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(m.Artifacts)) {
		a := m.Artifacts[id]
		if a.Type != "cdk:asset-manifest" {
			continue
		}
		var assets assetManifest
		if err := r.json(dir, a.Properties.File, &assets); err != nil {
			return nil, err
		}
		for _, file := range assets.Files {
			for _, d := range file.Destinations {
				out[d.ObjectKey] = file.Source.Path
			}
		}
	}
	return out, nil
}

func (r *assemblyReader) stack(dir, id string, a artifact, assets map[string]string) error {
	paths, err := r.constructs(dir, a)
	if err != nil {
		return err
	}
	s := &AssemblyStack{Name: a.Properties.StackName, Environment: a.Environment}
	if s.Name == "" {
		s.Name = id
	}
	if s.File, err = join(dir, a.Properties.TemplateFile); err != nil {
		return err
	}
	return r.add(s, stackFiles{dir, assets, paths}, map[string]bool{})
}

// constructs reads where the manifest says that logical ids come from.
func (r *assemblyReader) constructs(dir string, a artifact) ([]constructPath, error) {
	metadata := a.Metadata
	if a.AdditionalMetadata != "" {
		var more map[string][]metadataEntry
		if err := r.json(dir, a.AdditionalMetadata, &more); err != nil {
			return nil, err
		}
		if metadata == nil {
			metadata = map[string][]metadataEntry{}
		}
		maps.Copy(metadata, more)
	}
	var out []constructPath
	for _, p := range slices.Sorted(maps.Keys(metadata)) {
		for _, entry := range metadata[p] {
			var logicalID string
			if entry.Type == "aws:cdk:logicalId" && json.Unmarshal(entry.Data, &logicalID) == nil {
				out = append(out, constructPath{strings.TrimPrefix(p, "/"), logicalID})
			}
		}
	}
	return out, nil
}

type constructPath struct{ path, logicalID string }

// stackFiles is what a stack shares with those nested in it.
type stackFiles struct {
	dir    string
	assets map[string]string // object key → path
	paths  []constructPath
}

// add parses a stack's template and adds the stack and those nested in it. way
// holds the templates around it.
func (r *assemblyReader) add(s *AssemblyStack, f stackFiles, way map[string]bool) error {
	if len(r.assembly.Stacks) >= maxStacks {
		return fmt.Errorf("%s: more than %d stacks", f.dir, maxStacks)
	}
	r.assembly.Stacks = append(r.assembly.Stacks, s)
	data, err := r.read(s.File)
	if err == nil {
		s.Template, err = Parse(s.File, data)
	}
	if err != nil {
		s.Err = err
		return nil
	}
	way[s.File] = true
	defer delete(way, s.File)
	own := f.paths
	for id, resource := range s.Template.Resources.All() {
		if resource.Type != "AWS::CloudFormation::Stack" {
			continue
		}
		nested, ok := f.nestedFile(resource)
		if !ok || way[nested] {
			continue
		}
		inner := stackFiles{f.dir, f.assets, nil}
		inner.paths, own = split(own, nestedPrefix(resource, own))
		child := &AssemblyStack{Name: s.Name + "/" + id, File: nested, Environment: s.Environment, Parent: s.File, LogicalID: id}
		if err := r.add(child, inner, way); err != nil {
			return err
		}
	}
	s.constructs = s.constructsOf(own)
	return nil
}

// constructsOf prefers what the template's resources say.
func (s *AssemblyStack) constructsOf(paths []constructPath) map[string]string {
	out := map[string]string{}
	for _, p := range paths {
		if out[p.logicalID] == "" {
			out[p.logicalID] = p.path
		}
	}
	for id, resource := range s.Template.Resources.All() {
		if p := resource.Metadata.Get("aws:cdk:path").Str(); p != "" {
			out[id] = p
		}
	}
	return out
}

// nestedFile finds the template of a nested stack: the resource's metadata name
// it, or its URL ends in the key of an asset.
func (f stackFiles) nestedFile(r *Resource) (string, bool) {
	if name := r.Metadata.Get("aws:asset:path").Str(); name != "" {
		file, err := join(f.dir, name)
		return file, err == nil
	}
	found := ""
	r.Properties.Get("TemplateURL").Walk(func(n *Node) bool {
		key := n.Str()
		if i := strings.LastIndexByte(key, '/'); i >= 0 {
			key = key[i+1:]
		}
		if name, ok := f.assets[key]; ok && found == "" {
			found = name
		}
		return true
	})
	if found == "" {
		return "", false
	}
	file, err := join(f.dir, found)
	return file, err == nil
}

// nestedPrefix is the construct path of what is in a nested stack: that of
// "App/Stack/Net.NestedStack/Net.NestedStackResource" is "App/Stack/Net/".
func nestedPrefix(r *Resource, paths []constructPath) string {
	p := r.Metadata.Get("aws:cdk:path").Str()
	for i := 0; p == "" && i < len(paths); i++ {
		if paths[i].logicalID == r.LogicalID && strings.HasSuffix(paths[i].path, ".NestedStackResource") {
			p = paths[i].path
		}
	}
	stack, ok := strings.CutSuffix(path.Dir(p), ".NestedStack")
	if !ok {
		return ""
	}
	return stack + "/"
}

// split separates the paths with a prefix from the others.
func split(paths []constructPath, prefix string) (with, without []constructPath) {
	if prefix == "" {
		return nil, paths
	}
	for _, p := range paths {
		if strings.HasPrefix(p.path, prefix) {
			with = append(with, p)
		} else {
			without = append(without, p)
		}
	}
	return with, without
}
