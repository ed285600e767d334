package events

import "time"

// SecurityGroupRule is a rule as DescribeSecurityGroupRules shows it: what an
// undo needs.
type SecurityGroupRule struct {
	RuleID            string            `json:"ruleId"`
	GroupID           string            `json:"groupId"`
	Egress            bool              `json:"egress"`
	Protocol          string            `json:"protocol"` // tcp, udp, icmp, -1, or a number
	FromPort          int32             `json:"fromPort"` // -1 for all
	ToPort            int32             `json:"toPort"`
	CIDRv4            string            `json:"cidrIpv4,omitempty"`
	CIDRv6            string            `json:"cidrIpv6,omitempty"`
	PrefixListID      string            `json:"prefixListId,omitempty"`
	ReferencedGroupID string            `json:"referencedGroupId,omitempty"`
	Description       string            `json:"description,omitempty"`
	Tags              map[string]string `json:"tags,omitempty"`
}

// How the healer found an open rule.
const (
	FoundByEvent      = "event"      // its event says that the call opened the rule
	FoundByOtherEvent = "otherEvent" // an event led to the group; it does not say who opened the rule
	FoundBySweep      = "sweep"      // a sweep
)

// Trigger says what made the healer look, and who opened the rule: the caller
// of that event or, where another call is known to have done it, OpenedBy.
type Trigger struct {
	EventID   string    `json:"eventId"`   // CloudTrail eventID, or the sweep's id
	EventName string    `json:"eventName"` // AuthorizeSecurityGroupIngress, …, or Sweep
	Principal string    `json:"principal"` // who opened the rule; empty: not known
	SourceIP  string    `json:"sourceIp"`
	UserAgent string    `json:"userAgent"`
	Time      time.Time `json:"time"` // when the rule was opened; zero: not known

	Found      string `json:"found,omitempty"`      // one of the Found constants
	OpenedBy   string `json:"openedBy,omitempty"`   // name of the call that opened the rule, where that is not EventName
	OpenedByID string `json:"openedById,omitempty"` // its CloudTrail eventID
}

