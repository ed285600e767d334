package rules

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

const languageExtensions = "AWS::LanguageExtensions"

const (
	listType   = js.Array
	scalarType = js.Boolean | js.Integer | js.Number | js.String
)

// functionRules check the calls of intrinsic functions: the type that they give,
// their arguments, and the values that they resolve to.
func functionRules() []check.Rule {
	return []check.Rule{
		called("E1010", "Fn::GetAtt does not name an attribute of a resource", "getatt", js.FnGetAtt, callGetAtt),
		called("E1011", "Fn::FindInMap is not built right or finds nothing", "findinmap", js.FnFindInMap, plainCall(js.FnFindInMap, listType|scalarType, "findinmap", "W1034")),
		called("E1015", "Fn::GetAZs does not name a region", "getavailabilityzones", js.FnGetAZs, callGetAZs),
		called("E1016", "Fn::ImportValue is not built right", "importvalue", js.FnImportValue, callImportValue),
		called("E1017", "Fn::Select is not built right", "select", js.FnSelect, plainCall(js.FnSelect, js.AnyType, "select", "W1035")),
		called("E1018", "Fn::Split is not built right", "split", js.FnSplit, callSplit),
		called("E1019", "Fn::Sub is not built right or uses an unknown name", "sub", js.FnSub, callSub),
		called("E1020", "Ref does not name a parameter or resource that fits here", "ref", js.FnRef, callRef),
		called("E1021", "Fn::Base64 is not built right", "base64", js.FnBase64, plainCall(js.FnBase64, js.String, "base64", "")),
		called("E1022", "Fn::Join is not built right", "join", js.FnJoin, callJoin),
		called("E1024", "Fn::Cidr is not built right", "cidr", js.FnCidr, plainCall(js.FnCidr, listType, "cidr", "")),
		called("E1028", "Fn::If is not built right or names an unknown condition", "conditions", js.FnIf, callIf),
		called("E1030", "Fn::Length is not built right", "length", js.FnLength, extended("E1030", plainCall(js.FnLength, js.Integer, "length", ""))),
		called("E1031", "Fn::ToJsonString is not built right", "ToJsonString", js.FnToJSONString, extended("E1031", plainCall(js.FnToJSONString, js.String, "tojsonstring", "W1040"))),
		{
			ID: "E1032", Severity: check.Error, Title: "Fn::ForEach needs a transform", Link: guide + "intrinsic-function-reference-foreach.html",
			Description: "Fn::ForEach works only in a template that declares the transform AWS::LanguageExtensions.",
			Template:    forEachNeedsTransform,
		},
		called("E1033", "Fn::GetStackOutput is not built right", "getstackoutput", js.FnGetStackOutput, plainCall(js.FnGetStackOutput, scalarType, "getstackoutput", "")),
		{
			ID: "I1022", Severity: check.Info, Title: "Fn::Sub says it shorter than Fn::Join", Link: guide + "intrinsic-function-reference-sub.html",
			Description: "A join with an empty delimiter of texts, Ref and Fn::GetAtt is easier to read as Fn::Sub.",
		},
		{
			ID: "W1020", Severity: check.Warning, Title: "Fn::Sub has nothing to substitute", Link: guide + "intrinsic-function-reference-sub.html",
			Description: "The text has no variable, so that it can stand without Fn::Sub.",
		},
		{
			ID: "W1028", Severity: check.Warning, Title: "A branch of Fn::If is never taken", Link: guide + "intrinsic-function-reference-conditions.html",
			Description: "The conditions that lead here exclude one branch.",
		},
		resolvedRule("W1030", "Ref", "ref"), resolvedRule("W1031", "Fn::Sub", "sub"), resolvedRule("W1032", "Fn::Join", "join"),
		resolvedRule("W1033", "Fn::Split", "split"), resolvedRule("W1034", "Fn::FindInMap", "findinmap"), resolvedRule("W1035", "Fn::Select", "select"),
		resolvedRule("W1036", "Fn::GetAZs", "getavailabilityzones"), resolvedRule("W1040", "Fn::ToJsonString", "ToJsonString"),
	}
}

// called is the rule of the calls of a function.
func called(id, title, page string, k js.Keyword, f check.Func) check.Rule {
	return check.Rule{
		ID: id, Severity: check.Error, Title: title, Link: guide + "intrinsic-function-reference-" + page + ".html",
		Description: "A call of " + k.String() + " gives a type that fits its place, and its arguments are what the function takes.",
		Funcs:       map[js.Keyword]check.Func{k: f},
	}
}

