package cloudtrail_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/local/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// sent is the form in which the SDK sends a call.
func sent(t *testing.T, call func(*ec2.Client) error) url.Values {
	t.Helper()
	var form url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form = r.PostForm
		_, _ = w.Write([]byte("<R/>"))
	}))
	defer server.Close()
	client := ec2.NewFromConfig(aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	if err := call(client); err != nil {
		t.Fatal(err)
	}
	return form
}

// A call as the SDK sends it, its record, and what healing reads in it.
var calls = []struct {
	name       string
	call       func(t *testing.T, c *ec2.Client) error
	response   string
	parameters string // of the record; "" is not compared
	want       string // groups, prefix lists, or what else healing says
}{
	{
		name: "two permissions", want: "groups [sg-1]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-1"), IpPermissions: []types.IpPermission{
				{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
				{IpProtocol: aws.String("-1"), PrefixListIds: []types.PrefixListId{{PrefixListId: aws.String("pl-1"), Description: aws.String("offices")}}},
			}})
			return err
		},
		parameters: `{"groupId":"sg-1","ipPermissions":{"items":[
			{"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{},"prefixListIds":{}},
			{"ipProtocol":"-1","groups":{},"ipRanges":{},"ipv6Ranges":{},"prefixListIds":{"items":[{"prefixListId":"pl-1","description":"offices"}]}}]}}`,
	},
	{
		name: "the flat form", want: "groups [sg-1]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-1"), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("0.0.0.0/0")})
			return err
		},
		parameters: `{"groupId":"sg-1","ipPermissions":{},"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}`,
	},
	{
		name: "a group by its name, with the answer's rule set", want: "groups [sg-7]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupName: aws.String("default"), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("0.0.0.0/0")})
			return err
		},
		response: `<R><return>true</return><securityGroupRuleSet><item><groupId>sg-7</groupId><securityGroupRuleId>sgr-7</securityGroupRuleId></item></securityGroupRuleSet></R>`,
	},
	{
		name: "groups of an interface", want: "groups [sg-1 sg-2]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.ModifyNetworkInterfaceAttribute(t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String("eni-1"), Groups: []string{"sg-1", "sg-2"}})
			return err
		},
		parameters: `{"networkInterfaceId":"eni-1","groupSet":{"items":[{"groupId":"sg-1"},{"groupId":"sg-2"}]}}`,
	},
	{
		name: "another attribute of an interface", want: "nothing",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.ModifyNetworkInterfaceAttribute(t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String("eni-1"), SourceDestCheck: &types.AttributeBooleanValue{Value: aws.Bool(false)}})
			return err
		},
		parameters: `{"networkInterfaceId":"eni-1","sourceDestCheck":{"value":false}}`,
	},
	{
		name: "groups of an instance", want: "groups [sg-1]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String("i-1"), Groups: []string{"sg-1"}})
			return err
		},
		parameters: `{"instanceId":"i-1","groupSet":{"items":[{"groupId":"sg-1"}]}}`,
	},
	{
		name: "another attribute of an instance", want: "nothing",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String("i-1"), InstanceType: &types.AttributeValue{Value: aws.String("t3.micro")}})
			return err
		},
		parameters: `{"instanceId":"i-1","instanceType":{"value":"t3.micro"}}`,
	},
	{
		name: "a new interface with groups", want: "groups [sg-1]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: aws.String("subnet-1"), Groups: []string{"sg-1"}, ClientToken: aws.String("t")})
			return err
		},
		parameters: `{"subnetId":"subnet-1","clientToken":"t","groupSet":{"items":[{"groupId":"sg-1"}]},"privateIpAddressesSet":{}}`,
	},
	{
		name: "a new interface in the default group", want: "groups [sg-8]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: aws.String("subnet-1"), ClientToken: aws.String("t")})
			return err
		},
		parameters: `{"subnetId":"subnet-1","clientToken":"t","groupSet":{},"privateIpAddressesSet":{}}`,
		response:   `<R><networkInterface><networkInterfaceId>eni-1</networkInterfaceId><groupSet><item><groupId>sg-8</groupId></item></groupSet></networkInterface></R>`,
	},
	{
		name: "launched into groups", want: "groups [sg-1 sg-2]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), MinCount: aws.Int32(1), MaxCount: aws.Int32(2), SecurityGroupIds: []string{"sg-1"}, ClientToken: aws.String("t"),
				NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: aws.String("subnet-1"), Groups: []string{"sg-2"}, AssociatePublicIpAddress: aws.Bool(true)}}})
			return err
		},
		parameters: `{"clientToken":"t","instancesSet":{"items":[{"imageId":"ami-1","minCount":1,"maxCount":2}]},"groupSet":{"items":[{"groupId":"sg-1"}]},
			"networkInterfaceSet":{"items":[{"deviceIndex":0,"subnetId":"subnet-1","associatePublicIpAddress":true,"groupSet":{"items":[{"groupId":"sg-2"}]}}]}}`,
	},
	{
		name: "launched with an interface that is there", want: "groups [sg-9]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: aws.String("t"),
				NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), NetworkInterfaceId: aws.String("eni-1")}}})
			return err
		},
		parameters: `{"clientToken":"t","instancesSet":{"items":[{"imageId":"ami-1","minCount":1,"maxCount":1}]},"networkInterfaceSet":{"items":[{"deviceIndex":0,"networkInterfaceId":"eni-1"}]}}`,
		response: `<R><groupSet/><instancesSet><item><instanceId>i-1</instanceId><groupSet><item><groupId>sg-9</groupId></item></groupSet>
			<networkInterfaceSet><item><groupSet><item><groupId>sg-9</groupId></item></groupSet></item></networkInterfaceSet></item></instancesSet></R>`,
	},
	{
		name: "several modified rules", want: "groups [sg-1]",
		call: func(t *testing.T, c *ec2.Client) error {
			rule := &types.SecurityGroupRuleRequest{IpProtocol: aws.String("-1"), CidrIpv6: aws.String("::/0")}
			_, err := c.ModifySecurityGroupRules(t.Context(), &ec2.ModifySecurityGroupRulesInput{GroupId: aws.String("sg-1"), SecurityGroupRules: []types.SecurityGroupRuleUpdate{
				{SecurityGroupRuleId: aws.String("sgr-1"), SecurityGroupRule: rule}, {SecurityGroupRuleId: aws.String("sgr-2"), SecurityGroupRule: rule}}})
			return err
		},
		parameters: `{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":[
			{"tag":1,"SecurityGroupRuleId":"sgr-1","SecurityGroupRule":{"IpProtocol":"-1","CidrIpv6":"::/0"}},{"tag":2,"SecurityGroupRuleId":"sgr-2","SecurityGroupRule":{"IpProtocol":"-1","CidrIpv6":"::/0"}}]}}`,
	},
	{
		name: "an edited list", want: "lists [pl-1]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.ModifyManagedPrefixList(t.Context(), &ec2.ModifyManagedPrefixListInput{PrefixListId: aws.String("pl-1"), CurrentVersion: aws.Int64(3),
				AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("0.0.0.0/1")}, {Cidr: aws.String("128.0.0.0/1")}}, RemoveEntries: []types.RemovePrefixListEntry{{Cidr: aws.String("10.0.0.0/8")}}})
			return err
		},
		parameters: `{"ModifyManagedPrefixListRequest":{"PrefixListId":"pl-1","CurrentVersion":3,"AddEntry":[{"tag":"1","cidr":"0.0.0.0/1"},{"tag":"2","cidr":"128.0.0.0/1"}],"RemoveEntry":{"tag":"1","cidr":"10.0.0.0/8"}}}`,
	},
	{
		name: "a restored list", want: "lists [pl-1]",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.RestoreManagedPrefixListVersion(t.Context(), &ec2.RestoreManagedPrefixListVersionInput{PrefixListId: aws.String("pl-1"), CurrentVersion: aws.Int64(2), PreviousVersion: aws.Int64(1)})
			return err
		},
		parameters: `{"RestoreManagedPrefixListVersionRequest":{"PrefixListId":"pl-1","CurrentVersion":2,"PreviousVersion":1}}`,
	},
	{
		name: "an Elastic IP", want: "nothing",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{AllocationId: aws.String("eipalloc-1"), NetworkInterfaceId: aws.String("eni-1")})
			return err
		},
		parameters: `{"allocationId":"eipalloc-1","networkInterfaceId":"eni-1"}`,
	},
	{
		name: "a route to the internet", want: "nothing",
		call: func(t *testing.T, c *ec2.Client) error {
			_, err := c.CreateRoute(t.Context(), &ec2.CreateRouteInput{RouteTableId: aws.String("rtb-1"), DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: aws.String("igw-1")})
			return err
		},
		parameters: `{"routeTableId":"rtb-1","destinationCidrBlock":"0.0.0.0/0","gatewayId":"igw-1"}`,
	},
	{
		name: "too large a request", want: "everything",
		call: func(t *testing.T, c *ec2.Client) error {
			in := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-1")}
			for i := range 800 {
				in.IpPermissions = append(in.IpPermissions, types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(int32(i)), ToPort: aws.Int32(int32(i)), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}})
			}
			_, err := c.AuthorizeSecurityGroupIngress(t.Context(), in)
			return err
		},
		parameters: `null`,
	},
}

