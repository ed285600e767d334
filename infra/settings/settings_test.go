package settings_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/infra/settings"
)

func lookup(context map[string]any) func(string) any {
	return func(key string) any { return context[key] }
}

func TestRead(t *testing.T) {
	want := settings.Settings{
		Environment: "sandbox", Operations: false, LogRetentionDays: 14, WriteDays: 400,
		WorkloadAccounts: []string{"222222222222", "333333333333"}, BreakGlassRoles: []string{"admin-*", "root"},
		DriftRegions: []string{"eu-west-1", "us-gov-east-1"}, DriftScope: "all",
	}
	tests := map[string]map[string]any{
		"from cdk.json": {"environment": "sandbox", "operations": false, "logRetentionDays": 14.0, "writeDays": 400.0, "breakGlassRoles": []any{"admin-*", "root"},
			"workloadAccounts": []any{"333333333333", "222222222222", "222222222222"},
			"driftRegions":     []any{"us-gov-east-1", "eu-west-1", "eu-west-1"}, "driftScope": "all"},
		"from -c": {"environment": "sandbox", "operations": "false", "logRetentionDays": "14", "writeDays": "400", "breakGlassRoles": "admin-*,root",
			"workloadAccounts": "333333333333,222222222222", "driftRegions": "us-gov-east-1 eu-west-1", "driftScope": "all"},
	}
	for name, context := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := settings.Read(lookup(context))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Read = %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestReadDefaults(t *testing.T) {
	got, err := settings.Read(lookup(nil))
	want := settings.Settings{Environment: "main", Operations: true, LogRetentionDays: 30, WriteDays: 90, DriftScope: "deployed"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read = %+v, %v, want %+v", got, err, want)
	}
}

func TestReadReportsEveryFault(t *testing.T) {
	_, err := settings.Read(lookup(map[string]any{
		"environment": "Main!", "operations": "maybe", "logRetentionDays": 31.0, "writeDays": 0.0, "breakGlassTags": "[a",
		"workloadAccounts": []any{"42", 7.0}, "driftRegions": "here", "driftScope": "some",
	}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"Main!"`, `"maybe"`, "31 is not one of", "writeDays: 0 is not between 1 and 3650", `"[a" is no pattern`, `"42" is not an account id`, "7 is not a string",
		`"here" is not a region`, `"some" is neither`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s:\n%v", want, err)
		}
	}
}