// SecurityGroup is a group in an account.
type SecurityGroup struct {
	GroupID   string            `json:"groupId"`
	GroupName string            `json:"groupName"`
	VPCID     string            `json:"vpcId"`
	Account   string            `json:"account"`
	Region    string            `json:"region"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// Removal is one rule that is too open, and why.
type Removal struct {
	Rule       SecurityGroupRule `json:"rule"` // as it was before
	Reason     string            `json:"reason"`
	Severity   string            `json:"severity,omitempty"`   // critical, high, medium or low: what the policy says of the ports
	Quarantine string            `json:"quarantine,omitempty"` // the CIDR that the rule was narrowed to; empty: it was revoked
}

// How far a group can be reached, from worst to best.
const (
	ReachInternet   = "internet"   // an interface of the group can be reached from the internet
	ReachAttached   = "attached"   // interfaces use the group, none can be reached from the internet
	ReachUnattached = "unattached" // nothing uses the group yet
	ReachUnknown    = "unknown"    // it could not be read
)

// Reachability says who could have come in through an open group.
type Reachability struct {
	Level      string   `json:"level"`            // one of the Reach constants
	Interfaces int      `json:"interfaces"`       // network interfaces that use the group
	Public     []string `json:"public,omitempty"` // ids of those that can be reached from the internet, sorted; the first hundred
	Why        []string `json:"why,omitempty"`    // for a person, a sentence each
}

// Owner says who answers for the opening, and where it has to be fixed so
// that it does not come back.
type Owner struct {
	Kind      string `json:"kind"`                // cloudformation, terraform, pulumi, console, cli, sdk, service or unknown
	Stack     string `json:"stack,omitempty"`     // ARN of the CloudFormation stack that owns the group or the rule
	LogicalID string `json:"logicalId,omitempty"` // in that stack
	Tool      string `json:"tool,omitempty"`      // what the caller's user agent says: "Terraform/1.9.5"
	Declared  bool   `json:"declared"`            // the source itself opens the group: healing makes drift until the source is fixed
	Fix       string `json:"fix,omitempty"`       // for a person: what to change where
}

// SecurityGroupHealed says that rules were closed, which a read confirmed.
type SecurityGroupHealed struct {
	SecurityGroup
	HealID       string        `json:"healId"`
	Trigger      Trigger       `json:"trigger"`
	Removed      []Removal     `json:"removed"`
	Kept         int           `json:"kept"`               // ingress rules left in place
	Closed       time.Time     `json:"closed"`             // verified
	Exposure     time.Duration `json:"exposure"`           // nanoseconds from the trigger's time to Closed; 0 when it is not known since when the group was open
	Severity     string        `json:"severity,omitempty"` // the worst of the removals, weighed by Reachability
	Reachability *Reachability `json:"reachability,omitempty"`
	Owner        *Owner        `json:"owner,omitempty"`
}

// Source implements Data.
func (SecurityGroupHealed) Source() string { return SourceHealing }

// DetailType implements Data.
func (SecurityGroupHealed) DetailType() string { return "SecurityGroupHealed.v1" }

// SecurityGroupExposed says what would be closed, in observe mode.
type SecurityGroupExposed struct {
	SecurityGroup
	HealID       string        `json:"healId"`
	Trigger      Trigger       `json:"trigger"`
	Exposed      []Removal     `json:"exposed"`
	Severity     string        `json:"severity,omitempty"`
	Reachability *Reachability `json:"reachability,omitempty"`
	Owner        *Owner        `json:"owner,omitempty"`
}

// Source implements Data.
func (SecurityGroupExposed) Source() string { return SourceHealing }

// DetailType implements Data.
func (SecurityGroupExposed) DetailType() string { return "SecurityGroupExposed.v1" }

// SecurityGroupHealUndone says that a person put rules back.
type SecurityGroupHealUndone struct {
	SecurityGroup
	HealID   string              `json:"healId"`
	By       string              `json:"by"`
	Restored []SecurityGroupRule `json:"restored"` // with their new ids
	Until    time.Time           `json:"until"`    // not healed again before
}

// Source implements Data.
func (SecurityGroupHealUndone) Source() string { return SourceHealing }

// DetailType implements Data.
func (SecurityGroupHealUndone) DetailType() string { return "SecurityGroupHealUndone.v1" }

// SecurityGroupHealingStopped says that a group was healed so often within an
// hour that the healer leaves it open: whatever opens it will go on, and a
// person must look.
type SecurityGroupHealingStopped struct {
	SecurityGroup
	HealID  string    `json:"healId"`
	Trigger Trigger   `json:"trigger"`
	Exposed []Removal `json:"exposed"` // still open
	Actions int       `json:"actions"` // asked for in this hour, this one included
	Limit   int       `json:"limit"`   // what the policy allows
	Hour    time.Time `json:"hour"`    // when the hour began
}

// Source implements Data.
func (SecurityGroupHealingStopped) Source() string { return SourceHealing }

// DetailType implements Data.
func (SecurityGroupHealingStopped) DetailType() string { return "SecurityGroupHealingStopped.v1" }

// SweptPlace is what a sweep saw in a region of an account.
type SweptPlace struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Groups  int    `json:"groups"` // with at least one rule
	Rules   int    `json:"rules"`
	Fault   string `json:"fault,omitempty"` // why it could not be swept
}

// SecurityGroupsSwept says what a sweep over whole accounts found that events
// had missed.
type SecurityGroupsSwept struct {
	SweepID string       `json:"sweepId"`
	Places  []SweptPlace `json:"places"`
	Missed  []string     `json:"missed"` // heal ids of what no event had told of, sorted
}

// Source implements Data.
func (SecurityGroupsSwept) Source() string { return SourceHealing }

// DetailType implements Data.
func (SecurityGroupsSwept) DetailType() string { return "SecurityGroupsSwept.v1" }
