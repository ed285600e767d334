package policy

var retentionRules = []Rule{
	{
		ID: "EK1143", Severity: Low, Title: "Data outlives its stack",
		Types: []string{
			"AWS::Cognito::UserPool", "AWS::DocDB::DBCluster", "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::EFS::FileSystem", "AWS::KMS::Key",
			"AWS::Neptune::DBCluster", "AWS::OpenSearchService::Domain", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster",
		},
		Rationale: "A deleted stack, or a resource taken out of the template, takes its data with it.",
		Fix:       "Set DeletionPolicy to Retain, RetainExceptOnCreate or, where the type has it, Snapshot.",
		Link:      aws + "AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html",
		Check:     checkRetention,
	},
}

// checkRetention knows that CloudFormation takes a snapshot of RDS clusters,
// and of instances outside one, unless told otherwise.
// Source: CloudFormation template reference, DeletionPolicy attribute.
func checkRetention(r *Resource) {
	policy := r.Raw.Node.Get("DeletionPolicy")
	if policy != nil {
		e := r.Raw.Node.Entry("DeletionPolicy")
		at := r.place
		at.path = &link{&link{&link{nil, "Resources"}, r.ID}, "DeletionPolicy"}
		at.line, at.column = e.Line, e.Column
		r.r.resolve(policy, at, func(v Value) bool {
			if v.Is("Delete") {
				v.Report("the data is deleted with the stack")
			}
			return true
		})
		return
	}
	switch {
	case r.Type == "AWS::RDS::DBCluster", r.Type == "AWS::RDS::DBInstance":
		return
	case r.Any(at("DeletionProtectionEnabled"), isSet), r.Any(at("DeletionProtection"), isSet):
		return // the service refuses
	}
	v := r.as(absent)
	v.path = &link{&link{nil, "Resources"}, r.ID}
	v.Report("the data is deleted with the stack")
}

func isSet(v Value) bool { return v.On() || v.state == unknown || v.Is("ACTIVE") }
