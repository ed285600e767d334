package schema

import "github.com/evenkeel/evenkeel/shared/template"

// OtherDocument returns one of the other schemas as it is written, for a caller
// that compiles a variant of it; nil if there is none. The result is the
// caller's own.
func OtherDocument(name string) *template.Node {
	s := embedded()
	e := s.find("other/" + name)
	if e == nil {
		return nil
	}
	n, _ := s.text(e).Node(e.Roots[0].Position)
	return n
}

// ReadOnly returns the pointers of the properties of a type that only the
// service sets, without decoding the rest of the schema; nil if the region does
// not have the type.
func ReadOnly(typeName, region string) []string {
	return pointers(typeName, region, "readOnlyProperties")
}

// PrimaryIdentifier returns the pointers of the properties that identify a
// resource of a type, as ReadOnly does.
func PrimaryIdentifier(typeName, region string) []string {
	return pointers(typeName, region, "primaryIdentifier")
}

// CreateOnly returns the pointers of the properties of a type whose change
// replaces the resource, as ReadOnly does.
func CreateOnly(typeName, region string) []string {
	return pointers(typeName, region, "createOnlyProperties")
}

func pointers(typeName, region, keyword string) []string {
	s := embedded()
	e, i := s.resource(typeName, region)
	if e == nil {
		return nil
	}
	doc := s.text(e)
	at, ok := doc.Member(e.Roots[i].Position, keyword)
	if !ok {
		return nil
	}
	return doc.Strings(at)
}
