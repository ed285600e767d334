package policy

import "strings"

var rdsRules = []Rule{
	{
		ID: "EK1006", Severity: Critical, Title: "Databases are not public",
		Types:        []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::Redshift::Cluster", "AWS::RedshiftServerless::Workgroup", "AWS::DMS::ReplicationInstance"},
		FSBP:         []string{"RDS.2", "Redshift.1", "RedshiftServerless.3", "DMS.1"},
		ControlTower: []string{"CT.RDS.PR.23", "CT.RDS.PR.29", "CT.REDSHIFT.PR.1", "CT.DMS.PR.1"},
		Others:       []string{"CKV_AWS_17", "CKV_AWS_87", "CKV_AWS_89", "AwsSolutions-RS8"},
		Rationale:    "A public database is tried with leaked passwords within hours; no client needs it that a private network cannot serve.",
		Fix:          "Set PubliclyAccessible to false.",
		Link:         hub + "rds-controls.html#rds-2",
		Check: byType(map[string]check{
			"AWS::RDS::DBInstance":               off("PubliclyAccessible", fineIfMissing, publicDatabase),
			"AWS::RDS::DBCluster":                off("PubliclyAccessible", fineIfMissing, publicDatabase),
			"AWS::Redshift::Cluster":             off("PubliclyAccessible", fineIfMissing, publicDatabase),
			"AWS::RedshiftServerless::Workgroup": off("PubliclyAccessible", fineIfMissing, publicDatabase),
			// Without the property a replication instance is public.
			"AWS::DMS::ReplicationInstance": off("PubliclyAccessible", faultIfMissing, publicDatabase),
		}),
	},
	{
		ID: "EK1045", Severity: Medium, Title: "Databases are backed up for a week",
		Types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"},
		FSBP:  []string{"RDS.11"}, ControlTower: []string{"CT.RDS.PR.8"}, Others: []string{"CKV_AWS_133", "AwsSolutions-RDS13"},
		Rationale: "Damage is often noticed after days. The default is one day; 0 switches backups off.",
		Fix:       "Set BackupRetentionPeriod to 7 or more.",
		Link:      hub + "rds-controls.html#rds-11",
		Check:     notMember(unless(atLeast("BackupRetentionPeriod", 7, 1, "backups are kept for less than seven days"), "SourceDBInstanceIdentifier", "SourceDBClusterIdentifier")),
	},
	{
		ID: "EK1046", Severity: Low, Title: "Databases are protected against deletion",
		Types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"},
		FSBP:  []string{"RDS.7", "RDS.8"}, ControlTower: []string{"CT.RDS.PR.3", "CT.RDS.PR.13"}, Others: []string{"CKV_AWS_139", "CKV_AWS_293", "AwsSolutions-RDS10"},
		Rationale: "A replacement or a deleted stack takes the database with it.",
		Fix:       "Set DeletionProtection to true.",
		Link:      hub + "rds-controls.html#rds-8",
		Check:     notMember(on("DeletionProtection", faultIfMissing, "the database can be deleted by mistake")),
	},
	{
		ID: "EK1047", Severity: Low, Title: "Databases get minor versions",
		Types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"},
		FSBP:  []string{"RDS.13", "RDS.35"}, ControlTower: []string{"CT.RDS.PR.5"}, Others: []string{"CKV_AWS_226"},
		Rationale: "Minor versions close security holes.",
		Fix:       "Leave AutoMinorVersionUpgrade out, or set it to true.",
		Link:      hub + "rds-controls.html#rds-13",
		Check:     on("AutoMinorVersionUpgrade", fineIfMissing, "minor versions, which close security holes, are not installed"),
	},
	{
		ID: "EK1049", Severity: Low, Title: "Databases publish their logs",
		Types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"},
		FSBP:  []string{"RDS.9"}, ControlTower: []string{"CT.RDS.PR.14", "CT.RDS.PR.25"}, Others: []string{"CKV_AWS_129"},
		Rationale: "Logs on the database's own disk are rotated away, and gone with it.",
		Fix:       "List the engine's logs in EnableCloudwatchLogsExports.",
		Link:      hub + "rds-controls.html#rds-9",
		Check:     notMember(present("EnableCloudwatchLogsExports", "the logs of the database are not published")),
	},
	{
		ID: "EK1050", Severity: Medium, Title: "Connections to databases are encrypted",
		Types:        []string{"AWS::RDS::DBProxy", "AWS::RDS::DBParameterGroup", "AWS::RDS::DBClusterParameterGroup"},
		FSBP:         []string{"RDS.43"},
		ControlTower: []string{"CT.RDS.PR.26", "CT.RDS.PR.27", "CT.RDS.PR.28"},
		Rationale:    "Passwords and data cross the network in the clear.",
		Fix:          "Set RequireTLS of a proxy; set rds.force_ssl or require_secure_transport of a parameter group to 1.",
		Link:         hub + "rds-controls.html#rds-43",
		Check: byType(map[string]check{
			"AWS::RDS::DBProxy":                 on("RequireTLS", faultIfMissing, "clients may connect without TLS"),
			"AWS::RDS::DBParameterGroup":        plainConnections,
			"AWS::RDS::DBClusterParameterGroup": plainConnections,
		}),
	},
	{
		ID: "EK1051", Severity: Low, Title: "Administrators of databases have their own names",
		Types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster"},
		FSBP:  []string{"RDS.24", "RDS.25"}, ControlTower: []string{"CT.RDS.PR.21", "CT.RDS.PR.22"},
		Rationale: "A name that everybody knows is half of the login.",
		Fix:       "Choose another MasterUsername than the default.",
		Link:      hub + "rds-controls.html#rds-25",
		Check:     notMember(not("MasterUsername", "the administrator has the name that everybody tries first", "admin", "postgres", "administrator", "sa", "root")),
	},
}

// notMember leaves out instances of a cluster, for which the cluster decides.
func notMember(c check) check {
	return func(r *Resource) {
		if r.Type != "AWS::RDS::DBInstance" || !r.Has("DBClusterIdentifier") {
			c(r)
		}
	}
}

const publicDatabase = "the database can be reached from the internet"

func plainConnections(r *Resource) {
	r.At(at("Parameters"), func(parameters Value) bool {
		if !parameters.Known() {
			return true
		}
		for _, name := range []string{"rds.force_ssl", "require_secure_transport"} {
			parameters.At([]string{name}, func(v Value) bool {
				text, _ := v.Text()
				if v.Off() || text == "0" || strings.EqualFold(text, "OFF") {
					v.Report("clients may connect without TLS")
				}
				return true
			})
		}
		return true
	})
}
