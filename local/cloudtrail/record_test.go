package cloudtrail_test

import (
	"encoding/json"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/cloudtrail"
)

// Each case is a call as the SDKs send it and the part of the record that
// CloudTrail makes of such a call, by published records of the same calls.
var ec2Calls = []struct {
	name, action, form, response string
	status                       int
	parameters, elements         string
	code                         string
}{
	{
		name: "IpPermissions with both families", action: "AuthorizeSecurityGroupIngress",
		form: "GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.IpRanges.1.Description=web&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0",
		response: `<AuthorizeSecurityGroupIngressResponse><return>true</return><securityGroupRuleSet>
			<item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-1</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4><description>web</description><tagSet/></item>
			</securityGroupRuleSet><requestId>x</requestId></AuthorizeSecurityGroupIngressResponse>`,
		parameters: `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"prefixListIds":{},
			"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0","description":"web"}]},"ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]}}]}}`,
		elements: `{"requestId":"req","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"222222222222","groupId":"sg-1","securityGroupRuleId":"sgr-1",
			"description":"web","isEgress":false,"ipProtocol":"tcp","fromPort":443,"toPort":443,"cidrIpv4":"0.0.0.0/0"}]}}`,
	},
	{
		name: "the flat form keeps an empty ipPermissions", action: "AuthorizeSecurityGroupIngress",
		form:       "GroupId=sg-1&IpProtocol=tcp&FromPort=22&ToPort=22&CidrIp=0.0.0.0/0",
		response:   `<R><return>true</return></R>`,
		parameters: `{"groupId":"sg-1","ipPermissions":{},"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}`,
		elements:   `{"requestId":"req","_return":true}`,
	},
	{
		name: "protocol -1 carries no ports", action: "AuthorizeSecurityGroupEgress",
		form:       "GroupId=sg-1&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1.GroupId=sg-2&IpPermissions.1.PrefixListIds.1.PrefixListId=pl-1",
		response:   `<R><return>true</return></R>`,
		parameters: `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"-1","ipRanges":{},"ipv6Ranges":{},"groups":{"items":[{"groupId":"sg-2"}]},"prefixListIds":{"items":[{"prefixListId":"pl-1"}]}}]}}`,
		elements:   `{"requestId":"req","_return":true}`,
	},
	{
		name: "revoked by rule id", action: "RevokeSecurityGroupIngress",
		form:       "GroupId=sg-1&SecurityGroupRuleId.1=sgr-1&SecurityGroupRuleId.2=sgr-2",
		response:   `<R><return>true</return></R>`,
		parameters: `{"groupId":"sg-1","ipPermissions":{},"securityGroupRuleId":{"items":[{"securityGroupRuleId":"sgr-1"},{"securityGroupRuleId":"sgr-2"}]}}`,
		elements:   `{"requestId":"req","_return":true}`,
	},
	{
		name: "one modified rule is an object", action: "ModifySecurityGroupRules",
		form: "GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRuleId=sgr-1&SecurityGroupRule.1.SecurityGroupRule.CidrIpv4=0.0.0.0/0&SecurityGroupRule.1.SecurityGroupRule.FromPort=443&SecurityGroupRule.1.SecurityGroupRule.ToPort=443&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=tcp",
		parameters: `{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":{"tag":1,"SecurityGroupRuleId":"sgr-1",
			"SecurityGroupRule":{"CidrIpv4":"0.0.0.0/0","FromPort":443,"ToPort":443,"IpProtocol":"tcp"}}}}`,
		response: `<R><return>true</return></R>`,
		elements: `{"ModifySecurityGroupRulesResponse":{"requestId":"req","return":true,"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/"}}`,
	},
	{
		name: "several modified rules are an array", action: "ModifySecurityGroupRules",
		form:       "GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRuleId=sgr-1&SecurityGroupRule.2.SecurityGroupRuleId=sgr-2",
		parameters: `{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":[{"tag":1,"SecurityGroupRuleId":"sgr-1"},{"tag":2,"SecurityGroupRuleId":"sgr-2"}]}}`,
		response:   `<R><return>true</return></R>`,
		elements:   `{"ModifySecurityGroupRulesResponse":{"requestId":"req","return":true,"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/"}}`,
	},
	{
		name: "an entry of a prefix list", action: "ModifyManagedPrefixList",
		form:       "PrefixListId=pl-1&AddEntry.1.Cidr=0.0.0.0/1&AddEntry.1.Description=x",
		parameters: `{"ModifyManagedPrefixListRequest":{"PrefixListId":"pl-1","AddEntry":{"tag":"1","cidr":"0.0.0.0/1","Description":"x"}}}`,
		response:   `<R><prefixList><prefixListId>pl-1</prefixListId><maxEntries>5</maxEntries><version>1</version><state>modify-in-progress</state></prefixList></R>`,
		elements: `{"ModifyManagedPrefixListResponse":{"requestId":"req","xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/",
			"prefixList":{"prefixListId":"pl-1","maxEntries":5,"version":1,"state":"modify-in-progress"}}}`,
	},
	{
		name: "tags of a new group", action: "CreateSecurityGroup",
		form:       "GroupName=web&GroupDescription=d&VpcId=vpc-1&TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b",
		response:   `<R><return>true</return><groupId>sg-9</groupId><tagSet><item><key>a</key><value>b</value></item></tagSet></R>`,
		parameters: `{"groupName":"web","groupDescription":"d","vpcId":"vpc-1","tagSpecificationSet":{"items":[{"resourceType":"security-group","tags":[{"key":"a","value":"b"}]}]}}`,
		elements:   `{"requestId":"req","_return":true,"groupId":"sg-9","tagSet":{"items":[{"key":"a","value":"b"}]}}`,
	},
	{
		name: "what is tagged", action: "CreateTags",
		form:       "ResourceId.1=sg-1&Tag.1.Key=env&Tag.1.Value=prod",
		response:   `<R><return>true</return></R>`,
		parameters: `{"resourcesSet":{"items":[{"resourceId":"sg-1"}]},"tagSet":{"items":[{"key":"env","value":"prod"}]}}`,
		elements:   `{"requestId":"req","_return":true}`,
	},
	{
		name: "a refused call", action: "RevokeSecurityGroupEgress", status: 400,
		form:       "GroupId=sg-1&IpPermissions.1.IpProtocol=-1&IpPermissions.1.FromPort=0&IpPermissions.1.ToPort=0&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0",
		response:   `<Response><Errors><Error><Code>InvalidPermission.NotFound</Code><Message>no such rule</Message></Error></Errors></Response>`,
		parameters: `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"-1","fromPort":0,"toPort":0,"groups":{},"ipRanges":{},"prefixListIds":{},"ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]}}]}}`,
		elements:   `null`, code: "Client.InvalidPermission.NotFound",
	},
}

