package validation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// nestedSub is a text that doubles at each of 60 levels.
func nestedSub() string {
	return properties("AWS::S3::Bucket", "BucketName: ") + strings.Repeat(`{"Fn::Sub": ["${a}${a}", {a: `, 60) + "x" + strings.Repeat("}]}", 60) + "\n"
}

// choices is a template in which many names have 100 to the power of 20 values.
func choices() string {
	var b strings.Builder
	b.WriteString("Parameters:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  P%d: {Type: String, AllowedValues: [%s0]}\n", i, strings.Repeat("x, ", 99))
	}
	variables := ""
	for i := range 20 {
		variables += fmt.Sprintf("${P%d}", i)
	}
	b.WriteString("Resources:\n")
	for i := range 200 {
		fmt.Fprintf(&b, "  R%d: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '%s'}}\n", i, variables)
	}
	return b.String()
}

// nestedLookup is Fn::FindInMap in both keys of Fn::FindInMap, 14 times.
func nestedLookup() string {
	call := "{Ref: AWS::Region}"
	for range 14 {
		call = "{Fn::FindInMap: [M, " + call + ", " + call + "]}"
	}
	return "Transform: AWS::LanguageExtensions\nMappings: {M: {us-east-1: {us-east-1: us-east-1}}}\n" + properties("AWS::SNS::Topic", "TopicName: ") + call + "\n"
}

// Values of calls multiply: neither their number nor their length grows without
// bound, and what was left out is said.
func TestValuesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		incomplete bool
	}{
		{"texts that double", nestedSub(), true},
		{"combinations of parameters", choices(), false},
		{"variables that do not end", properties("AWS::S3::Bucket", "BucketName: !Sub '") + fill("${") + "'\n", false},
		{"lookups in lookups", nestedLookup(), false},
		{"a long list that is joined", properties("AWS::SNS::Topic", "TopicName: !Join ['', [") + strings.Repeat("{Ref: AWS::Region}, ", 40_000) + "x]]\n", true},
		{"many variables", properties("AWS::SNS::Topic", "TopicName: !Sub '") + number("${A%d}") + "'\n", true},
		{"patterns that backtrack", "Parameters:\n" + number("  P%d: {Type: String, AllowedPattern: '(?=(a+)+b)(a|a)*(a|a)*(a|a)*$', Default: "+strings.Repeat("a", 500)+"}\n") + "Resources: {A: {Type: AWS::SNS::Topic}}\n", true},
		{"lists of lists", properties("AWS::S3::Bucket", "BucketName: ") + strings.Repeat("!Join [',', !Split [',', ", 40) + "'a,b'" + strings.Repeat("]]", 40) + "\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begin := processorTime(t)
			r := validation.Validate(map[string][]byte{"x": []byte(tt.text)})
			if took := processorTime(t) - begin; took > 3*time.Second {
				t.Errorf("took %s", took)
			}
			if (len(r.Incomplete) > 0) != tt.incomplete {
				t.Errorf("incomplete: %v", r.Incomplete)
			}
		})
	}
}
