package simulation

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// healingWatch holds what must be true of every change and of the end.
type healingWatch struct {
	since      map[string]time.Time       // rule id of a guilty rule → when it was last opened
	openings   map[string]int             // rule id → how often it was opened
	removed    map[string]int             // rule id → how often the healer closed it
	told       map[string]map[string]bool // rule id → heals that say they closed it
	narrowed   map[string]time.Time       // rule id → when a person narrowed it
	named      map[string]string          // CloudTrail eventID → its record
	except     map[string]time.Time       // group and rule key → since
	excepted   map[string]time.Time       // group and rule key → until
	edited     map[healing.Place]bool     // whether pl-office is the world
	considered map[string]bool            // heals that a person has looked at
	stops      map[string]int             // group and hour → facts
	contents   map[string]string          // fact id → content
}

func newHealingWatch() healingWatch {
	return healingWatch{
		since: map[string]time.Time{}, openings: map[string]int{}, removed: map[string]int{}, told: map[string]map[string]bool{},
		narrowed: map[string]time.Time{}, excepted: map[string]time.Time{}, named: map[string]string{}, except: map[string]time.Time{}, edited: map[healing.Place]bool{}, considered: map[string]bool{},
		stops: map[string]int{}, contents: map[string]string{},
	}
}

func (w *healingWatch) open(h *Healing, rule events.SecurityGroupRule) {
	w.since[rule.RuleID] = h.Clock.Now()
	w.openings[rule.RuleID]++
}

// edit opens every rule that uses the office's prefix list.
func (w *healingWatch) edit(h *Healing, at healing.Place) {
	if w.edited[at] {
		return
	}
	w.edited[at] = true
	for _, rule := range h.groups.Live(at) {
		if rule.PrefixListID == "pl-office" {
			w.open(h, rule)
		}
	}
}

// overtaken is how long a decision may be under way: what a person does to a
// rule in that time, EC2 has no means to respect.
const overtaken = time.Minute

// closed holds what must be true of each rule that the healer closes.
func (w *healingWatch) closed(h *Healing, at healing.Place, rule events.SecurityGroupRule) {
	key, now := healing.RuleKey(rule), h.Clock.Now()
	h.Log("close %s %s", key, rule.RuleID)
	w.removed[rule.RuleID]++
	narrowed, byHand := w.narrowed[rule.RuleID]
	switch {
	case h.observes(rule.GroupID):
		h.Violate("%s of %s was closed in observe mode", key, rule.GroupID)
	case !h.isGuilty(at, rule) && !inQuarantine(rule) && !(byHand && now.Sub(narrowed) < overtaken):
		h.Violate("the innocent rule %s of %s was closed", key, rule.GroupID)
	case now.Before(w.excepted[rule.GroupID+" "+key]) && now.Sub(w.except[rule.GroupID+" "+key]) > overtaken:
		h.Violate("%s was closed although a person had undone that", key)
	}
	if open := now.Sub(w.since[rule.RuleID]); h.prompt && open > latestCall+3*time.Second && !w.stopped(rule.GroupID) && !w.within(rule, now, slices.Concat(guilty, reopened)) {
		h.Violate("%s was open for %s although its event came", key, open)
	}
	recorded := slices.ContainsFunc(h.state.Heals(), func(heal healing.Heal) bool {
		return slices.ContainsFunc(heal.Removed, func(r events.Removal) bool {
			return r.Rule.RuleID == rule.RuleID && r.Rule.Description == rule.Description && maps.Equal(r.Rule.Tags, rule.Tags)
		})
	})
	if !recorded {
		h.Violate("%s was closed before its undo record was kept", key)
	}
}

func (w *healingWatch) stopped(group string) bool {
	for key := range w.stops {
		if key[:len(group)] == group {
			return true
		}
	}
	return false
}

// opened holds what must be true of each rule that an undo opens.
func (w *healingWatch) opened(h *Healing, before, rule events.SecurityGroupRule) {
	if until, ok := w.excepted[rule.GroupID+" "+healing.RuleKey(rule)]; !ok || !until.After(h.Clock.Now()) {
		h.Violate("an undo opens %s without an exception: it would be closed again", healing.RuleKey(rule))
	}
	if before.RuleID != "" && !inQuarantine(before) {
		h.Violate("an undo overwrote %s by %s", healing.RuleKey(before), healing.RuleKey(rule))
	}
	if before.RuleID != "" {
		w.open(h, rule)
	}
}

// asked holds that a group is closed before anybody asks who could reach it.
func (w *healingWatch) asked(h *Healing, at healing.Place, group string, opened []events.SecurityGroupRule) {
	if h.observes(group) {
		return
	}
	for _, rule := range opened {
		if rule.PrefixListID != "" {
			continue // one whose entries were denied is told of, and stays
		}
		live, ok := h.find(at, func(r events.SecurityGroupRule) bool { return r.RuleID == rule.RuleID })
		if ok && healing.RuleKey(live) == healing.RuleKey(rule) && h.Clock.Now().Sub(w.since[rule.RuleID]) > overtaken && !h.Clock.Now().Before(w.excepted[group+" "+healing.RuleKey(rule)]) {
			h.Violate("reachability was asked while %s is open", healing.RuleKey(rule))
		}
	}
}

