package validation_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// lines writes a format with the numbers from 0 to n-1.
func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, strings.ReplaceAll(format, "%d", "%[1]d"), i)
	}
	return b.String()
}

// bucket is a template with one name.
func bucket(name string) string {
	return "Resources:\n  A:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: " + name + "\n"
}

// parameters are n parameters P0, P1, … of m values each.
func parameters(n, m int) string {
	values := make([]string, m)
	for i := range values {
		values[i] = fmt.Sprint("v", i)
	}
	return "Parameters:\n" + lines(n, "  P%d: {Type: String, AllowedValues: ["+strings.Join(values, ", ")+"]}\n")
}

// deciders are n conditions, each on a parameter of its own.
func deciders(n int) string {
	return parameters(n, 3) + "Conditions:\n" + lines(n, "  C%d: !Equals [!Ref P%d, v1]\n")
}

// entangled are n conditions that all depend on the same parameters and on each other.
func entangled(n int) string {
	var b strings.Builder
	b.WriteString(parameters(n, 3) + "Conditions:\n  C0: !Equals [!Ref P0, v1]\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  C%d: !Or [!And [!Condition C%d, !Equals [!Ref P%d, v1]], !Not [!Equals [!Ref P%d, !Ref P%d]]]\n", i, i-1, i, i-1, i)
	}
	return b.String()
}

// nestedIf is a value of n conditions within each other, on both sides.
func nestedIf(from, n int) string {
	if n == 0 {
		return "x"
	}
	return fmt.Sprintf("!If [C%d, %s, %s]", from, nestedIf(from+1, n-1), nestedIf(from+1, n-1))
}

