package live

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/template"
)

func TestPrune(t *testing.T) {
	u := template.Unknown
	expected := map[string]any{
		"Plain": "a", "Gone": u, "List": []any{"a", u}, "Deep": map[string]any{"In/ner": u, "Same": "x"}, "Absent": map[string]any{"A": u},
	}
	actual := map[string]any{"Plain": "a", "Gone": "b", "List": []any{"a", "b"}, "Deep": map[string]any{"In/ner": "y", "Same": "z"}, "More": 1.0}
	known, live, unresolved := prune(expected, actual)
	if want := map[string]any{"Plain": "a", "Deep": map[string]any{"Same": "x"}}; !reflect.DeepEqual(known, want) {
		t.Errorf("expected %v, want %v", known, want)
	}
	if want := map[string]any{"Plain": "a", "Deep": map[string]any{"Same": "z"}, "More": 1.0}; !reflect.DeepEqual(live, want) {
		t.Errorf("actual %v, want %v", live, want)
	}
	if want := []string{"/Absent", "/Deep/In~1ner", "/Gone", "/List"}; !slices.Equal(unresolved, want) {
		t.Errorf("unresolved %v, want %v", unresolved, want)
	}
	if expected["Gone"] != u || actual["Gone"] != "b" {
		t.Error("the documents that were given have changed")
	}
}

func TestChanges(t *testing.T) {
	is := func(path, value string) events.PropertyDifference {
		return events.PropertyDifference{Path: path, Type: drift.DifferenceAdd, Actual: value}
	}
	differs := func(path, typ, expected, actual string) []events.PropertyDifference {
		return []events.PropertyDifference{{Path: path, Type: typ, Expected: expected, Actual: actual}}
	}
	const ssh, web = `{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}`, `{"CidrIp":"10.0.0.0/8","FromPort":443,"IpProtocol":"tcp","ToPort":443}`
	tests := []struct {
		name      string
		then, now []events.PropertyDifference
		want      []events.PropertyDifference
	}{
		{"nothing", []events.PropertyDifference{is("/A", "1")}, []events.PropertyDifference{is("/A", "1")}, nil},
		{"a value", []events.PropertyDifference{is("/VpcId", "vpc-1")}, []events.PropertyDifference{is("/VpcId", "vpc-2")}, differs("/VpcId", "NOT_EQUAL", "vpc-1", "vpc-2")},
		{"a new value", nil, []events.PropertyDifference{is("/VpcId", "vpc-2")}, differs("/VpcId", "ADD", "", "vpc-2")},
		{"a value that is gone", []events.PropertyDifference{is("/VpcId", "vpc-1")}, nil, differs("/VpcId", "REMOVE", "vpc-1", "")},
		{"an item more", []events.PropertyDifference{is("/SecurityGroupIngress", "["+web+"]")}, []events.PropertyDifference{is("/SecurityGroupIngress", "["+ssh+","+web+"]")},
			differs("/SecurityGroupIngress/0", "ADD", "", ssh)},
		{"the first item", nil, []events.PropertyDifference{is("/SecurityGroupIngress", "["+ssh+"]")}, differs("/SecurityGroupIngress/0", "ADD", "", ssh)},
		{"the last item", []events.PropertyDifference{is("/SecurityGroupIngress", "["+ssh+"]")}, nil, differs("/SecurityGroupIngress/0", "REMOVE", ssh, "")},
		{"another order", []events.PropertyDifference{is("/SecurityGroupIngress", "["+web+","+ssh+"]")}, []events.PropertyDifference{is("/SecurityGroupIngress", "["+ssh+","+web+"]")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Changes(drift.Kind{Type: "AWS::EC2::SecurityGroup"}, tt.then, tt.now); !slices.Equal(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// FuzzPrune: whatever is unresolved, nothing of it is left, and what is
// resolved and the same on both sides is in sync. An observation is no change
// of itself.
func FuzzPrune(f *testing.F) {
	f.Add(`{"QueueName":"?","Tags":[{"Key":"a","Value":"?"}],"RedrivePolicy":{"deadLetterTargetArn":"?","maxReceiveCount":3}}`)
	f.Add(`{"A":{"B":{"C":"?","D":[1,[2,"?"]]}},"~/":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var actual, expected map[string]any
		if json.Unmarshal([]byte(text), &actual) != nil || json.Unmarshal([]byte(text), &expected) != nil {
			return
		}
		places := 0
		for name, v := range expected {
			expected[name] = forget(v, &places)
		}
		known, live, unresolved := prune(expected, actual)
		if template.IsUnknown(known) {
			t.Fatalf("left in %v", known)
		}
		if (places > 0) != (len(unresolved) > 0) || len(unresolved) > places {
			t.Errorf("%d unresolved of %d places: %v", len(unresolved), places, unresolved)
		}
		if found := drift.Compare(drift.Kind{Type: "AWS::SQS::Queue"}, known, live); len(found) > 0 {
			t.Errorf("drift %v", found)
		}
		var seen []events.PropertyDifference
		for name, v := range actual {
			seen = append(seen, events.PropertyDifference{Path: pointer([]string{name}), Type: drift.DifferenceAdd, Actual: fmt.Sprint(v)})
		}
		if found := Changes(drift.Kind{Type: "AWS::SQS::Queue"}, seen, seen); len(found) > 0 {
			t.Errorf("an observation changed from itself: %v", found)
		}
		if found := Changes(drift.Kind{Type: "AWS::SQS::Queue"}, nil, seen); len(found) < len(seen) {
			t.Errorf("%d of %d additions", len(found), len(seen))
		}
	})
}

// forget replaces every "?" by Unknown.
func forget(v any, places *int) any {
	switch v := v.(type) {
	case string:
		if v == "?" {
			*places++
			return template.Unknown
		}
	case []any:
		for i := range v {
			v[i] = forget(v[i], places)
		}
	case map[string]any:
		for name := range v {
			v[name] = forget(v[name], places)
		}
	}
	return v
}
