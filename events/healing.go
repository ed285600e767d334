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

// Trigger says what made the healer look.
type Trigger struct {
	EventID   string    `json:"eventId"`   // CloudTrail eventID, or the sweep's id
	EventName string    `json:"eventName"` // AuthorizeSecurityGroupIngress, …, or Sweep
	Principal string    `json:"principal"`
	SourceIP  string    `json:"sourceIp"`
	UserAgent string    `json:"userAgent"`
	Time      time.Time `json:"time"` // when the group was opened
}

// SecurityGroup is a group in an account.
type SecurityGroup struct {
	GroupID   string `json:"groupId"`
	GroupName string `json:"groupName"`
	VPCID     string `json:"vpcId"`
	Account   string `json:"account"`
	Region    string `json:"region"`
}

// Removal is one rule that is too open, and why.
type Removal struct {
	Rule   SecurityGroupRule `json:"rule"`
	Reason string            `json:"reason"`
}

// SecurityGroupHealed says that rules were closed, which a read confirmed.
type SecurityGroupHealed struct {
	SecurityGroup
	HealID   string        `json:"healId"`
	Trigger  Trigger       `json:"trigger"`
	Removed  []Removal     `json:"removed"`
	Kept     int           `json:"kept"`     // ingress rules left in place
	Closed   time.Time     `json:"closed"`   // verified
	Exposure time.Duration `json:"exposure"` // nanoseconds from the trigger's time to Closed
}

// Source implements Data.
func (SecurityGroupHealed) Source() string { return SourceHealing }

// DetailType implements Data.
func (SecurityGroupHealed) DetailType() string { return "SecurityGroupHealed.v1" }

// SecurityGroupExposed says what would be closed, in observe mode.
type SecurityGroupExposed struct {
	SecurityGroup
	HealID  string    `json:"healId"`
	Trigger Trigger   `json:"trigger"`
	Exposed []Removal `json:"exposed"`
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
