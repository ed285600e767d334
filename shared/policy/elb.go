package policy

var elbRules = []Rule{
	{
		ID: "EK1013", Severity: Medium, Title: "Load balancers redirect or encrypt",
		Types: []string{"AWS::ElasticLoadBalancingV2::Listener"},
		FSBP:  []string{"ELB.1"}, ControlTower: []string{"CT.ELASTICLOADBALANCING.PR.1"}, Others: []string{"CKV_AWS_2"},
		Rationale: "Cookies and forms cross the internet in the clear.",
		Fix:       "Redirect HTTP to HTTPS in the listener's default action.",
		Link:      hub + "elb-controls.html#elb-1",
		Check:     checkPlainListener,
	},
	{
		ID: "EK1118", Severity: Medium, Title: "Load balancers refuse TLS before 1.2",
		Types: []string{"AWS::ElasticLoadBalancingV2::Listener"},
		FSBP:  []string{"ELB.17"}, Others: []string{"CKV_AWS_103"},
		Rationale: "TLS 1.0 and 1.1 are broken and deprecated (RFC 8996). The default policy, ELBSecurityPolicy-2016-08, still allows them.",
		Fix:       "Set SslPolicy to ELBSecurityPolicy-TLS13-1-2-2021-06 or a later one.",
		Link:      hub + "elb-controls.html#elb-17",
		Check:     checkTLSPolicy,
	},
	{
		ID: "EK1119", Severity: Low, Title: "Load balancers drop invalid headers",
		Types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer"},
		FSBP:  []string{"ELB.4"}, ControlTower: []string{"CT.ELASTICLOADBALANCING.PR.4"}, Others: []string{"CKV_AWS_131"},
		Rationale: "Malformed headers are how requests are smuggled past the load balancer.",
		Fix:       "Set the attribute routing.http.drop_invalid_header_fields.enabled to true.",
		Link:      hub + "elb-controls.html#elb-4",
		Check: applicationOnly(attributeOn("routing.http.drop_invalid_header_fields.enabled",
			"malformed headers reach the targets")),
	},
	{
		ID: "EK1120", Severity: Low, Title: "Access to load balancers is logged",
		Types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancing::LoadBalancer"},
		FSBP:  []string{"ELB.5"}, ControlTower: []string{"CT.ELASTICLOADBALANCING.PR.6", "CT.ELASTICLOADBALANCING.PR.10"}, Others: []string{"CKV_AWS_91", "CKV_AWS_92", "AwsSolutions-ELB2"},
		Rationale: "The log has the client's address and request, which targets may not see.",
		Fix:       "Set the attribute access_logs.s3.enabled to true, or AccessLoggingPolicy of a classic load balancer.",
		Link:      hub + "elb-controls.html#elb-5",
		Check: byType(map[string]check{
			"AWS::ElasticLoadBalancingV2::LoadBalancer": applicationOnly(attributeOn("access_logs.s3.enabled", "requests are not logged")),
			"AWS::ElasticLoadBalancing::LoadBalancer":   on("AccessLoggingPolicy/Enabled", faultIfMissing, "requests are not logged"),
		}),
	},
	{
		ID: "EK1121", Severity: Low, Title: "Load balancers are protected against deletion",
		Types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer"},
		FSBP:  []string{"ELB.6"}, ControlTower: []string{"CT.ELASTICLOADBALANCING.PR.5"},
		Rationale: "A deleted load balancer takes its name, and what points to it, along.",
		Fix:       "Set the attribute deletion_protection.enabled to true.",
		Link:      hub + "elb-controls.html#elb-6",
		Check:     attributeOn("deletion_protection.enabled", "the load balancer can be deleted by mistake"),
	},
	{
		ID: "EK1122", Severity: Medium, Title: "Classic load balancers encrypt",
		Types: []string{"AWS::ElasticLoadBalancing::LoadBalancer"},
		FSBP:  []string{"ELB.3"}, ControlTower: []string{"CT.ELASTICLOADBALANCING.PR.9"}, Others: []string{"AwsSolutions-ELB5"},
		Rationale: "What clients send crosses the network in the clear.",
		Fix:       "Use HTTPS or SSL as the listener's Protocol.",
		Link:      hub + "elb-controls.html#elb-3",
		Check:     not("Listeners/*/Protocol", "the listener takes unencrypted connections", "HTTP", "http", "TCP", "tcp"),
	},
	{
		ID: "EK1123", Severity: Medium, Title: "Load balancers act on desync attacks",
		Types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer"},
		FSBP:  []string{"ELB.12"}, ControlTower: []string{"CT.ELASTICLOADBALANCING.PR.3"},
		Rationale: "In mode monitor ambiguous requests, the means of request smuggling, reach the targets.",
		Fix:       "Set the attribute routing.http.desync_mitigation_mode to defensive, the default, or strictest.",
		Link:      hub + "elb-controls.html#elb-12",
		Check: func(r *Resource) {
			if v, ok := attribute(r, at("LoadBalancerAttributes"), "Key", "Value", "routing.http.desync_mitigation_mode"); ok && v.Is("monitor") {
				v.Report("ambiguous requests are only counted, not stopped")
			}
		},
	},
}

// attributeOn asks for an attribute of a load balancer to be true; they are
// false by default.
func attributeOn(name, message string) check {
	list := at("LoadBalancerAttributes")
	return func(r *Resource) {
		if v, ok := attribute(r, list, "Key", "Value", name); ok && (v.Absent() || v.Off()) {
			v.Report(message)
		}
	}
}

// applicationOnly leaves out network and gateway load balancers.
func applicationOnly(c check) check {
	return func(r *Resource) {
		application := true
		r.At(at("Type"), func(v Value) bool {
			application = v.Absent() || v.Is("application")
			return application
		})
		if application {
			c(r)
		}
	}
}

// checkPlainListener accepts any default action that does not forward: a
// redirect, a fixed response or a login.
func checkPlainListener(r *Resource) {
	r.At(at("Protocol"), func(protocol Value) bool {
		if !protocol.Is("HTTP") {
			return true
		}
		forwards, other := false, false
		r.Each(at("DefaultActions"), func(action Value) {
			isForward := action.Any(at("Type"), func(v Value) bool { return v.Is("forward") })
			forwards, other = forwards || isForward, other || !isForward
		})
		if forwards && !other {
			protocol.Report("the listener forwards unencrypted HTTP")
		}
		return true
	})
}

// oldTLS are the predefined policies that allow TLS 1.0 or 1.1.
// Source: Elastic Load Balancing user guides, "Security policies".
var oldTLS = []string{
	"ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-2015-05", "ELBSecurityPolicy-TLS-1-0-2015-04", "ELBSecurityPolicy-TLS-1-1-2017-01",
	"ELBSecurityPolicy-FS-2018-06", "ELBSecurityPolicy-FS-1-1-2019-08",
	"ELBSecurityPolicy-TLS13-1-0-2021-06", "ELBSecurityPolicy-TLS13-1-1-2021-06",
}

func checkTLSPolicy(r *Resource) {
	if !r.Any(at("Protocol"), func(v Value) bool { return v.Is("HTTPS", "TLS") }) {
		return
	}
	r.At(at("SslPolicy"), func(v Value) bool {
		if v.Absent() || v.Is(oldTLS...) {
			v.Report("the listener accepts TLS 1.0 or 1.1")
		}
		return true
	})
}
