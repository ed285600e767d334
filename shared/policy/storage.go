package policy

// encryptedBy names the property that encrypts a type's data at rest, where the
// default is not to.
var encryptedBy = map[string]string{
	"AWS::RDS::DBCluster":                "StorageEncrypted",
	"AWS::RDS::DBInstance":               "StorageEncrypted",
	"AWS::DocDB::DBCluster":              "StorageEncrypted",
	"AWS::Neptune::DBCluster":            "StorageEncrypted",
	"AWS::EFS::FileSystem":               "Encrypted",
	"AWS::EC2::Volume":                   "Encrypted",
	"AWS::Redshift::Cluster":             "Encrypted",
	"AWS::ElastiCache::ReplicationGroup": "AtRestEncryptionEnabled",
}

var storageRules = []Rule{
	{
		ID: "EK1005", Severity: Medium, Title: "Databases and file systems are encrypted at rest",
		Types:        sortedKeys(encryptedBy),
		FSBP:         []string{"RDS.3", "RDS.27", "DocumentDB.1", "Neptune.1", "EFS.8", "EC2.3", "Redshift.10", "ElastiCache.4"},
		ControlTower: []string{"CT.RDS.PR.16", "CT.RDS.PR.24", "CT.DOCUMENTDB.PR.1", "CT.NEPTUNE.PR.3", "CT.EC2.PR.7", "CT.REDSHIFT.PR.8", "CT.ELASTICACHE.PR.4"},
		Others:       []string{"CKV_AWS_3", "CKV_AWS_16", "CKV_AWS_29", "CKV_AWS_42", "CKV_AWS_44", "CKV_AWS_64", "CKV_AWS_74", "CKV_AWS_96", "AwsSolutions-RDS2", "AwsSolutions-DOC1", "AwsSolutions-N4", "AwsSolutions-EFS1", "AwsSolutions-EC26", "AwsSolutions-RS6"},
		Rationale:    "Snapshots and discarded disks are readable without encryption, and it cannot be switched on later.",
		Fix:          "Set the property to true; name a customer key where keys must be controlled.",
		Link:         hub + "rds-controls.html#rds-3",
		Check:        checkEncryption,
	},
	{
		ID: "EK1071", Severity: Low, Title: "File systems are backed up",
		Types: []string{"AWS::EFS::FileSystem"},
		FSBP:  []string{"EFS.7"}, ControlTower: []string{"CT.ELASTICFILESYSYSTEM.PR.2"},
		Rationale: "A file system has no versions: what is overwritten is lost without a backup.",
		Fix:       "Set BackupPolicy.Status to ENABLED.",
		Link:      hub + "efs-controls.html#efs-7",
		Check:     is("BackupPolicy/Status", faultIfMissing, "the file system is not backed up", "ENABLED"),
	},
	{
		ID: "EK1072", Severity: Medium, Title: "Access points of file systems enforce a directory",
		Types: []string{"AWS::EFS::AccessPoint"},
		FSBP:  []string{"EFS.3"}, ControlTower: []string{"CT.ELASTICFILESYSYSTEM.PR.3"},
		Rationale: "An access point at / shows its clients the files of all others.",
		Fix:       "Set RootDirectory.Path to the application's directory.",
		Link:      hub + "efs-controls.html#efs-3",
		Check: func(r *Resource) {
			r.At(at("RootDirectory/Path"), func(v Value) bool {
				if v.Absent() || v.Is("/") {
					v.Report("the access point shows the whole file system")
				}
				return true
			})
		},
	},
	{
		ID: "EK1073", Severity: Medium, Title: "Access points of file systems enforce a user",
		Types: []string{"AWS::EFS::AccessPoint"},
		FSBP:  []string{"EFS.4"}, ControlTower: []string{"CT.ELASTICFILESYSYSTEM.PR.4"},
		Rationale: "Otherwise the client says who it is, and may say root.",
		Fix:       "Set PosixUser.",
		Link:      hub + "efs-controls.html#efs-4",
		Check:     present("PosixUser", "the client chooses its own user, also root"),
	},
}

// checkEncryption leaves out resources whose encryption is decided elsewhere:
// by the cluster, the snapshot or the source of a replica.
func checkEncryption(r *Resource) {
	key := encryptedBy[r.Type]
	inherited := []string{"DBSnapshotIdentifier", "DBClusterSnapshotIdentifier", "SnapshotIdentifier", "SourceDBInstanceIdentifier",
		"SourceDBClusterIdentifier", "SourceDbiResourceId", "SourceDBInstanceAutomatedBackupsArn", "SnapshotId", "SnapshotName", "GlobalReplicationGroupId"}
	if r.Type == "AWS::EFS::FileSystem" {
		inherited = append(inherited, "KmsKeyId")
	}
	// Redshift encrypts new clusters unless told not to (since January 2025).
	missingIsFine := r.Type == "AWS::Redshift::Cluster"
	notMember(unless(on(key, missingIsFine, "data is not encrypted at rest: "+key+" is off"), inherited...))(r)
}
