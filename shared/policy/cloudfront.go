package policy

var distribution = []string{"AWS::CloudFront::Distribution"}

var cloudfrontRules = []Rule{
	{
		ID: "EK1112", Severity: Medium, Title: "Distributions encrypt what they send to viewers",
		Types: distribution,
		FSBP:  []string{"CloudFront.3"}, ControlTower: []string{"CT.CLOUDFRONT.PR.3"}, Others: []string{"CKV_AWS_34"},
		Rationale: "Pages, cookies and forms cross the internet in the clear.",
		Fix:       "Set ViewerProtocolPolicy to redirect-to-https or https-only.",
		Link:      hub + "cloudfront-controls.html#cloudfront-3",
		Check: all(
			not("DistributionConfig/DefaultCacheBehavior/ViewerProtocolPolicy", plainViewers, "allow-all"),
			not("DistributionConfig/CacheBehaviors/*/ViewerProtocolPolicy", plainViewers, "allow-all"),
		),
	},
	{
		ID: "EK1113", Severity: Medium, Title: "Distributions refuse TLS before 1.2 from viewers",
		Types:        distribution,
		ControlTower: []string{"CT.CLOUDFRONT.PR.9"}, Others: []string{"CKV_AWS_174", "AwsSolutions-CFR4"},
		Rationale: "SSLv3, TLS 1.0 and 1.1 are broken and deprecated (RFC 8996).",
		Fix:       "Set ViewerCertificate.MinimumProtocolVersion to TLSv1.2_2021 or later.",
		Link:      tower + "cloudfront-rules.html",
		Check:     not("DistributionConfig/ViewerCertificate/MinimumProtocolVersion", "viewers may use TLS 1.0 or 1.1", "SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016"),
	},
	{
		ID: "EK1114", Severity: Medium, Title: "Distributions encrypt what they send to origins",
		Types: distribution,
		FSBP:  []string{"CloudFront.9"}, ControlTower: []string{"CT.CLOUDFRONT.PR.8"},
		Rationale: "What viewers send encrypted goes on to the origin in the clear.",
		Fix:       "Set OriginProtocolPolicy to https-only.",
		Link:      hub + "cloudfront-controls.html#cloudfront-9",
		Check:     checkOriginProtocol,
	},
	{
		ID: "EK1115", Severity: Medium, Title: "Distributions do not use broken TLS to origins",
		Types: distribution,
		FSBP:  []string{"CloudFront.10"}, ControlTower: []string{"CT.CLOUDFRONT.PR.11"}, Others: []string{"AwsSolutions-CFR5"},
		Rationale: "SSLv3, TLS 1.0 and 1.1 are broken and deprecated (RFC 8996).",
		Fix:       "List only TLSv1.2 in OriginSSLProtocols.",
		Link:      hub + "cloudfront-controls.html#cloudfront-10",
		Check:     not("DistributionConfig/Origins/*/CustomOriginConfig/OriginSSLProtocols", "the origin may be asked with a broken protocol", "SSLv3", "TLSv1", "TLSv1.1"),
	},
	{
		ID: "EK1116", Severity: Medium, Title: "Buckets behind distributions are reached by them only",
		Types: distribution,
		FSBP:  []string{"CloudFront.13"}, ControlTower: []string{"CT.CLOUDFRONT.PR.10"}, Others: []string{"AwsSolutions-CFR7"},
		Rationale: "Without origin access control the bucket must be public, and viewers can go around the distribution.",
		Fix:       "Set OriginAccessControlId, and allow the distribution in the bucket policy.",
		Link:      hub + "cloudfront-controls.html#cloudfront-13",
		Check:     checkOriginAccess,
	},
	{
		ID: "EK1117", Severity: Low, Title: "Distributions have a web application firewall",
		Types: distribution,
		FSBP:  []string{"CloudFront.6"}, Others: []string{"CKV_AWS_68", "AwsSolutions-CFR2"},
		Rationale: "A firewall stops floods and common attacks at the edge.",
		Fix:       "Set WebACLId.",
		Link:      hub + "cloudfront-controls.html#cloudfront-6",
		Check:     present("DistributionConfig/WebACLId", "no web application firewall stands before the distribution"),
	},
	{
		ID: "EK1124", Severity: Low, Title: "Requests to distributions are logged",
		Types: distribution,
		FSBP:  []string{"CloudFront.5"}, ControlTower: []string{"CT.CLOUDFRONT.PR.5"}, Others: []string{"CKV_AWS_86", "AwsSolutions-CFR3"},
		Rationale: "The origin sees only what the cache did not answer.",
		Fix:       "Set Logging, or deliver logs by AWS::Logs::DeliverySource.",
		Link:      hub + "cloudfront-controls.html#cloudfront-5",
		Check: func(r *Resource) {
			delivered := false
			r.Peers(func(*Resource) { delivered = true }, "AWS::Logs::DeliverySource")
			if !delivered {
				present("DistributionConfig/Logging", "requests are not logged")(r)
			}
		},
	},
}

const plainViewers = "viewers may use plain HTTP"

func checkOriginProtocol(r *Resource) {
	plain := r.Any(at("DistributionConfig/DefaultCacheBehavior/ViewerProtocolPolicy"), func(v Value) bool { return v.Is("allow-all") })
	r.At(at("DistributionConfig/Origins/*/CustomOriginConfig/OriginProtocolPolicy"), func(v Value) bool {
		if v.Is("http-only") || plain && v.Is("match-viewer") {
			v.Report("the origin is asked in the clear")
		}
		return true
	})
}

// checkOriginAccess accepts the older origin access identity too.
func checkOriginAccess(r *Resource) {
	r.Each(at("DistributionConfig/Origins"), func(origin Value) {
		if !origin.Known() || !origin.Has("S3OriginConfig") || origin.Has("OriginAccessControlId") {
			return
		}
		origin.At(at("S3OriginConfig/OriginAccessIdentity"), func(v Value) bool {
			if v.Absent() || v.Empty() {
				v.Report("viewers can go around the distribution to the bucket")
			}
			return true
		})
	})
}
