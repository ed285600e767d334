package openings

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/shared/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
)

// How a case was played.
const (
	byCall   = "by the call itself" // through the gateway, whose record the healer got
	byRecord = "by its record"      // the state was made, and the case's own record put on the bus
	byInvoke = "by invoking"        // the event is none that EventBridge delivers
	bySweep  = "by a sweep"         // the event was lost
)

// play is one case on its way.
type play struct {
	stage
	c       benchmark.Case
	way     string
	why     string            // why not by the call
	before  map[string]string // described before anything happened
	after   map[string]string // described after the opening, where no healer could be faster
	opened  map[string]events.SecurityGroupRule
	earlier told // of the steps before
	failure string
}

// record is what of an event decides how it is played.
type record struct {
	envelope, fields map[string]any
}

func (p *play) record(event []byte) record {
	envelope, err := cloudtrail.Object(event)
	if err != nil {
		return record{}
	}
	fields, _ := envelope["detail"].(map[string]any)
	return record{envelope, fields}
}

// shape are cases whose point is the shape of the record, which the gateway
// would not write.
var shape = []string{"account-as-number", "one-item-no-list", "spoofed-user-name"}

// notCallable says why no call through the gateway makes such a record; "" when one does.
func (p *play) notCallable(r record) string {
	text := func(path string) string { return cloudtrail.Text(r.fields, path) }
	parameters, _ := r.fields["requestParameters"].(map[string]any)
	answer, _ := r.fields["responseElements"].(map[string]any)
	switch {
	case slices.Contains(shape, p.c.ID):
		return "the shape of its record is the point"
	case !callable[text("eventName")]:
		return "the local EC2 has no " + text("eventName")
	case text("errorCode") != "":
		return "the call failed"
	case text("userIdentity.type") != "IAMUser", !strings.HasPrefix(text("userAgent"), "aws-cli/"):
		return "another caller: " + text("userIdentity.type") + ", " + strings.SplitN(text("userAgent"), "/", 2)[0]
	case len(parameters) == 0 || parameters["omitted"] != nil || len(answer) == 0:
		return "CloudTrail left a part of the record out"
	case p.c.After != nil && text("eventName") != "RestoreManagedPrefixListVersion":
		return p.c.AfterBecause
	case text("awsRegion") != region:
		return "another partition"
	case p.c.Delivery != "":
		return "delivered " + p.c.Delivery
	case parameters["launchTemplate"] != nil:
		return "the local cloud has no such launch template"
	}
	return ""
}

// prepare makes the state before the event.
func (p *play) prepare(ctx context.Context) error {
	r := p.record(p.c.Event)
	p.why = p.notCallable(r)
	switch {
	case p.c.Expected.Action == benchmark.Error || r.fields == nil:
		p.way, p.why = byInvoke, "EventBridge delivers none such"
	case p.c.Delivery == benchmark.Lost:
		p.way = bySweep
	case p.why != "":
		p.way = byRecord
	default:
		p.way = byCall
	}
	state := p.c.Before
	restores := p.way == byCall && cloudtrail.Text(r.fields, "eventName") == "RestoreManagedPrefixListVersion"
	if restores { // the list had these entries once
		state.PrefixLists = p.c.After.PrefixLists
	}
	if err := p.build(ctx, state); err != nil {
		return err
	}
	if restores {
		for _, l := range p.c.Before.PrefixLists {
			if err := p.setEntries(ctx, l.PrefixListID, l.Entries); err != nil {
				return err
			}
		}
	}
	if r.fields != nil {
		parameters, err := json.Marshal(r.fields["requestParameters"])
		if err != nil {
			return err
		}
		if err := p.buildUsed(ctx, string(parameters)); err != nil {
			return err
		}
	}
	var err error
	p.before, err = p.described(ctx)
	return err
}

