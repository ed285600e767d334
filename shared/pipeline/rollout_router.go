package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// router reads what moves the traffic.
func (d *decoder) router(r *Rollout, n *yaml.Node) {
	keys := d.object(n, "router", routerKeys)
	if n.Kind != yaml.MappingNode {
		return
	}
	if len(n.Content) != 2 {
		d.fault(position(n), "router must have exactly one of the keys "+names(routerKeys))
		return
	}
	if k, ok := keys["route53"]; ok {
		r.Router.Route53 = d.route53(r, k.value)
	}
	if k, ok := keys["alb"]; ok {
		r.Router.ALB = d.alb(r, k.value)
	}
	if k, ok := keys["lambdaAlias"]; ok {
		r.Router.LambdaAlias = d.lambdaAlias(r, k.value)
	}
}

func (d *decoder) route53(r *Rollout, n *yaml.Node) *Route53Router {
	router := &Route53Router{TTL: defaultTTL}
	keys := d.object(n, "route53", route53Keys)
	if k, ok := keys["zone"]; ok {
		router.Zone = d.common(r, k.value, "zone", zonePattern, "the id of a hosted zone, such as Z0123456789ABC, or an output")
	}
	if k, ok := keys["name"]; ok {
		router.Name = d.common(r, k.value, "name", domainPattern, "a domain name, such as api.example.com")
	}
	if k, ok := keys["type"]; ok {
		router.Type = d.oneOf(k.value, "type", recordTypes)
	}
	value, plain := keys["value"]
	aliasName, named := keys["aliasName"]
	aliasZone, zoned := keys["aliasZone"]
	ttl, timed := keys["ttl"]
	if timed {
		router.TTL = d.duration(ttl.value, "ttl", 0, maxTTL)
	}
	switch {
	case n.Kind != yaml.MappingNode:
	case plain && !named && !zoned:
		router.Value = d.bySide(r, value.value, "value", "${output.Host}")
	case !plain && named && zoned:
		router.AliasName, router.AliasZone = d.bySide(r, aliasName.value, "aliasName", "${output.LoadBalancer}"), d.text(r, aliasZone.value, "aliasZone")
		router.TTL = 0
		if timed {
			d.fault(ttl.at, "an alias record has the ttl of what it stands for; leave ttl out")
		}
		if router.Type != "" && !slices.Contains(aliasTypes, router.Type) {
			d.fault(position(keys["type"].value), "the type of an alias record is "+strings.Join(aliasTypes, " or ")+", not "+router.Type)
		}
	default:
		d.fault(position(n), "route53 must have either value, or aliasName and aliasZone")
	}
	return router
}

func (d *decoder) alb(r *Rollout, n *yaml.Node) *ALBRouter {
	router := &ALBRouter{}
	keys := d.object(n, "alb", albKeys)
	listener, ofListener := keys["listener"]
	rule, ofRule := keys["rule"]
	if n.Kind == yaml.MappingNode && ofListener == ofRule {
		d.fault(position(n), "alb must have exactly one of the keys listener, rule")
	}
	if ofListener {
		router.Listener = d.common(r, listener.value, "listener", listenerPattern, "the ARN of an application load balancer's listener, or an output")
	}
	if ofRule {
		router.Rule = d.common(r, rule.value, "rule", rulePatternALB, "the ARN of an application load balancer's rule, or an output")
	}
	if k, ok := keys["targetGroup"]; ok {
		router.TargetGroup = d.bySide(r, k.value, "targetGroup", "${output.TargetGroup}")
	}
	return router
}

func (d *decoder) lambdaAlias(r *Rollout, n *yaml.Node) *LambdaAliasRouter {
	router := &LambdaAliasRouter{}
	keys := d.object(n, "lambdaAlias", lambdaAliasKeys)
	if k, ok := keys["function"]; ok {
		router.Function = d.text(r, k.value, "function")
		if strings.Contains(router.Function, Side) {
			d.fault(position(k.value), "function is the same for both versions and cannot have "+Side)
		}
	}
	if k, ok := keys["alias"]; ok {
		router.Alias = d.matching(k.value, "alias", aliasPattern, "the name of an alias: letters, digits, - and _, not only digits")
		if len(router.Alias) > 128 {
			d.fault(position(k.value), "alias has "+strconv.Itoa(len(router.Alias))+" characters; the limit is 128")
		}
	}
	if k, ok := keys["version"]; ok {
		if router.Version = d.text(r, k.value, "version"); router.Version != "" && !ownOutput(router.Version) {
			d.fault(position(k.value), "version "+strconv.Quote(clip(router.Version))+" stays the same with each deployment; use an output of the stack, such as ${output.Version}")
		}
	}
	return router
}

// text reads a text of a rollout and notes the outputs that it names.
func (d *decoder) text(r *Rollout, n *yaml.Node, what string) string {
	c := Check{}
	text := d.withOutputs(&c, n, what)
	r.outputs = append(r.outputs, c.outputs...)
	d.known(position(n), text, what, Side)
	return text
}

// known refuses references that nothing would replace; there are outputs, and
// names.
func (d *decoder) known(at Position, text, what string, names ...string) {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			return
		}
		rest = after
		begins := func(name string) bool { return strings.HasPrefix("${"+after, name) }
		if !begins(refBegin) && !slices.ContainsFunc(names, begins) {
			d.fault(at, what+" has "+strconv.Quote("${"+clip(after))+", which is no reference; there are ${output.Name}, ${output.stack.Name} and "+strings.Join(names, ", "))
			return
		}
	}
}

// common reads a text that is the same for both sides.
func (d *decoder) common(r *Rollout, n *yaml.Node, what string, allowed pattern, hint string) string {
	text := d.text(r, n, what)
	switch {
	case text == "":
	case strings.Contains(text, Side) || ownOutput(text):
		d.fault(position(n), what+" is the same for both sides and cannot have "+Side+" or an output of the stack itself; use one of a stack that it depends on, such as ${output.network.Zone}")
	case !strings.Contains(text, refBegin) && !allowed.matches(text):
		d.fault(position(n), what+" "+strconv.Quote(clip(text))+" is not "+hint)
	}
	return text
}

// bySide reads a text that differs between the sides.
func (d *decoder) bySide(r *Rollout, n *yaml.Node, what, example string) string {
	text := d.text(r, n, what)
	if text != "" && !strings.Contains(text, Side) && !ownOutput(text) {
		d.fault(position(n), what+" "+strconv.Quote(clip(text))+" is the same for both sides; use an output of the stack, such as "+example+", or "+Side)
	}
	return text
}

// ownOutput reports whether the text names an output of the stack itself.
func ownOutput(text string) bool {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, refBegin)
		if !found {
			return false
		}
		reference, more, _ := strings.Cut(after, refEnd)
		if !strings.Contains(reference, ".") {
			return true
		}
		rest = more
	}
}
