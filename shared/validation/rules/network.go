package rules

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/condition"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// networkRules are about networks and what hangs on them.
func networkRules() []check.Rule {
	return []check.Rule{
		{ID: "E3022", Severity: check.Error, Title: "A subnet has two route tables",
			Description: "A subnet has one route table; a second association fails. Remove one of the associations.",
			Link:        resource("AWS::EC2::SubnetRouteTableAssociation"), Template: routeTables},
		{ID: "E3059", Severity: check.Error, Title: "A subnet is outside its VPC",
			Description: "The range of a subnet lies within one of the ranges of its VPC. Choose another range.",
			Link:        resource("AWS::EC2::Subnet"),
			Places:      []string{"Resources/AWS::EC2::VPC/Properties"}, Check: subnetsInside},
		{ID: "E3060", Severity: check.Error, Title: "Subnets overlap",
			Description: "Two subnets of one VPC cannot have the same addresses. Choose ranges that do not overlap.",
			Link:        resource("AWS::EC2::Subnet"),
			Places:      []string{"Resources/AWS::EC2::Subnet/Properties"}, Check: subnetOverlap},
		{ID: "E3064", Severity: check.Error, Title: "Two endpoints claim the private DNS name of a service",
			Description: "In a VPC, one endpoint of a service answers for its private DNS name. Set PrivateDnsEnabled to false for the others.",
			Link:        services + "vpc/latest/privatelink/manage-dns-names.html",
			Places:      []string{"Resources/AWS::EC2::VPCEndpoint/Properties"}, Check: endpointNames},
	}
}

// association is a subnet as a route table association names it, with the
// conditions of the resource and of the value.
type association struct{ resource, property, subnet string }

func routeTables(t *check.Template, report check.Report) {
	type user struct {
		id     string
		values []association
	}
	var users []user
	count := map[association]int{}
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		properties := r.Node.Get("Properties")
		if r.Written != "AWS::EC2::SubnetRouteTableAssociation" || !properties.IsMap() || len(properties.Entries) == 0 {
			continue
		}
		u := user{id, associations(properties.Get("SubnetId"), association{resource: r.Condition})}
		for _, value := range u.values {
			count[value]++
		}
		users = append(users, u)
	}
	for _, u := range users {
		shared := slices.ContainsFunc(u.values, func(value association) bool {
			always := association{subnet: value.subnet}
			own := 0
			for _, other := range u.values {
				if other == value {
					own++
				}
			}
			return count[value] > own || value != always && count[always] > 0
		})
		if shared {
			report("", check.Keys("Resources", u.id, "Properties", "SubnetId"), "another association gives this subnet a route table as well")
		}
	}
}

func associations(n *template.Node, a association) []association {
	k, arg := check.Function(n)
	switch {
	case k == js.FnIf && arg.IsList() && len(arg.Items) == 3:
		a.property = arg.Items[0].Str()
		return append(associations(arg.Items[1], a), associations(arg.Items[2], a)...)
	case k == js.FnRef:
		return associations(arg, a)
	case k == js.FnGetAtt && arg.IsList() && len(arg.Items) > 1 && arg.Items[1].IsString():
		a.subnet = strings.Join(arg.Strings(), ".")
		return []association{a}
	case n != nil && (n.IsMap() || n.IsList()):
		return nil
	case n != nil:
		a.subnet = scalarText(n)
	}
	return []association{a}
}

// network reads a network as a text without stray host bits.
func network(n *template.Node) (netip.Prefix, bool) {
	if !n.IsString() {
		return netip.Prefix{}, false
	}
	text := n.Text
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	return p, err == nil && p.Masked() == p
}

// eachNetwork calls visit with each network of a VPC, a subnet or an additional
// block, and with known false for one that is assigned later.
func eachNetwork(v *check.Validator, properties *template.Node, visit func(p netip.Prefix, known bool)) {
	for _, name := range []string{"Ipv4IpamPoolId", "Ipv6IpamPoolId", "Ipv6Pool", "AmazonProvidedIpv6CidrBlock"} {
		v.ValuesAt(properties, []string{name}, func(n *template.Node) {
			if n != nil {
				visit(netip.Prefix{}, false)
			}
		})
	}
	for _, name := range []string{"CidrBlock", "Ipv6CidrBlock"} {
		v.ValuesAt(properties, []string{name}, func(n *template.Node) {
			if n != nil {
				p, ok := network(n)
				visit(p, ok)
			}
		})
	}
}

func subnetsInside(v *check.Validator, n *template.Node, _ *js.Schema) {
	at := v.Path()
	if len(at) < 2 {
		return
	}
	var have []netip.Prefix
	open := false
	eachNetwork(v, n, func(p netip.Prefix, known bool) {
		open = open || !known
		if p.Addr().Is4() { // the other kind comes from additional blocks
			have = append(have, p)
		}
	})
	if open {
		return
	}
	users := needers(v, at[1].Key)
	eachUser(v, users, "AWS::EC2::VPCCidrBlock", func(properties *template.Node) {
		eachNetwork(v, properties, func(p netip.Prefix, known bool) {
			if open = open || !known; known {
				have = append(have, p)
			}
		})
	})
	if open {
		return
	}
	eachUser(v, users, "AWS::EC2::Subnet", func(properties *template.Node) {
		eachNetwork(v, properties, func(p netip.Prefix, known bool) {
			four := p.Addr().Is4()
			ofKind := func(q netip.Prefix) bool { return q.Addr().Is4() == four }
			if !known || slices.ContainsFunc(have, func(q netip.Prefix) bool { return ofKind(q) && within(p, q) }) {
				return
			}
			if !four || slices.ContainsFunc(have, ofKind) {
				v.Fault("%s is not inside the networks of its VPC", p)
			}
		})
	})
}

