package policy

import "net/netip"

var networkRules = []Rule{
	{
		ID: "EK1001", Severity: Critical, Title: "No administration or database port is open to the world",
		Types: []string{"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"},
		FSBP:  []string{"EC2.19"}, ControlTower: []string{"CT.EC2.PR.4"}, Others: []string{"CKV_AWS_24", "CKV_AWS_25", "AwsSolutions-EC23"},
		Rationale: "Such ports are scanned within minutes of being opened. The rules of a group count together, as for the healer: 0.0.0.0/1 and 128.0.0.0/1 are the world as 0.0.0.0/0 is.",
		Fix:       "Admit the networks that need the port, a prefix list or another group; for shells use Session Manager.",
		Link:      hub + "ec2-controls.html#ec2-19",
		Check:     checkAdminPorts,
	},
	{
		ID: "EK1002", Severity: Medium, Title: "No other port than those of the web is open to the world",
		Types: []string{"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"},
		FSBP:  []string{"EC2.18"}, ControlTower: []string{"CT.EC2.PR.3"}, Others: []string{"AwsSolutions-EC23"},
		Rationale: "What listens behind an open port is attacked, whatever it is.",
		Fix:       "Admit the networks that need the port, or publish it through a load balancer on port 443.",
		Link:      hub + "ec2-controls.html#ec2-18",
		Check:     checkOtherPorts,
	},
	{
		ID: "EK1035", Severity: Low, Title: "Subnets give no public addresses by themselves",
		Types: []string{"AWS::EC2::Subnet"},
		FSBP:  []string{"EC2.15"}, ControlTower: []string{"CT.EC2.PR.11"}, Others: []string{"CKV_AWS_130"},
		Rationale: "Whatever is started in such a subnet is on the internet, meant or not.",
		Fix:       "Set MapPublicIpOnLaunch to false and ask for a public address where it is needed.",
		Link:      hub + "ec2-controls.html#ec2-15",
		Check:     off("MapPublicIpOnLaunch", fineIfMissing, "whatever starts in the subnet gets a public address"),
	},
	{
		ID: "EK1036", Severity: Medium, Title: "Network ACLs do not open SSH and RDP to the world",
		Types: []string{"AWS::EC2::NetworkAclEntry"},
		FSBP:  []string{"EC2.21"}, ControlTower: []string{"CT.EC2.PR.5"},
		Rationale: "The network ACL is the last line when a security group is opened by mistake.",
		Fix:       "Narrow the source, or leave ports 22 and 3389 out.",
		Link:      hub + "ec2-controls.html#ec2-21",
		Check:     checkNetworkACL,
	},
	{
		ID: "EK1038", Severity: Low, Title: "Traffic of VPCs is logged",
		Types: []string{"AWS::EC2::VPC"},
		FSBP:  []string{"EC2.6"}, Others: []string{"AwsSolutions-VPC7"},
		Rationale: "Flow logs show afterwards who talked to whom.",
		Fix:       "Add an AWS::EC2::FlowLog for the VPC to the template.",
		Link:      hub + "ec2-controls.html#ec2-6",
		Check:     checkFlowLog,
	},
	{
		ID: "EK1040", Severity: Medium, Title: "Transit gateways do not accept attachments by themselves",
		Types: []string{"AWS::EC2::TransitGateway"},
		FSBP:  []string{"EC2.23"}, ControlTower: []string{"CT.EC2.PR.6"},
		Rationale: "Any account that the gateway is shared with could join the network unasked.",
		Fix:       "Set AutoAcceptSharedAttachments to disable.",
		Link:      hub + "ec2-controls.html#ec2-23",
		Check:     not("AutoAcceptSharedAttachments", "attachments of other accounts are accepted unasked", "enable"),
	},
	{
		ID: "EK1041", Severity: Medium, Title: "Endpoint services ask before they accept a connection",
		Types:     []string{"AWS::EC2::VPCEndpointService"},
		Others:    []string{"CKV_AWS_123"},
		Rationale: "Every principal that may connect does, without anybody looking.",
		Fix:       "Set AcceptanceRequired to true.",
		Link:      aws + "vpc/latest/privatelink/configure-endpoint-service.html",
		Check:     on("AcceptanceRequired", fineIfMissing, "connections are accepted unasked"),
	},
	{
		ID: "EK1042", Severity: Low, Title: "Connections to client VPN endpoints are logged",
		Types:     []string{"AWS::EC2::ClientVpnEndpoint"},
		FSBP:      []string{"EC2.51"},
		Rationale: "The log shows who was in the network, and from where.",
		Fix:       "Set ConnectionLogOptions.Enabled to true.",
		Link:      hub + "ec2-controls.html#ec2-51",
		Check:     on("ConnectionLogOptions/Enabled", faultIfMissing, "nobody can say who was connected"),
	},
}

func checkNetworkACL(r *Resource) {
	if r.Any(at("Egress"), func(v Value) bool { return v.On() || v.state == unknown }) || !r.Any(at("RuleAction"), func(v Value) bool { return v.Is("allow") }) {
		return
	}
	if protocol, ok := r.single("Protocol"); !ok || protocol != "-1" && !r.coversPort(22) && !r.coversPort(3389) {
		return
	}
	for _, key := range []string{"CidrBlock", "Ipv6CidrBlock"} {
		r.At([]string{key}, func(v Value) bool {
			text, _ := v.Text()
			if network, err := netip.ParsePrefix(text); err == nil && network.Bits() == 0 {
				v.Report("SSH or RDP is open to the whole internet in the network ACL")
			}
			return true
		})
	}
}

func (r *Resource) coversPort(port float64) bool {
	var from, to float64
	first := r.Any(at("PortRange/From"), func(v Value) (ok bool) { from, ok = v.Number(); return ok })
	last := r.Any(at("PortRange/To"), func(v Value) (ok bool) { to, ok = v.Number(); return ok })
	return first && last && from <= port && port <= to
}

func checkFlowLog(r *Resource) {
	logged := false
	r.Peers(func(peer *Resource) {
		logged = logged || peer.RefersTo(at("ResourceId"), r.ID) || !peer.Any(at("ResourceId"), func(v Value) bool { return v.refers != "" })
	}, "AWS::EC2::FlowLog")
	if !logged {
		r.as(absent).Report("no flow log records the traffic of the VPC")
	}
}
