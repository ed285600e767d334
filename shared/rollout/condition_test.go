package rollout

import (
	"math"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		success, failure string
		value            float64
		outcome, why     string
	}{
		{"< 1", "", 0.25, Successful, "0.25 is < 1"},
		{"< 1", "", 1, Failed, "1 is not < 1"},
		{"", ">= 5", 4.99999, Successful, "4.99999 is not >= 5"},
		{"", ">= 5", 5, Failed, "5 is >= 5"},
		{"< 1", ">= 5", 0, Successful, "0 is < 1"},
		{"< 1", ">= 5", 3, Inconclusive, "3 is neither < 1 nor >= 5"},
		{"< 1", ">= 5", 7.126, Failed, "7.126 is >= 5"},
		{"< 5", "> 1", 3, Failed, "3 is > 1"}, // both hold
		{">= 0.5 and < 2", "", 2, Failed, "2 is not >= 0.5 and < 2"},
		{"< 1", "", math.NaN(), Errored, "the value is NaN"},
		{"", "> 1", math.NaN(), Errored, "the value is NaN"},
		{"> 1", "", math.Inf(1), Errored, "the value is +Inf"},
		{"", "> 1", math.Inf(-1), Errored, "the value is -Inf"},
		{"", "", 0, Errored, "there is neither a success nor a failure condition"},
		{"below 1", "", 0, Errored, `the success condition cannot be read: column 1 of "below 1"`},
		{"< 1", "> ", 0, Errored, `the failure condition cannot be read: column 3 of "> "`},
	} {
		outcome, why := Judge(pipeline.Metric{Success: tt.success, Failure: tt.failure}, tt.value)
		if outcome != tt.outcome || !strings.HasPrefix(why, tt.why) {
			t.Errorf("%q, %q at %v: %s, %q", tt.success, tt.failure, tt.value, outcome, why)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.25: "0.25", 0.123456: "0.1235", 12.3456: "12.35", 1234.56: "1235", 123456: "123456", -7.5: "-7.5",
		0.00001234: "1.234e-05", 1e18: "1e+18", 0.0005: "0.0005", 99.999: "100",
	} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}

// FuzzJudge: no value that is no number is ever good, nor one of a condition
// that nobody can read; every judgement has a reason.
func FuzzJudge(f *testing.F) {
	f.Add("< 1", "", 0.5)
	f.Add("< 1", ">= 5", 3.0)
	f.Add("", "> 1 or < -1", math.Inf(1))
	f.Fuzz(func(t *testing.T, success, failure string, value float64) {
		m := pipeline.Metric{Success: success, Failure: failure}
		outcome, why := Judge(m, value)
		if why == "" {
			t.Fatalf("%s without a reason", outcome)
		}
		if (math.IsNaN(value) || math.IsInf(value, 0)) && outcome != Errored {
			t.Fatalf("%v is %s", value, outcome)
		}
		if other, _ := Judge(pipeline.Metric{Success: failure, Failure: success}, value); outcome == Successful && other == Successful {
			t.Fatalf("%v is good for %q and for its opposite", value, success)
		}
	})
}
