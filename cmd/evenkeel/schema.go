package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// schemaDepth is how deep the tree of properties goes without --depth.
const schemaDepth = 3

func newSchemaCommand(a *app) *cobra.Command {
	var property string
	depth := schemaDepth
	cmd := &cobra.Command{
		Use:   "schema [type or pattern]",
		Short: "Show what CloudFormation knows about a resource type",
		Long: `Show the properties of a resource type, which of them are required, read-only or replace the resource
when they change, which values they take, what Ref and Fn::GetAtt give, and where the type exists.
Without an argument, or with a pattern such as 'AWS::S3*', the names of the types are listed.
Nothing is asked of AWS: the schemas are part of this program. Exit code 2: there is no such type.`,
		Example: `  evenkeel schema AWS::S3::Bucket
  evenkeel schema AWS::S3::Bucket --property LifecycleConfiguration/Rules --depth 6
  evenkeel schema 'AWS::EC2::*' --region eu-central-1`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			types, _ := matchingTypes(prefix+"*", "")
			return types, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listTypes("*")
			}
			if strings.ContainsAny(args[0], "*?[") {
				return a.listTypes(args[0])
			}
			return a.showType(args[0], property, depth)
		},
	}
	cmd.Flags().StringVar(&property, "property", "", "show one property only: A/B, with * for the items of a list")
	cmd.Flags().IntVar(&depth, "depth", schemaDepth, "how deep to go into nested properties, 0 for all")
	return cmd
}

// matchingTypes returns the types of a region, or of all regions together, that
// match a pattern.
func matchingTypes(pattern, region string) ([]string, error) {
	types := schema.TypesIn(region)
	lower := strings.ToLower(pattern)
	if _, err := path.Match(lower, ""); err != nil {
		return nil, usageError("pattern %q: %w", pattern, err)
	}
	return slices.DeleteFunc(types, func(t string) bool {
		ok, _ := path.Match(lower, strings.ToLower(t))
		return !ok
	}), nil
}

func (a *app) listTypes(pattern string) error {
	if a.region != "" && !slices.Contains(schema.Regions(), a.region) {
		return unknownRegion(a.region)
	}
	types, err := matchingTypes(pattern, a.region)
	if err != nil {
		return err
	}
	if len(types) == 0 {
		return usageError("no type matches %s", pattern)
	}
	return a.print(types, func(w io.Writer) {
		for _, t := range types {
			fmt.Fprintln(w, t)
		}
	})
}

func unknownRegion(region string) error {
	return usageError("the region %s is unknown; known are %s", region, strings.Join(schema.Regions(), ", "))
}

func (a *app) showType(name, property string, depth int) error {
	t, region, err := a.findType(name)
	if err != nil {
		return err
	}
	if property == "" {
		return a.print(t.Raw, func(w io.Writer) { newSchemaPage(a, t, region, depth).write(w) })
	}
	names := schema.Names(schema.Pointer(strings.Split(strings.Trim(strings.TrimPrefix(property, "/properties"), "/"), "/")...))
	s, ok := t.Property(schema.Pointer(names...))
	if !ok {
		return usageError("%s has no property %s", t.Name, strings.Join(names, "/"))
	}
	return a.print(rawProperty(t.Raw, names), func(w io.Writer) { newSchemaPage(a, t, region, depth).writeProperty(w, names, s) })
}

// findType returns a type in the region that --region names, else in us-east-1,
// else in the first region that has it. Upper and lower case do not matter.
func (a *app) findType(name string) (t *schema.Type, region string, err error) {
	regions := schema.RegionsOf(name)
	if len(regions) == 0 {
		if near := schema.Nearest(name, 1); len(near) == 1 && strings.EqualFold(near[0], name) {
			return a.findType(near[0])
		}
		return nil, "", unknownType(name)
	}
	region = a.region
	switch {
	case region != "" && !slices.Contains(schema.Regions(), region):
		return nil, "", unknownRegion(region)
	case region != "":
	case slices.Contains(regions, schema.Primary):
		region = schema.Primary
	default:
		region = regions[0]
	}
	t, ok := schema.LoadIn(name, region)
	if !ok {
		return nil, "", usageError("%s does not exist in %s; it does in %s", name, region, strings.Join(regions, ", "))
	}
	return t, region, nil
}

func unknownType(name string) error {
	const suggestions = 5
	near := schema.Nearest(name, suggestions)
	if len(near) == 0 {
		return usageError("there is no type %s; `evenkeel schema` lists all", name)
	}
	return usageError("there is no type %s; similar are %s", name, strings.Join(near, ", "))
}

// rawProperty follows property names through a schema as it is published.
func rawProperty(root map[string]any, names []string) any {
	at := resolveRaw(root, root)
	for _, name := range names {
		next := stepRaw(root, at, name)
		if next == nil {
			return nil
		}
		at = next
	}
	return at
}

func stepRaw(root, at map[string]any, name string) map[string]any {
	if properties, _ := at["properties"].(map[string]any); properties[name] != nil {
		return resolveRaw(root, properties[name])
	}
	if items, ok := at["items"]; ok {
		return resolveRaw(root, items)
	}
	patterns, _ := at["patternProperties"].(map[string]any)
	for _, p := range patterns {
		return resolveRaw(root, p)
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		alternatives, _ := at[key].([]any)
		for _, alternative := range alternatives {
			if next := stepRaw(root, resolveRaw(root, alternative), name); next != nil {
				return next
			}
		}
	}
	return nil
}

// resolveRaw follows the local references of a schema.
func resolveRaw(root map[string]any, v any) map[string]any {
	const longest = 20 // a reference may lead to itself
	m, _ := v.(map[string]any)
	for range longest {
		ref, ok := m["$ref"].(string)
		if !ok {
			break
		}
		at := root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			at, _ = at[part].(map[string]any)
		}
		m = at
	}
	return m
}
