package validation_test

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// paths are those of a rule's findings in a template.
func paths(t *testing.T, rule, text string) []string {
	t.Helper()
	r := validation.ValidateWith(map[string][]byte{"t.yaml": []byte(text)}, validation.Options{Settings: validation.Settings{IncludeChecks: []string{"I"}}})
	var found []string
	for _, f := range r.Findings {
		if f.Rule == rule {
			found = append(found, f.Path)
		}
	}
	slices.Sort(found)
	return found
}

func TestOneFindingForOnePlace(t *testing.T) {
	for name, c := range map[string]struct {
		rule, text string
		want       []string
	}{
		"short forms in a list are one place": {"W1020", `
Resources:
  R:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "1"
      MaxSize: "1"
      LaunchConfigurationName: x
      AvailabilityZones: [!Sub us-east-1a, !Sub us-east-1b]
`, []string{"Resources/R/Properties/AvailabilityZones/0/Fn::Sub"}},
		"long forms are not": {"W1020", `
Resources:
  R:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "1"
      MaxSize: "1"
      LaunchConfigurationName: x
      AvailabilityZones:
        - Fn::Sub: us-east-1a
        - Fn::Sub: us-east-1b
`, []string{"Resources/R/Properties/AvailabilityZones/0/Fn::Sub", "Resources/R/Properties/AvailabilityZones/1/Fn::Sub"}},
		"an alias is where its anchor is": {"E1152", `
Resources:
  A:
    Type: AWS::EC2::Instance
    Properties: &same
      ImageId: image
  B:
    Type: AWS::EC2::Instance
    Properties: *same
`, []string{"Resources/A/Properties/ImageId"}},
		"numbers are where their list is": {"W1030", `
Parameters:
  P: {Type: Number, AllowedValues: [1, 2]}
Resources:
  R:
    Type: AWS::Lambda::Function
    Properties:
      Role: !Ref P
      PackageType: Image
      Code: {ImageUri: image}
`, []string{"Parameters/P/AllowedValues/0"}},
	} {
		if got := paths(t, c.rule, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
