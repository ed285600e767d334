// Package assembly reads a CDK cloud assembly for its deployment: which stacks
// it has, under which names, with which parameters, tags and dependencies, and
// which files must be in S3 before a template that refers to them is deployed.
// It is pure; what it reads was written by strangers, and its work is bounded.
package assembly

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Manifest is the file that lists what is in an assembly.
const Manifest = "manifest.json"

// The major versions of the manifest's schema that are read. Since the first of
// them (aws-cdk 2.0) stacks have asset manifests; a version after the last may
// mean something else by the same words. The CDK CLI refuses it likewise.
// Source: aws-cdk, package @aws-cdk/cloud-assembly-schema, README, "Versioning".
const (
	minSchema = 15
	maxSchema = 60
)

// The limits of an assembly.
const (
	maxDirectories = 100
	maxDepth       = 10
	maxStacks      = 2000
	maxAssets      = 1000 // of one stack
	maxJSON        = 8 << 20
)

// Assembly is what `cdk synth` wrote.
type Assembly struct {
	Stacks []Stack // sorted by path
}

// Stack is a stack artifact. Names of destinations may hold placeholders until
// In has put an account and a region into them.
type Stack struct {
	ID         string // of the artifact in its manifest
	Path       string // what the CDK CLI shows and takes: "Prod/Shop"; the id when there is none
	StackName  string // in CloudFormation
	Template   string // path of the template
	Account    string // "" when it is left open
	Region     string // the same
	Parameters map[string]string
	Tags       map[string]string
	DependsOn  []string // paths of the stacks that come before, sorted
	Assets     []Asset  // sorted by bucket and key
	Images     []string // ids of the container images that it needs, sorted
}

// Asset is a file in S3 that a template refers to.
type Asset struct {
	Path   string // of the file, or of the folder
	Zip    bool   // the folder is packed
	Bucket string
	Key    string
	Region string // "" is the stack's
}

// Read reads the assembly in a folder, with the assemblies inside it (stages
// of the app). What cannot be read is a fault.InvalidError.
func Read(read template.ReadFile, folder string) (*Assembly, error) {
	r := &reader{read: read, root: path.Clean(folder)}
	if err := r.directory(r.root, 1); err != nil {
		return nil, err
	}
	slices.SortFunc(r.stacks, func(a, b Stack) int { return strings.Compare(a.Path, b.Path) })
	return &Assembly{Stacks: r.stacks}, nil
}

