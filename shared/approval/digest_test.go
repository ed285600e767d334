package approval_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/changeset"
)

func subject() approval.Subject {
	return approval.Subject{
		ChangeSet: changeset.Set{
			ID: "arn:one", StackID: "arn:stack", StackName: "shop-data-prod", Status: "CREATE_COMPLETE", ExecutionStatus: "AVAILABLE", DeploymentMode: "REVERT_DRIFT",
			StackDrift: "DRIFTED", OnStackFailure: "ROLLBACK", IncludesNested: true,
			Parameters: map[string]string{"A": "1", "Secret": "****"}, Capabilities: []string{"CAPABILITY_IAM"}, Tags: map[string]string{"evenkeel:stage": "prod"},
			Notifications: []string{"arn:topic"}, Rollback: &changeset.Rollback{MonitoringMinutes: 10, Alarms: []string{"arn:alarm"}},
			Changes: []changeset.Change{
				{
					Action: "Modify", LogicalID: "A", PhysicalID: "a", Type: "AWS::SQS::Queue", Replacement: "False", PolicyAction: "Retain", Scope: []string{"Properties"},
					Before: "{}", After: `{"X":2}`, Drift: "MODIFIED", DriftIgnored: []string{"/X MANAGED_BY_AWS"},
					Details: []changeset.Detail{
						{
							Attribute: "Properties", Name: "X", Path: "/Properties/X", ChangeType: "Modify", Before: "1", After: "2", BeforeFrom: "ACTUAL_STATE",
							Deployed: "0", Recreation: "Never", Evaluation: "Static", Source: "DirectModification", Cause: "P",
						},
						{Path: "/Properties/Y"},
					},
				},
				{Action: "Add", LogicalID: "B", Type: "AWS::CloudFormation::Stack", Nested: "arn:nested"},
			},
			Nested: map[string]changeset.Set{"arn:nested": {
				ID: "arn:nested", StackID: "arn:child", Parameters: map[string]string{"P": "1"}, Changes: []changeset.Change{{Action: "Remove", LogicalID: "C", Type: "AWS::SQS::Queue"}},
			}},
		},
		Template: "Resources: {}",
		Stack:    approval.Stack{ID: "arn:stack", Status: "UPDATE_COMPLETE", Role: "arn:role", Assume: "evenkeel-deploy-shop"},
		Drift:    approval.Drift{Status: "DRIFTED", Resources: []string{"A MODIFIED"}},
		Expires:  time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC),
	}
}

