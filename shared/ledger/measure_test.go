package ledger_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

// measured gives the values of a fact as "Name{dimensions}=value unit".
func measured(t *testing.T, data events.Data) []string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		t.Fatal(err)
	}
	all, err := ledger.Measure(ledger.Entry{DetailType: data.DetailType(), Detail: raw})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range all {
		for _, v := range m.Values {
			out = append(out, fmt.Sprintf("%s%s=%v %s", v.Name, strings.TrimPrefix(fmt.Sprint(m.Dimensions), "map"), v.Value, v.Unit))
		}
	}
	return out
}

func TestMeasuresOfHealing(t *testing.T) {
	opened := time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)
	told := events.Trigger{EventID: "e", EventName: "AuthorizeSecurityGroupIngress", Time: opened}
	tests := []struct {
		name string
		fact events.Data
		want []string
	}{
		{"an event told", events.SecurityGroupHealed{Trigger: told, Exposure: 1500 * time.Millisecond, Severity: "critical"}, []string{
			"Heals[]=1 Count", "HealExposureSeconds[]=1.5 Seconds",
			"Heals[Severity:critical]=1 Count", "HealExposureSeconds[Severity:critical]=1.5 Seconds"}},
		{"a fact from before severities", events.SecurityGroupHealed{Trigger: told, Exposure: time.Second}, []string{
			"Heals[]=1 Count", "HealExposureSeconds[]=1 Seconds",
			"Heals[Severity:unknown]=1 Count", "HealExposureSeconds[Severity:unknown]=1 Seconds"}},
		{"a sweep found it: nobody knows since when it was open", events.SecurityGroupHealed{
			Trigger: events.Trigger{EventID: "sweep-1", EventName: "Sweep", Time: opened}, Exposure: time.Second, Severity: "low"},
			[]string{"Heals[]=1 Count", "Heals[Severity:low]=1 Count"}},
		{"a sweep found it, and who opened it is known", events.SecurityGroupHealed{
			Trigger: events.Trigger{EventID: "sweep-1", EventName: "Sweep", Found: events.FoundBySweep, OpenedByID: "e", Time: opened}, Exposure: time.Second, Severity: "low"},
			[]string{"Heals[]=1 Count", "HealExposureSeconds[]=1 Seconds", "Heals[Severity:low]=1 Count", "HealExposureSeconds[Severity:low]=1 Seconds"}},
		{"an event led to it, and nobody knows since when it was open", events.SecurityGroupHealed{
			Trigger: events.Trigger{EventID: "e", EventName: "RunInstances", Found: events.FoundByOtherEvent}, Severity: "low"},
			[]string{"Heals[]=1 Count", "Heals[Severity:low]=1 Count"}},
		{"the record says no time", events.SecurityGroupHealed{Trigger: events.Trigger{EventID: "e"}, Severity: "low"},
			[]string{"Heals[]=1 Count", "Heals[Severity:low]=1 Count"}},
		{"another event found it", events.SecurityGroupHealed{Trigger: told, Severity: "low"}, []string{"Heals[]=1 Count", "Heals[Severity:low]=1 Count"}},
		{"stopped", events.SecurityGroupHealingStopped{Actions: 11, Limit: 10}, []string{"HealsStopped[]=1 Count"}},
		{"swept", events.SecurityGroupsSwept{Missed: []string{"heal-1", "heal-2"}, Places: []events.SweptPlace{{Groups: 2}, {Fault: "denied"}}},
			[]string{"OpeningsMissed[]=2 Count", "SweepFaults[]=1 Count"}},
		{"swept, all was well", events.SecurityGroupsSwept{}, []string{"OpeningsMissed[]=0 Count", "SweepFaults[]=0 Count"}},
		{"only observed", events.SecurityGroupExposed{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := measured(t, tt.fact); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
