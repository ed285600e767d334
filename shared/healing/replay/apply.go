package replay

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// Change is what a record did.
type Change struct {
	healing.Place
	Trigger events.Trigger
	Opened  []string // ids of the rules that the record says it made or changed; sorted
	Groups  []string // whose rules, tags or use changed, or that refer to a prefix list that did; sorted
	Notes   []string // what the record leaves unsaid, and why nothing was done
}

// Notes that say nothing new of a long archive: a copy came, and what Partial
// lists anyhow.
const (
	AppliedBefore = "applied before"
	SeenFirst     = "is seen first here; its earlier"
)

// Changed reports whether the record changed a group that is known.
func (c Change) Changed() bool { return len(c.Groups) > 0 }

// call is one record on its way into a place.
type call struct {
	*State
	*place
	at        healing.Place
	trigger   events.Trigger
	request   any
	response  any
	change    *Change
	serial    int  // rules that were given an id of our own
	untouched bool // nothing was done, so that another copy may say more
}

// calls are what changes security groups and where they are in use.
var calls = map[string]func(*call){
	"AuthorizeSecurityGroupIngress":              func(c *call) { c.authorize(false) },
	"AuthorizeIngress":                           func(c *call) { c.authorize(false) },
	"AuthorizeSecurityGroupEgress":               func(c *call) { c.authorize(true) },
	"RevokeSecurityGroupIngress":                 func(c *call) { c.revoke(false) },
	"RevokeIngress":                              func(c *call) { c.revoke(false) },
	"RevokeSecurityGroupEgress":                  func(c *call) { c.revoke(true) },
	"ModifySecurityGroupRules":                   (*call).modify,
	"UpdateSecurityGroupRuleDescriptionsIngress": func(c *call) { c.describe(false) },
	"UpdateSecurityGroupRuleDescriptionsEgress":  func(c *call) { c.describe(true) },
	"CreateSecurityGroup":                        (*call).createGroup,
	"DeleteSecurityGroup":                        (*call).deleteGroup,
	"CreateTags":                                 (*call).createTags,
	"DeleteTags":                                 (*call).deleteTags,
	"CreateManagedPrefixList":                    (*call).createList,
	"ModifyManagedPrefixList":                    (*call).modifyList,
	"RestoreManagedPrefixListVersion":            (*call).restoreList,
	"DeleteManagedPrefixList":                    (*call).deleteList,
	"ModifyNetworkInterfaceAttribute":            (*call).modifyInterface,
	"CreateNetworkInterface":                     (*call).createInterface,
	"DeleteNetworkInterface":                     (*call).deleteInterface,
	"RunInstances":                               (*call).runInstances,
	"ModifyInstanceAttribute":                    (*call).modifyInstance,
	"TerminateInstances":                         (*call).terminateInstances,
}

// Knows reports whether records of the call can change the state.
func Knows(call string) bool { return calls[call] != nil }

// Apply folds a record, bare or in its EventBridge envelope, into the state.
// Records have to come in the order of their eventTime. A failed call, a record
// of something else, and a record that was applied before change nothing; Notes
// say so. An Invalid error means that the record cannot be used.
func (s *State) Apply(event []byte) (Change, error) {
	envelope, err := cloudtrail.Object(event)
	if err != nil {
		return Change{}, fault.Invalid("event: %w", err)
	}
	record, err := healing.Parser{}.ParseObject(envelope, event)
	if err != nil {
		return Change{}, err
	}
	change := Change{Place: record.Place, Trigger: record.Trigger, Opened: record.Opened}
	fields := envelope
	if detail, ok := envelope["detail"].(map[string]any); ok {
		fields = detail
	}
	do := calls[record.Trigger.EventName]
	switch {
	case do == nil || record.Skip != "" && cloudtrail.Text(fields, "errorCode") != "":
		change.Notes = append(change.Notes, record.Skip)
		return change, nil
	case cloudtrail.Text(fields, "errorCode") != "":
		change.note("the call failed with %s: what it changed is not known", cloudtrail.Text(fields, "errorCode"))
		return change, nil
	case record.Account == "" || record.Region == "":
		change.note("it does not say where it happened")
		return change, nil
	}
	c := &call{State: s, place: s.place(record.Place), at: record.Place, trigger: record.Trigger,
		request: fields["requestParameters"], response: fields["responseElements"], change: &change}
	id := digest(record.Trigger.EventID)
	if _, again := s.applied[id]; again {
		change.note(AppliedBefore)
		return change, nil
	}
	do(c)
	if !c.untouched {
		s.applied[id] = struct{}{}
	}
	slices.Sort(change.Groups)
	change.Groups = slices.Compact(change.Groups)
	return change, nil
}

func digest(text string) (d [16]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(d[:], sum[:])
	return d
}

func (c *Change) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// wrapped is the request of a call that EC2 got since about 2018, which is
// recorded below <call>Request.
func (c *call) wrapped() any {
	if inner := get(c.request, c.trigger.EventName+"Request"); inner != nil {
		return inner
	}
	return c.request
}

// target finds the group that a call names: by id, by the rules in its
// response, or by a name that one known group of the place has. ok is false when
// the record does not tell.
func (c *call) target() (g *group, ok bool) {
	id := text(c.wrapped(), "groupId")
	if id == "" {
		if ids := texts(get(c.response, "securityGroupRuleSet"), "groupId"); len(ids) == 1 {
			id = ids[0]
		}
	}
	if name := text(c.request, "groupName"); id == "" && name != "" {
		id = c.named(name)
	}
	if id == "" {
		c.change.note("the record does not name a group that is known")
		c.untouched = true
		return nil, false
	}
	return c.seen(id), true
}

// named is the id of the only known group with the name, or "".
func (c *call) named(name string) string {
	found := ""
	for id, g := range c.groups {
		if g.GroupName == name {
			if found != "" {
				return ""
			}
			found = id
		}
	}
	return found
}

// seen returns a group, and says when it is the first that is heard of it.
func (c *call) seen(id string) *group {
	if c.groups[id] == nil {
		c.change.note("%s "+SeenFirst+" rules are not known", id)
	}
	return c.group(c.at, id)
}

// touched notes that the group changed.
func (c *call) touched(id string) { c.change.Groups = append(c.change.Groups, id) }