// resolvedRule is the rule of the values that a function resolves to.
func resolvedRule(id, function, page string) check.Rule {
	return check.Rule{
		ID: id, Severity: check.Warning, Title: "A value of " + function + " does not fit", Link: guide + "intrinsic-function-reference-" + page + ".html",
		Description: "A value that " + function + " can have before deployment does not obey the schema of its place.",
	}
}

// arguments gives the schema of a function's arguments, looked up once.
func arguments(name string) func() *js.Schema {
	return sync.OnceValue(func() *js.Schema { return schema.Other("functions/" + name) })
}

func plainCall(k js.Keyword, gives js.TypeSet, name, resolved string) check.Func {
	call := &check.Call{Keyword: k, Gives: gives, Argument: arguments(name), Resolved: resolved}
	return func(v *check.Validator, s *js.Schema, n *template.Node) { call.Check(v, s, n) }
}

// extended is a function that only the transform AWS::LanguageExtensions knows.
// Every fault of the call is one of the function's rule.
func extended(rule string, call check.Func) check.Func {
	return func(v *check.Validator, s *js.Schema, n *template.Node) {
		if !v.HasTransform(languageExtensions) {
			v.Fault("%s needs the transform %s", n.Entries[0].Key, languageExtensions).By(rule)
			return
		}
		found := v.Collect(func() { call(v, s, n) })
		for i := range found {
			found[i].Rule = rule
		}
		v.Add(found...)
	}
}

// plain reports whether a node is a text that stands for itself.
func plain(n *template.Node) bool {
	return n.Kind == template.String && !n.IsDate() && !check.IsPseudoParameter(n.Text) && !strings.Contains(n.Text, "{{")
}

// callFault reports that a call cannot be read. It belongs to the function.
func callFault(v *check.Validator, k js.Keyword, format string, args ...any) *check.Fault {
	f := v.Fault(format, args...)
	f.Keyword = k
	return f
}

// regionSchema is what Fn::GetAZs takes: "" or the name of a region.
var regionSchema = sync.OnceValue(func() *js.Schema {
	names := &template.Node{Kind: template.List, Items: []*template.Node{check.Text("", nil)}}
	for _, region := range schema.Regions() {
		names.Items = append(names.Items, check.Text(region, nil))
	}
	document := &template.Node{Kind: template.Map, Entries: []template.Entry{
		{Key: "type", Value: &template.Node{Kind: template.List, Items: []*template.Node{check.Text("string", nil)}}},
		{Key: "enum", Value: names},
	}}
	return mustCompile(document)
})

func mustCompile(document *template.Node) *js.Schema {
	s, err := js.Compile(document, "", nil)
	if err != nil {
		panic("rules: " + err.Error()) // the document is code
	}
	return s
}

var getAZs = &check.Call{Keyword: js.FnGetAZs, Gives: listType, Argument: regionSchema, Resolved: "W1036"}

func callGetAZs(v *check.Validator, s *js.Schema, n *template.Node) { getAZs.Check(v, s, n) }

var importValue = &check.Call{Keyword: js.FnImportValue, Gives: scalarType, Argument: arguments("importvalue")}

func callImportValue(v *check.Validator, s *js.Schema, n *template.Node) {
	importValue.Check(v, s, n)
	callChild(v, "W6001", n, s)
}

// callChild runs the check of a rule that hangs on a function.
func callChild(v *check.Validator, id string, n *template.Node, s *js.Schema) {
	if r := v.Registry.Rule(id); r != nil {
		v.Call(r, n, s)
	}
}

var split = &check.Call{Keyword: js.FnSplit, Gives: listType, Argument: arguments("split"), Resolved: "W1033"}

func callSplit(v *check.Validator, s *js.Schema, n *template.Node) {
	if len(v.Collect(func() { split.Check(v, s, n) })) > 0 {
		split.Check(v, s, n)
		return
	}
	arg := n.Entries[0].Value
	if len(arg.Items) == 2 && holdsDynamicReference(arg.Items[1]) {
		callFault(v, js.FnSplit, "Fn::Split does not split a dynamic reference").At(check.Key("Fn::Split"), check.Index(1))
	}
}

func holdsDynamicReference(n *template.Node) bool {
	found := false
	n.Walk(func(n *template.Node) bool {
		found = found || n.Kind == template.String && check.IsDynamicReference(n.Text)
		return !found
	})
	return found
}