// fact holds that a fact says the same each time, and keeps what it says.
func (w *healingWatch) fact(h *Healing, f events.Fact) {
	content, err := json.Marshal(events.Detail[events.Data](f))
	if err != nil {
		h.Violate("%v", err)
	}
	if first, known := w.contents[f.Metadata.ID]; known {
		if first != string(content) {
			h.Violate("%s says two things:\n%s\n%s", f.Metadata.ID, first, content)
		}
		return
	}
	w.contents[f.Metadata.ID] = string(content)
	switch data := f.Data.(type) {
	case events.SecurityGroupHealed:
		w.blamed(h, data)
		for _, r := range data.Removed {
			if w.told[r.Rule.RuleID] == nil {
				w.told[r.Rule.RuleID] = map[string]bool{}
			}
			w.told[r.Rule.RuleID][data.HealID] = true
		}
	case events.SecurityGroupHealingStopped:
		key := data.GroupID + " " + data.Account + " " + data.Hour.Format(time.RFC3339)
		if w.stops[key]++; w.stops[key] > 1 || data.Actions <= data.Limit {
			h.Violate("%s: stop number %d, at action %d of %d", key, w.stops[key], data.Actions, data.Limit)
		}
	case events.SecurityGroupHealUndone:
		w.exact(h, data)
	}
}

// blamed holds that whoever is named made the call that opened the rule, and that
// an exposure is only told where the time of that call is known.
func (w *healingWatch) blamed(h *Healing, data events.SecurityGroupHealed) {
	by, rule := data.Trigger, data.Removed[0].Rule
	record := w.named[by.EventID]
	names := strings.Contains(record, rule.RuleID) || rule.PrefixListID != "" && strings.Contains(record, rule.PrefixListID)
	if known := by.Found == events.FoundByEvent; known != names || known != (by.Principal != "") || known == by.Time.IsZero() || known != (data.Exposure > 0) {
		h.Violate("%s of %s, exposure %s, blames %+v; the record: %s", data.HealID, rule.RuleID, data.Exposure, by, record)
	}
}

// exact holds that an undo restores what was closed: the same rule where it was
// in quarantine, one like it where it was revoked.
func (w *healingWatch) exact(h *Healing, data events.SecurityGroupHealUndone) {
	for _, rule := range data.Restored { // made anew
		w.openings[rule.RuleID] = max(1, w.openings[rule.RuleID])
	}
	for _, heal := range h.state.Heals() {
		if heal.ID != data.HealID {
			continue
		}
		for i, r := range heal.Removed {
			want, got := r.Rule, data.Restored[i]
			if r.Quarantine == "" && healing.RuleKey(got) == healing.RuleKey(want) {
				continue
			}
			if !reflect.DeepEqual(got, want) {
				h.Violate("the undo of %s made %+v of %+v", data.HealID, got, want)
			}
		}
	}
}

// End lets one last, undisturbed sweep look, an hour after everything, and
// checks that nothing is open any more, or reported if the policy only
// observes, and that each rule that was closed was told of, once an opening.
func (h *Healing) End() {
	h.quiet = true
	h.stubborn = map[string]int{}
	var last time.Time // an exception may end between the sweep and the end of everything
	h.Clock.After(time.Hour, func() { last = h.Clock.Now(); h.sweep() })
	h.Run()
	for _, at := range places {
		for _, rule := range h.groups.Live(at) {
			excepted := h.watch.within(rule, last, h.inGroup(at, rule.GroupID))
			switch {
			case !h.isGuilty(at, rule):
			case h.observes(rule.GroupID) && !h.exposed(rule.RuleID):
				h.Violate("nobody was told of %s %s", rule.GroupID, healing.RuleKey(rule))
			case !h.observes(rule.GroupID) && !excepted:
				h.Violate("%s of %s is still open", healing.RuleKey(rule), rule.GroupID)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.watch.removed)) {
		if len(h.watch.told[id]) == 0 {
			h.Violate("%s was closed and no fact says so", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.watch.told)) {
		if told, openings := len(h.watch.told[id]), h.watch.openings[id]; told > openings {
			h.Violate("%s was opened %d times and %d heals say they closed it", id, openings, told)
		}
	}
}

// within reports whether the rule admits nobody but those whom one of the given
// rules lets in, which a person has opened by an undo: then it opens nothing. It
// is told here again, by hand.
func (w *healingWatch) within(rule events.SecurityGroupRule, at time.Time, let []events.SecurityGroupRule) bool {
	return slices.ContainsFunc(let, func(g events.SecurityGroupRule) bool {
		return at.Before(w.excepted[rule.GroupID+" "+healing.RuleKey(g)]) && !g.Egress && g.ReferencedGroupID == "" &&
			admits(g).Overlaps(admits(rule)) && admits(g).Bits() <= admits(rule).Bits() &&
			(g.Protocol == "-1" || g.Protocol == rule.Protocol && g.FromPort <= rule.FromPort && rule.ToPort <= g.ToPort)
	})
}

// admits is what a guilty rule admits; its prefix lists are the world.
func admits(rule events.SecurityGroupRule) netip.Prefix {
	return netip.MustParsePrefix(cmp.Or(rule.CIDRv4, rule.CIDRv6, "0.0.0.0/0"))
}

func (h *Healing) inGroup(at healing.Place, group string) []events.SecurityGroupRule {
	return slices.DeleteFunc(h.groups.Live(at), func(r events.SecurityGroupRule) bool { return r.GroupID != group })
}

func (h *Healing) exposed(ruleID string) bool {
	return slices.ContainsFunc(h.Facts, func(f events.Fact) bool {
		data, ok := f.Data.(events.SecurityGroupExposed)
		return ok && slices.ContainsFunc(data.Exposed, func(r events.Removal) bool { return r.Rule.RuleID == ruleID })
	})
}