func parts(t testing.TB, s approval.Subject) approval.Parts {
	t.Helper()
	p, err := s.Parts()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDifferences(t *testing.T) {
	planned := parts(t, subject())
	for want, changes := range map[string][]func(*approval.Subject){
		"": {
			func(*approval.Subject) {},
			func(s *approval.Subject) { s.ChangeSet.ExecutionStatus = "EXECUTE_IN_PROGRESS" },
			func(s *approval.Subject) { slices.Reverse(s.ChangeSet.Changes) },
			func(s *approval.Subject) { slices.Reverse(s.ChangeSet.Changes[0].Details) },
			func(s *approval.Subject) { s.Expires = s.Expires.In(time.FixedZone("", 3600)) },
		},
		"it is another change set": {
			func(s *approval.Subject) { s.ChangeSet.ID = "arn:two" },
			func(s *approval.Subject) { s.ChangeSet.StackID = "arn:other" },
		},
		"its changes": {
			func(s *approval.Subject) { s.ChangeSet.Changes = s.ChangeSet.Changes[:1] },
			func(s *approval.Subject) { s.ChangeSet.Changes[0].Drift = "IN_SYNC" },
			func(s *approval.Subject) {
				child := s.ChangeSet.Nested["arn:nested"]
				child.Changes = nil
				s.ChangeSet.Nested["arn:nested"] = child
			},
			func(s *approval.Subject) { s.ChangeSet.Nested["arn:nested"].Parameters["P"] = "2" },
			func(s *approval.Subject) { s.ChangeSet.Nested = nil },
		},
		"its template": {func(s *approval.Subject) { s.Template += " " }},
		"its parameters": {
			func(s *approval.Subject) { s.ChangeSet.Parameters["A"] = "2" },
			func(s *approval.Subject) { delete(s.ChangeSet.Parameters, "A") },
		},
		"its capabilities, tags or rollback settings": {
			func(s *approval.Subject) { s.ChangeSet.Capabilities = nil },
			func(s *approval.Subject) { s.ChangeSet.Tags = nil },
			func(s *approval.Subject) { s.ChangeSet.Rollback = nil },
			func(s *approval.Subject) { s.ChangeSet.Notifications = nil },
			func(s *approval.Subject) { s.ChangeSet.OnStackFailure = "DO_NOTHING" },
		},
		"the state of the stack": {
			func(s *approval.Subject) { s.Stack.Status = "UPDATE_ROLLBACK_COMPLETE" },
			func(s *approval.Subject) { s.Stack.Role = "arn:another" },
		},
		"the drift of the stack": {
			func(s *approval.Subject) { s.Drift.Status = "UNKNOWN" },
			func(s *approval.Subject) { s.Drift.Resources = []string{"A DELETED"} },
			func(s *approval.Subject) { s.ChangeSet.StackDrift = "IN_SYNC" },
		},
		"the expiry of the approval": {func(s *approval.Subject) { s.Expires = s.Expires.Add(time.Second) }},
	} {
		for i, change := range changes {
			s := subject()
			change(&s)
			now := parts(t, s)
			if got := strings.Join(planned.Differences(now), "; "); got != want || (now.Digest() == planned.Digest()) != (want == "") {
				t.Errorf("%s, %d: differences %q, digests %s and %s", want, i, got, planned.Digest(), now.Digest())
			}
		}
	}
}

// TestUncheckedIsInSync: a scan that finds nothing takes no approval away, one
// that finds something does.
func TestUncheckedIsInSync(t *testing.T) {
	digests := map[string]string{}
	for _, status := range []string{"NOT_CHECKED", "IN_SYNC", "DRIFTED", "UNKNOWN"} {
		s := subject()
		s.Drift = approval.Drift{Status: status}
		digests[status] = parts(t, s).Digest()
	}
	if digests["NOT_CHECKED"] != digests["IN_SYNC"] || len(slices.Compact(slices.Sorted(maps.Values(digests)))) != 3 {
		t.Errorf("digests %v", digests)
	}
}

// TestDigestIsStable: a digest that is stored must mean the same after an
// update of the suite, or have another version.
func TestDigestIsStable(t *testing.T) {
	const want = "v1:b39665bc3a70dc942e13b00a0596736e7855e22870c1e18382c6b44f51c27dae"
	if got := parts(t, subject()).Digest(); got != want {
		t.Errorf("digest %s, want %s: another meaning needs another version", got, want)
	}
}

// notCovered are the fields of a change set that are no part of what it does.
var notCovered = []string{"status", "executionStatus", "statusReason"}

// leaves lists the places of a JSON value that hold no object and no list.
func leaves(v any, path []any) [][]any {
	var found [][]any
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			inStack := len(path) > 0 && path[0] == "stack"
			if inStack || !slices.Contains(notCovered, key) {
				found = append(found, leaves(v[key], append(slices.Clone(path), key))...)
			}
		}
	case []any:
		for i := range v {
			found = append(found, leaves(v[i], append(slices.Clone(path), i))...)
		}
	default:
		found = append(found, path)
	}
	return found
}

func set(v any, path []any, change func(any) any) any {
	if len(path) == 0 {
		return change(v)
	}
	switch key := path[0].(type) {
	case string:
		v.(map[string]any)[key] = set(v.(map[string]any)[key], path[1:], change)
	case int:
		v.([]any)[key] = set(v.([]any)[key], path[1:], change)
	}
	return v
}

// FuzzAnyChangeChangesTheDigest changes one value anywhere in the subject.
func FuzzAnyChangeChangesTheDigest(f *testing.F) {
	text, err := json.Marshal(subject())
	if err != nil {
		f.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		f.Fatal(err)
	}
	places := leaves(tree, nil)
	if len(places) < 50 {
		f.Fatalf("only %d places", len(places))
	}
	for i := range places {
		f.Add(i, "x")
	}
	planned := parts(f, subject())
	f.Fuzz(func(t *testing.T, place int, value string) {
		path := places[((place%len(places))+len(places))%len(places)]
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		tree = set(tree, path, func(old any) any {
			switch old := old.(type) {
			case bool:
				return !old
			case float64:
				return old + 1 + float64(len(value))
			case string:
				if path[0] == "expires" {
					return subject().Expires.Add(time.Duration(1+len(value)) * time.Second).Format(time.RFC3339)
				}
				return value
			}
			return old
		})
		changed, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		var s approval.Subject
		if err := json.Unmarshal(changed, &s); err != nil {
			t.Fatal(err)
		}
		same := reflect.DeepEqual(s, subject())
		if got := parts(t, s); (got.Digest() == planned.Digest()) != same || (len(planned.Differences(got)) == 0) != same {
			t.Errorf("%s = %q: digest %s, before %s", fmt.Sprint(path), value, got.Digest(), planned.Digest())
		}
	})
}
