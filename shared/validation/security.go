package validation

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// securityRules are Evenkeel's own pack. The links lead to the control of AWS
// Foundational Security Best Practices that asks for the same, where there is one.
var securityRules = []Rule{
	{ID: "EK1001", Severity: Error, Title: "No administration or database port is open to the world", Link: fsbp + "ec2-controls.html#ec2-19", Check: ofTypes(checkAdminPorts, groupTypes...)},
	{ID: "EK1002", Severity: Warning, Title: "No other port than those of the web is open to the world", Link: fsbp + "ec2-controls.html#ec2-18", Check: ofTypes(checkOtherPorts, groupTypes...)},
	{ID: "EK1003", Severity: Warning, Title: "Buckets are not public", Link: fsbp + "s3-controls.html#s3-2", Check: ofTypes(checkBucketACL, "AWS::S3::Bucket")},
	{ID: "EK1004", Severity: Warning, Title: "Buckets block public access", Link: fsbp + "s3-controls.html#s3-8", Check: ofTypes(checkPublicAccessBlock, "AWS::S3::Bucket")},
	{ID: "EK1005", Severity: Warning, Title: "Databases and file systems are encrypted at rest", Link: fsbp + "rds-controls.html#rds-3", Check: checkEncryption},
	{ID: "EK1006", Severity: Warning, Title: "Databases are not public", Link: fsbp + "rds-controls.html#rds-2", Check: checkPublicDatabase},
	{ID: "EK1007", Severity: Warning, Title: "No policy allows every action", Link: fsbp + "iam-controls.html#iam-1", Check: checkWildcardActions},
	{ID: "EK1008", Severity: Warning, Title: "No resource policy allows everybody", Link: fsbp + "s3-controls.html#s3-2", Check: checkOpenPolicies},
	{ID: "EK1009", Severity: Warning, Title: "Secret parameters are not echoed", Link: guide + "parameters-section-structure.html", Check: checkNoEcho},
	{ID: "EK1010", Severity: Warning, Title: "No secret is written in the template", Link: guide + "dynamic-references.html", Check: checkPlainSecrets},
	{ID: "EK1011", Severity: Warning, Title: "Queues and topics are encrypted", Link: fsbp + "sns-controls.html#sns-1", Check: checkMessaging},
	{ID: "EK1012", Severity: Warning, Title: "Instances ask for a token in their metadata service (IMDSv2)", Link: fsbp + "ec2-controls.html#ec2-8", Check: ofTypes(checkMetadataService, "AWS::EC2::Instance", "AWS::EC2::LaunchTemplate")},
	{ID: "EK1013", Severity: Warning, Title: "Load balancers redirect or encrypt", Link: fsbp + "elb-controls.html#elb-1", Check: ofTypes(checkPlainListener, "AWS::ElasticLoadBalancingV2::Listener")},
	{ID: "EK1014", Severity: Warning, Title: "Function URLs ask for credentials", Link: fsbp + "lambda-controls.html#lambda-1", Check: ofTypes(checkFunctionURL, "AWS::Lambda::Url")},
	{ID: "EK1015", Severity: Warning, Title: "Customer keys are rotated", Link: fsbp + "kms-controls.html#kms-4", Check: ofTypes(checkKeyRotation, "AWS::KMS::Key")},
}

// ofTypes makes a check of the resources of some types.
func ofTypes(check func(c *Template, r *template.Resource, p path), types ...string) func(*Template) {
	return func(c *Template) {
		for id, r := range c.Resources.All() {
			if slices.Contains(types, r.Type) && r.Node.IsMap() {
				check(c, r, path{"Resources", id, "Properties"})
			}
		}
	}
}

// variants calls visit for every plain value that n may have: n itself, the
// branches of Fn::If, the default of a parameter it refers to. Values that
// cannot be known are left out: a security finding needs a certain value.
func (c *Template) variants(n *template.Node, p path, visit func(n *template.Node, p path)) {
	if n == nil {
		return
	}
	switch wrap(n).Kind() {
	case schema.Absent:
	case schema.Choice:
		_, arg, _ := n.Call()
		for i := 1; i <= 2; i++ {
			c.variants(arg.Items[i], p.with("Fn::If", digits(i)), visit)
		}
	case schema.Opaque:
		if fn, arg, ok := n.Call(); ok && fn == "Ref" {
			if parameter, ok := c.Parameters.Get(arg.Str()); ok && parameter.Default != nil && !strings.Contains(parameter.Type, "SSM") {
				visit(parameter.Default, p)
			}
		}
	default:
		visit(n, p)
	}
}

