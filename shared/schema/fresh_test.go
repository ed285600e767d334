package schema

import (
	"slices"
	"strings"
	"testing"
)

func TestFreshIsWhatTheFirstLayerLacks(t *testing.T) {
	types := FreshTypes()
	if len(types) < 50 || !slices.IsSorted(types) {
		t.Errorf("%d types", len(types))
	}
	for _, name := range types {
		if len(RegionsOf(name)) > 0 {
			t.Errorf("%s is in the first layer", name)
		}
	}
	properties := 0
	for _, name := range TypesIn("") {
		for _, pointer := range FreshProperties(name) {
			properties++
			if !strings.HasPrefix(pointer, "/properties/") {
				t.Errorf("%s %s", name, pointer)
			}
			if typ, ok := Load(name); ok {
				if _, known := typ.Root.Properties[Names(pointer)[0]]; known && len(Names(pointer)) == 1 {
					t.Errorf("%s %s is in the first layer", name, pointer)
				}
			}
		}
	}
	if properties < 500 {
		t.Errorf("%d properties", properties)
	}
}

func TestFreshProperty(t *testing.T) {
	if Fresh("AWS::S3::Bucket") || Fresh("AWS::No::Such") || Fresh("") {
		t.Error("a type of the first layer, or none, is fresh")
	}
	if FreshProperty("AWS::S3::Bucket", "/properties/BucketName") || FreshProperty("AWS::No::Such", "/properties/A") {
		t.Error("a known or an invented property is fresh")
	}
	fresh := FreshTypes()[0]
	if !FreshProperty(fresh, "/properties/Anything/0/At/All") {
		t.Error("inside a fresh type everything is fresh")
	}
	name, pointer := nestedInList(t)
	for _, p := range []string{pointer, strings.Replace(pointer, "/*", "/3", 1), pointer + "/Deeper"} {
		if !FreshProperty(name, p) {
			t.Errorf("%s %s is not fresh", name, p)
		}
	}
	if FreshProperty(name, strings.Replace(pointer, "/*", "/x", 1)) {
		t.Error("a name is no index")
	}
}

// nestedInList finds a property inside a list.
func nestedInList(t *testing.T) (name, pointer string) {
	for _, name := range TypesIn("") {
		for _, p := range FreshProperties(name) {
			if strings.Contains(p, "/*/") {
				return name, p
			}
		}
	}
	t.Fatal("none")
	return "", ""
}

func TestCorruptFreshness(t *testing.T) {
	if _, err := openFreshness(freshBytes[:len(freshBytes)/2]); err == nil {
		t.Error("half a layer opens")
	}
}
