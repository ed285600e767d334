package drift_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/internal/generate"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// seeds is how many values are made of each type.
const seeds = 2

// eachType calls f with every published type and generated properties of it.
func eachType(t testing.TB, f func(typ *schema.Type, x map[string]any, random *rand.Rand)) {
	t.Helper()
	for i, name := range schema.Types() {
		typ, ok := schema.Load(name)
		if !ok {
			t.Fatalf("no schema for %s", name)
		}
		for seed := range uint64(seeds) {
			seed += uint64(i) * seeds
			f(typ, generate.New(seed).Properties(typ), rand.New(rand.NewPCG(seed, 7)))
		}
	}
}

func TestCompareItselfForEveryType(t *testing.T) {
	eachType(t, func(typ *schema.Type, x map[string]any, _ *rand.Rand) {
		got := drift.Examine(kind(typ.Name), x, x)
		if len(got.Differences)+len(got.Unresolved) > 0 {
			t.Errorf("%s differs from itself: %+v", typ.Name, got)
		}
		if undeclared := drift.Undeclared(kind(typ.Name), x, x); len(undeclared) > 0 {
			t.Errorf("%s declares everything, but not %+v", typ.Name, undeclared)
		}
	})
}

// TestCompareSameForEveryType changes what does not count: the order of lists,
// how numbers and booleans are written, read-only and write-only values,
// defaults, tags of AWS.
func TestCompareSameForEveryType(t *testing.T) {
	changed := map[string]int{}
	eachType(t, func(typ *schema.Type, x map[string]any, random *rand.Rand) {
		v := variation{typ, random, changed}
		y, _ := v.of(typ.Root, x).(map[string]any)
		v.readOnly(y)
		v.writeOnly(y)
		v.awsTag(typ, y)
		if got := drift.Compare(kind(typ.Name), x, y); len(got) > 0 {
			t.Errorf("%s: %+v", typ.Name, got)
		}
		if got := drift.Examine(kind(typ.Name), x, y).Unresolved; len(got) > 0 {
			t.Errorf("%s: unresolved %+v", typ.Name, got)
		}
	})
	for _, how := range []string{"order", "repetition", "number", "boolean", "default", "default left out", "read-only", "write-only", "tag", "date", "null"} {
		if changed[how] < 50 {
			t.Errorf("%s was varied %d times: this proves little", how, changed[how])
		}
	}
	t.Logf("varied: %v", changed)
}

// variation makes another value that means the same.
type variation struct {
	typ     *schema.Type
	random  *rand.Rand
	changed map[string]int
}

func (v variation) of(s *schema.Schema, x any) any {
	switch x := x.(type) {
	case map[string]any:
		return v.object(s, x)
	case []any:
		out := make([]any, 0, len(x))
		for _, item := range x {
			out = append(out, v.of(step(s, "0"), item))
		}
		if s != nil && s.Items != nil && !s.Ordered {
			v.random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
			v.changed["order"]++
			if v.random.IntN(4) == 0 {
				out = append(out, out[0])
				v.changed["repetition"]++
			}
		}
		return out
	case float64:
		if only(s, "number", "integer") && v.random.IntN(2) == 0 {
			v.changed["number"]++
			return format(v.random, x)
		}
	case bool:
		if only(s, "boolean") && v.random.IntN(2) == 0 {
			v.changed["boolean"]++
			return []string{strconv.FormatBool(x), strings.ToUpper(strconv.FormatBool(x))}[v.random.IntN(2)]
		}
	case string:
		if s != nil && s.Format == "date-time" && strings.HasSuffix(x, "Z") && strings.HasPrefix(x, "2026") {
			v.changed["date"]++
			return strings.TrimSuffix(x, "Z") + ".000+00:00"
		}
	}
	return x
}

