package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/evenkeel/evenkeel/shared/rollout"
)

// FuzzRolloutText shows records as another version of the suite, or a hand, may
// have left them: each is shown, none steers a terminal, and what a command
// would do to it is either a pair of percentages that make a whole, or an error.
func FuzzRolloutText(f *testing.F) {
	for _, r := range []rollout.Record{canary(), paused(), aborted(), promoted(), {}} {
		data, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r rollout.Record
		if json.Unmarshal(data, &r) != nil {
			t.Skip()
		}
		var out bytes.Buffer
		a := &app{out: &out, getenv: func(string) string { return "" }, now: func() time.Time { return clock("05:00:00") }}
		for _, which := range []string{"", "x"} {
			if err := a.printRollouts(&out, which, []rollout.Record{r, r}, false); err != nil {
				t.Fatal(err)
			}
		}
		for name := range deeds() {
			e, err := effectOf(rollout.Command{Name: name, By: "kim", At: clock("05:00:00")}, r)
			if err != nil || e.already {
				continue
			}
			a.effectText(&out, r, e)
			sum := 0
			then := sharesAt(r, e.weight)
			for _, s := range then {
				sum += s.Weight
			}
			if len(then) == 2 && sum != 100 {
				t.Errorf("%s gives %d %% in all", name, sum)
			}
		}
		if at := strings.IndexFunc(out.String(), func(c rune) bool { return c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)) }); at >= 0 {
			t.Errorf("%q is printed as it is", out.String()[at:min(at+10, out.Len())])
		}
	})
}