// aliasBomb doubles at each of n levels.
func aliasBomb(n int) string {
	var b strings.Builder
	b.WriteString("Metadata:\n  A0: &a0 [x, x]\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "  A%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	return b.String() + "Resources:\n  A:\n    Type: AWS::S3::Bucket\n    Properties:\n      Tags: *a" + fmt.Sprint(n) + "\n"
}

func loops(depth, width int) string {
	items := "[" + strings.TrimSuffix(lines(width, "v%d, "), ", ") + "]"
	var b strings.Builder
	b.WriteString("Transform: AWS::LanguageExtensions\nResources:\n")
	indent, name := "  ", ""
	for i := range depth {
		name += fmt.Sprintf("${N%d}", i)
		fmt.Fprintf(&b, "%sFn::ForEach::L%d:\n%s  - N%d\n%s  - %s\n%s  - ", indent, i, indent, i, indent, items, indent)
		indent += "    "
		if i < depth-1 {
			b.WriteString("\n" + indent)
			b.WriteString("\n")
		}
	}
	fmt.Fprintf(&b, "{'T%s': {Type: AWS::SNS::Topic}}\n", name)
	return b.String()
}

const serverless = "Transform: AWS::Serverless-2016-10-31\n"

// bomb is a template whose parts multiply. The flag says whether the analysis
// has to give up.
type bomb struct {
	text       string
	incomplete bool
}

// bombs are made when they are needed: together they have several megabytes.
func bombs() map[string]bomb {
	return map[string]bomb{
		"24 conditions on each other": {text: entangled(24) + "Resources:\n" + lines(24, "  R%d: {Type: AWS::SNS::Topic, Condition: C%d}\n") +
			"Outputs:\n" + lines(24, "  O%d: {Condition: C23, Value: !Ref R%d}\n")},
		"24 conditional items": {incomplete: true, text: deciders(24) + properties("AWS::EC2::SecurityGroup", "GroupDescription: x\n      SecurityGroupIngress:\n") +
			lines(24, "        - !If [C%d, {IpProtocol: tcp, FromPort: %d, ToPort: %d, CidrIp: 10.0.0.0/8}, !Ref AWS::NoValue]\n")},
		"24 conditional properties": {incomplete: true, text: deciders(24) + "Resources:\n  A:\n    Type: AWS::EC2::Instance\n    Properties:\n" +
			"      ImageId: !If [C0, ami-12345678, !Ref AWS::NoValue]\n      InstanceType: !If [C1, t3.micro, !Ref AWS::NoValue]\n      LaunchTemplate: !If [C2, {LaunchTemplateName: x, Version: '1'}, !Ref AWS::NoValue]\n" +
			"      SubnetId: !If [C3, subnet-12345678, !Ref AWS::NoValue]\n      KeyName: !If [C4, k, !Ref AWS::NoValue]\n      SecurityGroupIds: !If [C5, [sg-12345678], !Ref AWS::NoValue]\n" +
			"      SecurityGroups: !If [C6, [x], !Ref AWS::NoValue]\n      NetworkInterfaces: !If [C7, [{DeviceIndex: '0'}], !Ref AWS::NoValue]\n      UserData: !If [C8, x, !Ref AWS::NoValue]\n" +
			"      Tags: !If [C9, [{Key: a, Value: b}], !Ref AWS::NoValue]\n      Monitoring: !If [C10, true, !Ref AWS::NoValue]\n      EbsOptimized: !If [C11, true, !Ref AWS::NoValue]\n" +
			"      BlockDeviceMappings:\n" + strings.ReplaceAll(lines(12, "        - !If [C#%d, {DeviceName: /dev/sd%d, Ebs: {VolumeSize: 8}}, !Ref AWS::NoValue]\n"), "C#", "C1")},
		"conditional pairs":             {incomplete: true, text: deciders(24) + bucket("x") + "      Tags:\n" + lines(24, "        - !If [C%d, {Key: k%d, Value: a}, {Key: k%d, Value: b}]\n")},
		"a tree of Fn::If":              {incomplete: true, text: deciders(12) + bucket(nestedIf(0, 12))},
		"a tree of Fn::If in a Fn::Sub": {text: deciders(8) + bucket("!Sub ['${a}-${b}-${c}', {a: "+nestedIf(0, 8)+", b: "+nestedIf(0, 8)+", c: "+nestedIf(0, 8)+"}]")},
		"Fn::FindInMap of a product": {text: parameters(3, 100) + "Mappings:\n  M:\n" + lines(100, "    v%d: {"+strings.TrimSuffix(strings.Repeat("", 0), "")+"v0: a, v1: b, v2: c}\n") +
			bucket("!FindInMap [M, !Ref P0, !Ref P1]")},
		"Fn::FindInMap of Fn::FindInMap": {text: parameters(2, 60) + "Transform: AWS::LanguageExtensions\nMappings:\n  M:\n" + lines(60, "    v%d: {v0: v1, v1: v2, v2: v3, v3: v0}\n") +
			bucket(strings.Repeat("!FindInMap [M, !Ref P0, ", 30)+"!Ref P1"+strings.Repeat("]", 30))},
		"Fn::Join of lists of many values":   {text: parameters(20, 50) + bucket("!Join ['-', ["+strings.TrimSuffix(lines(20, "!Ref P%d, "), ", ")+"]]")},
		"Fn::Select of lists of many values": {text: parameters(20, 50) + bucket("!Select [!Ref P0, ["+strings.TrimSuffix(lines(20, "!Ref P%d, "), ", ")+"]]")},
		"Fn::Sub in Fn::Sub":                 {incomplete: true, text: bucket(strings.Repeat("!Sub ['${a}${a}', {a: ", 40) + "x" + strings.Repeat("}]", 40))},
		"a megabyte of Fn::Sub":              {incomplete: true, text: bucket("!Sub '" + strings.Repeat("${AWS::Region}-", 66_000) + "'")},
		"many Fn::Sub of many values":        {incomplete: true, text: parameters(10, 100) + "Resources:\n" + lines(400, "  A%d: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${P0}${P1}${P2}${P3}'}}\n")},
		"a parameter of many values":         {incomplete: true, text: parameters(1, 50_000) + "Resources:\n" + lines(100, "  A%d: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref P0}}\n")},
		"a list of all values":               {text: parameters(1, 10_000) + "Conditions:\n" + lines(200, "  C%d: !Equals [!Ref P0, v%d]\n") + "Resources:\n" + lines(200, "  A%d: {Type: AWS::SNS::Topic, Condition: C%d}\n")},
		"a text against patterns":            {text: bucket(strings.Repeat("a.", 200_000) + "!")},
		"a domain name without end":          {text: properties("AWS::CloudFront::Distribution", "DistributionConfig: {Enabled: true, Aliases: ['"+strings.Repeat("a-", 200_000)+"_']}\n")},
		"an ARN without end":                 {text: properties("AWS::Lambda::Function", "Role: 'arn:aws:iam::"+strings.Repeat("1", 300_000)+":role/"+strings.Repeat("/", 300_000)+"!'\n")},
		"a policy as a text":                 {text: properties("AWS::IAM::ManagedPolicy", "PolicyDocument: '"+strings.Repeat(`{"a":`, 100_000)+"'\n")},
		"a policy of many actions":           {incomplete: true, text: properties("AWS::IAM::ManagedPolicy", "PolicyDocument:\n        Version: '2012-10-17'\n        Statement:\n          - Effect: Allow\n            Resource: '*'\n            Action:\n") + lines(20_000, "              - s3:Get*%d*a*b*c*\n")},
		"aliases that double":                {text: aliasBomb(40)},
		"merges that double":                 {text: "Metadata:\n  A0: &a0 {x0: 1}\n" + lines(30, "  B%d: &b%d {<<: [*a0, *a0], y%d: *a0}\n") + bucket("x")},
		"loops in loops":                     {text: loops(5, 30)},
		"one long loop":                      {incomplete: true, text: loops(1, 20_000)},
		"a schedule of loops": {incomplete: true, text: "Transform: AWS::LanguageExtensions\nResources:\n" +
			lines(200, "  Fn::ForEach::L%d: [N, [a, b, c, d, e, f, g, h], {'T%d${N}': {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${N}'}}}]\n")},
		"globals for many functions": {incomplete: true, text: serverless + "Globals:\n  Function:\n    Environment:\n      Variables:\n" + lines(500, "        V%d: x\n") +
			"Resources:\n" + lines(400, "  F%d: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.13, InlineCode: x}}\n")},
		"many events": {text: serverless + "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.b\n      Runtime: python3.13\n      InlineCode: x\n      Events:\n" +
			lines(1500, "        E%d: {Type: Api, Properties: {Path: '/p%d', Method: get}}\n")},
		"connectors":                   {text: serverless + "Resources:\n" + lines(150, "  Q%d: {Type: AWS::SQS::Queue}\n  F%d: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.13, InlineCode: x}, Connectors: {C: {Properties: {Destination: {Id: Q%d}, Permissions: [Write, Read]}}}}\n")},
		"everybody needs everybody":    {text: "Resources:\n" + lines(300, "  A%d:\n    Type: AWS::SNS::Topic\n    DependsOn: ["+strings.TrimSuffix(strings.Repeat("A1, A2, A3, A4, A5, A6, A7, A8, ", 4), ", ")+"]\n")},
		"a ring of references":         {text: "Resources:\n" + lines(400, "  A%d: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '"+strings.TrimSuffix(strings.Repeat("${A0}${A399}${A200}", 20), "")+"'}}\n")},
		"many instances of a database": {incomplete: true, text: "Resources:\n" + lines(500, "  A%d: {Type: AWS::RDS::DBInstance, Properties: {Engine: mysql, EngineVersion: '8.0.39', DBInstanceClass: db.t2.small, AllocatedStorage: '20'}}\n")},
		"subnets that overlap":         {incomplete: true, text: "Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/8}}\n" + lines(3000, "  A%d: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref V, CidrBlock: 10.0.0.0/16}}\n")},
		"equal names":                  {incomplete: true, text: "Resources:\n" + lines(5000, "  A%d: {Type: AWS::SSM::Parameter, Properties: {Name: a, Type: String, Value: b}}\n")},
		"a pipeline of many artifacts": {incomplete: true, text: properties("AWS::CodePipeline::Pipeline", "RoleArn: x\n      Stages:\n") + lines(2000, "        - {Name: s%d, Actions: [{Name: a, ActionTypeId: {Category: Build, Owner: AWS, Provider: CodeBuild, Version: '1'}, InputArtifacts: [{Name: i%d}], OutputArtifacts: [{Name: o%d}]}]}\n")},
		"a state machine as a text":    {text: properties("AWS::StepFunctions::StateMachine", "RoleArn: x\n      DefinitionString: '"+`{"StartAt": "a", "States": {`+strings.TrimSuffix(lines(5000, `"s%d": {"Type": "Pass", "Next": "s%d"},`), ",")+"}}'\n")},
	}
}

// bounded is the largest text that a request brings.
func bounded(text string) []byte { return []byte(text[:min(len(text), 1<<20)]) }

func BenchmarkBounds(b *testing.B) {
	bombs := bombs()
	for _, name := range slices.Sorted(maps.Keys(bombs)) {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) { benchmarkBomb(b, bombs[name].text) })
	}
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) { benchmarkBomb(b, hostile[name]) })
	}
}

