package rules

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// lambdaRules are about functions, as far as an extension schema alone does not say it.
func lambdaRules() []check.Rule {
	const (
		properties = "Resources/AWS::Lambda::Function/Properties"
		lifecycle  = services + "lambda/latest/dg/lambda-runtimes.html#runtime-support-policy"
		variables  = services + "lambda/latest/dg/configuration-envvars.html"
		snapStart  = services + "lambda/latest/dg/snapstart.html"
	)
	function := resource("AWS::Lambda::Function")
	return []check.Rule{
		{ID: "E2529", Severity: check.Error, Title: "A log group has more than two subscription filters",
			Description: "CloudWatch Logs takes two subscription filters for a log group. Remove one, or fan out behind a stream.",
			Link:        services + "AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html", Template: subscriptionFilters},
		{ID: "E2530", Severity: check.Error, Title: "SnapStart does not work with the runtime or in the region",
			Description: "SnapStart exists for some runtimes and regions only. Leave SnapStart out, or choose another runtime.",
			Link:        snapStart, Places: []string{properties}, Check: snapStartSupport},
		{ID: "E2531", Severity: check.Error, Title: "Functions of this runtime cannot be created any more",
			Description: "Lambda has stopped to create functions with this runtime. Move to the runtime that follows it.",
			Link:        lifecycle, Places: []string{properties + "/Runtime"},
			Check: runtimeRule(func(r schema.LambdaRuntime, now time.Time) bool {
				return !now.Before(r.NoCreate) && now.Before(r.NoUpdate)
			})},
		{ID: "E2533", Severity: check.Error, Title: "Functions of this runtime cannot be changed any more",
			Description: "Lambda has stopped to create and to change functions with this runtime. Move to the runtime that follows it.",
			Link:        lifecycle, Places: []string{properties + "/Runtime"},
			Check: runtimeRule(func(r schema.LambdaRuntime, now time.Time) bool { return !now.Before(r.NoUpdate) })},
		{ID: "W2531", Severity: check.Warning, Title: "The runtime is not supported any more",
			Description: "The runtime gets no more security updates. Move to the runtime that follows it.",
			Link:        lifecycle, Places: []string{properties + "/Runtime"},
			Check: runtimeRule(func(r schema.LambdaRuntime, now time.Time) bool {
				return !now.Before(r.Deprecated) && now.Before(r.NoCreate) && now.Before(r.NoUpdate)
			})},
		{ID: "E3505", Severity: check.Error, Title: "The queue shows a message again while the function still works on it",
			Description: "The visibility timeout of a queue is at least the timeout of the function that reads it. Raise the first or lower the second.",
			Link:        services + "lambda/latest/dg/services-sqs-configure.html",
			Places:      []string{"Resources/AWS::Lambda::EventSourceMapping/Properties"}, Schema: extension("aws_lambda_eventsourcemapping/event_source_sqs_timeout"), AllMatches: true},
		{ID: "E3663", Severity: check.Error, Title: "The name of an environment variable is reserved",
			Description: "Lambda sets some environment variables itself and refuses functions that do. Choose another name.",
			Link:        variables,
			Places:      []string{properties + "/Environment/Variables"}, Schema: extension("aws_lambda_function/environment_variable_keys"), AllMatches: true},
		{ID: "E3697", Severity: check.Error, Title: "The environment variables have more than 4 KB",
			Description: "Names and values of all environment variables together have at most 4,096 bytes. Move large values to Parameter Store or S3.",
			Link:        services + "lambda/latest/dg/gettingstarted-limits.html",
			Places:      []string{properties + "/Environment/Variables"}, Check: environmentSize},
		{ID: "E3716", Severity: check.Error, Title: "The ARN of a layer is too long",
			Description: "The ARN of a layer has at most 176 characters and those of partition and region. Choose a shorter name.",
			Link:        function, Places: []string{properties + "/Layers/*"}, Check: layerLength},
		{ID: "I2530", Severity: check.Info, Title: "SnapStart would make the function start faster",
			Description: "SnapStart costs nothing for this runtime and shortens cold starts. Set SnapStart and publish versions.",
			Link:        snapStart},
		{ID: "W2530", Severity: check.Warning, Title: "SnapStart works only with a published version",
			Description: "SnapStart takes effect for published versions only. Add an AWS::Lambda::Version of the function.",
			Link:        snapStart, Places: []string{properties + "/SnapStart/ApplyOn"}, Check: snapStartVersion},
		{ID: "W2533", Severity: check.Warning, Title: "A function from a zip archive needs handler and runtime",
			Description: "A function whose code is a zip archive says what runs it and where it begins. Set Handler and Runtime.",
			Link:        function, Template: zipProperties},
	}
}

var lambdaRuntimes = sync.OnceValue(schema.LambdaRuntimes)

func runtimeRule(applies func(schema.LambdaRuntime, time.Time) bool) func(*check.Validator, *template.Node, *js.Schema) {
	return func(v *check.Validator, n *template.Node, _ *js.Schema) {
		if n.Kind != template.String {
			return
		}
		runtimes := lambdaRuntimes()
		i, ok := slices.BinarySearchFunc(runtimes, n.Text, func(r schema.LambdaRuntime, name string) int { return strings.Compare(r.Name, name) })
		if ok && applies(runtimes[i], v.Options.Now) {
			r := runtimes[i]
			v.Fault("the runtime %s has no support since %s; functions cannot be created since %s nor changed since %s; use %s",
				r.Name, r.Deprecated.Format(time.DateOnly), r.NoCreate.Format(time.DateOnly), r.NoUpdate.Format(time.DateOnly), r.Successor)
		}
	}
}

