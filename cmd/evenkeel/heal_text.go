//go:build !validator

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func (a *app) healText(w io.Writer, h ledger.HealReport) {
	fmt.Fprintf(w, "%s  %s  %s (%s) in %s/%s, %s\n", a.bold(h.HealID), h.State, h.GroupID, h.GroupName, h.Account, h.Region, h.VPCID)
	openedText(w, h.Trigger)
	reachText(w, h.HealView)
	switch {
	case h.State == ledger.HealHealed && h.Exposure > 0, h.State == ledger.HealUndone && h.Exposure > 0:
		fmt.Fprintf(w, "closed after %s; %s kept\n", openFor(h.HealView), count(h.Kept, "rule"))
	case h.State == ledger.HealHealed, h.State == ledger.HealUndone:
		fmt.Fprintf(w, "closed; since when it was open is not known; %s kept\n", count(h.Kept, "rule"))
	case h.State == ledger.HealStopped:
		fmt.Fprintln(w, "left open: the group was healed as often in this hour as the policy allows; a person must look")
	}
	sign := "-"
	if h.State == ledger.HealObserved || h.State == ledger.HealStopped {
		sign = "!"
	}
	for _, r := range h.Rules {
		fmt.Fprintf(w, "  %s %s: %s%s\n", sign, ruleText(r.Rule), printable(r.Reason), closedBy(h.HealView, r))
	}
	for _, r := range h.Restored {
		fmt.Fprintf(w, "  + %s%s\n", ruleText(r), formerly(h.Rules, r))
	}
	if h.Until != nil {
		fmt.Fprintf(w, "opened again by %s until %s\n", h.UndoneBy, h.Until.UTC().Format(time.RFC3339))
	}
	ownerText(w, h.Owner)
	timeline(w, h.Timeline)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}

// shownPublic is how many ids of interfaces a line holds.
const shownPublic = 5

func publicText(ids []string) string {
	if more := len(ids) - shownPublic; more > 0 {
		return fmt.Sprintf("%s and at least %d more", strings.Join(ids[:shownPublic], ", "), more)
	}
	return strings.Join(ids, ", ")
}

// openedText says who opened the rule, or how it was found if that is not known.
func openedText(w io.Writer, t events.Trigger) {
	opener := func(call string) string {
		text := "opened by " + printable(t.Principal)
		if t.SourceIP != "" {
			text += " from " + printable(t.SourceIP)
		}
		return text + " with " + call + " at " + moment(t.Time)
	}
	found := "found by an event (" + t.EventName + " " + t.EventID + ") that does not say who opened it"
	if t.EventName == "Sweep" {
		found = "found by a sweep; no event told who opened it"
	}
	switch {
	case t.OpenedByID != "":
		fmt.Fprintf(w, "%s\n  the last call known to have changed it: %s\n", found, opener(t.OpenedBy+" "+t.OpenedByID))
	case t.EventName == "Sweep", t.Found == events.FoundByOtherEvent:
		fmt.Fprintln(w, found)
	default:
		fmt.Fprintln(w, opener(t.EventName))
	}
}

// reachText says how bad it was, and why.
func reachText(w io.Writer, h ledger.HealView) {
	if h.Severity == "" && h.Reach == nil {
		return
	}
	text := "severity " + h.Severity
	if r := h.Reach; r != nil {
		switch r.Level {
		case events.ReachInternet:
			text += fmt.Sprintf("; reachable from the internet: %s of %s", publicText(r.Public), count(r.Interfaces, "interface"))
		case events.ReachAttached:
			text += fmt.Sprintf("; used by %s, none reachable from the internet", count(r.Interfaces, "interface"))
		case events.ReachUnattached:
			text += "; used by no interface"
		default:
			text += "; how far it could be reached is not known"
		}
	}
	fmt.Fprintln(w, text)
	if h.Reach != nil && h.Reach.Level != events.ReachUnattached { // that is its own reason
		for _, why := range h.Reach.Why {
			fmt.Fprintf(w, "  %s\n", printable(why))
		}
	}
}

// ownerText says who answers for it, and where it has to be fixed.
func ownerText(w io.Writer, o *events.Owner) {
	if o == nil {
		return
	}
	text := "owner: " + o.Kind
	for _, part := range []string{o.Stack, o.LogicalID, o.Tool} {
		if part != "" {
			text += " " + printable(part)
		}
	}
	if o.Declared {
		text += "; its source opens the group again"
	}
	fmt.Fprintln(w, text)
	if o.Fix != "" {
		fmt.Fprintf(w, "to do: %s\n", printable(o.Fix))
	}
}

// how says in a word how a heal closed its rules, "" if it closed none.
func how(h ledger.HealView) string {
	if h.State != ledger.HealHealed && h.State != ledger.HealUndone || len(h.Rules) == 0 {
		return ""
	}
	if slices.ContainsFunc(h.Rules, func(r events.Removal) bool { return r.Quarantine == "" }) {
		return string(healing.Revoke)
	}
	return string(healing.Quarantine)
}

func closedBy(h ledger.HealView, r events.Removal) string {
	switch {
	case how(h) == "":
		return ""
	case r.Quarantine != "":
		return "; narrowed to " + r.Quarantine
	}
	return "; revoked"
}

// formerly names the rule that a restored one stands for, if it has another id.
func formerly(closed []events.Removal, restored events.SecurityGroupRule) string {
	for _, r := range closed {
		if healing.RuleKey(r.Rule) == healing.RuleKey(restored) && r.Rule.RuleID != restored.RuleID {
			return ", made anew: it was " + r.Rule.RuleID
		}
	}
	return ""
}

// ruleText is a rule in the order in which people say it.
func ruleText(r events.SecurityGroupRule) string {
	ports := fmt.Sprintf("%d-%d", r.FromPort, r.ToPort)
	switch {
	case r.Protocol == "-1" || r.FromPort == -1:
		ports = "all"
	case r.FromPort == r.ToPort:
		ports = fmt.Sprint(r.FromPort)
	}
	protocol := r.Protocol + " " + ports
	if r.Protocol == "-1" {
		protocol = "every protocol"
	}
	from := strings.Join(strings.Fields(strings.Join([]string{r.CIDRv4, r.CIDRv6, r.PrefixListID, r.ReferencedGroupID}, " ")), " ")
	text := fmt.Sprintf("%s from %s (%s)", protocol, from, r.RuleID)
	if r.Description != "" {
		text += fmt.Sprintf(" %q", r.Description)
	}
	return text
}