func benchmarkBomb(b *testing.B, text string) {
	files := map[string][]byte{"x": bounded(text)}
	var r validation.Result
	b.ReportAllocs()
	for b.Loop() {
		r = validation.Validate(files)
	}
	b.ReportMetric(float64(len(r.Findings)), "findings")
	b.ReportMetric(float64(len(r.Incomplete)), "incomplete")
	if testing.Verbose() && len(r.Findings) > 0 {
		b.Log(r.Findings[0].Rule, r.Findings[0].Message)
	}
}

// Whatever multiplies in a template, the work does not. It is measured in bytes
// allocated, which do not depend on the machine: a template that never allocates
// 128 MB never holds 128 MB either. What was left out is said.
func TestBombs(t *testing.T) {
	bombs := bombs()
	for _, name := range slices.Sorted(maps.Keys(bombs)) {
		t.Run(name, func(t *testing.T) {
			bomb := bombs[name]
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := validation.Validate(map[string][]byte{"x": bounded(bomb.text)})
			runtime.ReadMemStats(&after)
			if size := after.TotalAlloc - before.TotalAlloc; size > 128<<20 {
				t.Errorf("%d MB were allocated", size>>20)
			}
			if slices.Contains(rules(r), "EK0002") != bomb.incomplete {
				t.Errorf("incomplete: %v, %d findings, %s", r.Incomplete, len(r.Findings), where(r))
			}
			for _, f := range r.Findings {
				if f.Rule == "E0002" || f.Line < 1 || f.Column < 1 {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// where says where the analysis gave up.
func where(r validation.Result) string {
	for _, f := range r.Findings {
		if f.Rule == "EK0002" {
			return f.Path
		}
	}
	return ""
}