func format(random *rand.Rand, x float64) string {
	if random.IntN(2) == 0 || x != float64(int64(x)) {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

func (v variation) object(s *schema.Schema, x map[string]any) any {
	out := map[string]any{}
	for _, name := range sortedNames(x) {
		p, item := step(s, name), x[name]
		if p != nil && p.HasDefault && fmt.Sprint(p.Default) == fmt.Sprint(item) && v.random.IntN(2) == 0 {
			v.changed["default left out"]++
			continue
		}
		out[name] = v.of(p, item)
	}
	if s == nil {
		return out
	}
	for _, name := range sortedNames(s.Properties) {
		if _, ok := x[name]; ok {
			continue
		}
		switch p := s.Properties[name]; {
		case p.HasDefault:
			out[name] = p.Default
			v.changed["default"]++
		case v.random.IntN(4) == 0:
			out[name] = nil
			v.changed["null"]++
		}
	}
	return out
}

func (v variation) readOnly(y map[string]any) {
	for _, pointer := range v.typ.ReadOnly {
		if names := schema.Names(pointer); len(names) > 1 {
			v.set(y, names, "read-only", "of the service")
		}
	}
}

func (v variation) writeOnly(y map[string]any) {
	for _, pointer := range v.typ.WriteOnly {
		v.set(y, schema.Names(pointer), "write-only", nil)
	}
}

// set gives the property a value, nil for none, in every object that is there.
func (v variation) set(at any, names []string, how string, value any) {
	switch at := at.(type) {
	case []any:
		if names[0] == "*" {
			names = names[1:]
		}
		for _, item := range at {
			if len(names) > 0 {
				v.set(item, names, how, value)
			}
		}
	case map[string]any:
		if len(names) > 1 {
			if next, ok := at[names[0]]; ok {
				v.set(next, names[1:], how, value)
			}
			return
		}
		v.changed[how]++
		if value == nil {
			delete(at, names[0])
		} else {
			at[names[0]] = value
		}
	}
}

// awsTag adds a tag of CloudFormation.
func (v variation) awsTag(typ *schema.Type, y map[string]any) {
	const name = "aws:cloudformation:stack-name"
	names := schema.Names(typ.Tagging.TagProperty)
	if len(names) != 1 {
		return
	}
	switch tags := y[names[0]].(type) {
	case []any:
		if len(tags) == 0 {
			return
		}
		tag, _ := tags[0].(map[string]any)
		_, hasKey := tag["Key"]
		_, hasValue := tag["Value"]
		if hasKey && hasValue {
			y[names[0]] = append([]any{map[string]any{"Key": name, "Value": "x"}}, tags...)
			v.changed["tag"]++
		}
	case map[string]any:
		tags[name] = "x"
		v.changed["tag"]++
	}
}

// TestCompareFindsEveryChange is the guard against a comparison that forgives
// everything: each scalar of each type is given another value, and this is
// found there, or at the item of a set or the policy that holds it.
func TestCompareFindsEveryChange(t *testing.T) {
	total, exact, first := 0, 0, ""
	var missed []string
	eachType(t, func(typ *schema.Type, x map[string]any, random *rand.Rand) {
		if typ.Name == first {
			return // one value of each type is enough
		}
		first = typ.Name
		leaves := scalars(x, nil)
		random.Shuffle(len(leaves), func(i, j int) { leaves[i], leaves[j] = leaves[j], leaves[i] })
		for _, path := range leaves[:min(len(leaves), 14)] {
			if excused(typ, path) {
				continue
			}
			total++
			y, _ := clone(x).(map[string]any)
			change(y, path)
			got := drift.Compare(kind(typ.Name), x, y)
			at := "/" + strings.Join(path, "/")
			switch {
			case len(got) == 1 && got[0].Path == at:
				exact++
			case len(got) == 0:
				missed = append(missed, typ.Name+at)
			default:
				for _, d := range got {
					if d.Path != at && !holds(d.Path, at) {
						t.Errorf("%s: a change of %s is found at %s", typ.Name, at, d.Path)
					}
				}
			}
		}
	})
	for _, at := range missed {
		if forgiven[at] == "" {
			t.Errorf("a change of %s is not found", at)
		}
	}
	t.Logf("%d changes, %d found at exactly their path, the others at the item of a set or the document that holds them", total, exact)
	if total < 8_000 || float64(exact) < 0.75*float64(total) {
		t.Errorf("%d changes prove little", total)
	}
}

// forgiven are the changes that are not found, by type and path, and why.
var forgiven = map[string]string{
	"AWS::EC2::Subnet/Ipv6CidrBlock":        "unresolved: docs/transforms.md",
	"AWS::Lambda::Url/TargetFunctionArn":    "unresolved: docs/transforms.md",
	"AWS::Events::EventBusPolicy/Statement": "unresolved: the transform takes an object, the generated value is a text",
	"AWS::RDS::DBCluster/EnableHttpEndpoint": "the schema's transform says that it is false whatever the template says, " +
		"for engines that have no such endpoint",
}

// holds reports that a difference names an item of a list that may hold the
// path, or a document around it.
func holds(found, at string) bool {
	if strings.HasPrefix(at, found+"/") {
		return true
	}
	list, last := found[:strings.LastIndexByte(found, '/')], found[strings.LastIndexByte(found, '/')+1:]
	_, err := strconv.Atoi(last)
	return err == nil && strings.HasPrefix(at, list+"/")
}

// excused are places where a change is not to be found: what is never read,
// what only the service sets, and what a transform of the schema makes the same.
func excused(typ *schema.Type, path []string) bool {
	plain := slices.DeleteFunc(slices.Clone(path), func(name string) bool { return strings.Trim(name, "0123456789") == "" })
	for _, pointers := range [][]string{typ.WriteOnly, typ.ReadOnly} {
		for _, p := range pointers {
			names := slices.DeleteFunc(schema.Names(p), func(name string) bool { return name == "*" })
			if len(names) <= len(plain) && slices.Equal(names, plain[:len(names)]) {
				return true
			}
		}
	}
	return false
}

func scalars(v any, path []string) [][]string {
	var out [][]string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range sortedNames(v) {
			out = append(out, scalars(v[name], append(slices.Clip(path), name))...)
		}
	case []any:
		for i, item := range v {
			out = append(out, scalars(item, append(slices.Clip(path), strconv.Itoa(i)))...)
		}
	default:
		out = append(out, path)
	}
	return out
}

func change(v any, path []string) {
	another := func(v any) any {
		switch v := v.(type) {
		case string:
			if strings.HasPrefix(v, `{"a":`) {
				return strings.Replace(v, `{"a":`, `{"a":1`, 1)
			}
			if strings.HasPrefix(v, "10.") {
				return "11" + strings.TrimPrefix(v, "10")
			}
			return "z" + v
		case float64:
			return v + 1
		case bool:
			return !v
		}
		return "z"
	}
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 {
			v[path[0]] = another(v[path[0]])
			return
		}
		change(v[path[0]], path[1:])
	case []any:
		i, _ := strconv.Atoi(path[0])
		if len(path) == 1 {
			v[i] = another(v[i])
			return
		}
		change(v[i], path[1:])
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = clone(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clone(item)
		}
		return out
	}
	return v
}

