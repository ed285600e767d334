package healing

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// look says where a call's record names what it concerns. Paths are dotted;
// finder says how they are followed.
type look struct {
	groups      []string // to security group ids
	prefixLists []string // to prefix list ids
	opened      []string // to ids of rules that the call makes or changes
	mixed       bool     // the paths lead to ids of other resources too
	// quiet are the sections of the record that would name something if the call
	// concerned anything: a record that has them all, and names nothing, is
	// skipped. Without any, the call always concerns something.
	quiet []string
}

const (
	requestParameters = "requestParameters"
	responseElements  = "responseElements"
)

// looks has the calls that can open a group, put an open one to use, or change
// which policy it is under.
//
// CloudTrail leaves a section out, or writes {"omitted": true}, when it is
// longer than 100 KB, and calls that CloudFormation makes, or that name a group
// of the default VPC, may lack groupId; the rule set in responseElements, which
// exists since July 2021, then names the group. Calls that EC2 got since about
// 2018 are recorded in PascalCase below <call>Request, the others in camelCase.
// Sources: CloudTrail user guide, "CloudTrail record contents"; EC2 API
// reference, the page of each call; EC2 user guide, "Log Amazon EC2 API calls".
var looks = map[string]look{
	"AuthorizeSecurityGroupIngress": {groups: authorized, opened: ruleSet},
	"AuthorizeIngress":              {groups: authorized, opened: ruleSet}, // of EC2-Classic
	"ModifySecurityGroupRules": {
		groups: []string{requestParameters + ".ModifySecurityGroupRulesRequest.GroupId", requestParameters + ".groupId"},
		opened: []string{
			requestParameters + ".ModifySecurityGroupRulesRequest.SecurityGroupRule.SecurityGroupRuleId",
			requestParameters + ".ModifySecurityGroupRulesRequest.SecurityGroupRule.items.SecurityGroupRuleId",
			requestParameters + ".securityGroupRules.items.securityGroupRuleId",
		},
	},
	"CreateSecurityGroup":       {groups: []string{responseElements + ".groupId", responseElements + ".CreateSecurityGroupResponse.groupId"}},
	"AssociateSecurityGroupVpc": {groups: []string{requestParameters + ".AssociateSecurityGroupVpcRequest.GroupId", requestParameters + ".groupId"}},

	"ModifyManagedPrefixList": {prefixLists: []string{
		requestParameters + ".ModifyManagedPrefixListRequest.PrefixListId", requestParameters + ".prefixListId",
		responseElements + ".ModifyManagedPrefixListResponse.prefixList.prefixListId", responseElements + ".prefixList.prefixListId",
	}},
	"RestoreManagedPrefixListVersion": {prefixLists: []string{
		requestParameters + ".RestoreManagedPrefixListVersionRequest.PrefixListId", requestParameters + ".prefixListId",
		responseElements + ".RestoreManagedPrefixListVersionResponse.prefixList.prefixListId", responseElements + ".prefixList.prefixListId",
	}},
	"CreateManagedPrefixList": {prefixLists: []string{
		responseElements + ".CreateManagedPrefixListResponse.prefixList.prefixListId", responseElements + ".prefixList.prefixListId",
	}},

	"ModifyNetworkInterfaceAttribute": {quiet: []string{requestParameters}, groups: []string{requestParameters + ".groupSet.items.groupId"}},
	"ModifyInstanceAttribute":         {quiet: []string{requestParameters}, groups: []string{requestParameters + ".groupSet.items.groupId"}},
	// Without groups of its own, an interface or an instance has those of its
	// launch template, or the VPC's default group: the response says which.
	"CreateNetworkInterface": {quiet: []string{responseElements}, groups: []string{
		requestParameters + ".groupSet.items.groupId", responseElements + ".networkInterface.groupSet.items.groupId",
	}},
	"RunInstances": {quiet: []string{responseElements}, groups: []string{
		requestParameters + ".groupSet.items.groupId", requestParameters + ".networkInterfaceSet.items.groupSet.items.groupId",
		responseElements + ".instancesSet.items.groupSet.items.groupId",
		responseElements + ".instancesSet.items.networkInterfaceSet.items.groupSet.items.groupId",
	}},
	"CreateVpcEndpoint": {quiet: []string{responseElements}, groups: []string{
		requestParameters + ".CreateVpcEndpointRequest.SecurityGroupId", responseElements + ".CreateVpcEndpointResponse.vpcEndpoint.groupSet.item.groupId",
	}},
	"ModifyVpcEndpoint": {quiet: []string{requestParameters}, groups: []string{requestParameters + ".ModifyVpcEndpointRequest.AddSecurityGroupId"}},

	// The policy may depend on the tags of the group.
	"CreateTags": {quiet: []string{requestParameters}, mixed: true, groups: []string{requestParameters + ".resourcesSet.items.resourceId"}},
	"DeleteTags": {quiet: []string{requestParameters}, mixed: true, groups: []string{requestParameters + ".resourcesSet.items.resourceId"}},
}