// What the gateway records of a call leads healing to the groups that it concerns.
func TestHealingReadsTheRecords(t *testing.T) {
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			form := sent(t, func(c *ec2.Client) error { return tt.call(t, c) })
			call := base()
			call.Action, call.Form = form.Get("Action"), cloudtrail.Parameters(form)
			if tt.response != "" {
				call.Response = []byte(tt.response)
			}
			record := cloudtrail.Record(call)
			if tt.parameters != "" {
				same(t, "requestParameters", record["requestParameters"], tt.parameters)
			}
			data, err := json.Marshal(map[string]any{"account": call.Account, "region": call.Region, "detail": record})
			if err != nil {
				t.Fatal(err)
			}
			read, err := healing.Parser{Role: "evenkeel-heal"}.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(read); got != tt.want {
				t.Errorf("healing reads %s (%s), not %s, in\n%s", got, read.Skip, tt.want, data)
			}
		})
	}
}

func said(r healing.Record) string {
	var out []string
	if len(r.Groups) > 0 {
		out = append(out, "groups "+fmt.Sprint(r.Groups))
	}
	if len(r.PrefixLists) > 0 {
		out = append(out, "lists "+fmt.Sprint(r.PrefixLists))
	}
	if r.Everything {
		out = append(out, "everything")
	}
	if r.Skip != "" {
		out = append(out, "nothing")
	}
	return strings.Join(out, ", ")
}
