package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// cfnlintrc is what cfn-lint's configuration files say: .cfnlintrc,
// .cfnlintrc.yaml or .cfnlintrc.yml, in the current folder over that in the
// home folder. Source: cfn-lint README, "Configuration".
type cfnlintrc struct {
	Templates         []string
	IgnoreTemplates   []string
	IgnoreChecks      []string
	IncludeChecks     []string
	MandatoryChecks   []string
	Regions           []string
	ParameterFiles    []string
	Parameters        []map[string]string
	ConfigureRules    map[string]map[string]string
	Format            string
	OutputFile        string
	NonZeroExitCode   string
	IgnoreBadTemplate bool
	MergeConfigs      bool

	notes []string // about keys that mean nothing here
}

func (c *cfnlintrc) settings() validation.Settings {
	return validation.Settings{
		Regions: c.Regions, IgnoreChecks: c.IgnoreChecks, IncludeChecks: c.IncludeChecks, MandatoryChecks: c.MandatoryChecks,
		IgnoreBadTemplate: c.IgnoreBadTemplate, Configure: c.ConfigureRules, Parameters: c.Parameters,
	}
}

// readConfig reads the one file that is named, or else those of the home folder
// and the current one. Keys of the latter win.
func readConfig(file, home string) (*cfnlintrc, error) {
	c := &cfnlintrc{}
	if file != "" {
		if err := c.read(file); err != nil {
			return nil, err
		}
		return c, c.readParameterFiles()
	}
	current, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	folders := []string{home, "."}
	if home == "" || filepath.Clean(home) == current {
		folders = []string{"."}
	}
	for _, folder := range folders {
		for _, name := range []string{".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml"} {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				continue
			}
			if err := c.read(path); err != nil {
				return nil, err
			}
			break
		}
	}
	return c, c.readParameterFiles()
}

// without lists the keys that cfn-lint knows and that have no meaning here.
var without = map[string]string{
	"append_rules": "rules written in Python cannot be run; policies in Rego can (evenkeel policy)", "custom_rules": "custom rules are not read; policies in Rego are (evenkeel policy)",
	"override_spec": "schemas are not patched", "registry_schemas": "schemas of private types are not read", "deployment_files": "evenkeel.yaml says what is deployed",
	"include_experimental": "there are no experimental rules", "debug": "", "build_graph": "no graph is drawn", "template_parameters": "use parameters",
}

// read reads a file over what is there.
func (c *cfnlintrc) read(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(root.Content) == 0 {
		return nil
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: the file must be a mapping of settings", file, top.Line)
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if about, ok := without[key.Value]; ok {
			if about != "" {
				c.notes = append(c.notes, fmt.Sprintf("%s:%d: %s is not used: %s", file, key.Line, key.Value, about))
			}
			continue
		}
		if err := c.set(key.Value, value); err != nil {
			return fmt.Errorf("%s:%d: %s %w", file, key.Line, key.Value, err)
		}
	}
	return nil
}

// set sets one key. Errors go on where the key was named.
func (c *cfnlintrc) set(key string, value *yaml.Node) error {
	lists := map[string]*[]string{
		"templates": &c.Templates, "ignore_templates": &c.IgnoreTemplates, "ignore_checks": &c.IgnoreChecks, "include_checks": &c.IncludeChecks,
		"mandatory_checks": &c.MandatoryChecks, "regions": &c.Regions, "parameter_files": &c.ParameterFiles,
	}
	texts := map[string]*string{"format": &c.Format, "output_file": &c.OutputFile, "non_zero_exit_code": &c.NonZeroExitCode}
	switches := map[string]*bool{"ignore_bad_template": &c.IgnoreBadTemplate, "merge_configs": &c.MergeConfigs}
	switch {
	case lists[key] != nil:
		return decodeAs(value, yaml.SequenceNode, lists[key], "must be a list of strings")
	case texts[key] != nil:
		return decodeAs(value, yaml.ScalarNode, texts[key], "must be a string")
	case switches[key] != nil:
		return decodeAs(value, yaml.ScalarNode, switches[key], "must be true or false")
	case key == "parameters":
		return decodeAs(value, yaml.SequenceNode, &c.Parameters, "must be a list of mappings from name to value")
	case key == "configure_rules":
		rules := map[string]map[string]string{}
		if err := decodeAs(value, yaml.MappingNode, &rules, "must be a mapping from rule to options"); err != nil {
			return err
		}
		if c.ConfigureRules == nil {
			c.ConfigureRules = rules
		}
		for id, options := range rules {
			c.ConfigureRules[id] = options
		}
		return nil
	}
	return errors.New("is no setting")
}

func decodeAs(value *yaml.Node, kind yaml.Kind, into any, otherwise string) error {
	if value.Kind != kind || value.Tag == "!!null" || value.Decode(into) != nil {
		return errors.New(otherwise)
	}
	return nil
}

func (c *cfnlintrc) readParameterFiles() error {
	sets, err := readParameterFiles(c.ParameterFiles)
	c.Parameters = append(c.Parameters, sets...)
	return err
}

// parameterSets reads the values of --parameters, one set, and of
// --parameter-files, a set a file.
func (f *validateFlags) parameterSets() ([]map[string]string, error) {
	sets, err := readParameterFiles(f.parameterFiles)
	if err != nil || len(f.parameters) == 0 {
		return sets, err
	}
	set := map[string]string{}
	for _, text := range f.parameters {
		name, value, ok := strings.Cut(text, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("--parameters %q is not Name=value", text)
		}
		set[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return append(sets, set), nil
}

// readParameterFiles reads files in the form that the AWS CLI takes:
// [{"ParameterKey": …, "ParameterValue": …}].
func readParameterFiles(globs []string) ([]map[string]string, error) {
	var sets []map[string]string
	for _, glob := range globs {
		names := []string{glob}
		if _, err := os.Stat(glob); errors.Is(err, fs.ErrNotExist) {
			if names, err = expand(glob); err != nil || len(names) == 0 {
				return nil, errors.Join(err, fmt.Errorf("%s: there is no such parameter file", glob))
			}
		}
		for _, name := range names {
			set, err := readParameterFile(name)
			if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		}
	}
	return slices.Clip(sets), nil
}

func readParameterFile(name string) (map[string]string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var list []struct {
		Key   string `json:"ParameterKey"`
		Value string `json:"ParameterValue"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("%s is not a list of {ParameterKey, ParameterValue}: %w", name, err)
	}
	set := map[string]string{}
	for _, p := range list {
		set[p.Key] = p.Value
	}
	return set, nil
}
