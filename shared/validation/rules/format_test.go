package rules

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation/check"
)

func TestFormats(t *testing.T) {
	cases := map[string]struct{ right, wrong []string }{
		"AWS::EC2::SecurityGroup.Id":   {[]string{"sg-12345678", "sg-0123456789abcdefA", "sg-12345678\n"}, []string{"", "sg-", "sg-1234567", "sg-123456789", "sg-1234567g", "vpc-12345678", "sg-12345678\n\n"}},
		"AWS::EC2::VPC.Id":             {[]string{"vpc-12345678"}, []string{"vpc-1234567z", "12345678"}},
		"AWS::EC2::Subnet.Id":          {[]string{"subnet-12345678"}, []string{"subnet-", "subnet"}},
		"AWS::EC2::Image.Id":           {[]string{"ami-12345678", "ami-0123456789abcdefg"}, []string{"ami-1234567A", "ami-1", "resolve:ssm:/a"}},
		"AWS::EC2::SecurityGroup.Name": {[]string{"a group (1)", "a"}, []string{"", "group?", "grüppe"}},
		"AWS::IAM::Role.Arn":           {[]string{"arn:aws:iam::123456789012:role/path/name", "arn:aws-cn:iam::123456789012:role/x"}, []string{"arn:aws:iam::123456789012:role/", "arn:aws:iam::12345678901:role/x", "arn:aws:iam:us-east-1:123456789012:role/x", "role/x", "arn:aws:iam::123456789012:user/x"}},
		"AWS::KMS::Key.Arn":            {[]string{"arn:aws:kms:us-east-1:123456789012:key/x", "arn:aws:kms:us-east-1:123456789012:alias/x"}, []string{"arn:aws:kms::123456789012:key/x", "arn:aws:kms:us-east-1:123456789012:grant/x"}},
		"AWS::SNS::Topic.Arn":          {[]string{"arn:aws:sns:us-east-1:123456789012:name"}, []string{"arn:aws:sns:us-east-1:123456789012:", "arn:aws:sns:US:123456789012:name"}},
		"AWS::ACM::Certificate.Arn":    {[]string{"arn:aws:acm:us-east-1:123456789012:certificate/x"}, []string{"arn:aws:acm:us-east-1:123456789012:x"}},
		"AWS::Lambda::Function.Arn":    {[]string{"arn:aws:lambda:us-east-1:123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f:1"}, []string{"arn:aws:lambda:us-east-1:123456789012:layer:f"}},
		"AWS::Lambda::Function.Name":   {[]string{"my_function-1"}, []string{"", "my.function", strings.Repeat("a", 141)}},
		"AWS::S3::Bucket.Name":         {[]string{"a-bucket.1", "abc"}, []string{"ab", "Bucket", "-ab", "ab-", "a..b", "a.-b", "a-.b", strings.Repeat("a", 64), ""}},
		"AWS::KMS::Key.Id":             {[]string{"12345678-1234-1234-1234-123456789012", "mrk-" + strings.Repeat("a", 32), "alias/x"}, []string{"12345678-1234-1234-1234-12345678901", "mrk-a", "alias/", "alias/a b", "1234"}},
		"AWS::KMS::Alias.AliasName":    {[]string{"alias/a:b"}, []string{"alias/", "name", "alias/a b"}},
	}
	v := &check.Validator{}
	for _, rule := range formatRules() {
		if rule.Format == "" || rule.ID == "E1155" {
			continue
		}
		c, ok := cases[rule.Format]
		if !ok {
			t.Errorf("%s is not tested", rule.Format)
		}
		for _, text := range c.right {
			if !rule.Matches(v, text) {
				t.Errorf("%q is no %s", text, rule.Format)
			}
		}
		for _, text := range c.wrong {
			if rule.Matches(v, text) {
				t.Errorf("%q is a %s", text, rule.Format)
			}
		}
	}
}

func TestDynamicReferences(t *testing.T) {
	for text, want := range map[string]bool{
		"ssm:/a/b":           true,
		"ssm:/a/b:1":         true,
		"ssm:/a/b:x":         false,
		"ssm:/a/b:1:2":       false,
		"ssm:-":              false,
		"secretsmanager:a":   true,
		"secretsmanager:a:b": false,
		"secretsmanager:a:SecretString:key:stage:version":                                    true,
		"secretsmanager:a:SecretString:1:2:3:4":                                              false,
		"secretsmanager:arn:aws:secretsmanager:us-east-1:123456789012:secret:a":              true,
		"secretsmanager:arn:aws:secretsmanager:us-east-1:123456789012:secret:a:SecretString": true,
		"secretsmanager:arn:aws:secretsmanager:us-east-1:123456789012:x:a":                   false,
		"secretsmanager:arn:aws:secretsmanager":                                              false,
	} {
		parts := strings.Split("resolve:"+text, ":")
		right := parameterStore
		if parts[1] == "secretsmanager" {
			right = secretsManager
		}
		if got := right(parts); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if got := reference("x{{resolve:ssm:a}}-{{resolve:ssm:b}}y"); got != "resolve:ssm:b" {
		t.Errorf("the last reference is %q", got)
	}
}

func TestParameterTypes(t *testing.T) {
	for typ, want := range map[string][2]bool{
		"String": {true, false}, "Number": {true, false}, "CommaDelimitedList": {false, true}, "List<Number>": {false, true}, "List<String>": {false, true},
		"AWS::EC2::VPC::Id": {true, false}, "List<AWS::EC2::VPC::Id>": {false, true}, "List<AWS::EC2::KeyPair::KeyName>": {false, false},
		"AWS::SSM::Parameter::Name": {true, false}, "AWS::SSM::Parameter::Value<String>": {true, false},
		"AWS::SSM::Parameter::Value<List<String>>": {false, true}, "AWS::SSM::Parameter::Value<CommaDelimitedList>": {false, true},
		"AWS::SSM::Parameter::Value<Foo>": {false, false}, "Foo": {false, false}, "": {false, false}, "List<": {false, false},
	} {
		if scalar, list := parameterType(typ); scalar != want[0] || list != want[1] {
			t.Errorf("%s: scalar %t, list %t", typ, scalar, list)
		}
	}
}
