package drift_test

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/drift"
)

// forms are testdata/drift/forms.json: what a template says and what a service
// returns for it, many forms of one value in each.
func forms(t *testing.T) []model {
	t.Helper()
	text, err := os.ReadFile("../../testdata/drift/forms.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []model
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 40 {
		t.Fatalf("%d forms, %v", len(all), err)
	}
	for i := range all {
		all[i].Name = "form " + strconv.Itoa(i) + " of " + all[i].Type
	}
	return all
}

func TestForms(t *testing.T) {
	for _, m := range forms(t) {
		got := drift.Examine(kind(m.Type), m.Template, m.Live)
		if len(got.Differences) > 0 || !slices.Equal(m.Unresolved, places(got.Unresolved)) {
			t.Errorf("%s: %+v", m.Name, got)
		}
	}
}

// TestEveryChangeIsFound changes each scalar that is live and declared, one by
// one: whatever is the same in another form, nothing else may be.
func TestEveryChangeIsFound(t *testing.T) {
	changed := 0
	for _, m := range slices.Concat(models(t), forms(t)) {
		each(m.Template, m.Live, nil, func(path []string, v any) {
			live, _ := clone(m.Live).(map[string]any)
			other := another(v)
			set(t, live, path, other)
			at := "/" + path[0]
			got := drift.Examine(kind(m.Type), m.Template, live)
			known := slices.ContainsFunc(got.Unresolved, func(u drift.Unresolved) bool { return strings.HasPrefix(u.Path, at) })
			if len(got.Differences) == 0 && !known && !told(m.Type, path) {
				t.Errorf("%s: %v at %v is not found where it was %v", m.Name, other, path, v)
			}
			changed++
		})
	}
	if changed < 650 {
		t.Errorf("%d changes, want 650", changed)
	}
}

// each visits the scalars that live has where the template has one.
func each(want, have any, path []string, visit func(path []string, v any)) {
	switch want := want.(type) {
	case map[string]any:
		have, _ := have.(map[string]any)
		for name, w := range want {
			if h, ok := have[name]; ok {
				each(w, h, append(slices.Clip(path), name), visit)
			}
		}
	case []any:
		have, _ := have.([]any)
		for i := range min(len(want), len(have)) {
			if name(want[i]) == name(have[i]) { // else it is the neighbour
				each(want[i], have[i], append(slices.Clip(path), strconv.Itoa(i)), visit)
			}
		}
	case nil:
	default:
		switch have.(type) {
		case string, float64, bool:
			visit(path, have)
		}
	}
}

// another is a value of the same kind that means something else.
func another(v any) any {
	switch v := v.(type) {
	case string:
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			return v + "7"
		}
		switch v {
		case "true":
			return "false"
		case "false":
			return "true"
		}
		return "other-" + v
	case float64:
		return v + 7
	case bool:
		return !v
	}
	return v
}

// name is what an item of a list is called.
func name(item any) string {
	m, _ := item.(map[string]any)
	for _, property := range []string{"Key", "Name", "ParameterName"} {
		if v, ok := m[property].(string); ok {
			return v
		}
	}
	return ""
}

// hidden are changes that cannot be found by comparing, and why.
var hidden = map[string]string{
	"AWS::ApplicationAutoScaling::ScalableTarget/RoleARN":                  "deprecated: the service sets it",
	"AWS::Cognito::UserPool/Schema":                                        "the name of an attribute is returned with a prefix",
	"AWS::EC2::SecurityGroup/SecurityGroupIngress/1/SourceSecurityGroupId": "the template has the name of the group",
	"AWS::ElastiCache::ReplicationGroup/EngineVersion":                     "a pattern of the schema's transform",
	"AWS::ElastiCache::ReplicationGroup/PreferredMaintenanceWindow":        "a pattern of the schema's transform",
	"AWS::RDS::DBCluster/EngineVersion":                                    "a minor version is the service's",
	"AWS::RDS::DBInstance/EngineVersion":                                   "a minor version is the service's",
}

func told(typ string, path []string) bool {
	at := typ
	for _, name := range path {
		at += "/" + name
		if hidden[at] != "" {
			return true
		}
	}
	return false
}
