//go:build !validator

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/rollout"
)

// barWidth is the length of the bar that shows a weight: 5 % a character.
const barWidth = 20

// bar draws a percentage. Whatever is not nothing has a mark, and whatever is
// not everything has a gap.
func bar(percent int) string {
	percent = min(max(percent, 0), 100)
	filled := percent * barWidth / 100
	if percent > 0 {
		filled = max(filled, 1)
	}
	return strings.Repeat("█", filled) + strings.Repeat("·", barWidth-filled)
}

// rolloutList writes one row a stack.
func (a *app) rolloutList(w io.Writer, all []rollout.Record) {
	if len(all) == 0 {
		fmt.Fprintln(w, "no stack has a rollout yet; docs/rollouts.md says how evenkeel.yaml asks for one")
		return
	}
	t := table(w)
	fmt.Fprintln(t, "STACK\tPHASE\tTRAFFIC\tSTRATEGY\tRUN\tBEGAN\tNEXT")
	for _, r := range all {
		var traffic []string
		for _, s := range shares(r) {
			traffic = append(traffic, fmt.Sprintf("%s %d %%", s.Side, s.Weight))
		}
		n := nextOf(r, a.now())
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", unambiguous(r, all), r.State.Phase, strings.Join(traffic, ", "),
			r.Request.Rollout.Strategy, r.Request.Run.RunID, ago(a.now(), r.Began), printable(n.inBrief())+a.left(n.At))
	}
	_ = t.Flush()
}

// in says in how much time something is, for a list.
func (a *app) left(at *time.Time) string {
	if at == nil || !at.After(a.now()) {
		return ""
	}
	return ", in " + at.Sub(a.now()).Round(time.Second).String()
}

// at is a time and how far away it is. What is due already comes any moment.
func (a *app) at(at time.Time) string {
	if left := a.left(&at); left != "" {
		return at.UTC().Format(time.DateTime) + " UTC" + left
	}
	return "any moment now"
}

// rolloutText writes everything about one rollout. Lines are as wide as they
// are, but on a terminal they keep to its width.
func (a *app) rolloutText(w io.Writer, r rollout.Record) {
	width := a.columns()
	target, run := r.Request.Target, r.Request.Run
	fmt.Fprintf(w, "%s  %s\n", a.bold(rolloutName(r)), a.phase(r.State.Phase, phaseText(r)))
	if r.State.Why != "" {
		wrapped(w, width, "  ", "  ", printable(r.State.Why))
	}
	wrapped(w, width, "  ", "    ", fmt.Sprintf("%s in %s/%s, %s by %s", target.StackName, target.Account, target.Region, r.Request.Rollout.Strategy, printable(routerText(r.Request.Rollout.Router))))
	wrapped(w, width, "  ", "    ", fmt.Sprintf("rollout %s: %.8s of %s %s by %s, began %s", r.ID, run.Commit, run.Repository, printable(run.Branch), printable(run.Actor), ago(a.now(), r.Began)))
	if r.State.Found != "" {
		wrapped(w, width, "  ", "    ", a.red("somebody else has set the weights")+": "+printable(r.State.Found))
	}
	a.sharesText(w, r)
	wrapped(w, width, "  steps  ", "         ", a.stepsText(r))
	a.measuredText(w, width, r)
	for _, e := range r.Timeline {
		a.entryText(w, width, e)
	}
	n := nextOf(r, a.now())
	line := printable(n.What)
	if n.At != nil {
		line += "; " + a.at(*n.At)
	}
	wrapped(w, width, "next: ", "      ", line)
	if r.State.Phase == rollout.Paused {
		fmt.Fprintf(w, "  evenkeel rollout resume|promote|abort %s\n", rolloutPath(r))
	}
}

func (a *app) sharesText(w io.Writer, r rollout.Record) {
	t := table(w)
	for _, s := range shares(r) {
		fmt.Fprintf(t, "  %s\t%s\t%3d %%\t%s\t%.8s\t%s\n", s.Side, bar(s.Weight), s.Weight, s.Stack, s.Commit, printable(s.Target))
	}
	_ = t.Flush()
}

// stepsText lists the steps, the one in force in brackets.
func (a *app) stepsText(r rollout.Record) string {
	var steps []string
	for i, s := range r.Plan.Steps {
		text := strconv.Itoa(s.Weight) + " %"
		if s.Bake > 0 {
			text += " for " + s.Bake.String()
		}
		if s.Pause {
			text += ", then a person"
		}
		if i == r.State.Step && !over(r) {
			text = a.bold("[" + text + "]")
		}
		steps = append(steps, text)
	}
	text := strings.Join(steps, " · ")
	if r.Plan.Manual {
		text += "; a person promotes"
	}
	if r.Plan.First {
		text += "; the first rollout, so nothing can be given back"
	}
	return text
}

