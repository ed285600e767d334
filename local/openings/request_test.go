package openings

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/evenkeel/evenkeel/shared/healing"
)

// callable are the calls that a record can be turned back into.
var callable = map[string]bool{
	"AuthorizeSecurityGroupIngress": true, "AuthorizeSecurityGroupEgress": true, "RevokeSecurityGroupIngress": true, "ModifySecurityGroupRules": true,
	"UpdateSecurityGroupRuleDescriptionsIngress": true, "CreateSecurityGroup": true, "DeleteSecurityGroup": true, "CreateTags": true,
	"ModifyManagedPrefixList": true, "RestoreManagedPrefixListVersion": true, "DeleteManagedPrefixList": true,
	"ModifyNetworkInterfaceAttribute": true, "ModifyInstanceAttribute": true, "RunInstances": true, "CreateNetworkInterface": true,
}

// request makes the query of the EC2 API that a record's requestParameters
// stand for: the reverse of what CloudTrail does. Sources: EC2 API reference,
// "Query requests for Amazon EC2" and the page of each call.
func request(action string, parameters map[string]any) url.Values {
	form := url.Values{"Action": {action}, "Version": {"2016-11-15"}}
	if inner, ok := parameters[action+"Request"].(map[string]any); ok {
		parameters = inner
	}
	for name, value := range parameters {
		put(form, action, name, value)
	}
	return form
}

// names are the parameters that records show under another name.
var names = map[string]string{
	"resourcesSet": "ResourceId", "tagSet": "Tag", "networkInterfaceSet": "NetworkInterface", "tagSpecificationSet": "TagSpecification",
	"tags": "Tag", "privateIpAddressesSet": "PrivateIpAddresses", "securityGroupRuleIds": "SecurityGroupRuleId", "groupDescription": "GroupDescription",
	"cidr": "Cidr", "securityGroupRuleDescriptions": "SecurityGroupRuleDescription",
}

// groupNames are what calls name the parameter that records show as groupSet.
var groupNames = map[string]string{"ModifyInstanceAttribute": "GroupId", "RunInstances": "SecurityGroupId", "CreateNetworkInterface": "SecurityGroupId", "ModifyNetworkInterfaceAttribute": "SecurityGroupId"}

func put(form url.Values, action, path string, value any) {
	head, name := "", path
	if i := strings.LastIndex(path, "."); i >= 0 {
		head, name = path[:i+1], path[i+1:]
	}
	switch {
	case name == "tag" && head != "" && !strings.HasSuffix(head, "Tag."): // the number of an element
		if _, list := value.([]any); !list {
			return
		}
	case name == "groupSet":
		name = groupNames[action]
	case name == "instancesSet": // its one item has what RunInstances takes at the top
		if set, ok := value.(map[string]any); ok {
			if items, ok := set["items"].([]any); ok && len(items) == 1 {
				for key, inner := range items[0].(map[string]any) {
					put(form, action, head+key, inner)
				}
			}
		}
		return
	}
	name = cmp.Or(names[name], upperFirst(name))
	switch value := value.(type) {
	case map[string]any:
		if items, ok := value["items"].([]any); ok {
			putList(form, action, head+name, items)
			return
		}
		if len(value) == 0 {
			return
		}
		if lists[name] || action == "ModifySecurityGroupRules" && head == "" { // a list of one element is recorded as the element
			putList(form, action, head+name, []any{value})
			return
		}
		for key, inner := range value {
			put(form, action, head+name+"."+key, inner)
		}
	case []any:
		putList(form, action, head+name, value)
	case nil:
	case float64:
		form.Set(head+name, fmt.Sprintf("%.0f", value))
	default:
		form.Set(head+name, fmt.Sprint(value))
	}
}

// lists are the lists of the wrapped calls.
var lists = map[string]bool{"AddEntry": true, "RemoveEntry": true}

// putList numbers the elements. An element that only carries an id is the id itself.
func putList(form url.Values, action, path string, items []any) {
	for i, item := range items {
		at := fmt.Sprintf("%s.%d", path, i+1)
		fields, ok := item.(map[string]any)
		if !ok {
			form.Set(at, fmt.Sprint(item))
			continue
		}
		if keys := slices.Collect(maps.Keys(fields)); len(keys) == 1 && bare[path[strings.LastIndex(path, ".")+1:]] {
			form.Set(at, fmt.Sprint(fields[keys[0]]))
			continue
		}
		for key, value := range fields {
			put(form, action, at+"."+key, value)
		}
	}
}

// bare are lists of values, which records show as objects with one field.
var bare = map[string]bool{"ResourceId": true, "SecurityGroupId": true, "GroupId": true, "SecurityGroupRuleId": true}

func upperFirst(name string) string {
	runes := []rune(name)
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}

// ask makes a call through the gateway as somebody in the place's account.
func (w *world) ask(ctx context.Context, at healing.Place, form url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cloud.State.Endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("User-Agent", "aws-cli/2.31.0 md/awscrt#0.28.1")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+at.Account+"/20200101/"+at.Region+"/ec2/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: EC2 answered %s: %s", form.Get("Action"), response.Status, body)
	}
	return body, err
}
