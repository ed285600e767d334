package rollout

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Sizes of the drawing, in its own units.
const (
	graphWidth  = 960
	plotLeft    = 158.0
	plotRight   = 898.0
	plotTop     = 118.0
	plotHeight  = 210.0
	laneHeight  = 58.0
	laneGap     = 12.0
	eventHeight = 19.0
	reasonWidth = 100 // characters of a line
	reasonLines = 3
)

// longestGraph is the longest time that is drawn; no rollout takes as long.
const longestGraph = 10 * 366 * 24 * time.Hour

// Graph draws a record as an SVG: the share of the traffic that each side had
// over time, what was measured meanwhile, and what was decided and why. A
// rollout that still runs is drawn up to now. The picture stands alone: no
// font, script or picture of elsewhere, a title and a description for those who
// do not see it, colours for light and for dark pages, and a shape beside every
// colour that means something. The same record gives the same bytes.
func Graph(record Record, now time.Time) []byte {
	g := newDrawing(record, now)
	g.curve()
	y := plotTop + plotHeight + 30
	for _, name := range g.metrics {
		g.lane(name, y)
		y += laneHeight + laneGap
	}
	g.axis(y - laneGap)
	y = g.events(y + 44)
	g.key(y)
	return g.document(y + 34)
}

// drawing collects the elements; they are written in the order of their layer.
type drawing struct {
	record             Record
	began, end         time.Time
	shares             []share
	metrics            []string
	measured           map[string][]Measurement
	notable            []Entry // what the list below names
	back, fore, labels bytes.Buffer
	described          []string
	seen               map[string]bool // outcomes
}

// share is a weight of the candidate from a time on.
type share struct {
	at     time.Time
	weight int
}