var (
	authorized = []string{requestParameters + ".groupId", responseElements + ".securityGroupRuleSet.items.groupId"}
	ruleSet    = []string{responseElements + ".securityGroupRuleSet.items.securityGroupRuleId"}
)

// harmless has the neighbours of those calls that cannot open a group.
var harmless = map[string]string{
	"AuthorizeSecurityGroupEgress":               "egress rules let nobody in",
	"RevokeSecurityGroupEgress":                  "egress rules let nobody in",
	"RevokeSecurityGroupIngress":                 "a revoke closes",
	"RevokeIngress":                              "a revoke closes",
	"DeleteSecurityGroup":                        "a deleted group admits nobody",
	"DisassociateSecurityGroupVpc":               "a group that leaves a VPC admits nobody there",
	"DeleteManagedPrefixList":                    "a prefix list in use cannot be deleted",
	"UpdateSecurityGroupRuleDescriptionsIngress": "only descriptions change",
	"UpdateSecurityGroupRuleDescriptionsEgress":  "only descriptions change",
}

// maxNamed is how many groups, and how many prefix lists, are looked at by
// name. It is what one filter of DescribeSecurityGroupRules takes; more are
// read sooner page by page with all others.
// Source: EC2 user guide, "Filter your resources" (200 values for each filter).
const maxNamed = 200

// subject finds what the call concerns, or why it does not matter. What cannot
// be read is never taken for nothing: then every group is concerned.
func subject(name string, record map[string]any) (Subject, string) {
	if why, ok := harmless[name]; ok {
		return Subject{}, why
	}
	where, ok := looks[name]
	if !ok {
		if record["readOnly"] == true {
			return Subject{}, short(name) + " only reads"
		}
		return Subject{}, short(name) + " does not open a security group"
	}
	groups := finder{prefix: "sg-", mixed: where.mixed}
	groups.find(record, where.groups)
	lists := finder{prefix: "pl-"}
	lists.find(record, where.prefixLists)
	rules := finder{prefix: "sgr-", mixed: true}
	rules.find(record, where.opened)
	s := Subject{Groups: sortedUnique(groups.ids), PrefixLists: sortedUnique(lists.ids), Opened: sortedUnique(rules.ids)}
	everything := Subject{Everything: true, Opened: s.Opened}
	switch named := len(s.Groups) + len(s.PrefixLists); {
	case groups.odd || lists.odd || len(s.Groups) > maxNamed || len(s.PrefixLists) > maxNamed:
		return everything, ""
	case named > 0:
		return s, ""
	case len(where.quiet) == 0 || slices.ContainsFunc(where.quiet, func(section string) bool { return silent(record, section) }),
		record["eventName"] == "ModifyInstanceAttribute" && parameter(record, "attribute") == "groupSet":
		return everything, ""
	}
	return Subject{}, name + " names no security group"
}

// silent reports that a section of the record is missing, was left out, or is
// nothing that can be read.
// Source: CloudTrail user guide, "CloudTrail record contents": a field that was
// truncated has the key omitted with the value true.
func silent(record map[string]any, section string) bool {
	fields, ok := record[section].(map[string]any)
	return !ok || fields["omitted"] == true
}

func parameter(record map[string]any, name string) any {
	fields, _ := record[requestParameters].(map[string]any)
	return fields[name]
}

// finder collects ids along paths of a record whose shape is not to be relied
// on. One element is an object and several are a list; keys may begin with a
// capital or not; "items" may be "item"; and an element that is a bare value
// may be {"tag": 1, "content": value}.
type finder struct {
	prefix string // of the ids that are meant
	mixed  bool   // other ids are expected, and passed over
	ids    []string
	odd    bool // something stood where an id, or the way to one, was expected
}

func (f *finder) find(record map[string]any, paths []string) {
	for _, path := range paths {
		f.walk(record, strings.Split(path, "."))
	}
}

func (f *finder) walk(v any, path []string) {
	switch v := v.(type) {
	case nil:
	case []any:
		for _, element := range v {
			f.walk(element, path)
		}
	case map[string]any:
		switch content, wrapped := v["content"]; {
		case len(path) > 0:
			for _, key := range spellings(path[0]) {
				f.walk(v[key], path[1:])
			}
		case wrapped:
			f.walk(content, nil)
		default:
			f.odd = true
		}
	case string:
		switch {
		case len(path) > 0:
			f.odd = true
		case strings.HasPrefix(v, f.prefix) && plainID.MatchString(v):
			f.ids = append(f.ids, v)
		case v != "" && !f.mixed:
			f.odd = true
		}
	default: // a number, true or false
		f.odd = true
	}
}

// plainID is generous: what EC2 gives out are 8 or 17 hexadecimal digits.
var plainID = regexp.MustCompile(`^[a-z]+-[0-9A-Za-z-]{1,64}$`)

// spellings are the keys that a step of a path may have.
func spellings(key string) []string {
	switch key {
	case "items", "item":
		return []string{"items", "item"}
	}
	first, size := utf8.DecodeRuneInString(key)
	if unicode.IsUpper(first) {
		return []string{key, string(unicode.ToLower(first)) + key[size:]}
	}
	return []string{key, string(unicode.ToUpper(first)) + key[size:]}
}
