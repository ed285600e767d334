package drift_test

import (
	"reflect"
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
