package rules

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// propertyRules answer for the keywords of the schemas of resource properties.
func propertyRules() []check.Rule {
	const link = "https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html"
	return []check.Rule{
		{ID: "E3003", Severity: check.Error, Title: "A required property is missing",
			Description: "The schema of the type or of a part of it says that the property must be there. Set it.",
			Link:        link},
		{ID: "E3008", Severity: check.Error, Title: "An item of a list is not what its position wants",
			Description: "The schema describes the items of the list one by one. Give each what its position asks for.",
			Link:        link},
		{ID: "E3012", Severity: check.Error, Title: "A value is of the wrong type",
			Description: "The schema wants another type, such as a number where a list stands. Write a value of that type.",
			Link:        link, Funcs: map[js.Keyword]check.Func{js.Type: propertyType}},
		{ID: "E3014", Severity: check.Error, Title: "Exactly one of several properties must be set",
			Description: "The schema lists properties of which exactly one is set. Set one, and only one, of them.",
			Link:        link},
		{ID: "E3017", Severity: check.Error, Title: "A value fits none of the alternatives",
			Description: "The schema offers several forms of which a value needs at least one. The findings within say what each form misses.",
			Link:        link},
		{ID: "E3018", Severity: check.Error, Title: "A value does not fit exactly one of the alternatives",
			Description: "The schema offers several forms of which a value needs exactly one. Leave out what belongs to the other forms.",
			Link:        link},
		{ID: "E3020", Severity: check.Error, Title: "Two properties exclude each other",
			Description: "The schema says that one of the properties must not be set when the other is. Remove one.",
			Link:        link},
		{ID: "E3021", Severity: check.Error, Title: "A property needs another one",
			Description: "The schema says that a property is of use only together with another one. Set that one too.",
			Link:        link},
		{ID: "E3030", Severity: check.Error, Title: "A value is not among those allowed",
			Description: "The schema lists the values that the property takes. Use one of them.",
			Link:        link, Funcs: map[js.Keyword]check.Func{
				js.Enum: ofParameter("W2030", check.Enum), js.EnumCaseInsensitive: ofParameter("W2030", check.EnumCaseInsensitive),
			}},
		{ID: "E3031", Severity: check.Error, Title: "A value does not match the pattern",
			Description: "The schema has a regular expression for the value. Change the value so that it matches.",
			Link:        link, Funcs: map[js.Keyword]check.Func{js.Pattern: propertyPattern}},
		{ID: "E3032", Severity: check.Error, Title: "A list has too many or too few items",
			Description: "The schema limits the number of items. Add items or remove some.",
			Link:        link},
		{ID: "E3033", Severity: check.Error, Title: "A text is too long or too short",
			Description: "The schema limits the length of the text. Make it longer or shorter.",
			Link:        link, Funcs: map[js.Keyword]check.Func{
				js.MaxLength: func(v *check.Validator, s *js.Schema, n *template.Node) { textLength(v, s, n, false) },
				js.MinLength: func(v *check.Validator, s *js.Schema, n *template.Node) { textLength(v, s, n, true) },
			}},
		{ID: "E3034", Severity: check.Error, Title: "A number is too large or too small",
			Description: "The schema limits the number. Stay within the limits.",
			Link:        link, Funcs: map[js.Keyword]check.Func{
				js.Minimum: ofParameter("W3034", check.Minimum), js.Maximum: ofParameter("W3034", check.Maximum),
				js.ExclusiveMinimum: ofParameter("W3034", check.ExclusiveMinimum), js.ExclusiveMaximum: ofParameter("W3034", check.ExclusiveMaximum),
			}},
		{ID: "E3037", Severity: check.Error, Title: "A list has items that are the same",
			Description: "The schema wants the items of the list to differ. Remove the one that comes again.",
			Link:        link, Funcs: map[js.Keyword]check.Func{js.UniqueItems: uniqueItems}},
		{ID: "E3058", Severity: check.Error, Title: "One of several properties must be set",
			Description: "The schema lists properties of which at least one is set. Set one of them.",
			Link:        link},
		{ID: "I3037", Severity: check.Info, Title: "A list that may have the same item twice has",
			Description: "The same item stands twice in a list that allows it, which is seldom meant. Remove one.",
			Link:        link},
		{ID: "W2030", Severity: check.Warning, Title: "A value that a parameter can have is not among those allowed",
			Description: "A parameter allows a value, or has it as default, that the place where it is used does not take. Restrict the parameter.",
			Link:        link},
		{ID: "W2031", Severity: check.Warning, Title: "A value that a parameter can have does not match the pattern",
			Description: "A parameter allows a value, or has it as default, that does not match where it is used. Restrict the parameter.",
			Link:        link},
		{ID: "W3034", Severity: check.Warning, Title: "A number that a parameter can have is too large or too small",
			Description: "A parameter allows a number, or has it as default, that the place where it is used does not take. Restrict the parameter.",
			Link:        link},
	}
}

// fromParameter reports whether the value at hand is one that a parameter can have.
func fromParameter(v *check.Validator) bool {
	at := v.ValuePath()
	return len(at) > 0 && at[0].Key == "Parameters"
}