func newDrawing(record Record, now time.Time) *drawing {
	g := &drawing{record: record, measured: map[string][]Measurement{}, seen: map[string]bool{}}
	timeline := record.Timeline
	g.began = record.Began
	if g.began.IsZero() && len(timeline) > 0 {
		g.began = timeline[0].Time
	}
	g.shares = []share{{g.began, 0}}
	last := g.began
	for _, e := range timeline {
		at := maxTime(e.Time, g.began)
		if e.Weight != g.shares[len(g.shares)-1].weight {
			g.shares = append(g.shares, share{at, e.Weight})
		}
		if e.Action != EntryRetired {
			last = maxTime(last, at) // until the old side is retired, nothing moves
		}
		if e.Action != EntryStarted && e.Action != EntryStepped && e.Action != EntryHeld {
			g.notable = append(g.notable, e)
		}
		g.note(e.Measured)
	}
	g.note(record.State.Measured)
	if s := record.State; !s.Phase.Ended() && s.Phase != Promoted {
		last = maxTime(last, now)
		if s.Weight != g.shares[len(g.shares)-1].weight && s.Since.After(g.shares[len(g.shares)-1].at) {
			g.shares = append(g.shares, share{s.Since, s.Weight})
		}
	}
	span := min(max(last.Sub(g.began), time.Second), longestGraph)
	g.end = g.began.Add(span + span/20)
	for name, list := range g.measured {
		slices.SortStableFunc(list, func(a, b Measurement) int { return a.Time.Compare(b.Time) })
		g.measured[name] = slices.CompactFunc(list, func(a, b Measurement) bool { return a.Time.Equal(b.Time) })
	}
	for _, m := range record.Plan.Metrics {
		g.metrics = append(g.metrics, m.Name)
	}
	var others []string
	for name := range g.measured {
		if !slices.Contains(g.metrics, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	g.metrics = append(g.metrics, others...)
	return g
}

func (g *drawing) note(measured []Measurement) {
	for _, m := range measured {
		g.measured[m.Metric] = append(g.measured[m.Metric], m)
	}
}

// x is where a time is drawn; what is beyond the drawing is at its edge.
func (g *drawing) x(at time.Time) float64 {
	part := float64(at.Sub(g.began)) / float64(g.end.Sub(g.began))
	return plotLeft + min(max(part, 0), 1)*(plotRight-plotLeft)
}

// y is where a percentage is drawn.
func percentY(percent int) float64 { return plotTop + plotHeight*(1-float64(percent)/100) }

// candidate and live are the names of the sides, each with a colour of its own.
func (g *drawing) candidate() string {
	if g.record.Request.Candidate.Name == Green {
		return Green
	}
	return Blue
}

func (g *drawing) live() string {
	if g.candidate() == Green {
		return Blue
	}
	return Green
}

// curve draws the shares as two areas that fill the plot, the grid over them,
// and the weight of each step.
func (g *drawing) curve() {
	bottom, right := percentY(0), g.x(g.end)
	var line, area strings.Builder
	fmt.Fprintf(&line, "M%s %s", coordinate(g.x(g.began)), coordinate(bottom))
	for i, s := range g.shares {
		until := right
		if i+1 < len(g.shares) {
			until = g.x(g.shares[i+1].at)
		}
		fmt.Fprintf(&line, " H%s V%s H%s", coordinate(g.x(s.at)), coordinate(percentY(s.weight)), coordinate(until))
	}
	fmt.Fprintf(&area, "%s V%s Z", line.String(), coordinate(bottom))
	if !g.record.Plan.First {
		fmt.Fprintf(&g.back, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" class=\"area %s\"/>\n",
			coordinate(plotLeft), coordinate(plotTop), coordinate(right-plotLeft), coordinate(plotHeight), g.live())
	}
	fmt.Fprintf(&g.back, "<path d=\"%s\" class=\"card\"/>\n<path d=\"%s\" class=\"area %s\"/>\n", area.String(), area.String(), g.candidate())
	g.pauses()
	for _, percent := range []int{0, 25, 50, 75, 100} {
		y := percentY(percent)
		fmt.Fprintf(&g.back, "<path d=\"M%s %s H%s\" class=\"grid\"/>\n", coordinate(plotLeft), coordinate(y), coordinate(plotRight))
		g.text(plotLeft-10, y+4, "end", "small", fmt.Sprintf("%d %%", percent))
	}
	fmt.Fprintf(&g.fore, "<path d=\"%s\" class=\"line %s\"/>\n", line.String(), g.candidate())
	for i, s := range g.shares {
		until := right
		if i+1 < len(g.shares) {
			until = g.x(g.shares[i+1].at)
		}
		if s.at.After(g.began) {
			g.described = append(g.described, fmt.Sprintf("%d %% after %s", s.weight, brief(s.at.Sub(g.began))))
		}
		x, y := g.x(s.at), percentY(s.weight)
		if until-x < 30 || i == 0 && s.weight == 0 {
			continue
		}
		if s.weight > 88 {
			y += 27
		}
		g.text(x+7, y-8, "start", "step", fmt.Sprintf("%d %%", s.weight))
	}
}

// pauses shades the times in which a person was waited for.
func (g *drawing) pauses() {
	var since time.Time
	shade := func(until time.Time) {
		if !since.IsZero() {
			x, width := coordinate(g.x(since)), coordinate(max(g.x(until)-g.x(since), 1))
			fmt.Fprintf(&g.back, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" class=\"pause\"/><rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"5\" class=\"band\"/>\n",
				x, coordinate(plotTop), width, coordinate(plotHeight), x, coordinate(percentY(0)+2), width)
		}
		since = time.Time{}
	}
	for _, e := range g.record.Timeline {
		switch e.Action {
		case EntryPaused:
			shade(e.Time)
			since = e.Time
		case EntryHeld:
		default:
			shade(e.Time)
		}
	}
	shade(g.end)
}

// events draws a mark at each notable entry and lists them below with their
// reasons. It returns where the list ends.
func (g *drawing) events(y float64) float64 {
	var above [2]float64 // where the marks of the two rows end
	for i, e := range g.notable {
		number := fmt.Sprint(i + 1)
		x := g.x(e.Time)
		if !e.Time.After(g.end) {
			row := 0
			if x-10 < above[0] && x-10 >= above[1] {
				row = 1
			}
			at := max(x, above[row]+10)
			above[row] = at + 11
			top := plotTop - 16 - 22*float64(row)
			bottom := plotTop + plotHeight + 30 + float64(len(g.metrics))*(laneHeight+laneGap) - laneGap
			if len(g.metrics) == 0 {
				bottom = percentY(0)
			}
			fmt.Fprintf(&g.fore, "<path d=\"M%s %s L%s %s V%s\" class=\"mark\"/>\n", coordinate(at), coordinate(top), coordinate(x), coordinate(plotTop-2), coordinate(bottom))
			g.badge(at, top, number, e.Action)
		}
		y += 3
		g.badge(plotLeft-118, y-4, number, e.Action)
		g.text(plotLeft-100, y, "start", "small", "+"+brief(e.Time.Sub(g.began)))
		title := actionText(e)
		g.text(plotLeft-24, y, "start", "strong", title)
		why := e.Why
		if e.By != "" && !strings.Contains(why, e.By) {
			why = strings.TrimPrefix(why+", by "+e.By, ", ")
		}
		g.described = append(g.described, strings.TrimSuffix(title+" after "+brief(e.Time.Sub(g.began))+": "+why, ": "))
		lines := wrap(why, reasonWidth, reasonLines)
		for _, line := range lines {
			g.text(plotLeft+120, y, "start", "body", line)
			y += eventHeight - 3
		}
		y += eventHeight - float64(min(len(lines), 1))*(eventHeight-3)
	}
	return y
}

// badge is the number of an entry, in the colour and, for those who do not see
// it, beside the word of its action.
func (g *drawing) badge(x, y float64, number, action string) {
	fmt.Fprintf(&g.labels, "<circle cx=\"%s\" cy=\"%s\" r=\"9\" class=\"badge %s\"/>", coordinate(x), coordinate(y), actionClass(action))
	g.text(x, y+4, "middle", "number", number)
}

func actionClass(action string) string {
	switch action {
	case EntryPromoted:
		return "good"
	case EntryAborted, EntrySwitchedBack:
		return "bad"
	case EntryPaused:
		return "wait"
	default:
		return "plain"
	}
}

func actionText(e Entry) string {
	switch e.Action {
	case EntryPaused, EntryResumed:
		return fmt.Sprintf("%s at %d %%", e.Action, e.Weight)
	case EntrySwitchedBack:
		return "switched back"
	case EntryRetired:
		return "old side retired"
	default:
		return e.Action
	}
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
