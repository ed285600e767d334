package policy

var dynamodbRules = []Rule{
	{
		ID: "EK1064", Severity: Medium, Title: "Tables can be restored to any point in time",
		Types: []string{"AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"},
		FSBP:  []string{"DynamoDB.2"}, ControlTower: []string{"CT.DYNAMODB.PR.1"}, Others: []string{"CKV_AWS_28", "CKV_AWS_165", "AwsSolutions-DDB3"},
		Rationale: "A faulty program overwrites a table in minutes. Without recovery there is no version of yesterday.",
		Fix:       "Set PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled to true (in every replica of a global table).",
		Link:      hub + "dynamodb-controls.html#dynamodb-2",
		Check: byType(map[string]check{
			"AWS::DynamoDB::Table":       on("PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", faultIfMissing, noRecovery),
			"AWS::DynamoDB::GlobalTable": on("Replicas/*/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", faultIfMissing, noRecovery),
		}),
	},
	{
		ID: "EK1065", Severity: Low, Title: "Tables are protected against deletion",
		Types:     []string{"AWS::DynamoDB::Table"},
		FSBP:      []string{"DynamoDB.6"},
		Rationale: "A replacement or a deleted stack takes the table with it.",
		Fix:       "Set DeletionProtectionEnabled to true.",
		Link:      hub + "dynamodb-controls.html#dynamodb-6",
		Check:     on("DeletionProtectionEnabled", faultIfMissing, "the table can be deleted by mistake"),
	},
	{
		ID: "EK1066", Severity: Medium, Title: "DAX clusters are encrypted at rest",
		Types: []string{"AWS::DAX::Cluster"},
		FSBP:  []string{"DynamoDB.3"}, ControlTower: []string{"CT.DAX.PR.1"}, Others: []string{"CKV_AWS_47", "AwsSolutions-DDB4"},
		Rationale: "The cache writes to disk what the table keeps encrypted. It cannot be switched on later.",
		Fix:       "Set SSESpecification.SSEEnabled to true.",
		Link:      hub + "dynamodb-controls.html#dynamodb-3",
		Check:     on("SSESpecification/SSEEnabled", faultIfMissing, "cached data is not encrypted at rest"),
	},
	{
		ID: "EK1067", Severity: Medium, Title: "DAX clusters encrypt what they send",
		Types: []string{"AWS::DAX::Cluster"},
		FSBP:  []string{"DynamoDB.7"}, ControlTower: []string{"CT.DAX.PR.3"},
		Rationale: "Items cross the network in the clear.",
		Fix:       "Set ClusterEndpointEncryptionType to TLS.",
		Link:      hub + "dynamodb-controls.html#dynamodb-7",
		Check:     is("ClusterEndpointEncryptionType", faultIfMissing, "clients talk to the cluster without TLS", "TLS"),
	},
}

const noRecovery = "the table cannot be restored to a point in time"
