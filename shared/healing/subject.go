package healing

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/cloudtrail"
)

// look says where a call's record names what it concerns.
type look struct {
	groups      []string // dotted paths to security group ids
	prefixLists []string // dotted paths to prefix list ids
	optional    bool     // a record that names none concerns none (an interface change without groups)
}

// looks has the calls that can open a group, or put an open one to use.
// CloudTrail may leave requestParameters out (over 100 KB) and calls that
// CloudFormation makes may lack groupId; the rule set in responseElements,
// which exists since July 2021, then names the group.
// Source: CloudTrail user guide, "Record contents"; recorded events.
var looks = map[string]look{
	"AuthorizeSecurityGroupIngress": {groups: authorized},
	"AuthorizeIngress":              {groups: authorized},
	"ModifySecurityGroupRules": {groups: []string{
		"requestParameters.ModifySecurityGroupRulesRequest.GroupId", "requestParameters.groupId",
	}},
	"CreateSecurityGroup": {groups: []string{"responseElements.groupId"}},
	"ModifyManagedPrefixList": {prefixLists: []string{
		"requestParameters.ModifyManagedPrefixListRequest.PrefixListId", "requestParameters.prefixListId",
		"responseElements.ModifyManagedPrefixListResponse.prefixList.prefixListId",
	}},
	"RestoreManagedPrefixListVersion": {prefixLists: []string{
		"requestParameters.RestoreManagedPrefixListVersionRequest.PrefixListId", "requestParameters.prefixListId",
	}},
	"CreateManagedPrefixList": {optional: true, prefixLists: []string{
		"responseElements.CreateManagedPrefixListResponse.prefixList.prefixListId", "responseElements.prefixList.prefixListId",
	}},
	"ModifyNetworkInterfaceAttribute": {optional: true, groups: []string{"requestParameters.groupSet.items.groupId"}},
	"ModifyInstanceAttribute":         {optional: true, groups: []string{"requestParameters.groupSet.items.groupId"}},
	"CreateNetworkInterface": {optional: true, groups: []string{
		"requestParameters.groupSet.items.groupId", "responseElements.networkInterface.groupSet.items.groupId",
	}},
	"RunInstances": {optional: true, groups: []string{
		"requestParameters.groupSet.items.groupId",
		"requestParameters.networkInterfaceSet.items.groupSet.items.groupId",
		"responseElements.instancesSet.items.groupSet.items.groupId",
		"responseElements.instancesSet.items.networkInterfaceSet.items.groupSet.items.groupId",
	}},
}

var authorized = []string{"requestParameters.groupId", "responseElements.securityGroupRuleSet.items.groupId"}

// harmless has the neighbours of those calls that cannot open a group.
var harmless = map[string]string{
	"AuthorizeSecurityGroupEgress":               "egress rules let nobody in",
	"RevokeSecurityGroupEgress":                  "egress rules let nobody in",
	"RevokeSecurityGroupIngress":                 "a revoke closes",
	"DeleteSecurityGroup":                        "a deleted group admits nobody",
	"DeleteManagedPrefixList":                    "a prefix list in use cannot be deleted",
	"UpdateSecurityGroupRuleDescriptionsIngress": "only descriptions change",
	"UpdateSecurityGroupRuleDescriptionsEgress":  "only descriptions change",
}

// subject finds what the call concerns, or why it does not matter.
func subject(name string, record map[string]any) (Subject, string) {
	if why, ok := harmless[name]; ok {
		return Subject{}, why
	}
	where, ok := looks[name]
	if !ok {
		return Subject{}, name + " does not open a security group"
	}
	s := Subject{
		Groups:      ids(record, where.groups, "sg-"),
		PrefixLists: ids(record, where.prefixLists, "pl-"),
	}
	if len(s.Groups)+len(s.PrefixLists) > 0 {
		return s, ""
	}
	if where.optional {
		return Subject{}, name + " names no security group"
	}
	return Subject{Everything: true}, ""
}

func ids(record map[string]any, paths []string, prefix string) []string {
	var found []string
	for _, path := range paths {
		for _, id := range cloudtrail.Texts(record, path) {
			if strings.HasPrefix(id, prefix) {
				found = append(found, id)
			}
		}
	}
	return sortedUnique(found)
}
