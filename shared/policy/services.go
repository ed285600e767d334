package policy

var serviceRules = []Rule{
	{
		ID: "EK1144", Severity: High, Title: "Notebooks are not on the internet",
		Types: []string{"AWS::SageMaker::NotebookInstance"},
		FSBP:  []string{"SageMaker.1"}, ControlTower: []string{"CT.SAGEMAKER.PR.1"}, Others: []string{"AwsSolutions-SM3"},
		Rationale: "A notebook runs any program that it is given, next to the data.",
		Fix:       "Set DirectInternetAccess to Disabled, and SubnetId.",
		Link:      hub + "sagemaker-controls.html#sagemaker-1",
		Check:     is("DirectInternetAccess", faultIfMissing, "the notebook is connected to the internet", "Disabled"),
	},
	{
		ID: "EK1145", Severity: Medium, Title: "Users of notebooks are not root",
		Types: []string{"AWS::SageMaker::NotebookInstance"},
		FSBP:  []string{"SageMaker.3"}, ControlTower: []string{"CT.SAGEMAKER.PR.3"},
		Rationale: "Root changes what the notebook logs and whom it obeys.",
		Fix:       "Set RootAccess to Disabled.",
		Link:      hub + "sagemaker-controls.html#sagemaker-3",
		Check:     is("RootAccess", faultIfMissing, "users of the notebook are root", "Disabled"),
	},
	{
		ID: "EK1146", Severity: Medium, Title: "Identity pools know their users",
		Types: []string{"AWS::Cognito::IdentityPool"},
		FSBP:  []string{"Cognito.2"}, Others: []string{"CKV_AWS_366", "AwsSolutions-COG7"},
		Rationale: "Anybody gets AWS credentials from the pool.",
		Fix:       "Set AllowUnauthenticatedIdentities to false.",
		Link:      hub + "cognito-controls.html#cognito-2",
		Check:     off("AllowUnauthenticatedIdentities", fineIfMissing, "anybody gets AWS credentials from the pool"),
	},
	{
		ID: "EK1147", Severity: Low, Title: "Passwords of user pools are long",
		Types: []string{"AWS::Cognito::UserPool"},
		FSBP:  []string{"Cognito.3"}, Others: []string{"AwsSolutions-COG1"},
		Rationale: "Short passwords are guessed.",
		Fix:       "Set Policies.PasswordPolicy.MinimumLength to 8 or more, which is the default.",
		Link:      hub + "cognito-controls.html#cognito-3",
		Check:     atLeast("Policies/PasswordPolicy/MinimumLength", 8, 8, "passwords may be shorter than eight characters"),
	},
	{
		ID: "EK1148", Severity: Medium, Title: "Workgroups decide how results are encrypted",
		Types:  []string{"AWS::Athena::WorkGroup"},
		Others: []string{"CKV_AWS_82"}, Rationale: "A client can switch off the encryption of its results.",
		Fix:   "Leave EnforceWorkGroupConfiguration out, or set it to true.",
		Link:  aws + "athena/latest/ug/workgroups-settings-override.html",
		Check: on("WorkGroupConfiguration/EnforceWorkGroupConfiguration", fineIfMissing, "clients may store results unencrypted"),
	},
	{
		ID: "EK1149", Severity: High, Title: "File transfers are encrypted",
		Types:     []string{"AWS::Transfer::Server"},
		FSBP:      []string{"Transfer.2"},
		Rationale: "FTP sends passwords and files in the clear.",
		Fix:       "List SFTP, FTPS or AS2 in Protocols.",
		Link:      hub + "transfer-controls.html#transfer-2",
		Check:     not("Protocols", "passwords and files cross the network in the clear", "FTP"),
	},
	{
		ID: "EK1150", Severity: Medium, Title: "Volumes of WorkSpaces are encrypted",
		Types: []string{"AWS::WorkSpaces::Workspace"},
		FSBP:  []string{"WorkSpaces.1", "WorkSpaces.2"}, Others: []string{"CKV_AWS_155", "CKV_AWS_156"},
		Rationale: "The desktop's disk holds what its user works on, and cannot be encrypted later.",
		Fix:       "Set UserVolumeEncryptionEnabled and RootVolumeEncryptionEnabled to true.",
		Link:      hub + "workspaces-controls.html#workspaces-1",
		Check: all(
			on("UserVolumeEncryptionEnabled", faultIfMissing, "the user's volume is not encrypted"),
			on("RootVolumeEncryptionEnabled", faultIfMissing, "the root volume is not encrypted"),
		),
	},
	{
		ID: "EK1151", Severity: Medium, Title: "Migrations encrypt what they send",
		Types: []string{"AWS::DMS::Endpoint"},
		FSBP:  []string{"DMS.9"}, ControlTower: []string{"CT.DMS.PR.2"},
		Rationale: "The whole database crosses the network in the clear.",
		Fix:       "Set SslMode to require, verify-ca or verify-full.",
		Link:      hub + "dms-controls.html#dms-9",
		Check:     checkMigrationTLS,
	},
	{
		ID: "EK1152", Severity: Low, Title: "Backup vaults cannot be emptied at once",
		Types:     []string{"AWS::Backup::BackupVault"},
		Rationale: "Whoever takes over an administrator deletes the backups first.",
		Fix:       "Set LockConfiguration.MinRetentionDays.",
		Link:      aws + "aws-backup/latest/devguide/vault-lock.html",
		Check:     present("LockConfiguration", "backups can be deleted before their time"),
	},
	{
		ID: "EK1153", Severity: Medium, Title: "Backups are kept for a week",
		Types:     []string{"AWS::Backup::BackupPlan"},
		Rationale: "Damage is often noticed after days.",
		Fix:       "Set Lifecycle.DeleteAfterDays to 7 or more.",
		Link:      aws + "aws-backup/latest/devguide/plan-options-and-configuration.html",
		Check:     atLeast("BackupPlan/BackupPlanRule/*/Lifecycle/DeleteAfterDays", 7, 7, "backups are kept for less than seven days"),
	},
}

// checkMigrationTLS asks the engines that have the setting.
// Source: DMS user guide, "Using SSL with AWS Database Migration Service".
func checkMigrationTLS(r *Resource) {
	relational := r.Any(at("EngineName"), func(v Value) bool {
		return v.Is("mysql", "oracle", "postgres", "mariadb", "aurora", "aurora-postgresql", "db2", "sqlserver", "sybase", "mongodb", "docdb")
	})
	if !relational {
		return
	}
	r.At(at("SslMode"), func(v Value) bool {
		if v.Absent() || v.Is("none") {
			v.Report("the database crosses the network in the clear")
		}
		return true
	})
}
