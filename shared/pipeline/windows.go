package pipeline

import (
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a Lambda function has no time zones of its own

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

// Window is when a stage takes deployments, every week.
type Window struct {
	Days     []string `json:"days"`               // mon … sun, on which it opens
	From     string   `json:"from"`               // 09:00
	To       string   `json:"to"`                 // 17:00; not after From means on the next day
	Timezone string   `json:"timezone,omitempty"` // IANA name; "" is UTC
}

// Freeze is when a stage takes no deployments, whatever its windows say.
type Freeze struct {
	From     string `json:"from"`               // a day, or a time as in RFC 3339
	To       string `json:"to"`                 // the last day, or the time at which it ends
	Timezone string `json:"timezone,omitempty"` // of the days; "" is UTC
	Reason   string `json:"reason,omitempty"`
}

// Opening says whether a stage takes deployments.
type Opening struct {
	Now    bool
	Until  *time.Time // when it opens next; nil when that is not within a year
	Reason string     // why it is closed, and when it opens
}

var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

// horizon is how far ahead an opening is looked for.
const horizon = 366 * 24 * time.Hour

// Open says whether the stage takes deployments at a time: inside one of its
// windows, if it has any, and in none of its freezes.
func Open(stage Stage, now time.Time) Opening {
	reason, end := closed(stage, now)
	if reason == "" {
		return Opening{Now: true}
	}
	for at := end; !at.IsZero() && at.Sub(now) < horizon; {
		next, end := closed(stage, at)
		if next == "" {
			until := at.UTC()
			return Opening{Until: &until, Reason: reason + "; it opens at " + until.Format(time.RFC3339)}
		}
		at = end
	}
	return Opening{Reason: reason + "; it does not open within a year"}
}

// closed says why the stage is closed at a time, and until when at least for
// that reason; a zero time means for ever.
func closed(stage Stage, at time.Time) (reason string, until time.Time) {
	for _, f := range stage.Freezes {
		from, to, err := f.span()
		if err == nil && !at.Before(from) && at.Before(to) {
			return strings.TrimSuffix("frozen from "+f.From+" to "+f.To+": "+f.Reason, ": "), to
		}
	}
	if len(stage.Windows) == 0 {
		return "", time.Time{}
	}
	texts := make([]string, len(stage.Windows))
	for i, w := range stage.Windows {
		opens, inside := w.next(at)
		if inside {
			return "", time.Time{}
		}
		if texts[i] = w.String(); !opens.IsZero() && (until.IsZero() || opens.Before(until)) {
			until = opens
		}
	}
	return "outside of its windows (" + strings.Join(texts, "; ") + ")", until
}

// next returns when the window opens after a time, or that it is open then.
func (w Window) next(at time.Time) (opens time.Time, inside bool) {
	zone, err := time.LoadLocation(w.Timezone)
	from, errFrom := clock(w.From)
	to, errTo := clock(w.To)
	if err != nil || errFrom != nil || errTo != nil {
		return time.Time{}, false // refused by Decode
	}
	if to <= from {
		to += 24 * time.Hour
	}
	const week = 7
	year, month, day := at.In(zone).Date()
	for i := -1; i <= week; i++ { // one that opened yesterday may last until today
		// The wall clock counts: where a day has 23 or 25 hours, time.Date finds the hour.
		opening := time.Date(year, month, day+i, 0, int(from/time.Minute), 0, 0, zone)
		closing := time.Date(year, month, day+i, 0, int(to/time.Minute), 0, 0, zone)
		weekday := time.Date(year, month, day+i, 12, 0, 0, 0, zone).Weekday()
		switch {
		case !slices.Contains(w.Days, days[weekday]) || !at.Before(closing):
		case !at.Before(opening):
			return time.Time{}, true
		default:
			return opening, false
		}
	}
	return time.Time{}, false
}

// String is the window for a person: "mon, tue 09:00–17:00 Europe/Zurich".
func (w Window) String() string {
	return strings.TrimSpace(strings.Join(w.Days, ", ") + " " + w.From + "–" + w.To + " " + w.Timezone)
}

// clock reads 09:00 as a time since midnight; 24:00 is the end of the day.
func clock(text string) (time.Duration, error) {
	if text == "24:00" {
		return 24 * time.Hour, nil
	}
	t, err := time.Parse("15:04", text)
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err
}

// span is when the freeze begins and ends; a day counts whole.
func (f Freeze) span() (from, to time.Time, err error) {
	zone, err := time.LoadLocation(f.Timezone)
	if err != nil {
		return from, to, err
	}
	if from, _, err = moment(f.From, zone); err != nil {
		return from, to, err
	}
	to, day, err := moment(f.To, zone)
	if day {
		to = to.AddDate(0, 0, 1)
	}
	return from, to, err
}

// moment reads a day or a time.
func moment(text string, zone *time.Location) (at time.Time, day bool, err error) {
	if at, err = time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return at, true, nil
	}
	at, err = time.Parse(time.RFC3339, text)
	return at, false, err
}

