package check

import (
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Yield takes one value that a node can have, or a fault that makes it have
// none (then value is nil). The state of the walk is that in which the value
// holds. It returns false to stop.
type Yield func(value *template.Node, fault *Fault) bool

const (
	// maxValues bounds the values of one call.
	maxValues = 512
	// maxResolves bounds the resolutions in one template and the values they have.
	maxResolves = 20_000
	// maxCalls bounds the calls in one list that is joined and the variables of one
	// text: each is a level of the recursion.
	maxCalls = 1000
	// maxBuilt bounds the texts that calls are resolved to, in bytes: Fn::Sub in
	// Fn::Sub can double a text at each level.
	maxBuilt = 16 << 20
)

// Resolve calls yield with every value that the node can have as far as it is
// known before deployment: a plain value is itself, a call of a function has
// what its arguments allow under the conditions at hand. It returns false if
// yield stopped it.
func (v *Validator) Resolve(n *template.Node, yield Yield) bool {
	k, arg := Function(n)
	if k == js.None {
		return yield(n, nil)
	}
	if v.resolves++; v.resolves > maxResolves {
		v.stop()
		return true
	}
	resolver := resolverOf(k)
	if resolver == nil {
		return true
	}
	old := v.state
	defer func() { v.state = old }()
	count := 0
	each := func(value *template.Node, fault *Fault) bool {
		if fault != nil {
			fault.Path = append(Path{{Key: k.String()}}, fault.Path...)
			return yield(nil, fault)
		}
		return v.inEachRegion(value, &count, yield) && count <= maxValues
	}
	var goOn bool
	if ka, _ := Function(arg); ka == js.None {
		goOn = resolver(v, arg, each)
	} else {
		goOn = v.Resolve(arg, func(value *template.Node, fault *Fault) bool {
			return fault != nil || resolver(v, value, each)
		})
	}
	return goOn || count > maxValues // enough values of this call end no other
}

// inEachRegion yields a resolved value once for each region in which it is
// possible under the conditions and the values given to parameters.
func (v *Validator) inEachRegion(value *template.Node, count *int, yield Yield) bool {
	old := v.state
	defer func() { v.state = old }()
	v.noPseudo = false
	goOn := true
	v.refValues("AWS::Region", func(*template.Node) bool {
		switch v.Conditions.Satisfiable(v.refs) {
		case condition.Unknown:
			return false
		case condition.No:
			return true
		}
		if *count++; *count > maxValues {
			return false
		}
		if v.resolves++; v.resolves > maxResolves {
			v.stop()
			*count = maxValues + 1
			return false
		}
		inner := v.state
		v.Resolved = true
		goOn = yield(value, nil)
		v.state = inner
		return goOn
	})
	return goOn
}

// resolverOf returns how the calls of a function resolve, nil if they do not.
func resolverOf(k js.Keyword) func(v *Validator, arg *template.Node, yield Yield) bool {
	switch k {
	case js.FnRef:
		return resolveRef
	case js.FnIf:
		return resolveIf
	case js.FnFindInMap:
		return resolveFindInMap
	case js.FnGetAZs:
		return resolveGetAZs
	case js.FnJoin:
		return resolveJoin
	case js.FnSelect:
		return resolveSelect
	case js.FnSplit:
		return resolveSplit
	case js.FnSub:
		return resolveSub
	case js.FnToJSONString:
		return resolveToJSONString
	}
	return nil
}

func resolveRef(v *Validator, arg *template.Node, yield Yield) bool {
	if arg.Kind != template.String {
		return true
	}
	return v.refValues(arg.Text, func(value *template.Node) bool { return yield(value, nil) })
}

func resolveIf(v *Validator, arg *template.Node, yield Yield) bool {
	if arg.Kind != template.List || len(arg.Items) != 3 || arg.Items[0].Kind != template.String {
		return true
	}
	for i := 1; i <= 2; i++ {
		more := v.Resolve(arg.Items[i], func(value *template.Node, fault *Fault) bool {
			status, ok := v.Conditions.Evolve(arg.Items[0].Text, i == 1)
			if !ok {
				return true
			}
			old := v.state
			v.Conditions, v.valuePath = status, Path{Index(i)}
			goOn := yield(value, fault)
			v.state = old
			return goOn
		})
		if !more {
			return false
		}
	}
	return true
}

func resolveGetAZs(v *Validator, arg *template.Node, yield Yield) bool {
	if arg.Kind != template.String {
		return true
	}
	regions := []string{arg.Text}
	if arg.Text == "" {
		regions = v.Regions
	}
	for _, region := range regions {
		zones := schema.AvailabilityZones(region)
		if len(zones) == 0 {
			continue
		}
		list := &template.Node{Kind: template.List, Line: arg.Line, Column: arg.Column}
		for _, z := range zones {
			list.Items = append(list.Items, Text(z, arg))
		}
		if !yield(list, nil) {
			return false
		}
	}
	return true
}

// itemSize is about what an item of a list takes, in bytes.
const itemSize = 128

// builds takes the size of a value that is about to be built from the budget. It
// returns false if that is used up: then the value must not be built.
func (v *Validator) builds(size int) bool {
	if v.built += size; v.built > maxBuilt {
		v.stop()
		return false
	}
	return true
}

func joined(parts []string, delimiter string) int {
	size := len(delimiter) * len(parts)
	for _, p := range parts {
		size += len(p)
	}
	return size
}

func pair(arg *template.Node) bool { return arg.Kind == template.List && len(arg.Items) == 2 }

func resolveJoin(v *Validator, arg *template.Node, yield Yield) bool {
	if !pair(arg) {
		return true
	}
	return v.Resolve(arg.Items[0], func(delimiter *template.Node, fault *Fault) bool {
		if fault != nil || delimiter.Kind != template.String {
			return true
		}
		return v.Resolve(arg.Items[1], func(values *template.Node, fault *Fault) bool {
			if fault != nil || values.Kind != template.List {
				return true
			}
			if calls := countCalls(values.Items); calls > maxCalls {
				v.stop()
				return true
			}
			goOn, _ := v.expand(values.Items, make([]string, 0, len(values.Items)), func(parts []string) bool {
				old := v.valuePath
				v.valuePath = nil
				ok := !v.builds(joined(parts, delimiter.Text)) || yield(Text(strings.Join(parts, delimiter.Text), arg), nil)
				v.valuePath = old
				return ok
			})
			return goOn
		})
	})
}

func countCalls(nodes []*template.Node) int {
	calls := 0
	for _, n := range nodes {
		if k, _ := Function(n); k != js.None {
			calls++
		}
	}
	return calls
}

// expand yields every combination of the values of the nodes. clean is false if
// a value is no scalar; then the combinations end. parts has room for all of
// them, and yield does not keep it.
func (v *Validator) expand(nodes []*template.Node, parts []string, yield func([]string) bool) (goOn, clean bool) {
	for len(nodes) > 0 {
		if k, _ := Function(nodes[0]); k != js.None {
			break
		}
		text, ok := ScalarText(nodes[0])
		if !ok {
			return true, false
		}
		parts, nodes = append(parts, text), nodes[1:]
	}
	if len(nodes) == 0 {
		if len(parts) == 0 {
			return true, true
		}
		return yield(parts), true
	}
	goOn, clean = true, true
	v.Resolve(nodes[0], func(value *template.Node, fault *Fault) bool {
		if fault != nil {
			return true
		}
		text, ok := ScalarText(value)
		if !ok {
			clean = false
			return false
		}
		goOn, clean = v.expand(nodes[1:], append(parts, text), yield)
		return goOn && clean
	})
	return goOn, clean
}

func resolveSelect(v *Validator, arg *template.Node, yield Yield) bool {
	if !pair(arg) {
		return true
	}
	goOn, old := true, v.state
	v.Resolve(arg.Items[0], func(index *template.Node, fault *Fault) bool {
		if fault != nil {
			return true
		}
		inner := v.state
		defer func() { v.state = inner }()
		v.state = old // how the index came about does not count for the item
		text, _ := ScalarText(index)
		i, err := strconv.Atoi(strings.TrimSpace(text))
		v.Resolve(arg.Items[1], func(list *template.Node, fault *Fault) bool {
			if fault != nil || err != nil || list.Kind != template.List || i >= len(list.Items) || -i > len(list.Items) {
				return true
			}
			if i < 0 {
				i += len(list.Items) // from the end, as cfn-lint counts
			}
			goOn = v.Resolve(list.Items[i], yield)
			return goOn
		})
		return false // the list is looked at for the first index only
	})
	return goOn
}

func resolveSplit(v *Validator, arg *template.Node, yield Yield) bool {
	if !pair(arg) {
		return true
	}
	old := v.state
	return v.Resolve(arg.Items[0], func(delimiter *template.Node, fault *Fault) bool {
		if fault != nil || delimiter.Kind != template.String || delimiter.Text == "" {
			return true
		}
		inner := v.state
		defer func() { v.state = inner }()
		v.state = old
		return v.Resolve(arg.Items[1], func(text *template.Node, fault *Fault) bool {
			if fault != nil || text.Kind != template.String {
				return true
			}
			if !v.builds(len(text.Text) + itemSize*strings.Count(text.Text, delimiter.Text)) {
				return true
			}
			list := &template.Node{Kind: template.List, Line: arg.Line, Column: arg.Column}
			for _, part := range strings.Split(text.Text, delimiter.Text) {
				list.Items = append(list.Items, Text(part, text))
			}
			return yield(list, nil)
		})
	})
}

func resolveToJSONString(v *Validator, arg *template.Node, yield Yield) bool {
	return v.Resolve(arg, func(value *template.Node, fault *Fault) bool {
		if fault != nil {
			return yield(nil, fault)
		}
		text, err := jsonText(value)
		return err != nil || yield(Text(text, arg), nil)
	})
}
