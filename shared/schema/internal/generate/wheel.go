package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

const schemas = "cfnlint/data/schemas/"

// wheel is the files of a cfn-lint wheel.
type wheel map[string]*zip.File

func openWheel(data []byte) (wheel, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	w := make(wheel, len(z.File))
	for _, f := range z.File {
		w[f.Name] = f
	}
	return w, nil
}

func (w wheel) read(name string) ([]byte, error) {
	f, ok := w[name]
	if !ok {
		return nil, fmt.Errorf("no file %s: the layout of the wheel has changed", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// json reads and parses a file.
func (w wheel) json(name string) (any, error) {
	text, err := w.read(name)
	if err != nil {
		return nil, err
	}
	v, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// under returns the JSON files below a folder, sorted, without folder and
// extension.
func (w wheel) under(folder string) []string {
	var names []string
	for name := range w {
		if rest, ok := strings.CutPrefix(name, folder); ok && path.Ext(rest) == ".json" {
			names = append(names, strings.TrimSuffix(rest, ".json"))
		}
	}
	slices.Sort(names)
	return names
}

// providerLine is one line of the table that maps a type to the hash which
// names its schema file.
var providerLine = regexp.MustCompile(`^\s*"([^"]+)": "([0-9a-f]+)",?$`)

// providers reads the tables of all regions: region → type → hash.
func (w wheel) providers() (map[string]map[string]string, error) {
	tables := map[string]map[string]string{}
	for name := range w {
		rest, ok := strings.CutPrefix(name, schemas+"providers/")
		if !ok || path.Ext(rest) != ".py" || rest == "__init__.py" {
			continue
		}
		text, err := w.read(name)
		if err != nil {
			return nil, err
		}
		table := map[string]string{}
		for line := range strings.SplitSeq(string(text), "\n") {
			if m := providerLine.FindStringSubmatch(line); m != nil {
				table[m[1]] = m[2]
			}
		}
		if len(table) == 0 {
			return nil, fmt.Errorf("%s lists no type: the layout of the wheel has changed", name)
		}
		tables[strings.ReplaceAll(strings.TrimSuffix(rest, ".py"), "_", "-")] = table
	}
	if len(tables) == 0 {
		return nil, errors.New("no provider tables: the layout of the wheel has changed")
	}
	return tables, nil
}

// contents returns the regions and every frame of the store.
func (w wheel) contents() (regions []string, frames []frame, err error) {
	tables, err := w.providers()
	if err != nil {
		return nil, nil, err
	}
	regions = slices.Sorted(maps.Keys(tables))
	if len(regions) > 64 {
		return nil, nil, fmt.Errorf("%d regions do not fit a set of 64", len(regions))
	}
	steps := []func([]string) ([]frame, error){
		func(r []string) ([]frame, error) { return w.types(r, tables) },
		w.extensions, w.others, w.tables,
	}
	for _, step := range steps {
		more, err := step(regions)
		if err != nil {
			return nil, nil, err
		}
		frames = append(frames, more...)
	}
	return regions, frames, nil
}

// types returns a frame for each type, with one document for each distinct
// schema. The one for most regions comes first.
func (w wheel) types(regions []string, tables map[string]map[string]string) ([]frame, error) {
	sets := map[string]map[string]uint64{} // type → hash → regions
	for i, region := range regions {
		for name, hash := range tables[region] {
			if sets[name] == nil {
				sets[name] = map[string]uint64{}
			}
			sets[name][hash] |= 1 << i
		}
	}
	var frames []frame
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		f := frame{name: name}
		for _, hash := range slices.Sorted(maps.Keys(sets[name])) {
			v, err := w.json(schemas + "resources/" + hash + ".json")
			if err != nil {
				return nil, err
			}
			f.documents = append(f.documents, document{regions: sets[name][hash], value: strip(v)})
		}
		frames = append(frames, f)
	}
	return frames, nil
}

// everywhere is the region set of what does not depend on the region.
const everywhere = ^uint64(0)

// extensions returns a frame for each extension schema. A file that maps
// regions to schemas gives one document for each distinct schema.
func (w wheel) extensions(regions []string) ([]frame, error) {
	var frames []frame
	for _, name := range w.under(schemas + "extensions/") {
		v, err := w.json(schemas + "extensions/" + name + ".json")
		if err != nil {
			return nil, err
		}
		f := frame{name: "extensions/" + name}
		if m, ok := v.(format.Map); ok && m.Get("us-east-1") != nil {
			f.documents = perRegion(m, regions)
		} else {
			f.documents = []document{{everywhere, regroup(strip(v))}}
		}
		frames = append(frames, f)
	}
	return frames, nil
}

func perRegion(m format.Map, regions []string) []document {
	var documents []document
	numbers := map[string]int{}
	for _, member := range m {
		i := slices.Index(regions, member.Key)
		if i < 0 {
			continue // a description beside the regions
		}
		text := fmt.Sprint(member.Value)
		n, ok := numbers[text]
		if !ok {
			n = len(documents)
			numbers[text] = n
			documents = append(documents, document{value: strip(member.Value)})
		}
		documents[n].regions |= 1 << i
	}
	return documents
}

// others returns a frame for each schema of a part of a template.
func (w wheel) others([]string) ([]frame, error) {
	var frames []frame
	for _, name := range w.under(schemas + "other/") {
		if name == "draft7/schema" {
			continue // the meta-schema; nothing is checked against it
		}
		v, err := w.json(schemas + "other/" + name + ".json")
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame{"other/" + name, []document{{everywhere, strip(v)}}})
	}
	return frames, nil
}

// tables returns the data that rules look up.
func (w wheel) tables([]string) ([]frame, error) {
	var frames []frame
	policies, err := w.json("cfnlint/data/AdditionalSpecs/Policies.json")
	if err != nil {
		return nil, err
	}
	services, _ := policies.(format.Map)
	for _, service := range services {
		frames = append(frames, frame{"iam/" + service.Key, []document{{everywhere, service.Value}}})
	}
	for name, file := range map[string]string{
		"table/lambdaRuntimes":    "AdditionalSpecs/LmbdRuntimeLifecycle",
		"table/statefulResources": "AdditionalSpecs/StatefulResources",
		"table/managedPolicies":   "Serverless/ManagedPolicies",
	} {
		v, err := w.json("cfnlint/data/" + file + ".json")
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame{name, []document{{everywhere, v}}})
	}
	for name, literal := range map[string]struct{ file, variable string }{
		"table/availabilityZones":    {"helpers", "AVAILABILITY_ZONES"},
		"table/attributesAll":        {"schema/_getatts", "_all_property_types"},
		"table/attributesExceptions": {"schema/_getatts", "_exceptions"},
	} {
		v, err := w.literal("cfnlint/"+literal.file+".py", literal.variable)
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame{name, []document{{everywhere, v}}})
	}
	return frames, nil
}

var (
	pythonComment = regexp.MustCompile(`(?m)#.*$`)
	lastComma     = regexp.MustCompile(`,(\s*[}\]])`)
)

// literal reads the literal that a module of the wheel assigns to a variable.
// It is JSON but for comments and commas behind the last item.
func (w wheel) literal(file, variable string) (any, error) {
	text, err := w.read(file)
	if err != nil {
		return nil, err
	}
	block := regexp.MustCompile(`(?ms)^` + variable + ` = ([\[{].*?^[\]}])$`)
	m := block.FindSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%s does not set %s: the layout of the wheel has changed", file, variable)
	}
	literal := lastComma.ReplaceAll(pythonComment.ReplaceAll(m[1], nil), []byte("$1"))
	v, err := parse(literal)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", file, variable, err)
	}
	return v, nil
}
