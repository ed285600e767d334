package rules

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// formatRules check the formats of identifiers in texts. E1103 is the rule of the
// standard formats.
func formatRules() []check.Rule {
	return []check.Rule{
		{
			ID: "E1101", Severity: check.Error, Title: "A value cannot be checked", Link: guide + "intrinsic-function-reference-conditions.html",
			Description: "A rule cannot look at a value, because a function in it is not built right.",
		},
		{
			ID: "E1103", Severity: check.Error, Title: "A value is not of its format", Link: guide + "template-anatomy.html",
			Description: "A text where the schema names a format, such as a date or an IP address, is of that format.",
		},
		formatRule("E1150", "AWS::EC2::SecurityGroup.Id", hexID("sg-")),
		formatRule("E1151", "AWS::EC2::VPC.Id", hexID("vpc-")),
		formatRule("E1152", "AWS::EC2::Image.Id", isImageID),
		formatRule("E1153", "AWS::EC2::SecurityGroup.Name", func(_ *check.Validator, text string) bool {
			return eachByte(text, 1, -1, func(c byte) bool { return isAlphanumeric(c) || strings.IndexByte(` ._-:/()#,@[]+=&;{}!$*`, c) >= 0 })
		}),
		formatRule("E1154", "AWS::EC2::Subnet.Id", hexID("subnet-")),
		{
			// cfn-lint meant the names of log groups, and checks the ids of subnets.
			ID: "E1155", Severity: check.Error, Title: "A text has characters that no name has", Format: "AWS::EC2::Subnet.Id",
			Link:        "https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/format_keyword.md#AWS::Logs::LogGroup.Name",
			Description: "An identifier has 1 to 512 letters, digits and some signs.",
			Matches: func(_ *check.Validator, text string) bool {
				return eachByte(text, 1, 512, func(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("._-/#", c) >= 0 })
			},
		},
		formatRule("E1156", "AWS::IAM::Role.Arn", formatARN("iam", false, "role/")),
		formatRule("E1157", "AWS::KMS::Key.Arn", formatARN("kms", true, "key/", "alias/")),
		formatRule("E1158", "AWS::SNS::Topic.Arn", formatARN("sns", true, "")),
		formatRule("E1159", "AWS::ACM::Certificate.Arn", formatARN("acm", true, "certificate/")),
		formatRule("E1160", "AWS::Lambda::Function.Arn", formatARN("lambda", true, "function:")),
		formatRule("E1161", "AWS::S3::Bucket.Name", isBucketName),
		formatRule("E1162", "AWS::KMS::Key.Id", isKeyID),
		formatRule("E1163", "AWS::Lambda::Function.Name", func(_ *check.Validator, text string) bool {
			return eachByte(text, 1, 140, func(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' })
		}),
		formatRule("E1164", "AWS::KMS::Alias.AliasName", func(_ *check.Validator, text string) bool {
			name, ok := strings.CutPrefix(text, "alias/")
			return ok && eachByte(name, 1, -1, func(c byte) bool { return isAlphanumeric(c) || strings.IndexByte(":/_-", c) >= 0 })
		}),
	}
}

func formatRule(id, format string, matches func(*check.Validator, string) bool) check.Rule {
	return check.Rule{
		ID: id, Severity: check.Error, Title: "A text is not of the format " + format, Format: format,
		Link:        "https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/format_keyword.md#" + format,
		Description: "A plain text where a property wants " + format + " looks like one.",
		// A line feed at the end does not count, as with cfn-lint's patterns.
		Matches: func(v *check.Validator, text string) bool { return matches(v, strings.TrimSuffix(text, "\n")) },
	}
}

// eachByte reports whether a text has between least and most (-1: any number) bytes
// that all fit.
func eachByte(text string, least, most int, fits func(byte) bool) bool {
	if len(text) < least || most >= 0 && len(text) > most {
		return false
	}
	for i := range len(text) {
		if !fits(text[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool        { return c >= '0' && c <= '9' }
func isLower(c byte) bool        { return c >= 'a' && c <= 'z' }
func isLetter(c byte) bool       { return isLower(c) || c >= 'A' && c <= 'Z' }
func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }
func isHex(c byte) bool          { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
func isLowerHex(c byte) bool     { return isDigit(c) || c >= 'a' && c <= 'f' }

// hexID is an id of EC2: a prefix with 8 or 17 hexadecimal digits.
func hexID(prefix string) func(*check.Validator, string) bool {
	return func(_ *check.Validator, text string) bool {
		id, ok := strings.CutPrefix(text, prefix)
		return ok && (len(id) == 8 || len(id) == 17) && eachByte(id, 8, 17, isHex)
	}
}

func isImageID(v *check.Validator, text string) bool {
	if v.Place != nil && strings.HasPrefix(text, "resolve:ssm") && v.Place.String() == "Resources/AWS::EC2::LaunchTemplate/Properties/LaunchTemplateData/ImageId" {
		return true // EC2 itself resolves these
	}
	id, ok := strings.CutPrefix(text, "ami-")
	return ok && (len(id) == 8 || len(id) == 17) && eachByte(id, 8, 17, func(c byte) bool { return isDigit(c) || isLower(c) })
}

// formatARN is an ARN of a service: arn:partition:service:region:account:resource, the
// resource with one of the prefixes and a name.
func formatARN(service string, regional bool, prefixes ...string) func(*check.Validator, string) bool {
	return func(_ *check.Validator, text string) bool {
		parts := strings.SplitN(text, ":", 6)
		if len(parts) < 6 || parts[0] != "arn" || parts[2] != service || !isPartition(parts[1]) || !eachByte(parts[4], 12, 12, isDigit) {
			return false
		}
		if regional != (parts[3] != "") || !eachByte(parts[3], 0, -1, func(c byte) bool { return isLower(c) || isDigit(c) || c == '-' }) {
			return false
		}
		for _, prefix := range prefixes {
			if name, ok := strings.CutPrefix(parts[5], prefix); ok && name != "" && !strings.Contains(name, "\n") {
				return true
			}
		}
		return false
	}
}

func isPartition(text string) bool {
	rest, ok := strings.CutPrefix(text, "aws")
	return ok && eachByte(rest, 0, -1, func(c byte) bool { return isLetter(c) || c == '-' })
}

func isBucketName(v *check.Validator, text string) bool {
	if text == "" && v.Place != nil && v.Place.String() == "Resources/AWS::S3::Bucket/Properties/BucketName" {
		return true
	}
	if !eachByte(text, 3, 63, func(c byte) bool { return isLower(c) || isDigit(c) || c == '.' || c == '-' }) {
		return false
	}
	first, last := text[0], text[len(text)-1]
	return first != '.' && first != '-' && last != '.' && last != '-' &&
		!strings.Contains(text, "..") && !strings.Contains(text, "-.") && !strings.Contains(text, ".-")
}

// isKeyID accepts the UUID of a key, the id of a multi-region key, or an alias.
func isKeyID(_ *check.Validator, text string) bool {
	if name, ok := strings.CutPrefix(text, "alias/"); ok {
		return eachByte(name, 1, -1, func(c byte) bool { return isAlphanumeric(c) || c == '/' || c == '_' || c == '-' })
	}
	if id, ok := strings.CutPrefix(text, "mrk-"); ok {
		return eachByte(id, 32, 32, isLowerHex)
	}
	parts := strings.Split(text, "-")
	if len(parts) != 5 {
		return false
	}
	for i, length := range [...]int{8, 4, 4, 4, 12} {
		if !eachByte(parts[i], length, length, isLowerHex) {
			return false
		}
	}
	return true
}
