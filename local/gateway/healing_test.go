package gateway_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// at digs into a record: at(detail, "responseElements", "items", 0).
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// The record of a call with several permissions names every rule that it made.
func severalPermissions(t *testing.T, f fixture) {
	group := f.group(t, "several")
	client := ec2.NewFromConfig(f.config(workload))
	made, err := client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(group), IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}, Ipv6Ranges: []ec2types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}},
		{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("1.2.3.4/0")}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, e := f.seen(t, true, func(e event) bool { return at(e.Detail, "requestParameters", "groupId") == group })
	var got, want []string
	items, _ := at(e.Detail, "responseElements", "securityGroupRuleSet", "items").([]any)
	for _, item := range items {
		got = append(got, fmt.Sprint(at(item, "securityGroupRuleId"), at(item, "cidrIpv4"), at(item, "cidrIpv6"), at(item, "fromPort"), at(item, "groupOwnerId")))
	}
	for i, rule := range []string{"0.0.0.0/0<nil>22", "<nil>::/022", "0.0.0.0/0<nil>-1"} {
		want = append(want, aws.ToString(made.SecurityGroupRules[i].SecurityGroupRuleId)+rule+workload)
	}
	if !slices.Equal(clean(got), clean(want)) {
		t.Errorf("the record names\n%v, not\n%v", clean(got), clean(want))
	}
	// What was typed stays in the request: EC2 made 0.0.0.0/0 of it.
	if typed := at(e.Detail, "requestParameters", "ipPermissions", "items", 1, "ipRanges", "items", 0, "cidrIp"); typed != "1.2.3.4/0" {
		t.Errorf("the request says %v", typed)
	}
}

// clean leaves out the spaces that fmt.Sprint puts between what is no text.
func clean(lines []string) []string {
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], " ", "")
	}
	return lines
}

// An instance that gets an open group is an event that names the group.
func attachments(t *testing.T, f fixture) {
	group, client := f.group(t, "attached"), ec2.NewFromConfig(f.config(workload))
	images, err := client.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Owners: []string{"amazon"}})
	if err != nil || len(images.Images) == 0 {
		t.Fatal("no image: ", err)
	}
	launched, err := client.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SecurityGroupIds: []string{group}})
	if err != nil {
		t.Fatal(err)
	}
	_, e := f.seen(t, true, named("RunInstances"))
	for _, path := range [][]any{
		{"requestParameters", "groupSet", "items", 0, "groupId"},
		{"responseElements", "instancesSet", "items", 0, "groupSet", "items", 0, "groupId"},
		{"responseElements", "instancesSet", "items", 0, "networkInterfaceSet", "items", 0, "groupSet", "items", 0, "groupId"},
	} {
		if got := at(e.Detail, path...); got != group {
			data, _ := json.Marshal(e.Detail)
			t.Errorf("%v is %v in %s", path, got, data)
		}
	}
	other := f.group(t, "attached later")
	if _, err := client.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: launched.Instances[0].InstanceId, Groups: []string{other}}); err != nil {
		t.Fatal(err)
	}
	if _, e := f.seen(t, true, named("ModifyInstanceAttribute")); at(e.Detail, "requestParameters", "groupSet", "items", 0, "groupId") != other {
		t.Errorf("requestParameters is %v", e.Detail["requestParameters"])
	}
}

// A burst of 500 openings is 500 events, soon after the last call.
func burst(t *testing.T, f fixture) {
	const calls, groups, callers = 500, 25, 16
	client, queue := ec2.NewFromConfig(f.config(workload)), sqs.NewFromConfig(f.config(f.State.Hub))
	var ids []string
	for i := range groups {
		ids = append(ids, f.group(t, fmt.Sprint("burst ", i)))
	}
	f.forget(t)
	started := time.Now()
	work, failed := make(chan int), make(chan error, calls)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := range work {
				if err := open(client, t.Context(), ids[i%groups], fmt.Sprintf("198.51.%d.0/24", i/groups)); err != nil {
					failed <- err
				}
			}
		})
	}
	for i := range calls {
		work <- i
	}
	close(work)
	all.Wait()
	if len(failed) > 0 {
		t.Fatalf("%d calls failed: %v", len(failed), <-failed)
	}
	called := time.Since(started)
	var there int
	for deadline := time.Now().Add(20 * time.Second); there < calls && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		out, err := queue.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &f.queue, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages}})
		if err != nil {
			t.Fatal(err)
		}
		there, _ = strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
	}
	if there != calls {
		t.Errorf("%d of %d events arrived", there, calls)
	}
	t.Logf("%d calls took %s; the last event arrived %s later", calls, called.Round(time.Millisecond), (time.Since(started) - called).Round(time.Millisecond))
	f.forget(t)
}
