package sam

import "strings"

// domainOf is a custom domain while it is made.
type domainOf struct {
	*translator
	api       string
	config    *node // property Domain
	inherited *node
	target    string // logical id that aliases point to
	endpoint  string
	groups    map[string]*resource // record set groups by zone
}

func truthyOr(n *node, key string, other *node) *node {
	if v := n.Get(key); truthy(v) {
		return v
	}
	return other
}

// domainResources makes the custom domain of a REST API, its mappings and its
// records.
func (a *api) domainResources(rest *resource) []*resource {
	if a.domain == nil {
		return nil
	}
	expectMap(a.domain, a.id, "Domain")
	name, certificate := get(a.domain, "DomainName"), get(a.domain, "CertificateArn")
	if name == nil || certificate == nil {
		fail(a.id, "Domain needs DomainName and CertificateArn")
	}
	d := &domainOf{translator: a.translator, api: a.id, config: a.domain, inherited: a.inherited, groups: a.recordGroups}
	d.endpoint = a.domain.Get("EndpointConfiguration").Str()
	if d.endpoint == "PRIVATE" {
		return d.private(rest, name, certificate)
	}
	d.target = "ApiGatewayDomainName" + hashID(hashData(name))
	a.set(a.domain, "ApiDomainName", d.target)
	domain := a.translator.resource(d.target, "AWS::ApiGateway::DomainName", a.inherited, "DomainName", name)
	if isNull(a.domain.Get("EndpointConfiguration")) {
		d.endpoint = "REGIONAL"
		a.set(a.domain, "EndpointConfiguration", d.endpoint)
	}
	switch d.endpoint {
	case "REGIONAL":
		a.set(domain.props, "RegionalCertificateArn", certificate)
	case "EDGE":
		a.set(domain.props, "CertificateArn", certificate)
	default:
		fail(a.id, "EndpointConfiguration of a domain must be EDGE, REGIONAL or PRIVATE")
	}
	d.endpointConfiguration(domain)
	if tls := a.domain.Get("MutualTlsAuthentication"); truthy(tls) {
		a.set(domain.props, "MutualTlsAuthentication", d.mutualTLS(tls))
	}
	if truthy(a.domain.Get("Policy")) {
		fail(a.id, "Policy is for private domains only")
	}
	d.optional(domain, "SecurityPolicy", "EndpointAccessMode", "OwnershipVerificationCertificateArn")
	made := []*resource{domain}
	made = append(made, d.mappings(rest, "AWS::ApiGateway::BasePathMapping", "DomainName")...)
	return append(made, d.records("", true)...)
}

func (d *domainOf) endpointConfiguration(domain *resource) {
	e := d.obj("Types", d.list(d.endpoint))
	if v := d.config.Get("IpAddressType"); truthy(v) {
		d.set(e, "IpAddressType", v)
	}
	d.set(domain.props, "EndpointConfiguration", e)
}

func (d *domainOf) optional(domain *resource, keys ...string) {
	for _, k := range keys {
		if v := d.config.Get(k); truthy(v) {
			d.set(domain.props, k, v)
		}
	}
}

func (d *domainOf) mutualTLS(n *node) *node {
	knownKeys(d.api, expectMap(n, d.api, "MutualTlsAuthentication"), "MutualTlsAuthentication", "TruststoreUri", "TruststoreVersion")
	return d.obj("TruststoreUri", truthyOr(n, "TruststoreUri", nil), "TruststoreVersion", truthyOr(n, "TruststoreVersion", nil))
}

// private makes a private custom domain.
func (d *domainOf) private(rest *resource, name, certificate *node) []*resource {
	d.target = "ApiGatewayDomainNameV2" + hashID(hashData(name))
	domain := d.resource(d.target, "AWS::ApiGateway::DomainNameV2", d.inherited, "DomainName", name, "CertificateArn", certificate)
	d.endpointConfiguration(domain)
	if truthy(d.config.Get("OwnershipVerificationCertificateArn")) {
		fail(d.api, "OwnershipVerificationCertificateArn is not for private domains")
	}
	d.optional(domain, "SecurityPolicy", "EndpointAccessMode", "Policy")
	made := []*resource{domain}
	made = append(made, d.mappings(rest, "AWS::ApiGateway::BasePathMappingV2", "DomainNameArn")...)
	id := d.target
	made = append(made, d.records(d.text(name), true)...)
	if access := get(d.config, "AccessAssociation"); access != nil {
		vpce := get(expectMap(access, d.api, "AccessAssociation"), "VpcEndpointId")
		data := d.list(d.orNull(vpce), id)
		made = append(made, d.resource("DomainNameAccessAssociation"+hashID(hashData(data)), "AWS::ApiGateway::DomainNameAccessAssociation", d.inherited,
			"DomainNameArn", d.ref(id), "AccessAssociationSourceType", "VPCE", "AccessAssociationSource", vpce))
	}
	return made
}