// act lets happen what the case is about.
func (p *play) act(ctx context.Context) error {
	p.opened = map[string]events.SecurityGroupRule{}
	for i, step := range p.c.Earlier {
		if err := p.step(ctx, step); err != nil {
			return fmt.Errorf("earlier[%d]: %w", i, err)
		}
	}
	if len(p.c.Earlier) > 0 {
		var err error
		if p.earlier, err = p.facts(ctx); err != nil {
			return err
		}
		return p.again(ctx)
	}
	if p.way == byCall {
		return p.call(ctx, p.c.Event)
	}
	after := p.c.Question().After
	if err := p.become(ctx, p.c.Before, after); err != nil {
		return err
	}
	for _, r := range after.Rules {
		p.opened[p.ids[r.RuleID]] = p.rule(r)
	}
	var err error
	if p.after, err = p.described(ctx); err != nil {
		return err
	}
	switch p.way {
	case byInvoke:
		return p.invokeWith(ctx)
	case byRecord:
		times := 1
		if p.c.Delivery == benchmark.Twice {
			times = 2
		}
		return p.emit(p.c.Event, times)
	}
	return nil
}

// again plays the event of a case that has earlier ones, on what the healer
// left: the same record once more when it is a copy of an earlier one.
func (p *play) again(ctx context.Context) error {
	for _, step := range p.c.Earlier {
		if step.Event != nil && eventID(step.Event) == eventID(p.c.Event) {
			return p.emit(p.c.Event, 1)
		}
	}
	if p.way == bySweep {
		return nil
	}
	err := p.call(ctx, p.c.Event)
	if err != nil && strings.Contains(err.Error(), "Duplicate") { // the rule is there, by the undo
		p.way, p.why = byRecord, "the rule is there already"
		return p.emit(p.c.Event, 1)
	}
	return err
}

func eventID(event []byte) string {
	envelope, err := cloudtrail.Object(event)
	if err != nil {
		return ""
	}
	return cloudtrail.Text(envelope, "detail.eventID")
}

// step plays what the healer saw before.
func (p *play) step(ctx context.Context, step benchmark.Step) error {
	if step.Undo != "" {
		heal, err := p.healOf(ctx, p.ids[step.Undo])
		if err != nil {
			return err
		}
		payload, failed, err := p.invoke(ctx, []byte(`{"action":"undo","healId":"`+heal+`","by":"dana"}`))
		if err == nil && failed != "" {
			err = fmt.Errorf("undo of %s: %s", heal, payload)
		}
		return err
	}
	if eventID(step.Event) == eventID(p.c.Event) { // its record comes again, so it must be the case's own
		after, _, err := p.c.Before.Next(healing.Place{Account: "222222222222", Region: region}, step.Event)
		if err == nil {
			err = p.become(ctx, p.c.Before, after)
		}
		for _, r := range after.Rules {
			p.opened[p.ids[r.RuleID]] = p.rule(r)
		}
		if err == nil {
			err = p.emit(step.Event, 1)
		}
		if err != nil {
			return err
		}
	} else if err := p.call(ctx, step.Event); err != nil {
		return err
	}
	news := ruleIDs(p.record(step.Event), p.ids)
	return await(ctx, time.Minute, 300*time.Millisecond, "the healer to see "+strings.Join(news, " "), func() (bool, error) {
		seen, err := p.facts(ctx)
		for _, id := range news {
			if seen[healed][id]+seen[exposed][id] == 0 {
				return false, err
			}
		}
		return true, err
	})
}

// ruleIDs are the real ids of the rules that a record names as new.
func ruleIDs(r record, ids map[string]string) (found []string) {
	for _, id := range cloudtrail.Texts(r.fields, "responseElements.securityGroupRuleSet.items.securityGroupRuleId") {
		found = append(found, ids[id])
	}
	return found
}