// ofParameter makes a fault in a value that comes from a parameter one of the
// parameter, under a rule of its own.
func ofParameter(rule string, keyword check.Func) check.Func {
	return func(v *check.Validator, s *js.Schema, n *template.Node) {
		if !fromParameter(v) {
			keyword(v, s, n)
			return
		}
		found := v.Collect(func() { keyword(v, s, n) })
		for i := range found {
			found[i].Rule = rule
			found[i].Override = v.ValuePath()
		}
		v.Add(found...)
	}
}

func propertyPattern(v *check.Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.String && hasServerlessTransform(v.Template) {
		// A translated template may hold the path of a Systems Manager parameter in place of its value.
		for _, p := range v.Parameters {
			if p.IsSSM() && p.Node.Get("Default").Str() == n.Text {
				return
			}
		}
	}
	ofParameter("W2031", check.Pattern)(v, s, n)
}

// packaged are the properties that the package command of the AWS CLI fills
// from a local path, so that a text may stand where an object is wanted.
var packaged = []string{
	"Resources/AWS::ApiGateway::RestApi/Properties/BodyS3Location",
	"Resources/AWS::AppSync::FunctionConfiguration/Properties/RequestMappingTemplateS3Location",
	"Resources/AWS::AppSync::FunctionConfiguration/Properties/ResponseMappingTemplateS3Location",
	"Resources/AWS::AppSync::GraphQLSchema/Properties/DefinitionS3Location",
	"Resources/AWS::AppSync::Resolver/Properties/RequestMappingTemplateS3Location",
	"Resources/AWS::AppSync::Resolver/Properties/ResponseMappingTemplateS3Location",
	"Resources/AWS::CloudFormation::Stack/Properties/TemplateURL",
	"Resources/AWS::CodeCommit::Repository/Properties/Code/S3",
	"Resources/AWS::ElasticBeanstalk::ApplicationVersion/Properties/SourceBundle",
	"Resources/AWS::Lambda::Function/Properties/Code",
	"Resources/AWS::Lambda::LayerVersion/Properties/Content",
	"Resources/AWS::StepFunctions::StateMachine/Properties/DefinitionS3Location",
}

func isPackaged(place string) bool {
	for _, p := range packaged {
		if p == place {
			return true
		}
	}
	return false
}

func propertyType(v *check.Validator, s *js.Schema, n *template.Node) {
	if n.Kind == template.Null || check.IsType(n, s.Types) {
		return
	}
	if n.Kind == template.String && !v.Strict && v.Place != nil && isPackaged(v.Place.String()) {
		return
	}
	strict := v.Strict || v.Options.Configured("E3012", "strict")
	v.Scoped(func() {
		v.Strict = strict && !v.Resolved
		check.Type(v, s, n)
	})
}

func uniqueItems(v *check.Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.List || check.Unique(n.Items) {
		return
	}
	wrong := v.Fault("the items are not unique")
	if !s.UniqueItems {
		wrong.By("I3037")
	}
}

// subVariable is compiled when it is needed: counted repetitions make it large.
var subVariable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$\{[a-zA-Z0-9._-]{1,255}\}`)
})

// textLength checks minLength or maxLength: of a text in characters, of a text
// in JSON and of an object in the characters of its compact JSON. What Fn::Sub
// fills in does not count.
func textLength(v *check.Validator, s *js.Schema, n *template.Node, least bool) {
	tooLong := func(length int) {
		switch {
		case least && length < s.MinLength:
			v.Fault("%s is shorter than %d characters", check.Excerpt(n), s.MinLength)
		case !least && length > s.MaxLength:
			v.Fault("%s is longer than %d characters", check.Excerpt(n), s.MaxLength)
		}
	}
	if n.Kind == template.String {
		if s.Format == "json" {
			var value any
			if json.Unmarshal([]byte(n.Text), &value) == nil {
				tooLong(compactLength(value))
			}
			return
		}
		tooLong(utf8.RuneCountInString(n.Text))
		return
	}
	if k, arg := check.Function(n); k == js.FnSub {
		if arg.IsList() && len(arg.Items) == 2 {
			arg = arg.Items[0]
		}
		if arg.IsString() {
			textLength(v, s, check.Text(subVariable().ReplaceAllString(arg.Text, ""), n), least)
		}
		return
	}
	if s.Types.Has(js.Object) {
		tooLong(compactLength(withoutFunctions(n)))
	}
}

func compactLength(value any) int {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(value) != nil {
		return 0
	}
	return utf8.RuneCountInString(strings.TrimSuffix(b.String(), "\n"))
}

// withoutFunctions is the value with every function call replaced by the text
// that is certain of it.
func withoutFunctions(n *template.Node) any {
	switch n.Kind {
	case template.Map:
		k, arg := check.Function(n)
		switch {
		case k == js.FnSub && arg.IsList() && len(arg.Items) > 0:
			return subVariable().ReplaceAllString(arg.Items[0].Str(), "")
		case k == js.FnSub:
			return subVariable().ReplaceAllString(arg.Str(), "")
		case js.AllFunctions.Has(k):
			return ""
		}
		out := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			out[e.Key] = withoutFunctions(e.Value)
		}
		return out
	case template.List:
		out := make([]any, len(n.Items))
		for i, item := range n.Items {
			out[i] = withoutFunctions(item)
		}
		return out
	}
	return n.Value()
}