func step(s *schema.Schema, name string) *schema.Schema {
	if s == nil {
		return nil
	}
	next, _ := s.Step(name)
	return next
}

func only(s *schema.Schema, types ...string) bool {
	return s != nil && len(s.Types) > 0 && len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) == 0 &&
		!slices.ContainsFunc(s.Types, func(t string) bool { return !slices.Contains(types, t) })
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// FuzzEveryType states the same of any type and seed.
func FuzzEveryType(f *testing.F) {
	names := schema.Types()
	f.Add(uint16(0), uint64(1))
	f.Add(uint16(slices.Index(names, "AWS::S3::Bucket")), uint64(2))
	f.Add(uint16(slices.Index(names, "AWS::WAFv2::WebACL")), uint64(3))
	f.Fuzz(func(t *testing.T, number uint16, seed uint64) {
		typ, _ := schema.Load(names[int(number)%len(names)])
		x := generate.New(seed).Properties(typ)
		if got := drift.Compare(kind(typ.Name), x, x); len(got) > 0 {
			t.Fatalf("%s differs from itself: %+v", typ.Name, got)
		}
		v := variation{typ, rand.New(rand.NewPCG(seed, 7)), map[string]int{}}
		y, _ := v.of(typ.Root, x).(map[string]any)
		v.readOnly(y)
		v.writeOnly(y)
		v.awsTag(typ, y)
		if got := drift.Compare(kind(typ.Name), x, y); len(got) > 0 {
			t.Errorf("%s: %+v", typ.Name, got)
		}
	})
}
