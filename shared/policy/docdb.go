package policy

var graphTypes = []string{"AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster"}

// documentRules are for DocumentDB and Neptune, which are built alike.
var documentRules = []Rule{
	{
		ID: "EK1053", Severity: Medium, Title: "Document and graph databases are backed up for a week",
		Types: graphTypes,
		FSBP:  []string{"DocumentDB.2", "Neptune.5"}, ControlTower: []string{"CT.DOCUMENTDB.PR.2", "CT.NEPTUNE.PR.5"}, Others: []string{"CKV_AWS_360", "CKV_AWS_361", "AwsSolutions-DOC4", "AwsSolutions-N3"},
		Rationale: "Damage is often noticed after days; the default is one day.",
		Fix:       "Set BackupRetentionPeriod to 7 or more.",
		Link:      hub + "documentdb-controls.html#documentdb-2",
		Check:     atLeast("BackupRetentionPeriod", 7, 1, "backups are kept for less than seven days"),
	},
	{
		ID: "EK1054", Severity: Low, Title: "Document and graph databases publish their audit log",
		Types: graphTypes,
		FSBP:  []string{"DocumentDB.4", "Neptune.2"}, ControlTower: []string{"CT.NEPTUNE.PR.4"}, Others: []string{"CKV_AWS_85", "CKV_AWS_101"},
		Rationale: "Without the audit log nobody can say who read or changed what.",
		Fix:       "List audit in EnableCloudwatchLogsExports.",
		Link:      hub + "documentdb-controls.html#documentdb-4",
		Check:     includes("EnableCloudwatchLogsExports", "audit", "the audit log is not published"),
	},
	{
		ID: "EK1055", Severity: Low, Title: "Document and graph databases are protected against deletion",
		Types: graphTypes,
		FSBP:  []string{"DocumentDB.5", "Neptune.4"}, ControlTower: []string{"CT.NEPTUNE.PR.2"},
		Rationale: "A replacement or a deleted stack takes the database with it.",
		Fix:       "Set DeletionProtection to true.",
		Link:      hub + "documentdb-controls.html#documentdb-5",
		Check:     on("DeletionProtection", faultIfMissing, "the database can be deleted by mistake"),
	},
	{
		ID: "EK1056", Severity: Medium, Title: "Connections to document databases are encrypted",
		Types: []string{"AWS::DocDB::DBClusterParameterGroup"},
		FSBP:  []string{"DocumentDB.6"}, Others: []string{"CKV_AWS_90"},
		Rationale: "Passwords and documents cross the network in the clear.",
		Fix:       "Leave the parameter tls out, or set it to enabled or stricter.",
		Link:      hub + "documentdb-controls.html#documentdb-6",
		Check:     not("Parameters/tls", "clients connect without TLS", "disabled"),
	},
	{
		ID: "EK1057", Severity: Medium, Title: "Graph databases know their clients",
		Types: []string{"AWS::Neptune::DBCluster"},
		FSBP:  []string{"Neptune.7"}, ControlTower: []string{"CT.NEPTUNE.PR.1"}, Others: []string{"AwsSolutions-N5"},
		Rationale: "Neptune has no passwords: without IAM authentication whoever reaches the port reads and writes everything.",
		Fix:       "Set IamAuthEnabled to true.",
		Link:      hub + "neptune-controls.html#neptune-7",
		Check:     on("IamAuthEnabled", faultIfMissing, "clients need no credentials"),
	},
}