func TestRecordOfEC2Calls(t *testing.T) {
	for _, c := range ec2Calls {
		t.Run(c.name, func(t *testing.T) {
			form, err := url.ParseQuery("Action=" + c.action + "&Version=2016-11-15&" + c.form)
			if err != nil {
				t.Fatal(err)
			}
			call := base()
			call.Action, call.Form, call.Response, call.Status = c.action, cloudtrail.Parameters(form), []byte(c.response), max(c.status, 200)
			record := cloudtrail.Record(call)
			same(t, "requestParameters", record["requestParameters"], c.parameters)
			same(t, "responseElements", record["responseElements"], c.elements)
			if code, _ := record["errorCode"].(string); code != c.code {
				t.Errorf("errorCode is %q, not %q", code, c.code)
			}
		})
	}
}

func base() cloudtrail.Call {
	return cloudtrail.Call{
		ID: "event", RequestID: "req", Time: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), Service: "ec2", Region: "eu-west-1", Account: "222222222222",
		Identity: cloudtrail.Identity{AccessKeyID: "222222222222", Account: "222222222222", User: "operator"},
		SourceIP: "127.0.0.1", UserAgent: "aws-cli", Status: 200, Action: "X", Response: []byte("<R/>"),
	}
}

func TestRecordNamesWhoCalled(t *testing.T) {
	call := base()
	record := cloudtrail.Record(call)
	same(t, "userIdentity", record["userIdentity"], `{"type":"IAMUser","principalId":"AIDA222222222222OPERA","arn":"arn:aws:iam::222222222222:user/operator","accountId":"222222222222","accessKeyId":"222222222222","userName":"operator"}`)
	for name, want := range map[string]any{
		"eventTime": "2026-03-04T05:06:07Z", "eventSource": "ec2.amazonaws.com", "awsRegion": "eu-west-1", "recipientAccountId": "222222222222",
		"eventID": "event", "requestID": "req", "readOnly": false, "eventType": "AwsApiCall", "sourceIPAddress": "127.0.0.1", "userAgent": "aws-cli",
	} {
		if record[name] != want {
			t.Errorf("%s is %v, not %v", name, record[name], want)
		}
	}

	call.Identity = cloudtrail.Identity{AccessKeyID: "ASIA", Account: "222222222222", Role: "evenkeel-heal", Session: "evenkeel", Since: call.Time}
	record = cloudtrail.Record(call)
	same(t, "userIdentity", record["userIdentity"], `{"type":"AssumedRole","principalId":"AROA222222222222EVENK:evenkeel","arn":"arn:aws:sts::222222222222:assumed-role/evenkeel-heal/evenkeel",
		"accountId":"222222222222","accessKeyId":"ASIA","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROA222222222222EVENK","arn":"arn:aws:iam::222222222222:role/evenkeel-heal",
		"accountId":"222222222222","userName":"evenkeel-heal"},"attributes":{"creationDate":"2026-03-04T05:06:07Z","mfaAuthenticated":"false"}}}`)

	call.InvokedBy = "cloudformation.amazonaws.com"
	record = cloudtrail.Record(call)
	if record["sourceIPAddress"] != call.InvokedBy || record["userAgent"] != call.InvokedBy || record["userIdentity"].(map[string]any)["invokedBy"] != call.InvokedBy {
		t.Errorf("a call that CloudFormation made says %v", record)
	}
}