// mappings connect paths of the domain with the API.
func (d *domainOf) mappings(rest *resource, typ, domainKey string) []*resource {
	mapping := func(id string, path *node) *resource {
		return d.resource(id, typ, d.inherited, domainKey, d.ref(d.target), "RestApiId", d.ref(rest.id),
			"Stage", d.ref(rest.id+".Stage"), "BasePath", path)
	}
	paths := d.config.Get("BasePath")
	if !truthy(paths) || !paths.IsString() && !paths.IsList() {
		return []*resource{mapping(d.api+"BasePathMapping", nil)}
	}
	if paths.IsString() {
		paths = d.list(paths)
	}
	if !listOfStrings(paths) {
		fail(d.api, "Domain.BasePath must be a list of strings")
	}
	var out []*resource
	for _, p := range paths.Items {
		plain := strings.Map(func(r rune) rune {
			if !alphanumeric(string(r)) {
				return -1
			}
			return r
		}, p.Text)
		path := p
		if flag(d.config, "NormalizeBasePath") {
			path = d.str(plain)
		}
		out = append(out, mapping(d.api+plain+"BasePathMapping", path))
	}
	return out
}

// records makes the record set group, or adds to the one of the same zone.
func (d *domainOf) records(target string, separable bool) []*resource {
	route53 := get(d.config, "Route53")
	if route53 == nil {
		return nil
	}
	if target != "" {
		d.target = target
	}
	expectMap(route53, d.api, "Domain.Route53")
	id, name := get(route53, "HostedZoneId"), get(route53, "HostedZoneName")
	if id == nil && name == nil {
		fail(d.api, "Route53 needs HostedZoneId or HostedZoneName")
	}
	zone := id
	if !truthy(zone) {
		zone = name
	}
	if separate := route53.Get("SeparateRecordSetGroup"); separable && truthy(separate) {
		if !isBool(separate) {
			fail(d.api, "SeparateRecordSetGroup must be a boolean")
		}
		data := d.list(zone, d.orNull(get(d.config, "DomainName")))
		group := d.resource("RecordSetGroup"+hashID(hashData(data)), "AWS::Route53::RecordSetGroup", d.inherited,
			"HostedZoneId", truthyOr(route53, "HostedZoneId", nil), "HostedZoneName", truthyOr(route53, "HostedZoneName", nil), "RecordSets", d.list())
		d.addRecords(group, route53)
		return []*resource{group}
	}
	key := "RecordSetGroup" + hashID(hashData(zone))
	group := d.groups[key]
	if group == nil {
		group = d.resource(key, "AWS::Route53::RecordSetGroup", d.inherited, "HostedZoneId", id, "RecordSets", d.list())
		if separable || id == nil {
			d.set(group.props, "HostedZoneName", name)
		}
		d.groups[key] = group
	}
	d.addRecords(group, route53)
	return []*resource{group}
}

func (d *domainOf) addRecords(group *resource, route53 *node) {
	alias := d.alias(route53)
	record := func(typ string) *node {
		return d.obj("Name", d.config.Get("DomainName"), "Type", typ, "AliasTarget", alias,
			"Region", get(route53, "Region"), "SetIdentifier", get(route53, "SetIdentifier"))
	}
	records := group.props.Get("RecordSets")
	records.Items = append(records.Items, record("A"))
	if isTrue(route53.Get("IpV6")) {
		records.Items = append(records.Items, record("AAAA"))
	}
}

func (d *domainOf) alias(route53 *node) *node {
	out := d.obj("EvaluateTargetHealth", get(route53, "EvaluateTargetHealth"))
	switch d.endpoint {
	case "REGIONAL":
		d.set(out, "HostedZoneId", d.getAtt(d.target, "RegionalHostedZoneId"))
		d.set(out, "DNSName", d.getAtt(d.target, "RegionalDomainName"))
	case "EDGE":
		if get(route53, "DistributionDomainName") == nil {
			d.set(route53, "DistributionDomainName", d.getAtt(d.target, "DistributionDomainName"))
		}
		d.set(out, "HostedZoneId", "Z2FDTNDATAQYW2") // the zone of all CloudFront distributions
		d.set(out, "DNSName", route53.Get("DistributionDomainName"))
	default:
		d.set(out, "HostedZoneId", d.orNull(route53.Get("VpcEndpointHostedZoneId")))
		d.set(out, "DNSName", d.orNull(route53.Get("VpcEndpointDomainName")))
	}
	return out
}
