package policy

import "strings"

var redshiftRules = []Rule{
	{
		ID: "EK1058", Severity: Low, Title: "Data warehouses log who connects",
		Types: []string{"AWS::Redshift::Cluster"},
		FSBP:  []string{"Redshift.4"}, ControlTower: []string{"CT.REDSHIFT.PR.3"}, Others: []string{"CKV_AWS_71", "AwsSolutions-RS5"},
		Rationale: "Without the audit log nobody can say who read what.",
		Fix:       "Set LoggingProperties.",
		Link:      hub + "redshift-controls.html#redshift-4",
		Check:     present("LoggingProperties", "connections and queries are not logged"),
	},
	{
		ID: "EK1059", Severity: Medium, Title: "Connections to data warehouses are encrypted",
		Types: []string{"AWS::Redshift::ClusterParameterGroup"},
		FSBP:  []string{"Redshift.2"}, ControlTower: []string{"CT.REDSHIFT.PR.9"}, Others: []string{"CKV_AWS_105", "AwsSolutions-RS1"},
		Rationale: "Passwords and results cross the network in the clear.",
		Fix:       "Set the parameter require_ssl to true.",
		Link:      hub + "redshift-controls.html#redshift-2",
		Check:     checkRequireSSL,
	},
	{
		ID: "EK1060", Severity: Low, Title: "Administrators of data warehouses have their own names",
		Types: []string{"AWS::Redshift::Cluster"},
		FSBP:  []string{"Redshift.8"}, ControlTower: []string{"CT.REDSHIFT.PR.6"}, Others: []string{"AwsSolutions-RS3"},
		Rationale: "A name that everybody knows is half of the login.",
		Fix:       "Choose another MasterUsername than awsuser.",
		Link:      hub + "redshift-controls.html#redshift-8",
		Check:     not("MasterUsername", "the administrator has the default name", "awsuser"),
	},
	{
		ID: "EK1061", Severity: Medium, Title: "Data warehouses are backed up for a week",
		Types: []string{"AWS::Redshift::Cluster"},
		FSBP:  []string{"Redshift.3"}, ControlTower: []string{"CT.REDSHIFT.PR.2"}, Others: []string{"AwsSolutions-RS10"},
		Rationale: "Damage is often noticed after days; the default is one day, and 0 switches snapshots off.",
		Fix:       "Set AutomatedSnapshotRetentionPeriod to 7 or more.",
		Link:      hub + "redshift-controls.html#redshift-3",
		Check:     atLeast("AutomatedSnapshotRetentionPeriod", 7, 1, "snapshots are kept for less than seven days"),
	},
	{
		ID: "EK1062", Severity: Low, Title: "Data warehouses get new versions",
		Types: []string{"AWS::Redshift::Cluster"},
		FSBP:  []string{"Redshift.6"}, ControlTower: []string{"CT.REDSHIFT.PR.4"}, Others: []string{"AwsSolutions-RS9"},
		Rationale: "New versions close security holes.",
		Fix:       "Leave AllowVersionUpgrade out, or set it to true.",
		Link:      hub + "redshift-controls.html#redshift-6",
		Check:     on("AllowVersionUpgrade", fineIfMissing, "new versions, which close security holes, are not installed"),
	},
}

func checkRequireSSL(r *Resource) {
	v, ok := attribute(r, at("Parameters"), "ParameterName", "ParameterValue", "require_ssl")
	text, _ := v.Text()
	if ok && (v.Absent() || v.Off() || strings.EqualFold(text, "off")) {
		v.Report("clients may connect without TLS")
	}
}