// made is the rule set of the answer to an authorizing call.
type made struct {
	Rules []struct {
		ID       string `xml:"securityGroupRuleId"`
		Group    string `xml:"groupId"`
		Egress   bool   `xml:"isEgress"`
		Protocol string `xml:"ipProtocol"`
		From     *int32 `xml:"fromPort"`
		To       *int32 `xml:"toPort"`
		V4       string `xml:"cidrIpv4"`
		V6       string `xml:"cidrIpv6"`
		List     string `xml:"prefixListId"`
		Other    string `xml:"referencedGroupInfo>groupId"`
	} `xml:"securityGroupRuleSet>item"`
}

// call makes the call that an event stands for, and learns the ids of what it made.
func (p *play) call(ctx context.Context, event []byte) error {
	r := p.record([]byte(p.real(string(event))))
	action := cloudtrail.Text(r.fields, "eventName")
	form := request(action, r.fields["requestParameters"].(map[string]any))
	if list := form.Get("PrefixListId"); list != "" && form.Has("CurrentVersion") {
		version, err := p.version(ctx, list)
		if err != nil {
			return err
		}
		form.Set("CurrentVersion", fmt.Sprint(version))
		if form.Has("PreviousVersion") {
			form.Set("PreviousVersion", fmt.Sprint(version-1)) // see prepare
		}
	}
	body, err := p.ask(ctx, p.at, form)
	if err != nil {
		return err
	}
	var answer made
	if err := xml.Unmarshal(body, &answer); err != nil {
		return err
	}
	byName := map[string]string{}
	for _, m := range answer.Rules {
		rule := healing.Canonical(events.SecurityGroupRule{RuleID: m.ID, GroupID: m.Group, Egress: m.Egress, Protocol: m.Protocol, FromPort: -1, ToPort: -1,
			CIDRv4: m.V4, CIDRv6: m.V6, PrefixListID: m.List, ReferencedGroupID: m.Other})
		if m.From != nil && m.To != nil {
			rule.FromPort, rule.ToPort = *m.From, *m.To
		}
		byName[ruleName(healing.Canonical(rule))] = m.ID
	}
	at, _, err := p.c.Before.Next(healing.Place{Account: "222222222222", Region: region}, event)
	if err != nil {
		return err
	}
	for _, rule := range at.Rules {
		if p.ids[rule.RuleID] == "" {
			if p.ids[rule.RuleID] = byName[ruleName(p.rule(rule))]; p.ids[rule.RuleID] == "" {
				return fmt.Errorf("the answer has no rule %s: %s", ruleName(p.rule(rule)), body)
			}
		}
		p.opened[p.ids[rule.RuleID]] = p.rule(rule)
	}
	return nil
}

var times = regexp.MustCompile(`"(eventTime|time)":"[^"]*"`)

// written is the event with the ids that EC2 gave, as of now.
func (p *play) written(event []byte) ([]byte, error) {
	var compact map[string]any
	if err := json.Unmarshal([]byte(p.real(string(event))), &compact); err != nil {
		return nil, err
	}
	text, err := json.Marshal(compact)
	return times.ReplaceAll(text, []byte(`"$1":"`+time.Now().UTC().Format(time.RFC3339)+`"`)), err
}

// emit puts the case's own record on the bus.
func (p *play) emit(event []byte, times int) error {
	text, err := p.written(event)
	if err != nil {
		return err
	}
	var e struct {
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Detail     json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	for range times {
		p.cloud.Gateway.Bus().Emit(emulator.Event{
			ID: emulator.NewID(), Source: e.Source, DetailType: e.DetailType, Account: p.at.Account, Region: p.at.Region, Time: time.Now().Unix(), Resources: []string{}, Detail: e.Detail})
	}
	return nil
}

func (p *play) invokeWith(ctx context.Context) error {
	text, err := p.written(p.c.Event)
	if err != nil {
		return err
	}
	payload, failed, err := p.invoke(ctx, text)
	if failed != "" || strings.Contains(string(payload), `"itemIdentifier"`) { // of a batch, a message that failed
		p.failure = string(payload)
	}
	return err
}
