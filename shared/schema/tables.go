package schema

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// AvailabilityZones returns the names of a region's availability zones, none if
// the region is unknown.
func AvailabilityZones(region string) []string {
	return embedded().texts("table/availabilityZones", region)
}

// LambdaRuntime is the end of life of a Lambda runtime.
type LambdaRuntime struct {
	Name       string
	Deprecated time.Time // no support from this day on
	NoCreate   time.Time // functions cannot be created from this day on
	NoUpdate   time.Time // functions cannot be changed from this day on
	Successor  string    // the runtime to use instead
}

// LambdaRuntimes returns the runtimes whose end of life is known, sorted by name
// (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html).
func LambdaRuntimes() []LambdaRuntime {
	table := embedded().table("table/lambdaRuntimes")
	out := make([]LambdaRuntime, 0, len(table))
	for _, name := range slices.Sorted(maps.Keys(table)) {
		row := object(table[name])
		day := func(key string) time.Time {
			text, _ := row[key].(string)
			t, _ := time.Parse(time.DateOnly, text) // the zero time if there is none
			return t
		}
		r := LambdaRuntime{Name: name, Deprecated: day("deprecated"), NoCreate: day("create-block"), NoUpdate: day("update-block")}
		r.Successor, _ = row["successor"].(string)
		out = append(out, r)
	}
	return out
}

// Stateful reports whether resources of a type hold data that is lost with them,
// and whether CloudFormation refuses to delete one that is not empty.
func Stateful(typeName string) (stateful, mustBeEmpty bool) {
	row, ok := object(embedded().table("table/statefulResources")["ResourceTypes"])[typeName]
	mustBeEmpty, _ = object(row)["DeleteRequiresEmptyResource"].(bool)
	return ok, mustBeEmpty
}

// StatefulTypes returns the types that Stateful knows, sorted.
func StatefulTypes() []string {
	return slices.Sorted(maps.Keys(object(embedded().table("table/statefulResources")["ResourceTypes"])))
}

// ManagedPolicy returns the ARN of an IAM policy that AWS manages, by its name.
func ManagedPolicy(name string) (arn string, ok bool) {
	arn, ok = embedded().table("table/managedPolicies")[name].(string)
	return arn, ok
}

// IAMService is what IAM policies can say about a service. All names are in
// lower case.
type IAMService struct {
	Actions   map[string]IAMAction
	Resources map[string]IAMResource
}

// IAMAction is an action: the kinds of resources that it works on, none if it
// needs "*".
type IAMAction struct{ Resources []string }

// IAMResource is a kind of resource.
type IAMResource struct {
	ARNFormats    []string // "arn:${Partition}:s3:::${BucketName}"
	ConditionKeys []string
}

// IAM returns a service by its prefix in actions, in lower case ("s3"); false if
// it is unknown.
func IAM(service string) (*IAMService, bool) {
	s := embedded()
	e := s.find("iam/" + service)
	if e == nil {
		return nil, false
	}
	r := &e.roots[0]
	r.tableOnce.Do(func() { r.service = newIAMService(s.plain(e)) })
	return r.service, true
}

// IAMServices returns the prefixes of all services, sorted.
func IAMServices() []string { return embedded().under("iam/") }

func newIAMService(raw map[string]any) *IAMService {
	actions, resources := object(raw["Actions"]), object(raw["Resources"])
	s := &IAMService{make(map[string]IAMAction, len(actions)), make(map[string]IAMResource, len(resources))}
	for name, a := range actions {
		s.Actions[name] = IAMAction{oneOrMany(object(a)["Resources"])}
	}
	for name, r := range resources {
		s.Resources[strings.ToLower(name)] = IAMResource{oneOrMany(object(r)["ARNFormats"]), oneOrMany(object(r)["ConditionKeys"])}
	}
	return s
}

// table returns a table as plain JSON values, decoded once.
func (s *store) table(name string) map[string]any {
	e := s.find(name)
	if e == nil {
		return nil
	}
	r := &e.roots[0]
	r.tableOnce.Do(func() { r.table = s.plain(e) })
	return r.table
}

func (s *store) plain(e *entry) map[string]any {
	v, _ := s.text(e).Any(e.Roots[0].Position)
	return object(v)
}

// texts returns the list of strings under a key of a table, without decoding the
// rest.
func (s *store) texts(table, key string) []string {
	e := s.find(table)
	if e == nil {
		return nil
	}
	return memberStrings(s.text(e), e.Roots[0].Position, key)
}

// strings returns a table that is a list of strings.
func (s *store) strings(table string) []string {
	e := s.find(table)
	if e == nil {
		return nil
	}
	return s.text(e).Strings(e.Roots[0].Position)
}
