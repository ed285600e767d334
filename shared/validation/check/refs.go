package check

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// refs are the values that names were given on the way, newest first: a
// parameter whose value was chosen, a variable of Fn::Sub, a region.
type refs struct {
	up     *refs
	name   string
	value  *template.Node // nil with a name hides it
	region string         // all pseudo parameters that depend on the region, when not ""
}

func (r *refs) lookup(name string) (*template.Node, bool) {
	for at := r; at != nil; at = at.up {
		if at.region != "" {
			if isRegional(name) {
				return regionalValue(name, at.region), true
			}
			continue
		}
		if at.name == name {
			return at.value, at.value != nil
		}
	}
	return nil, false
}

// Empty and Ref make the values known to package condition.
func (r *refs) Empty() bool { return r == nil }

// Ref returns the value given to a name.
func (r *refs) Ref(name string) (*template.Node, bool) { return r.lookup(name) }

// Given returns the value that the walk gave to a name.
func (v *Validator) Given(name string) (*template.Node, bool) { return v.refs.lookup(name) }

// Give gives a value to a name for the rest of the scope.
func (v *Validator) Give(name string, value *template.Node) {
	v.refs = &refs{up: v.refs, name: name, value: value}
}

// Referable reports whether Ref may name it here.
func (v *Validator) Referable(name string) bool {
	if v.Parameters[name] != nil || !v.hideResources && v.Resources[name] != nil {
		return true
	}
	if IsPseudoParameter(name) && (v.pseudo == nil || v.pseudo[name]) {
		return true
	}
	_, ok := v.refs.lookup(name)
	return ok
}

// refValues calls yield with each value that Ref of a name can have, and with
// the state in which it has it. yield returns false to stop.
func (v *Validator) refValues(name string, yield func(*template.Node) bool) bool {
	pseudo := IsPseudoParameter(name)
	if pseudo && (v.noPseudo || v.pseudo != nil && !v.pseudo[name]) {
		return true
	}
	if value, ok := v.refs.lookup(name); ok {
		return yield(value)
	}
	old := v.state
	defer func() { v.state = old }()
	if pseudo {
		return v.pseudoValues(name, yield)
	}
	p := v.Parameters[name]
	if p == nil {
		return true
	}
	for _, value := range p.values {
		v.state = old
		v.valuePath = value.from
		v.refs = &refs{up: old.refs, name: name, value: value.node}
		v.FromParameters = true
		if !yield(value.node) {
			return false
		}
	}
	return true
}

func (v *Validator) pseudoValues(name string, yield func(*template.Node) bool) bool {
	old := v.state
	switch name {
	case "AWS::NoValue":
		return true
	case "AWS::AccountId", "AWS::StackName":
		value := accountID
		if name == "AWS::StackName" {
			value = stackName
		}
		v.refs = &refs{up: v.refs, name: name, value: value}
		return yield(value)
	}
	for _, region := range old.Regions {
		v.state = old
		v.inRegion(region)
		if !yield(regionalValue(name, region)) {
			return false
		}
	}
	return true
}

func (v *Validator) inRegion(region string) {
	if len(v.Regions) != 1 || v.Regions[0] != region {
		v.Regions = []string{region}
	}
	v.refs = &refs{up: v.refs, region: region}
}

var (
	accountID = Text("123456789012", nil)
	stackName = Text("teststack", nil)
)

func isRegional(name string) bool {
	return IsPseudoParameter(name) && name != "AWS::AccountId" && name != "AWS::NoValue" && name != "AWS::StackName"
}

// Partition is the AWS partition of a region.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	}
	return "aws"
}

func regionalValue(name, region string) *template.Node {
	arn := "arn:" + Partition(region) + ":"
	switch name {
	case "AWS::NotificationARNs":
		return &template.Node{Kind: template.List, Items: []*template.Node{Text(arn+"sns:"+region+":123456789012:notification", nil)}}
	case "AWS::Partition":
		return Text(Partition(region), nil)
	case "AWS::Region":
		return Text(region, nil)
	case "AWS::StackId":
		return Text(arn+"cloudformation:"+region+":123456789012:stack/teststack/51af3dc0-da77-11e4-872e-1234567db123", nil)
	}
	if strings.HasPrefix(region, "cn-") {
		return Text("amazonaws.com.cn", nil)
	}
	return Text("amazonaws.com", nil)
}