func subscriptionFilters(t *check.Template, report check.Report) {
	groups := map[string][]string{}
	for _, id := range t.LogicalIDs() {
		if r := t.Resources[id]; r.Written == "AWS::Logs::SubscriptionFilter" {
			name, err := json.Marshal(r.Node.Get("Properties").Get("LogGroupName").Value())
			if err == nil {
				groups[string(name)] = append(groups[string(name)], id)
			}
		}
	}
	for _, ids := range groups {
		if len(ids) > 2 {
			report("", check.Keys("Resources", ids[2]), "a log group has at most 2 subscription filters, this one %d: %s", len(ids), strings.Join(ids, ", "))
		}
	}
}

func environmentSize(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.Map {
		return
	}
	const most = 4096
	size := 0
	for _, e := range n.Entries {
		size += utf8.RuneCountInString(e.Key)
		if e.Value.Kind == template.String {
			size += utf8.RuneCountInString(e.Value.Text)
		}
	}
	if size > most {
		v.Fault("the environment variables have %d characters, at most %d are allowed", size, most).By("E3697")
	}
}

func layerLength(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.String {
		return
	}
	for _, region := range v.Regions {
		if most := 176 + len(layerPartition(region)) + len(region); utf8.RuneCountInString(n.Text) > most {
			v.Fault("%s is longer than %d characters in %s", check.Excerpt(n), most, region)
		}
	}
}

func layerPartition(region string) string {
	for _, p := range [][2]string{{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-iso-", "aws-iso"}, {"us-isof-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"eusc-", "aws-iso-f"}} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

// snapStartRegions are the regions in which cfn-lint knows SnapStart.
var snapStartRegions = strings.Fields(`us-east-2 us-east-1 us-west-1 us-west-2 af-south-1 ap-east-1 ap-southeast-3 ap-south-1 ap-northeast-2 ap-northeast-3
	ap-southeast-1 ap-southeast-2 ap-northeast-1 ca-central-1 eu-central-1 eu-west-1 eu-west-2 eu-south-1 eu-west-3 eu-north-1 me-south-1 sa-east-1`)

func snapStartRuntime(runtime string) bool {
	switch runtime {
	case "dotnet5.0", "dotnet6", "dotnet7", "java8.al2", "java8", "python3.10", "python3.11", "python3.7", "python3.8", "python3.9":
		return false
	}
	return !strings.HasPrefix(runtime, "dotnetcore") &&
		(strings.HasPrefix(runtime, "python") || strings.HasPrefix(runtime, "java") || strings.HasPrefix(runtime, "dotnet"))
}

func snapStartSupport(v *check.Validator, n *template.Node, _ *js.Schema) {
	var outside []string
	for _, region := range v.Regions {
		if !slices.Contains(snapStartRegions, region) {
			outside = append(outside, region)
		}
	}
	for _, object := range v.Set.Objects(n, "Runtime", "SnapStart") {
		runtime, snap := object.Node.Get("Runtime"), object.Node.Get("SnapStart")
		if snap == nil || empty(snap) {
			if r := runtime.Str(); len(outside) == 0 && strings.HasPrefix(r, "java") && r != "java8" && r != "java8.al2" {
				v.Fault("SnapStart makes %s start faster at no cost", r).AtKey("SnapStart", "ApplyOn").By("I2530")
			}
			continue
		}
		if !snap.IsMap() {
			v.Unusable("SnapStart is not an object")
			return
		}
		if snap.Get("ApplyOn").Str() != "PublishedVersions" {
			continue
		}
		if len(outside) > 0 {
			v.Fault("there is no SnapStart in %s", strings.Join(outside, ", ")).AtKey("SnapStart", "ApplyOn")
		}
		if runtime.IsString() && !snapStartRuntime(runtime.Text) {
			v.Fault("there is no SnapStart for %s", runtime.Text).AtKey("SnapStart", "ApplyOn")
		}
	}
}

func snapStartVersion(v *check.Validator, n *template.Node, _ *js.Schema) {
	r := resourceAt(v)
	if n.Str() != "PublishedVersions" || r == nil {
		return
	}
	for _, id := range v.LogicalIDs() {
		version := v.Resources[id]
		if version.Type != "AWS::Lambda::Version" {
			continue
		}
		for _, ref := range template.References(version.Node) {
			if ref.Name == r.LogicalID {
				return
			}
		}
	}
	v.Fault("SnapStart is on, and no AWS::Lambda::Version publishes a version of the function")
}

func zipProperties(t *check.Template, report check.Report) {
	for _, id := range t.LogicalIDs() {
		properties := t.Resources[id].Node.Get("Properties")
		if t.Resources[id].Written != "AWS::Lambda::Function" || !properties.IsMap() {
			continue
		}
		for _, object := range t.Set.Objects(properties, "PackageType", "Code", "Handler", "Runtime") {
			code, at := object.Node.Get("Code"), check.Keys("Resources", id, "Properties")
			switch {
			case object.Node.Get("PackageType").Str() == "Zip":
				at = at.With(check.Key("PackageType"))
			case filled(code.Get("ZipFile")) || filled(code.Get("S3Key")):
				at = at.With(check.Key("Code"))
			default:
				continue
			}
			var missing []string
			for _, name := range []string{"Handler", "Runtime"} {
				if n := object.Node.Get(name); n == nil || n.Kind == template.Null {
					missing = append(missing, name)
				}
			}
			if len(missing) > 0 {
				report("", at, "a function from a zip archive needs %s", strings.Join(missing, " and "))
			}
		}
	}
}

func filled(n *template.Node) bool { return n != nil && !empty(n) }