// items calls visit for every item that a list may have.
func (c *Template) items(n *template.Node, p path, visit func(n *template.Node, p path)) {
	c.variants(n, p, func(n *template.Node, p path) {
		if n.IsMap() {
			visit(n, p) // a list of one may be written as the one
		}
		for i, item := range n.Items {
			c.variants(item, p.with(digits(i)), visit)
		}
	})
}

var groupTypes = []string{"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"}

// adminPorts give control over a host or hold its data. Opened to the world
// they are scanned within minutes.
var adminPorts = map[int]string{
	20: "FTP", 21: "FTP", 22: "SSH", 23: "Telnet", 135: "RPC", 445: "SMB", 1433: "SQL Server", 1521: "Oracle", 2375: "Docker", 3306: "MySQL",
	3389: "RDP", 5432: "PostgreSQL", 5601: "Kibana", 5900: "VNC", 6379: "Redis", 9200: "OpenSearch", 9300: "OpenSearch", 11211: "memcached", 27017: "MongoDB",
}

func checkAdminPorts(c *Template, r *template.Resource, p path) {
	c.openRules(r, p, func(rule *template.Node, p path, from, to int) {
		if ports := adminIn(from, to); len(ports) > 0 {
			c.reportf(p, "%s is open to the whole internet (%s)", portWords(from, to), strings.Join(ports, ", "))
		}
	})
}

func checkOtherPorts(c *Template, r *template.Resource, p path) {
	c.openRules(r, p, func(rule *template.Node, p path, from, to int) {
		web := from == to && (from == 80 || from == 443)
		if !web && len(adminIn(from, to)) == 0 {
			c.reportf(p, "%s is open to the whole internet", portWords(from, to))
		}
	})
}

