package drift_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
)

func TestUndeclared(t *testing.T) {
	type differences = []events.PropertyDifference
	tests := []struct {
		name, typ, expected, actual string
		want                        differences
	}{
		{"a value at the top", "AWS::SQS::Queue", `{}`, `{"DelaySeconds":5}`, differences{difference("ADD", "/DelaySeconds", "", "5")}},
		{"read-only and empty values, null, tags of AWS", "AWS::SQS::Queue", `{}`,
			`{"Arn":"a","QueueUrl":"u","DelaySeconds":null,"RedrivePolicy":{},"Tags":[{"Key":"aws:x","Value":"y"}],"KmsMasterKeyId":""}`, nil},
		{"a default", "AWS::CloudFront::VpcOrigin", `{"VpcOriginEndpointConfig":{"Name":"o"}}`,
			`{"VpcOriginEndpointConfig":{"Name":"o","OriginProtocolPolicy":"match-viewer","HTTPPort":80}}`, nil},
		{"inside an object", "AWS::CloudFront::VpcOrigin", `{"VpcOriginEndpointConfig":{"Name":"o"}}`,
			`{"VpcOriginEndpointConfig":{"Name":"o","OriginProtocolPolicy":"http-only"}}`,
			differences{difference("ADD", "/VpcOriginEndpointConfig/OriginProtocolPolicy", "", "http-only")}},
		{"inside an item of a set, by its index in what was read", "AWS::EC2::SecurityGroup",
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"},{"IpProtocol":"tcp","FromPort":80,"ToPort":80,"CidrIp":"10.0.0.0/8"}]}`,
			`{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":80,"ToPort":80,"CidrIp":"10.0.0.0/8"},{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8","Description":"x"}]}`,
			differences{difference("ADD", "/SecurityGroupIngress/1/Description", "", "x")}},
		{"a key of a map and an item of a list are drift", "AWS::Lambda::Function",
			`{"Environment":{"Variables":{"A":"1"}},"Architectures":["arm64"]}`, `{"Environment":{"Variables":{"A":"1","B":"2"}},"Architectures":["arm64","x86_64"]}`, nil},
		{"the same set in another order has the same text", "AWS::EC2::Instance", `{}`, `{"SecurityGroupIds":["sg-2","sg-1"]}`,
			differences{difference("ADD", "/SecurityGroupIds", "", `["sg-1","sg-2"]`)}},
		{"the name of what is checked", "AWS::S3::Bucket", `{}`, `{"BucketName":"generated"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := drift.Undeclared(kind(tt.typ), object(t, tt.expected), object(t, tt.actual))
			if len(got)+len(tt.want) > 0 && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// An empty list of a template declares nothing: what is there is undeclared. An
// empty list that was read says that there was nothing.
func TestEmptyLists(t *testing.T) {
	kind := kind("AWS::EC2::SecurityGroup")
	empty, open := object(t, `{"SecurityGroupIngress":[]}`), object(t, `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0"}]}`)
	if got := drift.Compare(kind, empty, open); len(got) != 0 {
		t.Errorf("declared: %+v", got)
	}
	if got := paths(drift.Undeclared(kind, empty, open)); !slices.Equal(got, []string{"/SecurityGroupIngress"}) {
		t.Errorf("undeclared: %v", got)
	}
	if got := paths(drift.Between(kind, empty, open)); !slices.Equal(got, []string{"/SecurityGroupIngress/0"}) {
		t.Errorf("between: %v", got)
	}
	if got := paths(drift.Between(kind, object(t, `{"VpcId":"vpc-1"}`), object(t, `{}`))); !slices.Equal(got, []string{"/VpcId"}) {
		t.Errorf("between, what cannot be changed: %v", got)
	}
}
