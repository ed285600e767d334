package sam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/template/sam"
)

// TestGlobalsDoNotMultiply: many values in Globals for many functions are given
// up, not made.
func TestGlobalsDoNotMultiply(t *testing.T) {
	var b strings.Builder
	b.WriteString("Transform: AWS::Serverless-2016-10-31\nGlobals:\n  Function:\n    Environment:\n      Variables:\n")
	for i := range 600 {
		fmt.Fprintf(&b, "        V%d: x\n", i)
	}
	b.WriteString("Resources:\n")
	for i := range 1500 {
		fmt.Fprintf(&b, "  F%d: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.13, InlineCode: x, Environment: {Variables: {W: y}}}}\n", i)
	}
	root, err := template.ParseNode("t.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	_, problems := sam.Translate(root, sam.Options{})
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "analysis incomplete") {
		t.Errorf("problems %+v", problems)
	}
}