var windowKeys = []key{
	{"days", true, "Days of the week on which it opens: mon, tue, wed, thu, fri, sat, sun.", merge(listOf(map[string]any{"enum": days}), map[string]any{"minItems": 1})},
	{"from", true, "When it opens, by the wall clock: 09:00.", text(clockPattern)},
	{"to", true, "When it closes: 17:00, or 24:00. Not after from means on the next day.", text(clockPattern)},
	{"timezone", false, "IANA name of the time zone: Europe/Zurich. Without it, UTC.", map[string]any{"type": "string"}},
}

var freezeKeys = []key{
	{"from", true, "First day of the freeze, or its beginning: 2026-12-20 or 2026-12-20T18:00:00Z.", map[string]any{"type": "string"}},
	{"to", true, "Last day of the freeze, or its end: 2027-01-03 or 2027-01-03T06:00:00Z.", map[string]any{"type": "string"}},
	{"timezone", false, "IANA name of the time zone of the days: Europe/Zurich. Without it, UTC.", map[string]any{"type": "string"}},
	{"reason", false, "Why; shown to whoever waits.", map[string]any{"type": "string"}},
}

var clockPattern = newPattern(`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`)

// maxSpans bounds the windows and the freezes of a stage.
const maxSpans = 50

func (d *decoder) windows(n *yaml.Node) []Window {
	var list []Window
	for _, item := range d.spans(n, "windows") {
		var w Window
		keys := d.object(item, "the window", windowKeys)
		if k, ok := keys["days"]; ok {
			for _, day := range d.items(k.value, "days") {
				w.Days = append(w.Days, d.oneOf(day, "the day", days))
			}
			if len(w.Days) == 0 && k.value.Kind == yaml.SequenceNode {
				d.fault(k.at, "days names no day")
			}
		}
		if k, ok := keys["from"]; ok {
			w.From = d.matching(k.value, "from", clockPattern, "a time of day, such as \"09:00\"")
		}
		if k, ok := keys["to"]; ok {
			w.To = d.matching(k.value, "to", clockPattern, "a time of day, such as \"17:00\"")
		}
		w.Timezone = d.timezone(keys)
		list = append(list, w)
	}
	return list
}

func (d *decoder) freezes(n *yaml.Node) []Freeze {
	var list []Freeze
	for _, item := range d.spans(n, "freezes") {
		var f Freeze
		keys := d.object(item, "the freeze", freezeKeys)
		f.Timezone = d.timezone(keys)
		f.From, f.To = d.moment(keys, "from"), d.moment(keys, "to")
		if k, ok := keys["reason"]; ok {
			f.Reason, _ = d.scalar(k.value, "reason")
		}
		if from, to, err := f.span(); err == nil && !from.Before(to) {
			d.fault(position(item), "the freeze ends before it begins: from "+f.From+" to "+f.To)
		}
		list = append(list, f)
	}
	return list
}

// spans lists the items of windows or freezes.
func (d *decoder) spans(n *yaml.Node, what string) []*yaml.Node {
	switch {
	case n.Kind != yaml.SequenceNode:
		d.fault(position(n), what+" must be a list, not "+yamldoc.Kind(n))
		return nil
	case len(n.Content) > maxSpans:
		d.fault(position(n.Content[maxSpans]), "there are "+strconv.Itoa(len(n.Content))+" "+what+"; the limit is "+strconv.Itoa(maxSpans))
		return nil
	}
	return n.Content
}

func (d *decoder) timezone(keys map[string]entry) string {
	k, ok := keys["timezone"]
	if !ok {
		return ""
	}
	value, isText := d.scalar(k.value, "timezone")
	if _, err := time.LoadLocation(value); isText && (err != nil || value == "Local") {
		d.fault(position(k.value), "timezone "+strconv.Quote(value)+" is not the name of a time zone, such as Europe/Zurich")
		return ""
	}
	return value
}

func (d *decoder) moment(keys map[string]entry, name string) string {
	k, ok := keys[name]
	if !ok {
		return ""
	}
	value, isText := d.scalar(k.value, name)
	if _, _, err := moment(value, time.UTC); isText && err != nil {
		d.fault(position(k.value), name+" "+strconv.Quote(value)+" is not a day, such as 2026-12-20, nor a time, such as 2026-12-20T18:00:00Z")
	}
	return value
}