func within(inner, outer netip.Prefix) bool {
	return inner.Bits() >= outer.Bits() && outer.Contains(inner.Addr())
}

// eachUser calls visit with the properties of the named resources of a type,
// the walk standing there.
func eachUser(v *check.Validator, ids []string, typ string, visit func(*template.Node)) {
	for _, id := range ids {
		r := v.Resources[id]
		if r == nil || r.Written != typ {
			continue
		}
		v.Scoped(func() {
			v.SetPath(check.Keys("Resources", id), "Resources", typ)
			v.ValuesAt(r.Node, []string{"Properties"}, visit)
		})
	}
}

// needers are the resources that refer to one, in the order of the text.
func needers(v *check.Validator, id string) []string {
	return check.Memory(v, "needers", func() map[string][]string {
		ids, _, edges := graph(v.Template)
		needed := map[string][]string{}
		for from, to := range edges {
			for _, i := range to {
				needed[ids[i]] = append(needed[ids[i]], ids[from])
			}
		}
		return needed
	})[id]
}

// subnet is a network that a subnet has in a scenario.
type subnet struct {
	network netip.Prefix
	when    condition.Scenario
}

func subnetOverlap(v *check.Validator, n *template.Node, _ *js.Schema) {
	seen := check.Memory(v, "E3060", func() map[string][]subnet { return map[string][]subnet{} })
	base, stop := v.Path(), false
	v.ValuesAt(n, []string{"VpcId"}, func(vpc *template.Node) {
		if stop = stop || unusableAttribute(v, vpc); stop {
			return
		}
		id, ok := target(vpc)
		if stop = !ok; stop {
			return
		}
		for _, name := range []string{"CidrBlock", "Ipv6CidrBlock"} {
			v.ValuesAt(n, []string{name}, func(block *template.Node) {
				own, ok := network(block)
				if !ok {
					return
				}
				for _, other := range seen[id] {
					if !v.Spend(1) {
						return
					}
					if !own.Overlaps(other.network) {
						continue
					}
					v.Spend(15) // conditions cost more than numbers
					if _, together := v.Conditions.EvolveAll(other.when...); together {
						at := slices.Clone(v.Path()[1:])
						v.Fault("%s overlaps %s of another subnet", own, other.network).Path = base.With(at...)
					}
				}
				seen[id] = append(seen[id], subnet{own, v.Conditions.Scenario()})
			})
		}
	})
}

// target is the text, or the name that Ref or Fn::GetAtt refers to.
func target(n *template.Node) (string, bool) {
	switch k, arg := check.Function(n); {
	case n == nil:
		return "", false
	case k == js.FnRef:
		n = arg
	case k == js.FnGetAtt:
		return attributeOwner(arg)
	}
	return n.Str(), n.IsString()
}

// unusableAttribute reports, as a fault, an Fn::GetAtt that names its resource by
// anything but a text.
func unusableAttribute(v *check.Validator, n *template.Node) bool {
	k, arg := check.Function(n)
	if k != js.FnGetAtt {
		return false
	}
	if _, ok := attributeOwner(arg); ok {
		return false
	}
	v.Unusable("Fn::GetAtt does not name a resource")
	return true
}

// attributeOwner is the logical id in the argument of Fn::GetAtt.
func attributeOwner(arg *template.Node) (string, bool) {
	if arg.IsList() && len(arg.Items) > 0 {
		arg = arg.Items[0]
	}
	id, _, _ := strings.Cut(arg.Str(), ".")
	return id, arg.IsString()
}

// endpoint is a service in a VPC.
type endpoint struct{ vpc, service string }

func endpointNames(v *check.Validator, n *template.Node, _ *js.Schema) {
	seen := check.Memory(v, "E3064", func() map[endpoint][]condition.Scenario { return map[endpoint][]condition.Scenario{} })
	base := v.Path()
	v.ValuesAt(n, []string{"VpcEndpointType"}, func(kind *template.Node) {
		if kind.Str() != "Interface" {
			return
		}
		v.ValuesAt(n, []string{"PrivateDnsEnabled"}, func(private *template.Node) {
			if private == nil || private.Kind != template.Bool || !private.True {
				return
			}
			v.ValuesAt(n, []string{"VpcId"}, func(vpc *template.Node) {
				v.ValuesAt(n, []string{"ServiceName"}, func(service *template.Node) {
					e := endpoint{sameness(vpc), sameness(service)}
					if e.vpc == "" || e.service == "" {
						return
					}
					for _, when := range seen[e] {
						if _, together := v.Conditions.EvolveAll(when...); together {
							v.Fault("another endpoint already has the private DNS name of this service in the VPC").Path = base.With()
						}
					}
					seen[e] = append(seen[e], v.Conditions.Scenario())
				})
			})
		})
	})
}

// sameness is a text that two values share when they are the same, "" if that
// cannot be said.
func sameness(n *template.Node) string {
	switch k, arg := check.Function(n); {
	case n.IsString():
		return "=" + n.Text
	case k == js.FnRef:
		return "Ref " + arg.Str()
	case k == js.FnGetAtt:
		if arg.IsList() && len(arg.Items) > 0 {
			arg = arg.Items[0]
		}
		return "GetAtt " + arg.Str()
	case k == js.FnSub:
		if arg.IsList() && len(arg.Items) > 0 {
			arg = arg.Items[0]
		}
		return "Sub " + arg.Str()
	}
	return ""
}