// Find returns the stack with a path, or else the one with the id. The error
// is a fault.InvalidError and names the stacks that there are.
func (a *Assembly) Find(name string) (Stack, error) {
	var found []Stack
	for _, s := range a.Stacks {
		if s.Path == name {
			return s, nil
		}
		if s.ID == name {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Stack{}, fault.Invalid("the cloud assembly has no stack %q; it has %s", name, a.names())
	default:
		return Stack{}, fault.Invalid("the cloud assembly has %d stacks with the id %q; name one by its path: %s", len(found), name, a.names())
	}
}

func (a *Assembly) names() string {
	const shown = 20
	var list []string
	for i, s := range a.Stacks {
		if i == shown {
			list = append(list, "…")
			break
		}
		list = append(list, s.Path)
	}
	if len(list) == 0 {
		return "no stack at all"
	}
	return strings.Join(list, ", ")
}

type reader struct {
	read        template.ReadFile
	root        string
	stacks      []Stack
	directories int
}

// manifest is manifest.json as far as it is needed.
type manifest struct {
	Version   string              `json:"version"`
	Artifacts map[string]artifact `json:"artifacts"`
	Missing   []struct {
		Key string `json:"key"`
	} `json:"missing"`
}

type artifact struct {
	Type         string   `json:"type"`
	Environment  string   `json:"environment"`
	DisplayName  string   `json:"displayName"`
	Dependencies []string `json:"dependencies"`
	Properties   struct {
		TemplateFile  string            `json:"templateFile"`
		StackName     string            `json:"stackName"`
		Parameters    map[string]string `json:"parameters"`
		Tags          map[string]string `json:"tags"`
		DirectoryName string            `json:"directoryName"`
		File          string            `json:"file"` // of asset manifests
	} `json:"properties"`
}

// The types of artifacts that matter.
const (
	typeStack    = "aws:cloudformation:stack"
	typeAssets   = "cdk:asset-manifest"
	typeAssembly = "cdk:cloud-assembly"
)

func (r *reader) directory(folder string, depth int) error {
	if r.directories++; r.directories > maxDirectories || depth > maxDepth {
		return fault.Invalid("%s: too many assemblies in each other", folder)
	}
	var m manifest
	if err := r.json(path.Join(folder, Manifest), &m); err != nil {
		return err
	}
	if err := m.check(path.Join(folder, Manifest)); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(m.Artifacts)) {
		switch a := m.Artifacts[id]; a.Type {
		case typeStack:
			s, err := r.stack(folder, id, m)
			if err != nil {
				return err
			}
			if r.stacks = append(r.stacks, s); len(r.stacks) > maxStacks {
				return fault.Invalid("%s: more than %d stacks", folder, maxStacks)
			}
		case typeAssembly:
			inner, err := r.join(folder, a.Properties.DirectoryName)
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

// check refuses a manifest that would be misread, or that is unfinished: the
// app asked for values of the account (context) that synthesis did not have.
func (m manifest) check(file string) error {
	major, _, _ := strings.Cut(m.Version, ".")
	version, err := strconv.Atoi(major)
	switch {
	case err != nil:
		return fault.Invalid("%s: version %q is not a version of the cloud assembly schema", file, m.Version)
	case version < minSchema || version > maxSchema:
		return fault.Invalid("%s: the cloud assembly schema has version %s; this Evenkeel reads %d to %d: update Evenkeel, or the app's aws-cdk-lib", file, m.Version, minSchema, maxSchema)
	case len(m.Missing) > 0:
		return fault.Invalid("%s: the app looked up %q, which is not known; run cdk synth with credentials and commit cdk.context.json", file, m.Missing[0].Key)
	}
	return nil
}

func (r *reader) json(file string, v any) error {
	data, err := r.read(file)
	if err != nil {
		return fault.Invalid("the cloud assembly cannot be read: %s: %w", file, err)
	}
	if len(data) > maxJSON {
		return fault.Invalid("%s has more than %d MiB", file, maxJSON>>20)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Invalid("%s: %w", file, err)
	}
	return nil
}

// join resolves a name in a folder of the assembly. An assembly inside another
// one has its assets beside itself, "../asset.1f0c"; nothing leads out of the
// outermost one, so that an asset is no other file of the repository.
func (r *reader) join(folder, name string) (string, error) {
	joined := path.Join(folder, name)
	inside := r.root == "." && fs.ValidPath(joined) && joined != "." || strings.HasPrefix(joined, r.root+"/")
	if name == "" || path.IsAbs(name) || !inside || strings.ContainsAny(name, "\\\x00") {
		return "", fault.Invalid("%s: the file name %q is not valid in a cloud assembly", folder, name)
	}
	return joined, nil
}

func (r *reader) stack(folder, id string, m manifest) (Stack, error) {
	a := m.Artifacts[id]
	s := Stack{ID: id, Path: pathOf(id, a), StackName: a.Properties.StackName, Parameters: a.Properties.Parameters, Tags: a.Properties.Tags}
	if s.StackName == "" {
		s.StackName = id
	}
	var err error
	if s.Template, err = r.join(folder, a.Properties.TemplateFile); err != nil {
		return s, err
	}
	if s.Account, s.Region, err = environment(a.Environment); err != nil {
		return s, fmt.Errorf("%s: %w", id, err)
	}
	for _, name := range a.Dependencies {
		switch on := m.Artifacts[name]; on.Type {
		case typeStack:
			s.DependsOn = append(s.DependsOn, pathOf(name, on))
		case typeAssets:
			if err := r.assets(folder, on.Properties.File, &s); err != nil {
				return s, err
			}
		}
	}
	slices.Sort(s.DependsOn)
	slices.Sort(s.Images)
	slices.SortFunc(s.Assets, compareAssets)
	s.Assets = slices.Compact(s.Assets)
	return s, nil
}

func pathOf(id string, a artifact) string {
	// "Prod/Shop (prod-shop)": the CDK adds the stack's name when it differs.
	name, _, _ := strings.Cut(a.DisplayName, " ")
	if name == "" {
		return id
	}
	return name
}

// environment reads "aws://123456789012/eu-central-1", either part of which may
// be unknown.
// Source: aws-cdk, package cx-api, EnvironmentUtils.
func environment(text string) (account, region string, err error) {
	rest, ok := strings.CutPrefix(text, "aws://")
	account, region, two := strings.Cut(rest, "/")
	if text == "" || !ok || !two {
		return "", "", fault.Invalid("the environment %q is not aws://account/region", text)
	}
	if account == "unknown-account" {
		account = ""
	}
	if region == "unknown-region" {
		region = ""
	}
	return account, region, nil
}
