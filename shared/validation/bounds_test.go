package validation_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// fill repeats a text up to about a megabyte, the limit of a template.
func fill(unit string) string { return strings.Repeat(unit, 1_000_000/len(unit)) }

// number repeats a format with one number up to about a megabyte.
func number(format string) string {
	var b strings.Builder
	for i := 0; b.Len() < 1_000_000; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func conditions(n int) string {
	var b strings.Builder
	b.WriteString("Conditions:\n  C0: !Equals [a, b]\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "  C%d: !Or [!Condition C%d, !Not [!Condition C%d]]\n", i, i-1, i-1)
	}
	return b.String() + "Resources:\n  A: {Type: AWS::SQS::Queue, Condition: C1}\n"
}

func ring(n int) string {
	var b strings.Builder
	b.WriteString("Resources:\n")
	for i := range n {
		fmt.Fprintf(&b, "  A%d: {Type: AWS::SQS::Queue, DependsOn: A%d}\n", i, (i+1)%n)
	}
	return b.String()
}

// properties begins a resource whose last property follows.
func properties(typ, property string) string {
	return "Resources:\n  A:\n    Type: " + typ + "\n    Properties:\n      " + property
}

// hostile are templates that took long, or might, in a parser or a rule that is
// not linear.
var hostile = map[string]string{
	"brackets":                 fill("["),
	"dashes":                   fill("- "),
	"lines of dashes":          fill("-\n"),
	"comments":                 "a: b\n" + fill("# x\n"),
	"comments between":         fill("# x\na: b\n"),
	"question marks":           fill("? "),
	"quotes":                   fill("'"),
	"one key again":            fill("k: v\n"),
	"flow map":                 "{" + number("a%d: b,") + "}",
	"JSON keys":                "{" + number(`"a%d":1,`) + `"z":1}`,
	"JSON depth":               fill(`{"a":`),
	"anchors":                  fill("- &a x\n"),
	"aliases":                  "- &a x\n" + fill("- *a\n"),
	"merges":                   "A: &a {x: 1}\nB:\n" + fill("  <<: *a\n"),
	"tabs":                     fill("\t"),
	"documents":                fill("---\n"),
	"nested Fn::If":            properties("AWS::SQS::Queue", "QueueName: ") + strings.Repeat("!If [C, a, ", 45) + "b" + strings.Repeat("]", 45),
	"bad Refs":                 properties("AWS::SQS::Queue", "Tags:\n") + fill("        - !Ref x\n"),
	"equal items":              properties("AWS::SNS::Topic", "DeliveryStatusLogging:\n") + fill("        - {Protocol: sqs}\n"),
	"misspelt properties":      properties("AWS::S3::Bucket", "BucketName: x\n") + number("      BucketNam%d: x\n"),
	"variables":                properties("AWS::SQS::Queue", "QueueName: !Sub '") + fill("${A}") + "'\n",
	"variables without Sub":    properties("AWS::SQS::Queue", "QueueName: '") + fill("${A}") + "'\n",
	"open ports":               properties("AWS::EC2::SecurityGroup", "SecurityGroupIngress:\n") + fill("        - {IpProtocol: tcp, FromPort: 1, ToPort: 4000, CidrIp: 0.0.0.0/0}\n"),
	"resources":                "Resources:\n" + number("  A%d: {Type: 'AWS::S3::Bucket'}\n"),
	"serverless resources":     "Transform: AWS::Serverless-2016-10-31\nResources:\n" + number("  A%d: {Type: 'AWS::Serverless::Function', X: !Ref Z}\n"),
	"a long cycle":             ring(15000),
	"conditions on each other": conditions(24),
	"many conditions":          conditions(15000),
	"conditional items": "Conditions: {C: !Equals [!Ref AWS::Region, b]}\n" + properties("AWS::EC2::SecurityGroup", "SecurityGroupIngress:\n") +
		strings.Repeat("        - !If [C, {IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}, !Ref AWS::NoValue]\n", 24),
}

// The work is bounded whatever the template. It is measured in processor time,
// so that a busy machine does not matter; most take a tenth of the limit.
func TestBounds(t *testing.T) {
	for name, text := range hostile {
		begin := processorTime(t)
		r := validation.Validate(map[string][]byte{"x": []byte(text[:min(len(text), 1<<20)])})
		if took := processorTime(t) - begin; took > 5*time.Second {
			t.Errorf("%s: %s", name, took)
		}
		if len(r.Findings) > 1000+2 { // and the notes about the file as a whole
			t.Errorf("%s: %d findings", name, len(r.Findings))
		}
	}
}

// processorTime is what this process has used so far.
func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// What is left out is said, and what was found before stays.
func TestIncompleteIsSaid(t *testing.T) {
	for _, name := range []string{"misspelt properties", "flow map"} {
		r := validation.Validate(map[string][]byte{"x": []byte(hostile[name])})
		if !slices.Equal(r.Incomplete, []string{"x"}) || !slices.Contains(rules(r), "EK0002") || len(r.Findings) < 100 {
			t.Errorf("%s: incomplete %v, %d findings", name, r.Incomplete, len(r.Findings))
		}
	}
}
