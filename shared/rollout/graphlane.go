package rollout

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/threshold"
)

// lane draws what was measured of a metric: its values as a line, where it has
// some, and each measurement as a shape of its outcome.
func (g *drawing) lane(name string, top float64) {
	measured := g.measured[name]
	i := slices.IndexFunc(g.record.Plan.Metrics, func(m pipeline.Metric) bool { return m.Name == name })
	condition, bounds := "", []float64(nil)
	if i >= 0 {
		condition, bounds = laneCondition(g.record.Plan.Metrics[i])
	}
	fmt.Fprintf(&g.back, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" class=\"lane\"/>\n",
		coordinate(plotLeft), coordinate(top), coordinate(plotRight-plotLeft), coordinate(laneHeight))
	g.text(plotLeft-10, top+laneHeight/2-4, "end", "strong", shorten(name, 20))
	g.text(plotLeft-10, top+laneHeight/2+13, "end", "small", shorten(condition, 24))

	low, high, valued := laneRange(measured, bounds)
	y := func(v float64) float64 {
		part := (v/2 - low/2) / (high/2 - low/2) // halves do not overflow
		return top + laneHeight - 8 - (laneHeight-16)*min(max(part, 0), 1)
	}
	for _, b := range bounds {
		if valued {
			fmt.Fprintf(&g.back, "<path d=\"M%s %s H%s\" class=\"bound\"/>\n", coordinate(plotLeft), coordinate(y(b)), coordinate(plotRight))
			g.text(plotRight+8, y(b)+4, "start", "small", Number(b))
		}
	}
	var line strings.Builder
	counts := map[string]int{}
	last, drawn := "", false
	for _, m := range measured {
		x, at := g.x(m.Time), top+laneHeight/2
		if hasValue(m) {
			at = y(*m.Value)
			fmt.Fprintf(&line, "%s%s %s", map[bool]string{true: " L", false: "M"}[drawn], coordinate(x), coordinate(at))
			last = Number(*m.Value)
			drawn = true
		} else {
			if valued {
				at = top + laneHeight - 8 // not to be taken for a value
			}
			if drawn {
				line.WriteString(" ")
			}
			drawn = false
		}
		counts[m.Outcome]++
		g.seen[m.Outcome] = true
		g.shape(x, at, m.Outcome, m.Metric+", "+brief(m.Time.Sub(g.began))+": "+measuredText(m))
	}
	if line.Len() > 0 {
		fmt.Fprintf(&g.back, "<path d=\"%s\" class=\"value\"/>\n", strings.TrimSpace(line.String()))
	}
	if valued && !slices.ContainsFunc(bounds, func(b float64) bool { return math.Abs(y(b)-lastY(measured, y)) < 12 }) {
		g.text(plotRight+8, lastY(measured, y)+4, "start", "strong", last)
	}
	g.described = append(g.described, strings.TrimSpace(name+" "+condition)+": "+countText(counts))
}

// laneCondition is what a metric is held to, and the numbers in it.
func laneCondition(m pipeline.Metric) (text string, bounds []float64) {
	switch {
	case m.Alarm != nil:
		return "alarms " + strings.Join(m.Alarm.Names, ", "), nil
	case m.HTTP != nil:
		return "HTTP", nil
	}
	for _, c := range []string{m.Success, m.Failure} {
		if parsed, err := threshold.Parse(c); err == nil {
			bounds = append(bounds, parsed.Bounds()...)
		}
	}
	slices.Sort(bounds)
	switch {
	case m.Failure == "":
		text = m.Success
	case m.Success == "":
		text = "not " + m.Failure
	default:
		text = m.Success + ", not " + m.Failure
	}
	return text, slices.Compact(bounds)
}

// laneRange is what the lane spans: the values and what they are held to.
func laneRange(measured []Measurement, bounds []float64) (low, high float64, valued bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, m := range measured {
		if hasValue(m) {
			low, high, valued = min(low, *m.Value), max(high, *m.Value), true
		}
	}
	if !valued {
		return 0, 1, false
	}
	for _, b := range bounds {
		low, high = min(low, b), max(high, b)
	}
	if low > 0 && low < high/2 {
		low = 0
	}
	if margin := max(math.Abs(high), math.Abs(low), 1) * 1e-9; high/2-low/2 < margin {
		low, high = max(low-margin, -math.MaxFloat64), min(high+margin, math.MaxFloat64)
	}
	return low, high, true
}

func hasValue(m Measurement) bool {
	return m.Value != nil && !math.IsNaN(*m.Value) && !math.IsInf(*m.Value, 0)
}

func lastY(measured []Measurement, y func(float64) float64) float64 {
	for _, m := range slices.Backward(measured) {
		if hasValue(m) {
			return y(*m.Value)
		}
	}
	return 0
}

func measuredText(m Measurement) string {
	text := outcomeText(m.Outcome)
	if hasValue(m) {
		text = Number(*m.Value) + ", " + text
	}
	return withWhy(text, m.Why)
}

func countText(counts map[string]int) string {
	var parts []string
	for _, outcome := range []string{Successful, Failed, Inconclusive, NoData, Errored} {
		if n := counts[outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", outcomeText(outcome), times(n)))
		}
	}
	if len(parts) == 0 {
		return "not measured"
	}
	return strings.Join(parts, ", ")
}

// shape is the mark of an outcome: what it means is in the form too.
func (g *drawing) shape(x, y float64, outcome, title string) {
	element := ""
	switch outcome {
	case Successful:
		element = fmt.Sprintf("<circle cx=\"%s\" cy=\"%s\" r=\"3.2\"", coordinate(x), coordinate(y))
	case Failed:
		element = fmt.Sprintf("<path d=\"M%s %s l9 9 m0 -9 l-9 9\"", coordinate(x-4.5), coordinate(y-4.5))
	case Inconclusive:
		element = fmt.Sprintf("<path d=\"M%s %s l5 5 l-5 5 l-5 -5 Z\"", coordinate(x), coordinate(y-5))
	case NoData:
		element = fmt.Sprintf("<circle cx=\"%s\" cy=\"%s\" r=\"3.6\"", coordinate(x), coordinate(y))
	default:
		element = fmt.Sprintf("<path d=\"M%s %s l5 9 h-10 Z\"", coordinate(x), coordinate(y-5))
	}
	fmt.Fprintf(&g.labels, "%s class=\"%s\"><title>%s</title></%s>\n", element, outcomeClass(outcome), escape(title),
		strings.Fields(strings.TrimPrefix(element, "<"))[0])
}

func outcomeClass(outcome string) string {
	switch outcome {
	case Successful, Failed, Inconclusive, NoData:
		return outcome
	default:
		return "error"
	}
}

// axis draws the time since the beginning.
func (g *drawing) axis(y float64) {
	span := g.end.Sub(g.began)
	unit := tick(span)
	for at := time.Duration(0); at <= span && unit > 0; at += unit {
		x := g.x(g.began.Add(at))
		fmt.Fprintf(&g.back, "<path d=\"M%s %s V%s\" class=\"tick\"/>\n", coordinate(x), coordinate(plotTop), coordinate(y+5))
		text := "0"
		if at > 0 {
			text = brief(at)
		}
		g.text(x, y+19, "middle", "small", text)
	}
}

// tick is the unit of the time axis: one that people count in.
func tick(span time.Duration) time.Duration {
	units := []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}
	for _, unit := range units {
		if span/unit <= 10 {
			return unit
		}
	}
	day := units[len(units)-1]
	return (span/10/day + 1) * day
}
