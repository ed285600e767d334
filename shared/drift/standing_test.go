package drift_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// open makes resources from "Jobs=a News=b": logical id and digest.
func open(text string) []drift.Open {
	var out []drift.Open
	for _, word := range strings.Fields(text) {
		name, digest, _ := strings.Cut(word, "=")
		out = append(out, drift.Open{LogicalID: name, Digest: digest, Status: "MODIFIED"})
	}
	return out
}

func names(open []drift.Open) string {
	var out []string
	for _, o := range open {
		out = append(out, o.LogicalID+"="+o.Digest)
	}
	return strings.Join(out, " ")
}

func TestChangeSince(t *testing.T) {
	tests := []struct {
		name       string
		open, told string // before
		now        drift.Seen
		want       string // change
		left       string // open after
	}{
		{"clean, and still", "", "", drift.Seen{}, drift.ChangeNone, ""},
		{"drifts", "", "", drift.Seen{Open: open("Jobs=a")}, drift.ChangeDetected, "Jobs=a"},
		{"drifts as before", "Jobs=a", "Jobs=a", drift.Seen{Open: open("Jobs=a")}, drift.ChangeNone, "Jobs=a"},
		{"drifts otherwise", "Jobs=a", "Jobs=a", drift.Seen{Open: open("Jobs=b")}, drift.ChangeDetected, "Jobs=b"},
		{"another one appears", "Jobs=a", "Jobs=a", drift.Seen{Open: open("Jobs=a News=c")}, drift.ChangeDetected, "Jobs=a News=c"},
		{"one of two disappears", "Jobs=a News=c", "Jobs=a News=c", drift.Seen{Open: open("News=c")}, drift.ChangeDetected, "News=c"},
		{"all disappear", "Jobs=a", "Jobs=a", drift.Seen{}, drift.ChangeResolved, ""},
		{"it could not be checked", "Jobs=a", "Jobs=a", drift.Seen{Unchecked: []string{"Jobs"}, Unknown: true}, drift.ChangeNone, "Jobs=a"},
		{"one could not be checked, another drifts", "Jobs=a", "Jobs=a", drift.Seen{Unchecked: []string{"Jobs"}, Unknown: true, Open: open("News=c")}, drift.ChangeDetected, "Jobs=a News=c"},
		{"nothing was looked at", "Jobs=a News=c", "Jobs=a News=c", drift.Seen{Nothing: true, Unknown: true}, drift.ChangeNone, "Jobs=a News=c"},
		{"in sync, but the stack is unknown", "Jobs=a", "Jobs=a", drift.Seen{Unknown: true}, drift.ChangeNone, ""},
		{"and then it is known", "", "Jobs=a", drift.Seen{}, drift.ChangeResolved, ""},
		{"or drifts as it was told", "", "Jobs=a", drift.Seen{Open: open("Jobs=a")}, drift.ChangeNone, "Jobs=a"},
		{"the other engine cannot check it", "Jobs=a", "Jobs=a", drift.Seen{Unchecked: []string{"Jobs"}}, drift.ChangeNone, "Jobs=a"},
		{"the stack is gone", "Jobs=a", "Jobs=a", drift.Seen{Nothing: true, Unknown: true, Gone: true}, drift.ChangeNone, ""},
		{"the stack was made anew", "Jobs=a", "Jobs=a", drift.Seen{Stack: events.StackRef{StackID: "anew"}}, drift.ChangeNone, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			last := drift.Standing{ScanID: "one", Open: open(tt.open), Told: open(tt.told)}
			tt.now.ScanID, tt.now.At = "two", started
			next, got := drift.ChangeSince(last, tt.now)
			if got != tt.want || names(next.Open) != tt.left {
				t.Errorf("%s, open %q, want %s, %q", got, names(next.Open), tt.want, tt.left)
			}
		})
	}
}

// Since is the first scan that saw it, whatever it looked like then.
func TestSince(t *testing.T) {
	first, _ := drift.ChangeSince(drift.Standing{}, drift.Seen{ScanID: "one", At: started, Open: open("Jobs=a")})
	second, _ := drift.ChangeSince(first, drift.Seen{ScanID: "two", At: started.Add(time.Hour), Open: open("Jobs=b News=c")})
	if !second.Open[0].Since.Equal(started) || !second.Open[1].Since.Equal(started.Add(time.Hour)) {
		t.Errorf("%+v", second.Open)
	}
}

