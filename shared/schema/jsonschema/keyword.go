package jsonschema

// Keyword is one keyword of a schema, or an intrinsic function in the place of
// one: the walk of package check looks both up in the same table.
type Keyword uint8

// The keywords of JSON Schema, of AWS's provider schemas and of cfn-lint.
const (
	None Keyword = iota
	Ref
	AdditionalProperties
	AllOf
	AnyOf
	Const
	Contains
	Dependencies
	DependentExcluded
	DependentRequired
	Enum
	EnumCaseInsensitive
	ExclusiveMaximum
	ExclusiveMinimum
	Format
	If
	Items
	MaxItems
	MaxLength
	MaxProperties
	MaxUniqueItems
	Maximum
	MinItems
	MinLength
	MinProperties
	Minimum
	MultipleOf
	Not
	OneOf
	Pattern
	PatternProperties
	PrefixItems
	Properties
	PropertyNames
	Required
	RequiredOr
	RequiredXor
	Type
	UniqueItems
	UniqueKeys
	CfnLint
	CfnContext
	CfnGather
	DynamicValidation
	Tagging
	Lifecycle

	// Intrinsic functions and other things found in a value.
	FnRef
	FnBase64
	FnCidr
	FnFindInMap
	FnForEach
	FnGetAtt
	FnGetAZs
	FnGetStackOutput
	FnIf
	FnImportValue
	FnJoin
	FnLength
	FnSelect
	FnSplit
	FnSub
	FnToJSONString
	FnTransform
	FnAnd
	FnEquals
	FnNot
	FnOr
	Condition
	FnContains
	FnEachMemberEquals
	FnEachMemberIn
	FnRefAll
	FnValueOf
	FnValueOfAll
	DynamicReference
	DynamicReferenceSpaces
	RawPseudoParameter

	// Count is the number of keywords.
	Count
)

var keywordNames = [Count]string{
	Ref: "$ref", AdditionalProperties: "additionalProperties", AllOf: "allOf", AnyOf: "anyOf", Const: "const", Contains: "contains",
	Dependencies: "dependencies", DependentExcluded: "dependentExcluded", DependentRequired: "dependentRequired", Enum: "enum",
	EnumCaseInsensitive: "enumCaseInsensitive", ExclusiveMaximum: "exclusiveMaximum", ExclusiveMinimum: "exclusiveMinimum",
	Format: "format", If: "if", Items: "items", MaxItems: "maxItems", MaxLength: "maxLength", MaxProperties: "maxProperties",
	MaxUniqueItems: "maxUniqueItems", Maximum: "maximum", MinItems: "minItems", MinLength: "minLength", MinProperties: "minProperties",
	Minimum: "minimum", MultipleOf: "multipleOf", Not: "not", OneOf: "oneOf", Pattern: "pattern", PatternProperties: "patternProperties",
	PrefixItems: "prefixItems", Properties: "properties", PropertyNames: "propertyNames", Required: "required", RequiredOr: "requiredOr",
	RequiredXor: "requiredXor", Type: "type", UniqueItems: "uniqueItems", UniqueKeys: "uniqueKeys", CfnLint: "cfnLint",
	CfnContext: "cfnContext", CfnGather: "cfnGather", DynamicValidation: "dynamicValidation", Tagging: "tagging", Lifecycle: "lifecycle",
	FnRef: "Ref", FnBase64: "Fn::Base64", FnCidr: "Fn::Cidr", FnFindInMap: "Fn::FindInMap", FnForEach: "Fn::ForEach", FnGetAtt: "Fn::GetAtt",
	FnGetAZs: "Fn::GetAZs", FnGetStackOutput: "Fn::GetStackOutput", FnIf: "Fn::If", FnImportValue: "Fn::ImportValue", FnJoin: "Fn::Join",
	FnLength: "Fn::Length", FnSelect: "Fn::Select", FnSplit: "Fn::Split", FnSub: "Fn::Sub", FnToJSONString: "Fn::ToJsonString",
	FnTransform: "Fn::Transform", FnAnd: "Fn::And", FnEquals: "Fn::Equals", FnNot: "Fn::Not", FnOr: "Fn::Or", Condition: "Condition",
	FnContains: "Fn::Contains", FnEachMemberEquals: "Fn::EachMemberEquals", FnEachMemberIn: "Fn::EachMemberIn", FnRefAll: "Fn::RefAll",
	FnValueOf: "Fn::ValueOf", FnValueOfAll: "Fn::ValueOfAll", DynamicReference: "dynamicReference",
	DynamicReferenceSpaces: "dynamicReferenceSpaces", RawPseudoParameter: "rawPseudoParameter",
}

// String is the keyword as a schema or a template writes it.
func (k Keyword) String() string { return keywordNames[k] }

// IsFunction reports whether k stands for an intrinsic function.
func (k Keyword) IsFunction() bool { return k >= FnRef && k <= FnValueOfAll }

var keywordsByName = func() map[string]Keyword {
	m := make(map[string]Keyword, Count)
	for k := Ref; k <= Lifecycle; k++ {
		m[keywordNames[k]] = k
	}
	return m
}()

// KeywordOf returns the keyword of a schema by its name, None if there is none.
func KeywordOf(name string) Keyword { return keywordsByName[name] }

// Function returns the keyword of an intrinsic function by its name, None for
// any other string. Every key of every map of a template is asked about.
func Function(name string) Keyword {
	switch {
	case name == "Ref":
		return FnRef
	case name == "Condition":
		return Condition
	case len(name) < 6 || name[0] != 'F' || name[1] != 'n' || name[2] != ':' || name[3] != ':':
		return None
	}
	switch name[4:] {
	case "If":
		return FnIf
	case "Sub":
		return FnSub
	case "GetAtt":
		return FnGetAtt
	case "Join":
		return FnJoin
	case "Select":
		return FnSelect
	case "FindInMap":
		return FnFindInMap
	case "Base64":
		return FnBase64
	case "Split":
		return FnSplit
	case "GetAZs":
		return FnGetAZs
	case "ImportValue":
		return FnImportValue
	case "Cidr":
		return FnCidr
	case "Transform":
		return FnTransform
	case "Length":
		return FnLength
	case "ToJsonString":
		return FnToJSONString
	case "GetStackOutput":
		return FnGetStackOutput
	case "And":
		return FnAnd
	case "Equals":
		return FnEquals
	case "Not":
		return FnNot
	case "Or":
		return FnOr
	case "Contains":
		return FnContains
	case "EachMemberEquals":
		return FnEachMemberEquals
	case "EachMemberIn":
		return FnEachMemberIn
	case "RefAll":
		return FnRefAll
	case "ValueOf":
		return FnValueOf
	case "ValueOfAll":
		return FnValueOfAll
	case "ForEach":
		return FnForEach
	}
	return None
}