func TestRecordOfOtherServices(t *testing.T) {
	call := base()
	call.Service, call.Action = "cloudformation", "ExecuteChangeSet"
	form, _ := url.ParseQuery("StackName=s&Parameters.member.1.ParameterKey=k&Parameters.member.1.ParameterValue=secret&TemplateBody=%7B%7D&Capabilities.member.1=CAPABILITY_IAM&DisableRollback=false")
	call.Form = cloudtrail.Parameters(form)
	record := cloudtrail.Record(call)
	// A record hides parameter values and the template.
	same(t, "requestParameters", record["requestParameters"], `{"stackName":"s","parameters":[{"parameterKey":"k","parameterValue":"****"}],"capabilities":["CAPABILITY_IAM"],"disableRollback":false}`)

	call.Service, call.Action, call.Form = "cloudcontrolapi", "UpdateResource", nil
	call.JSON = map[string]any{"TypeName": "AWS::SNS::Topic", "Identifier": "arn", "PatchDocument": "[]"}
	call.Status, call.Response = 400, []byte(`{"__type":"com.amazonaws.cloudapiservice#ThrottlingException","message":"slow"}`)
	record = cloudtrail.Record(call)
	same(t, "requestParameters", record["requestParameters"], `{"typeName":"AWS::SNS::Topic","identifier":"arn","patchDocument":"HIDDEN_DUE_TO_SECURITY_REASONS"}`)
	if record["errorCode"] != "ThrottlingException" || record["eventSource"] != "cloudcontrolapi.amazonaws.com" {
		t.Errorf("errorCode %v of %v", record["errorCode"], record["eventSource"])
	}
}

func TestMutating(t *testing.T) {
	for action, want := range map[string]bool{
		"AuthorizeSecurityGroupIngress": true, "ModifyManagedPrefixList": true, "DeleteStack": true,
		"DescribeSecurityGroups": false, "GetResource": false, "ListStacks": false, "": false,
	} {
		if got := cloudtrail.Mutating(action); got != want {
			t.Errorf("Mutating(%q) is %t", action, got)
		}
	}
}

func same(t *testing.T, what string, got any, want string) {
	t.Helper()
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(data, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s is\n%s\nnot\n%s", what, data, want)
	}
}
