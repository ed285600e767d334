package policy

var s3Rules = []Rule{
	{
		ID: "EK1003", Severity: High, Title: "Buckets are not public by their access control list",
		Types: []string{"AWS::S3::Bucket"},
		FSBP:  []string{"S3.2", "S3.3"}, Others: []string{"CKV_AWS_20", "CKV_AWS_57"},
		Rationale: "A canned list such as PublicRead hands every object to anonymous readers.",
		Fix:       "Remove AccessControl; share objects by a bucket policy or through CloudFront.",
		Link:      hub + "s3-controls.html#s3-2",
		Check: not("AccessControl", "the access control list lets others than the account read or write",
			"PublicRead", "PublicReadWrite", "AuthenticatedRead"),
	},
	{
		ID: "EK1004", Severity: High, Title: "Buckets block public access",
		Types: []string{"AWS::S3::Bucket"},
		FSBP:  []string{"S3.8"}, ControlTower: []string{"CT.S3.PR.1"},
		Others:    []string{"CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "AwsSolutions-S2"},
		Rationale: "The four settings hold even when a policy or list is wrong. New buckets have all of them on (since April 2023); a block that is written switches off what it leaves out.",
		Fix:       "Set all four settings of PublicAccessBlockConfiguration to true, or leave the block out.",
		Link:      hub + "s3-controls.html#s3-8",
		Check:     checkPublicAccessBlock,
	},
	{
		ID: "EK1016", Severity: Low, Title: "Access to buckets is logged",
		Types: []string{"AWS::S3::Bucket"},
		FSBP:  []string{"S3.9"}, ControlTower: []string{"CT.S3.PR.2"}, Others: []string{"CKV_AWS_18", "AwsSolutions-S1"},
		Rationale: "Without access logs nobody can say afterwards who read which object.",
		Fix:       "Set LoggingConfiguration.DestinationBucketName.",
		Link:      hub + "s3-controls.html#s3-9",
		Check:     checkBucketLogging,
	},
	{
		ID: "EK1017", Severity: Low, Title: "Buckets keep versions",
		Types:        []string{"AWS::S3::Bucket"},
		ControlTower: []string{"CT.S3.PR.11"}, Others: []string{"CKV_AWS_21"},
		Rationale: "Versions bring back objects that were overwritten, deleted or encrypted by an intruder.",
		Fix:       "Set VersioningConfiguration.Status to Enabled.",
		Link:      tower + "s3-rules.html",
		Check:     is("VersioningConfiguration/Status", faultIfMissing, "overwritten and deleted objects cannot be brought back: the bucket keeps no versions", "Enabled"),
	},
	{
		ID: "EK1018", Severity: Medium, Title: "Bucket policies refuse requests without TLS",
		Types: []string{"AWS::S3::BucketPolicy"},
		FSBP:  []string{"S3.5"}, ControlTower: []string{"CT.S3.PR.8"}, Others: []string{"AwsSolutions-S10"},
		Rationale: "S3 still answers plain HTTP, which shows objects and credentials' signatures on the way.",
		Fix:       "Add a statement that denies s3:* when aws:SecureTransport is false.",
		Link:      hub + "s3-controls.html#s3-5",
		Check:     checkSecureTransport,
	},
	{
		ID: "EK1019", Severity: Medium, Title: "Access points block public access",
		Types: []string{"AWS::S3::AccessPoint"},
		FSBP:  []string{"S3.19"}, ControlTower: []string{"CT.S3.PR.12"},
		Rationale: "The setting of an access point cannot be changed after it is created.",
		Fix:       "Set all four settings of PublicAccessBlockConfiguration to true, or leave the block out.",
		Link:      hub + "s3-controls.html#s3-19",
		Check:     checkPublicAccessBlock,
	},
	{
		ID: "EK1020", Severity: Low, Title: "Access control lists of buckets are disabled",
		Types:     []string{"AWS::S3::Bucket"},
		FSBP:      []string{"S3.12"},
		Rationale: "Lists are a second, per-object way to grant access that no policy shows.",
		Fix:       "Set ObjectOwnership to BucketOwnerEnforced, the default of new buckets.",
		Link:      hub + "s3-controls.html#s3-12",
		Check:     not("OwnershipControls/Rules/*/ObjectOwnership", "access control lists stay in force for the bucket's objects", "ObjectWriter", "BucketOwnerPreferred"),
	},
}

var blockSettings = []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}

func checkPublicAccessBlock(r *Resource) {
	r.At(keysPublicAccessBlockConfiguration, func(block Value) bool {
		if !block.Known() {
			return true
		}
		for _, key := range blockSettings {
			block.At([]string{key}, func(v Value) bool {
				switch {
				case v.Absent():
					v.Report(key + " is not switched on, so it is off")
				case v.Off():
					v.Report(key + " is switched off")
				}
				return true
			})
		}
		return true
	})
}

// checkBucketLogging leaves out buckets that receive logs: a log of the log
// would never end.
func checkBucketLogging(r *Resource) {
	if r.Any(keysAccessControl, func(v Value) bool { return v.Is("LogDeliveryWrite") }) || r.receivesLogs() {
		return
	}
	present("LoggingConfiguration", "access to the bucket is not logged")(r)
}

func (r *Resource) receivesLogs() bool {
	if r.r.logTargets == nil {
		r.r.logTargets = map[string]bool{}
		r.r.each(func(source *Resource) {
			source.At(logDestinations[source.Type], func(v Value) bool {
				r.r.logTargets[v.refers] = true
				return true
			})
			if source.Type == "AWS::ElasticLoadBalancingV2::LoadBalancer" {
				target, _ := attribute(source, keysLoadBalancerAttributes, "Key", "Value", "access_logs.s3.bucket")
				r.r.logTargets[target.refers] = true
			}
		}, sortedKeys(logDestinations))
	}
	return r.r.logTargets[r.ID]
}

// logDestinations are where types name the bucket that receives their logs.
var logDestinations = map[string][]string{
	"AWS::S3::Bucket":                           at("LoggingConfiguration/DestinationBucketName"),
	"AWS::CloudTrail::Trail":                    at("S3BucketName"),
	"AWS::EC2::FlowLog":                         at("LogDestination"),
	"AWS::CloudFront::Distribution":             at("DistributionConfig/Logging/Bucket"),
	"AWS::ElasticLoadBalancing::LoadBalancer":   at("AccessLoggingPolicy/S3BucketName"),
	"AWS::ElasticLoadBalancingV2::LoadBalancer": nil, // in its attributes
}

func checkSecureTransport(r *Resource) {
	r.At(keysPolicyDocument, func(document Value) bool {
		if !document.Known() {
			return true
		}
		denied := false
		document.Each(keysStatement, func(s Value) {
			transport := s.Any(keysConditionBoolAwsSecureTransport, func(v Value) bool { return v.Off() || v.state == unknown }) ||
				s.Has("Condition", "NumericLessThan", "s3:TlsVersion")
			denied = denied || s.state == unknown || s.May(keysEffect, "Deny") && transport
		})
		if !denied {
			document.Report("no statement denies requests without TLS")
		}
		return true
	})
}