var join = &check.Call{Keyword: js.FnJoin, Gives: js.String, Argument: arguments("join"), Resolved: "W1032"}

func callJoin(v *check.Validator, s *js.Schema, n *template.Node) {
	join.Check(v, s, n)
	if isCDK(v.Template) {
		return
	}
	arg := n.Entries[0].Value
	if arg.Kind != template.List && arg.Kind != template.String || len(arg.Items) == 0 && arg.Text == "" {
		callFault(v, js.FnJoin, "the arguments of Fn::Join are not a list of a delimiter and values")
		return
	}
	if arg.Kind == template.String || arg.Items[0].Kind != template.String || arg.Items[0].Text != "" {
		return
	}
	if len(arg.Items) < 2 {
		callFault(v, js.FnJoin, "Fn::Join has no values")
		return
	}
	if values := arg.Items[1]; values.Kind == template.List && !slices.ContainsFunc(values.Items, notForSub) {
		v.Fault("Fn::Sub is easier to read than Fn::Join with an empty delimiter").At(check.Key("Fn::Join"), check.Index(0)).By("I1022")
	}
}

// notForSub reports whether a text of Fn::Sub cannot hold an element of a join.
func notForSub(n *template.Node) bool {
	if n.Kind != template.Map || len(n.Entries) != 1 {
		return false
	}
	switch e := n.Entries[0]; e.Key {
	case "Ref", "Fn::GetAtt":
		return false
	case "Fn::Sub":
		return e.Value.Kind != template.String
	}
	return true
}

// isCDK reports whether the AWS CDK wrote the template.
func isCDK(t *check.Template) bool {
	for _, r := range t.Resources {
		if r.Written == "AWS::CDK::Metadata" {
			return true
		}
	}
	return false
}

var conditional = &check.Call{Keyword: js.FnIf, Gives: js.AnyType, Argument: arguments("if"), Right: func(v *check.Validator, arg *template.Node) bool {
	return arg.Kind == template.List && len(arg.Items) == 3 && plain(arg.Items[0]) && v.Set.Known(arg.Items[0].Text)
}}

// callIf checks both branches under the condition that leads to them.
func callIf(v *check.Validator, s *js.Schema, n *template.Node) {
	if !conditional.CheckCall(v, s, n) {
		return
	}
	arg, old := n.Entries[0].Value, v.Conditions
	if arg.Kind != template.List || len(arg.Items) != 3 {
		callFault(v, js.FnIf, "Fn::If has no condition and branches") // null passes for any type
		return
	}
	for i := 1; i <= 2; i++ {
		status, ok := old.Evolve(arg.Items[0].Text, i == 1)
		if !ok {
			v.Fault("this branch is never taken: %s cannot be %t%s", arg.Items[0].Text, i == 1, assumed(old)).At(check.Key("Fn::If"), check.Index(i)).By("W1028")
			status = old
		}
		v.Conditions = status
		v.Below(check.Key("Fn::If"), func() { v.Descend(arg.Items[i], s, check.Index(i), "") })
	}
	v.Conditions = old
}

// assumed puts what is known of the conditions in words.
func assumed(status condition.Status) string {
	words, lead := "", " where "
	for name, value := range status.All() {
		words += lead + name + " is " + strconv.FormatBool(value)
		lead = " and "
	}
	return words
}

func forEachNeedsTransform(t *check.Template, report check.Report) {
	if slices.Contains(t.Before.Get("Transform").Strings(), languageExtensions) {
		return
	}
	forEveryKey(t.Before, make(check.Path, 0, roomy), func(at check.Path, key string) {
		if name, ok := strings.CutPrefix(key, "Fn::ForEach::"); ok && eachByte(name, 1, -1, isAlphanumeric) {
			report("", at, "%s needs the transform %s", key, languageExtensions)
		}
	})
}

// roomy is the length of a path that walks of a whole template start with, so that
// it does not grow at every step. Paths are valid during a visit only.
const roomy = 64

// forEveryKey calls visit for every key of every map below a node. The path is valid
// during the call.
func forEveryKey(n *template.Node, at check.Path, visit func(check.Path, string)) {
	for i := range n.Entries {
		e := &n.Entries[i]
		below := append(at, check.Key(e.Key))
		visit(below, e.Key)
		forEveryKey(e.Value, below, visit)
	}
	for i, item := range n.Items {
		forEveryKey(item, append(at, check.Index(i)), visit)
	}
}