func adminIn(from, to int) []string {
	var names []string
	for port, name := range adminPorts {
		if from <= port && port <= to {
			names = append(names, fmt.Sprintf("%d %s", port, name))
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	if len(names) > 4 {
		names = append(names[:4], fmt.Sprintf("and %d more", len(names)-4))
	}
	return names
}

func portWords(from, to int) string {
	switch {
	case from == 0 && to == 65535:
		return "every port"
	case from == to:
		return fmt.Sprintf("port %d", from)
	}
	return fmt.Sprintf("the range of ports %d–%d", from, to)
}

// openRules calls visit for the ingress rules that let the whole internet in by
// TCP, UDP or any protocol.
func (c *Template) openRules(r *template.Resource, p path, visit func(rule *template.Node, p path, from, to int)) {
	rules, at := r.Properties, p
	if r.Type == "AWS::EC2::SecurityGroup" {
		rules, at = r.Properties.Get("SecurityGroupIngress"), p.with("SecurityGroupIngress")
	}
	c.items(rules, at, func(rule *template.Node, p path) {
		from, to, ok := c.ports(rule)
		if !ok {
			return
		}
		for _, key := range []string{"CidrIp", "CidrIpv6"} {
			c.variants(rule.Get(key), p.with(key), func(n *template.Node, p path) {
				if world(n.Str()) {
					visit(rule, p, from, to)
				}
			})
		}
	})
}

// ports returns the range that a rule opens; protocol -1 opens all.
func (c *Template) ports(rule *template.Node) (from, to int, ok bool) {
	switch protocol := rule.Get("IpProtocol"); {
	case protocol == nil:
		return 0, 0, false
	case protocol.Text == "-1":
		return 0, 65535, true
	case !slices.Contains([]string{"tcp", "udp", "6", "17"}, strings.ToLower(protocol.Text)):
		return 0, 0, false
	}
	from, okFrom := c.number(rule.Get("FromPort"))
	to, okTo := c.number(rule.Get("ToPort"))
	return from, to, okFrom && okTo
}

// number is the value of a number, or of a parameter's default.
func (c *Template) number(n *template.Node) (value int, ok bool) {
	c.variants(n, nil, func(n *template.Node, _ path) {
		_, err := fmt.Sscanf(n.Text, "%d", &value)
		ok = err == nil
	})
	return value, ok
}

// world reports whether a network covers at least half of all addresses: two
// such halves make the world.
func world(cidr string) bool {
	network, err := netip.ParsePrefix(cidr)
	return err == nil && network.Bits() <= 1
}

func checkBucketACL(c *Template, r *template.Resource, p path) {
	c.variants(r.Properties.Get("AccessControl"), p.with("AccessControl"), func(n *template.Node, p path) {
		if slices.Contains([]string{"PublicRead", "PublicReadWrite", "AuthenticatedRead"}, n.Str()) {
			c.reportf(p, "the bucket's access control list %s lets others in", n.Str())
		}
	})
}

// checkPublicAccessBlock accepts a missing block: since April 2023 every new
// bucket has all four settings on. It reports those that are switched off.
func checkPublicAccessBlock(c *Template, r *template.Resource, p path) {
	p = p.with("PublicAccessBlockConfiguration")
	c.variants(r.Properties.Get("PublicAccessBlockConfiguration"), p, func(n *template.Node, p path) {
		for _, key := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			setting := n.Get(key)
			if setting == nil {
				c.reportf(p, "%s is not switched on, so it is off", key)
				continue
			}
			c.variants(setting, p.with(key), func(n *template.Node, p path) {
				if isFalse(n) {
					c.reportf(p, "%s is switched off", key)
				}
			})
		}
	})
}

func isFalse(n *template.Node) bool {
	return n.Kind == template.Bool && !n.True || strings.EqualFold(n.Str(), "false")
}

func isTrue(n *template.Node) bool {
	return n.Kind == template.Bool && n.True || strings.EqualFold(n.Str(), "true")
}

func checkMetadataService(c *Template, r *template.Resource, p path) {
	n := r.Properties
	if r.Type == "AWS::EC2::LaunchTemplate" {
		n, p = n.Get("LaunchTemplateData"), p.with("LaunchTemplateData")
	}
	p = p.with("MetadataOptions", "HttpTokens")
	c.variants(n.Get("MetadataOptions").Get("HttpTokens"), p, func(n *template.Node, p path) {
		if n.Str() == "optional" {
			c.reportf(p, "the instance's credentials can be read without a token: set HttpTokens to required")
		}
	})
}

func checkPlainListener(c *Template, r *template.Resource, p path) {
	if r.Properties.Get("Protocol").Str() != "HTTP" {
		return
	}
	actions := r.Properties.Get("DefaultActions")
	if actions.IsList() && slices.ContainsFunc(actions.Items, func(a *template.Node) bool { return a.Get("Type").Str() != "forward" }) {
		return
	}
	if actions.IsList() {
		c.reportf(p.with("Protocol"), "the listener forwards unencrypted HTTP: redirect to HTTPS instead")
	}
}

func checkFunctionURL(c *Template, r *template.Resource, p path) {
	c.variants(r.Properties.Get("AuthType"), p.with("AuthType"), func(n *template.Node, p path) {
		if n.Str() == "NONE" {
			c.reportf(p, "anybody can call the function: only a function that checks a signature itself may do so")
		}
	})
}

func checkKeyRotation(c *Template, r *template.Resource, p path) {
	spec := r.Properties.Get("KeySpec")
	if spec != nil && spec.Str() != "SYMMETRIC_DEFAULT" {
		return // only symmetric keys can be rotated
	}
	rotation := r.Properties.Get("EnableKeyRotation")
	if rotation == nil {
		c.reportf(p, "the key is not rotated: set EnableKeyRotation")
		return
	}
	c.variants(rotation, p.with("EnableKeyRotation"), func(n *template.Node, p path) {
		if isFalse(n) {
			c.reportf(p, "the key is not rotated: set EnableKeyRotation")
		}
	})
}

// secretName recognises names of parameters that hold a secret; names like
// PasswordLength, SecretArn or ServiceToken only tell of one.
var (
	secretName = regexp.MustCompile(`(?i)(password|passwd|secret|api_?key|private_?key|access_?key|auth_?token|access_?token)$`)
)

func checkNoEcho(c *Template) {
	for name, p := range c.Parameters.All() {
		if secretName.MatchString(name) && p.Type == "String" && !p.NoEcho {
			c.reportf(path{"Parameters", name}, "the value of %s is shown to everybody who may describe the stack: set NoEcho, or use a dynamic reference to Secrets Manager", name)
		}
	}
}