// FuzzChangeSince walks through reports: a repeated one tells the same and
// stands the same; what is told follows what is open; the same report again, by
// another scan, tells nothing.
func FuzzChangeSince(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 200, 77, 0})
	f.Add([]byte{255, 0, 255, 0})
	f.Fuzz(func(t *testing.T, walk []byte) {
		var standing drift.Standing
		told := ""
		for i, b := range walk {
			now := drift.Seen{ScanID: string(rune('a' + i%20)), DetectionID: string(rune('0' + i)), At: started.Add(time.Duration(i) * time.Hour)}
			for n, name := range []string{"A", "B"} {
				switch b >> (2 * n) & 3 {
				case 1:
					now.Open = append(now.Open, open(name+"=x")...)
				case 2:
					now.Open = append(now.Open, open(name+"=y")...)
				case 3:
					now.Unchecked = append(now.Unchecked, name)
				}
			}
			now.Unknown = b&16 != 0
			now.Nothing = b&32 != 0
			if now.Nothing {
				now.Open, now.Unknown = nil, true
			}
			next, change := drift.ChangeSince(standing, now)
			again, same := drift.ChangeSince(next, now)
			if same != change || names(again.Open) != names(next.Open) || names(again.Told) != names(next.Told) {
				t.Fatalf("a repeated report: %s then %s, %+v then %+v", change, same, next, again)
			}
			switch change {
			case drift.ChangeDetected:
				if names(next.Open) == "" || names(next.Open) == told {
					t.Fatalf("told %q after %q", names(next.Open), told)
				}
				told = names(next.Open)
			case drift.ChangeResolved:
				if told == "" || len(next.Open) > 0 || now.Unknown {
					t.Fatalf("resolved after %q, open %q", told, names(next.Open))
				}
				told = ""
			}
			if names(next.Told) != told {
				t.Fatalf("stands as told %q, but %q was told", names(next.Told), told)
			}
			now.DetectionID += "'"
			if _, change := drift.ChangeSince(next, now); change != drift.ChangeNone {
				t.Fatalf("the same report by another scan: %s", change)
			}
			standing = next
		}
	})
}

// standing is a world that remembers.
func standing(t *testing.T) (*world, *fake.DriftStandings) {
	w := newWorld(t)
	s := &fake.DriftStandings{}
	w.service.Standings = s
	return w, s
}

func (w *world) scan(id string) {
	w.t.Helper()
	scan := scheduled()
	scan.ScanID = id
	must(w.service.Report(ctx, w.detect(scan, id)))(w.t)
}

// Facts tell a change once, a scan always.
func TestNotifyOnChange(t *testing.T) {
	w, _ := standing(t)
	jobs := w.stack.Resources["Jobs"]
	set := func(v float64) { jobs.Actual = map[string]any{"VisibilityTimeout": v} }
	steps := []struct {
		name   string
		before func()
		want   []string
	}{
		{"drift", func() {}, []string{"DriftScanned.v1", "DriftDetected.v1"}},
		{"the same drift", func() {}, []string{"DriftScanned.v1"}},
		{"another value", func() { set(31) }, []string{"DriftScanned.v1", "DriftDetected.v1"}},
		{"unreadable", func() { jobs.Unreadable = "no" }, []string{"DriftScanned.v1"}},
		{"readable again", func() { jobs.Unreadable = "" }, []string{"DriftScanned.v1"}},
		{"put right", func() { set(60) }, []string{"DriftScanned.v1", "DriftResolved.v1"}},
		{"clean", func() {}, []string{"DriftScanned.v1"}},
		{"drift again", func() { set(31) }, []string{"DriftScanned.v1", "DriftDetected.v1"}},
	}
	for i, step := range steps {
		step.before()
		known := len(w.facts.Types())
		w.scan("scan-" + string(rune('a'+i)))
		if got := w.facts.Types()[known:]; !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
	for _, f := range w.facts.Facts() {
		if d, ok := f.Data.(events.DriftResolved); ok && (len(d.Resources) != 1 || d.Resources[0].LogicalID != "Jobs" || d.Resources[0].Status != "MODIFIED") {
			t.Errorf("resolved %+v", d)
		}
	}
}

// A report whose facts were published, or not, before it broke off.
func TestARepeatedReportTellsTheSame(t *testing.T) {
	for _, broken := range []string{"Standing", "Remember", "Publish"} {
		w, s := standing(t)
		scan := w.detect(scheduled(), "detection")
		fails := true
		fail := func(call string) error {
			if fails && call == broken {
				return fault.Transient("throttled")
			}
			return nil
		}
		s.Fault, w.facts.Fault = fail, func() error { return fail("Publish") }
		if _, err := w.service.Report(ctx, scan); !fault.Is(err, fault.TransientError) {
			t.Fatalf("%s: %v", broken, err)
		}
		fails = false
		for range 2 {
			if _, err := w.service.Report(ctx, scan); err != nil {
				t.Fatal(err)
			}
			if got := w.facts.Types(); !slices.Equal(got, []string{"DriftScanned.v1", "DriftDetected.v1"}) {
				t.Errorf("%s: %v", broken, got)
			}
		}
	}
}

// What is ignored or accepted is not told, and what was told is resolved when
// it is.
func TestKeptDriftIsNotTold(t *testing.T) {
	w, p, _ := responding(t)
	w.service.Standings = &fake.DriftStandings{}
	w.scan("one")
	p.policy.Ignore = []response.Exception{{LogicalID: "Jobs", Reason: "a test", Until: w.clock.Now().Add(24 * time.Hour)}}
	w.scan("two")
	w.scan("three")
	want := []string{"DriftScanned.v1", "DriftDetected.v1", "DriftScanned.v1", "DriftResolved.v1", "DriftScanned.v1"}
	if got := w.facts.Types(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if d := w.facts.Facts()[1].Data.(events.DriftDetected); d.Resources[0].Severity != "medium" {
		t.Errorf("%+v", d)
	}
}
