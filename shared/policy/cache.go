package policy

var cacheRules = []Rule{
	{
		ID: "EK1068", Severity: Medium, Title: "Caches encrypt what they send",
		Types: []string{"AWS::ElastiCache::ReplicationGroup", "AWS::MemoryDB::Cluster"},
		FSBP:  []string{"ElastiCache.5"}, ControlTower: []string{"CT.ELASTICACHE.PR.5"}, Others: []string{"CKV_AWS_30", "AwsSolutions-AEC3"},
		Rationale: "Data and the password cross the network in the clear.",
		Fix:       "Set TransitEncryptionEnabled (MemoryDB: TLSEnabled) to true.",
		Link:      hub + "elasticache-controls.html#elasticache-5",
		Check: byType(map[string]check{
			"AWS::ElastiCache::ReplicationGroup": unless(on("TransitEncryptionEnabled", faultIfMissing, plainCache), "GlobalReplicationGroupId"),
			"AWS::MemoryDB::Cluster":             on("TLSEnabled", fineIfMissing, plainCache),
		}),
	},
	{
		ID: "EK1069", Severity: Medium, Title: "Caches know their clients",
		Types: []string{"AWS::ElastiCache::ReplicationGroup", "AWS::MemoryDB::Cluster"},
		FSBP:  []string{"ElastiCache.6"}, ControlTower: []string{"CT.ELASTICACHE.PR.7", "CT.ELASTICACHE.PR.8"}, Others: []string{"CKV_AWS_31", "AwsSolutions-AEC6"},
		Rationale: "Whoever reaches the port reads and writes everything.",
		Fix:       "Set UserGroupIds or AuthToken (MemoryDB: an ACLName other than open-access).",
		Link:      hub + "elasticache-controls.html#elasticache-6",
		Check: byType(map[string]check{
			"AWS::ElastiCache::ReplicationGroup": unless(present("UserGroupIds", "clients need no credentials"), "AuthToken", "GlobalReplicationGroupId"),
			"AWS::MemoryDB::Cluster":             not("ACLName", "clients need no credentials", "open-access"),
		}),
	},
	{
		ID: "EK1070", Severity: Low, Title: "Caches are backed up",
		Types: []string{"AWS::ElastiCache::ReplicationGroup", "AWS::MemoryDB::Cluster"},
		FSBP:  []string{"ElastiCache.1"}, ControlTower: []string{"CT.ELASTICACHE.PR.1"},
		Rationale: "What is only in the cache is lost with it.",
		Fix:       "Set SnapshotRetentionLimit to 1 or more.",
		Link:      hub + "elasticache-controls.html#elasticache-1",
		Check:     unless(atLeast("SnapshotRetentionLimit", 1, 0, "the data is not backed up"), "GlobalReplicationGroupId"),
	},
}

const plainCache = "clients talk to the cache without TLS"
