package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// manifestFile lists what is in a cloud assembly (aws-cdk, cloud-assembly-schema).
const manifestFile = "manifest.json"

// isAssembly reports whether a folder is what `cdk synth` writes.
func isAssembly(folder string) bool {
	data, err := readRegular(filepath.Join(folder, manifestFile))
	if err != nil {
		return false
	}
	var manifest struct {
		Version   string
		Artifacts map[string]json.RawMessage
	}
	return json.Unmarshal(data, &manifest) == nil && manifest.Version != "" && manifest.Artifacts != nil
}

func (in *input) addAssembly(folder string) error {
	assembly, err := template.ReadAssembly(readRegular, filepath.ToSlash(filepath.Clean(folder)))
	if err == nil {
		in.assemblies = append(in.assemblies, assembly)
	}
	return err
}

// checkAssembly validates the templates of an assembly, each for the region of
// its stack, and says which construct a finding is about.
func (c *checkRun) checkAssembly(assembly *template.Assembly) []validation.Result {
	stacks := map[string]*template.AssemblyStack{}
	regions := map[string]map[string][]byte{}
	var missing []validation.Finding
	for _, stack := range assembly.Stacks {
		data, err := readRegular(filepath.FromSlash(stack.File))
		if err != nil {
			missing = append(missing, validation.Finding{
				File: stack.File, Line: 1, Column: 1, Rule: configRule.ID, Severity: configRule.Severity, Message: "the template of the stack " + stack.Name + " cannot be read",
			})
			continue
		}
		c.texts[stack.File], c.generated[stack.File], stacks[stack.File] = data, true, stack
		region := regionOf(stack)
		if regions[region] == nil {
			regions[region] = map[string][]byte{}
		}
		regions[region][stack.File] = data
	}
	var results []validation.Result
	for region, files := range regions {
		o := c.fileOptions()
		if region != "" {
			o.Region = region
		}
		results = append(results, validation.ValidateWith(files, o))
	}
	for _, r := range results {
		for _, list := range [][]validation.Finding{r.Findings, r.Suppressed} {
			for i, f := range list {
				if stack := stacks[f.File]; stack != nil {
					list[i].Construct = stack.Construct(f.Resource())
				}
			}
		}
	}
	return append(results, validation.Result{}.Add(missing...))
}

// regionOf is the region that a stack is made for, "" when it is left open.
func regionOf(stack *template.AssemblyStack) string {
	_, rest, _ := strings.Cut(stack.Environment, "://")
	_, region, _ := strings.Cut(rest, "/")
	if !slices.Contains(schema.Regions(), region) {
		return ""
	}
	return region
}

// withAssembly adds the cloud assembly that evenkeel.yaml deploys, when it is
// there: the walk over a repository leaves out what a synthesis writes.
func withAssembly(tree source.Tree, folder string) (source.Tree, error) {
	data, _ := tree.File(pipeline.FileName)
	p, err := pipeline.Decode(pipeline.FileName, data, func(string) bool { return true })
	if err != nil || !p.UsesAssembly() {
		return tree, nil // what is wrong is found by the validation
	}
	return validation.WithAssembly(tree, p.OutputFolder(), func(name string) ([]byte, error) { return readRegular(filepath.Join(folder, name)) })
}