// measuredText tells what the metrics of the step at hand have shown.
func (a *app) measuredText(w io.Writer, width int, r rollout.Record) {
	groups := measuredNow(r)
	if len(groups) == 0 || over(r) {
		return
	}
	fmt.Fprintf(w, "  measured at %d %% since %s\n", r.State.Weight, r.State.Since.UTC().Format(time.TimeOnly))
	t := table(w)
	for _, group := range groups {
		fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", printable(group.metric), group.counts(), value(group.last), fit(printable(group.last.Why), width-44))
	}
	_ = t.Flush()
}

// under is where what belongs to a change is written: below its bar.
const under = "                    "

// entryText is one change: when, what is in force after it, what was decided
// and why; under it the values that decided, and who did it. A reason that
// does not fit beside it stands under it too.
func (a *app) entryText(w io.Writer, width int, e rollout.Entry) {
	head := fmt.Sprintf("  %s  %s  %3d %%  ", e.Time.UTC().Format("2006-01-02 15:04:05"), bar(e.Weight), e.Weight)
	why := printable(e.Why)
	pad := strings.Repeat(" ", max(len("switchedBack")-len(e.Action), 0)+2)
	beside := utf8.RuneCountInString(head+e.Action+pad+why) <= width
	switch {
	case why == "":
		fmt.Fprintln(w, head+a.action(e.Action))
	case beside:
		fmt.Fprintln(w, head+a.action(e.Action)+pad+why)
	default:
		fmt.Fprintln(w, head+a.action(e.Action))
		wrapped(w, width, under, under, why)
	}
	for _, l := range grouped(nil, e.Measured) {
		wrapped(w, width, under, under+"  ", a.looksText(l))
	}
	if e.By != "" {
		wrapped(w, width, under, under+"  ", "by "+printable(e.By))
	}
}

// looksText says what the measurements of one metric came to: how many had
// which outcome, between which values, and of those that are not good why the
// last one is not.
func (a *app) looksText(l looks) string {
	text := printable(l.metric) + " "
	worst := l.worst()
	if l.total() == 1 {
		text += a.measured(worst.Outcome)
	} else {
		text += l.counts()
	}
	if values := l.values(); values != "" && (l.total() > 1 || !strings.Contains(worst.Why, values)) {
		text += ", " + values
	}
	if worst.Why != "" && (l.total() == 1 || worst.Outcome != rollout.Successful) {
		text += ": " + printable(worst.Why)
	}
	return text
}

// value is what was measured, where that is a number.
func value(m rollout.Measurement) string {
	if m.Value == nil {
		return ""
	}
	return numeral(*m.Value)
}

func numeral(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// outcomeText is the outcome as people say it.
func outcomeText(outcome string) string {
	if outcome == rollout.NoData {
		return "no data"
	}
	return outcome
}

func (a *app) measured(outcome string) string {
	switch outcome {
	case rollout.Successful:
		return a.green(outcome)
	case rollout.Failed, rollout.Errored:
		return a.red(outcome)
	default:
		return a.yellow(outcomeText(outcome))
	}
}

func (a *app) phase(p rollout.Phase, text string) string {
	switch p {
	case rollout.Promoted, rollout.Retired:
		return a.green(text)
	case rollout.Aborting, rollout.Aborted, rollout.SwitchedBack:
		return a.red(text)
	default:
		return a.yellow(text)
	}
}

func (a *app) action(action string) string {
	switch action {
	case "promoted":
		return a.green(action)
	case "aborted", "switchedBack":
		return a.red(action)
	case "paused", "held":
		return a.yellow(action)
	default:
		return action
	}
}

// wrapped writes text in lines of at most width. The first begins with start,
// the others with indent.
func wrapped(w io.Writer, width int, start, indent, text string) {
	for i, line := range fold(text, width-len(indent)) {
		if i == 0 {
			fmt.Fprintln(w, start+line)
		} else {
			fmt.Fprintln(w, indent+line)
		}
	}
}

// narrowest is the least width that texts are folded to.
const narrowest = 24

// fold breaks text between words; a longer word stands alone.
func fold(text string, width int) []string {
	if utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	width = max(width, narrowest)
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// fit cuts text to width.
func fit(text string, width int) string {
	width = max(width, narrowest)
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
