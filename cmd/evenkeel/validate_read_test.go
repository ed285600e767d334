package main

import (
	"os"
	"testing"
)

// What nobody named may be anything: a device that never ends is not read, be it
// by a link in a folder or as the template of a nested stack.
func TestValidateReadsRegularFilesOnly(t *testing.T) {
	const device = "/dev/zero"
	if _, err := os.Stat(device); err != nil {
		t.Skip("there is no " + device)
	}
	nested := func(url string) string {
		return "Resources:\n  Nested:\n    Type: AWS::CloudFormation::Stack\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties:\n      TemplateURL: " + url + "\n      Parameters: {A: b}\n"
	}
	c := newCLI(t)
	folder(t, map[string]string{"t/ok.yaml": okTemplate, "t/nested.yaml": nested(device), "t/text.yaml": nested("../notes"), "notes": "no template\n"})
	if err := os.Symlink(device, "t/zero.yaml"); err != nil {
		t.Fatal(err)
	}
	c.run("validate", "t", "--ignore-checks", "W3002").want(0, "3 templates checked: 0 errors")
}
