package sam

import (
	"maps"
	"slices"
	"strings"
)

// resourcePolicy restricts who may call a path.
func (d *definition) resourcePolicy(policy *node, path string, stage *node) {
	expectMap(policy, "", "ResourcePolicy")
	resources := d.methodARNs(path, stage)
	for _, effect := range [...][2]string{{"AwsAccountWhitelist", "Allow"}, {"AwsAccountBlacklist", "Deny"}} {
		if accounts := get(policy, effect[0]); truthy(accounts) {
			d.accountPolicy(accounts, effect[1], resources())
		}
	}
	for _, c := range [...][2]string{{"IpRangeWhitelist", "NotIpAddress"}, {"IpRangeBlacklist", "IpAddress"}} {
		if ranges := get(policy, c[0]); truthy(ranges) {
			d.denyPolicy(resources(), d.obj(c[1], d.obj("aws:SourceIp", d.asList(ranges))))
		}
	}
	shared := resources()
	for _, c := range [...][3]string{{"SourceVpcBlacklist", "StringEquals", "Blacklist"}, {"SourceVpcWhitelist", "StringNotEquals", "Whitelist"}} {
		endpoints := get(policy, c[0])
		if endpoints != nil && !listOfStrings(endpoints) {
			crash("%s must be a list of strings", c[0])
		}
		if sources := d.vpcSources(endpoints, get(policy, "IntrinsicVpc"+c[2]), get(policy, "IntrinsicVpce"+c[2])); truthy(sources) {
			d.denyPolicy(shared, d.obj(c[1], sources))
		}
	}
	d.set(d.doc, policyKey, d.policy)
}

// vpcSources sorts endpoints into VPCs and VPC endpoints.
func (d *definition) vpcSources(endpoints, vpcs, vpces *node) *node {
	byKey := map[string]*node{}
	add := func(key string, items []*node) {
		if len(items) == 0 {
			return
		}
		if byKey[key] == nil {
			byKey[key] = d.list()
		}
		byKey[key].Items = append(byKey[key].Items, items...)
	}
	if endpoints != nil {
		for _, e := range endpoints.Items {
			switch {
			case strings.HasPrefix(e.Text, "vpc-"):
				add("aws:SourceVpc", []*node{e})
			case strings.HasPrefix(e.Text, "vpce-"):
				add("aws:SourceVpce", []*node{e})
			}
		}
	}
	if vpcs != nil {
		add("aws:SourceVpc", vpcs.Items)
	}
	if vpces != nil {
		add("aws:SourceVpce", vpces.Items)
	}
	out := d.ordered()
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		d.set(out, k, byKey[k])
	}
	return out
}

// methodARNs lists the methods of a path as execute-api resources, anew at
// each call.
func (d *definition) methodARNs(path string, stage *node) func() *node {
	return func() *node {
		l := d.list()
		for _, item := range contents(d.lookup(d.paths, path)) {
			for _, m := range d.keys(pathItem(item, path)) {
				method := strings.ToUpper(m)
				if l := strings.ToLower(m); l == anyMethod || l == "any" {
					method = "*"
				}
				l.Items = append(l.Items, d.sub("execute-api:/${__Stage__}/"+method+starredPath(path), "__Stage__", stage))
			}
		}
		return l
	}
}

func (d *definition) accountPolicy(accounts *node, effect string, resources *node) {
	if !accounts.IsMap() && !accounts.IsList() {
		crash("the accounts of a resource policy must be a list")
	}
	d.set(d.policy, "Version", "2012-10-17")
	statement := d.ordered("Effect", effect, "Action", "execute-api:Invoke", "Resource", resources,
		"Principal", d.ordered("AWS", d.asList(accounts)))
	if existing := get(d.policy, "Statement"); existing != nil {
		l := d.asList(existing)
		l.Items = append(l.Items, statement)
		d.set(d.policy, "Statement", l)
		return
	}
	d.set(d.policy, "Statement", statement)
}

// denyPolicy allows all and denies what meets the condition.
func (d *definition) denyPolicy(resources, condition *node) {
	d.set(d.policy, "Version", "2012-10-17")
	allow := d.ordered("Effect", "Allow", "Action", "execute-api:Invoke", "Resource", resources, "Principal", "*")
	deny := d.ordered("Effect", "Deny", "Action", "execute-api:Invoke", "Resource", resources, "Principal", "*", "Condition", condition)
	d.addStatements(allow, deny)
}

// addStatements adds statements to the resource policy that it does not have.
func (d *definition) addStatements(statements ...*node) {
	l := d.list()
	if existing := get(d.policy, "Statement"); existing != nil {
		l = d.asList(existing)
	}
	for _, s := range statements {
		if !contains(l.Items, s) {
			l.Items = append(l.Items, s)
		}
	}
	d.set(d.policy, "Statement", l)
}

func (d *definition) customStatements(statements *node) {
	d.set(d.policy, "Version", "2012-10-17")
	if get(d.policy, "Statement") == nil {
		d.set(d.policy, "Statement", statements)
	} else {
		d.addStatements(d.asList(statements).Items...)
	}
	d.set(d.doc, policyKey, d.policy)
}

// starredPath puts a star for each parameter of a path.
func starredPath(path string) string { return starPath(path, true) }

func starPath(path string, greedy bool) string {
	var w strings.Builder
	for {
		open := strings.IndexByte(path, '{')
		if open < 0 {
			w.WriteString(path)
			return w.String()
		}
		w.WriteString(path[:open])
		path = path[open:]
		end := strings.IndexByte(path, '}')
		if end < 0 || !parameterName(path[1:end], greedy) {
			w.WriteByte('{')
			path = path[1:]
			continue
		}
		w.WriteByte('*')
		path = path[end+1:]
	}
}

func parameterName(s string, greedy bool) bool {
	if name, plus := strings.CutSuffix(s, "+"); plus {
		if !greedy && name != "proxy" {
			return false
		}
		s = name
	}
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r > 'z' || !alphanumeric(string(r)) && r != '.' && r != '_' && r != '-'
	}) < 0
}
