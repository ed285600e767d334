package risk

// guardTable is what is watched, by code. Sources: the pages of the types in
// the CloudFormation template reference; that each path exists is tested
// against the published schemas.
var guardTable = []guard{
	// Protection against deletion.
	{code: "deletion-protection-off", types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::RDS::GlobalCluster", "AWS::DocDB::DBCluster",
		"AWS::Neptune::DBCluster", "AWS::NeptuneGraph::Graph", "AWS::QLDB::Ledger", "AWS::EKS::Cluster"},
		path: "DeletionProtection", when: off, values: yes, text: protectionOff},
	{code: "deletion-protection-off", types: []string{"AWS::DynamoDB::Table", "AWS::DSQL::Cluster", "AWS::Logs::LogGroup"},
		path: "DeletionProtectionEnabled", when: off, values: yes, text: protectionOff},
	{code: "deletion-protection-off", types: []string{"AWS::DynamoDB::GlobalTable"}, path: "Replicas/*/DeletionProtectionEnabled", when: off, values: yes, text: protectionOff},
	{code: "deletion-protection-off", types: []string{"AWS::Cognito::UserPool"}, path: "DeletionProtection", when: off, values: []string{"ACTIVE"}, text: protectionOff},
	{code: "deletion-protection-off", types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer"},
		path: "LoadBalancerAttributes/[Key=deletion_protection.enabled]/Value", when: off, values: yes, text: protectionOff},
	{code: "deletion-protection-off", types: []string{"AWS::EC2::Instance"}, path: "DisableApiTermination", when: off, values: yes, text: "may be terminated by anybody's call: termination protection is switched off"},
	{code: "deletion-protection-off", types: []string{"AWS::NetworkFirewall::Firewall"}, path: "DeleteProtection", when: off, values: yes, text: protectionOff},
	{code: "deletion-protection-off", types: []string{"AWS::Backup::BackupVault"}, path: "LockConfiguration", when: gone, text: "is no longer locked: recovery points can be deleted"},
	{code: "deletion-protection-off", types: []string{"AWS::EFS::FileSystem"}, path: "FileSystemProtection/ReplicationOverwriteProtection", when: off, values: []string{"ENABLED"}, text: protectionOff},

	// Backups and versions.
	{code: "backup-off", types: []string{"AWS::S3::Bucket"}, path: "VersioningConfiguration/Status", when: off, values: []string{"Enabled"}, text: "no longer keeps versions of its objects"},
	{code: "backup-off", types: []string{"AWS::S3::Bucket"}, path: "ReplicationConfiguration", when: gone, text: "is no longer replicated"},
	{code: "backup-off", types: []string{"AWS::DynamoDB::Table"}, path: "PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", when: off, values: yes, text: "loses point-in-time recovery"},
	{code: "backup-off", types: []string{"AWS::DynamoDB::GlobalTable"}, path: "Replicas/*/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", when: off, values: yes, text: "loses point-in-time recovery"},
	{code: "backup-off", types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster"}, path: "BackupRetentionPeriod", when: less, absent: 1, text: "keeps backups for a shorter time"},
	{code: "backup-off", types: []string{"AWS::ElastiCache::ReplicationGroup", "AWS::MemoryDB::Cluster"}, path: "SnapshotRetentionLimit", when: less, absent: 1e-9, text: "keeps snapshots for a shorter time"},
	{code: "backup-off", types: []string{"AWS::Redshift::Cluster"}, path: "AutomatedSnapshotRetentionPeriod", when: less, absent: 1, text: "keeps snapshots for a shorter time"},
	{code: "backup-off", types: []string{"AWS::EFS::FileSystem"}, path: "BackupPolicy/Status", when: off, values: []string{"ENABLED"}, text: "is no longer backed up"},

	// Data that ages out.
	{code: "data-expires", types: []string{"AWS::Logs::LogGroup"}, path: "RetentionInDays", when: less, text: "deletes log events sooner than before"},
	{code: "data-expires", types: []string{"AWS::Kinesis::Stream"}, path: "RetentionPeriodHours", when: less, absent: 24, text: "deletes records sooner than before"},
	{code: "data-expires", types: []string{"AWS::SQS::Queue"}, path: "MessageRetentionPeriod", when: less, absent: 345_600, text: "deletes messages sooner than before"},
	{code: "data-expires", types: []string{"AWS::DynamoDB::Table"}, path: "TimeToLiveSpecification/Enabled", when: on, values: yes, text: "deletes items by age from now on"},
	{code: "data-expires", types: []string{"AWS::S3::Bucket"}, path: "LifecycleConfiguration/Rules/*/ExpirationInDays", when: on, text: "deletes objects by age"},
	{code: "data-expires", types: []string{"AWS::S3::Bucket"}, path: "LifecycleConfiguration/Rules/*/ExpirationInDays", when: less, text: "deletes objects sooner than before"},
	{code: "data-expires", types: []string{"AWS::S3::Bucket"}, path: "LifecycleConfiguration/Rules/*/NoncurrentVersionExpiration/NoncurrentDays", when: less, text: "deletes old versions of objects sooner than before"},
	{code: "data-expires", types: []string{"AWS::ECR::Repository"}, path: "LifecyclePolicy/LifecyclePolicyText", when: appears, text: "deletes images by a rule from now on"},
	{code: "data-expires", types: []string{"AWS::ECR::Repository"}, path: "LifecyclePolicy/LifecyclePolicyText", when: changes, text: "deletes images by another rule"},
	{code: "data-expires", types: []string{"AWS::DynamoDB::GlobalTable"}, path: "Replicas/*/Region", when: off, text: "loses a replica and its copy of the data"},
	{code: "key-disabled", types: []string{"AWS::KMS::Key", "AWS::KMS::ReplicaKey"}, path: "Enabled", when: on, values: no, text: "is disabled: what it encrypted cannot be read"},
	{code: "secret-overwritten", types: []string{"AWS::SecretsManager::Secret"}, path: "SecretString", when: changes, text: "gets the template's value, whatever it has been rotated to"},

	// Encryption.
	{code: "encryption-off", types: []string{"AWS::S3::Bucket"}, path: "BucketEncryption", when: gone, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::SQS::Queue"}, path: "SqsManagedSseEnabled", when: on, values: no, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::SQS::Queue"}, path: "KmsMasterKeyId", when: gone, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::SNS::Topic"}, path: "KmsMasterKeyId", when: gone, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::DynamoDB::Table"}, path: "SSESpecification/SSEEnabled", when: off, values: yes, text: "goes back to a key that AWS owns"},
	{code: "encryption-off", types: []string{"AWS::Kinesis::Stream"}, path: "StreamEncryption", when: gone, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::KinesisFirehose::DeliveryStream"}, path: "DeliveryStreamEncryptionConfigurationInput", when: gone, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::Logs::LogGroup"}, path: "KmsKeyId", when: gone, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::CloudTrail::Trail"}, path: "KMSKeyId", when: gone, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::EFS::FileSystem", "AWS::EC2::Volume", "AWS::Redshift::Cluster"}, path: "Encrypted", when: off, values: yes, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster"}, path: "StorageEncrypted", when: off, values: yes, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::OpenSearchService::Domain", "AWS::Elasticsearch::Domain"}, path: "EncryptionAtRestOptions/Enabled", when: off, values: yes, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::OpenSearchService::Domain", "AWS::Elasticsearch::Domain"}, path: "NodeToNodeEncryptionOptions/Enabled", when: off, values: yes, text: "sends data between its nodes in the clear"},
	{code: "encryption-off", types: []string{"AWS::OpenSearchService::Domain", "AWS::Elasticsearch::Domain"}, path: "DomainEndpointOptions/EnforceHTTPS", when: off, values: yes, text: "accepts calls without TLS"},
	{code: "encryption-off", types: []string{"AWS::ElastiCache::ReplicationGroup"}, path: "AtRestEncryptionEnabled", when: off, values: yes, text: encryptionOff},
	{code: "encryption-off", types: []string{"AWS::ElastiCache::ReplicationGroup"}, path: "TransitEncryptionEnabled", when: off, values: yes, text: "accepts connections without TLS"},
	{code: "encryption-off", types: []string{"AWS::MemoryDB::Cluster"}, path: "TLSEnabled", when: off, values: yes, text: "accepts connections without TLS"},
	{code: "encryption-off", types: []string{"AWS::ElasticLoadBalancingV2::Listener"}, path: "Protocol", when: off, values: []string{"HTTPS", "TLS"}, text: "accepts connections without TLS"},
	{code: "encryption-off", types: []string{"AWS::CloudFront::Distribution"}, path: "DistributionConfig/DefaultCacheBehavior/ViewerProtocolPolicy", when: on, values: []string{"allow-all"}, text: "answers without TLS"},
	{code: "encryption-off", types: []string{"AWS::MSK::Cluster"}, path: "EncryptionInfo/EncryptionInTransit/ClientBroker", when: off, values: []string{"TLS"}, text: "accepts clients without TLS"},
	{code: "encryption-key-changed", types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::EFS::FileSystem", "AWS::EC2::Volume", "AWS::Redshift::Cluster", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"},
		path: "KmsKeyId", when: changes, text: keyChanged},
	{code: "encryption-key-changed", types: []string{"AWS::SQS::Queue", "AWS::SNS::Topic"}, path: "KmsMasterKeyId", when: changes, text: keyChanged},
	{code: "encryption-key-changed", types: []string{"AWS::DynamoDB::Table"}, path: "SSESpecification/KMSMasterKeyId", when: changes, text: keyChanged},
	{code: "encryption-key-changed", types: []string{"AWS::S3::Bucket"}, path: "BucketEncryption/ServerSideEncryptionConfiguration", when: changes, text: keyChanged},
	{code: "encryption-key-changed", types: []string{"AWS::Kinesis::Stream"}, path: "StreamEncryption", when: changes, text: keyChanged},
	{code: "encryption-key-changed", types: []string{"AWS::CloudTrail::Trail"}, path: "KMSKeyId", when: changes, text: keyChanged},
	{code: "encryption-key-changed", types: []string{"AWS::Lambda::Function"}, path: "KmsKeyArn", when: changes, text: keyChanged},

	// Open to the internet.
	{code: "public-access", types: []string{"AWS::S3::Bucket", "AWS::S3::AccessPoint"}, path: "PublicAccessBlockConfiguration/*", when: off, values: yes, text: blockOff},
	{code: "public-access", types: []string{"AWS::S3::Bucket", "AWS::S3::AccessPoint"}, path: "PublicAccessBlockConfiguration/*", when: on, values: no, added: true, text: blockOff},
	{code: "public-access", types: []string{"AWS::S3::Bucket"}, path: "AccessControl", when: on, values: []string{"PublicRead", "PublicReadWrite", "AuthenticatedRead"}, added: true, text: "lets everybody read its objects"},
	{code: "public-access", types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::Redshift::Cluster", "AWS::RedshiftServerless::Workgroup", "AWS::DMS::ReplicationInstance", "AWS::AmazonMQ::Broker"},
		path: "PubliclyAccessible", when: on, values: yes, added: true, text: "gets an address on the internet"},
	{code: "public-access", types: []string{"AWS::Lambda::Url"}, path: "AuthType", when: on, values: []string{"NONE"}, added: true, text: "lets everybody on the internet call the function"},
	{code: "public-access", types: []string{"AWS::EKS::Cluster"}, path: "ResourcesVpcConfig/EndpointPublicAccess", when: on, values: yes, added: true, text: "has its API on the internet"},
	{code: "public-access", types: []string{"AWS::EKS::Cluster"}, path: "ResourcesVpcConfig/PublicAccessCidrs/*", when: on, values: []string{"0.0.0.0/0", "::/0"}, added: true, text: "answers its API to every address"},
	{code: "public-access", types: []string{"AWS::MSK::Cluster"}, path: "BrokerNodeGroupInfo/ConnectivityInfo/PublicAccess/Type", when: on, values: []string{"SERVICE_PROVIDED_EIPS"}, added: true, text: "gets addresses on the internet"},
	{code: "public-access", types: []string{"AWS::EC2::SnapshotBlockPublicAccess"}, path: "State", when: on, values: []string{"unblocked"}, added: true, text: "allows public snapshots"},
	{code: "public-access", types: []string{"AWS::RAM::ResourceShare"}, path: "AllowExternalPrincipals", when: on, values: yes, added: true, text: "may be shared outside of the organisation"},
	{code: "public-network", types: []string{"AWS::EC2::Subnet"}, path: "MapPublicIpOnLaunch", when: on, values: yes, text: "gives instances public addresses"},
	{code: "public-network", types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancing::LoadBalancer"}, path: "Scheme", when: on, values: []string{"internet-facing"}, text: "faces the internet"},
	{code: "public-network", types: []string{"AWS::EC2::Route"}, path: "GatewayId", when: appears, text: "leads to another gateway"},

	// Authentication.
	{code: "auth-off", types: []string{"AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Route"}, path: "AuthorizationType", when: on, values: []string{"NONE"}, text: "asks nobody who calls"},
	{code: "auth-off", types: []string{"AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Route"}, path: "AuthorizationType", when: gone, text: "asks nobody who calls"},
	{code: "auth-off", types: []string{"AWS::Cognito::IdentityPool"}, path: "AllowUnauthenticatedIdentities", when: on, values: yes, added: true, text: "gives credentials to callers that nobody knows"},
	{code: "auth-weakened", types: []string{"AWS::Cognito::UserPool"}, path: "MfaConfiguration", when: off, values: []string{"ON", "OPTIONAL"}, text: "asks for no second factor"},
	{code: "auth-weakened", types: []string{"AWS::EC2::LaunchTemplate"}, path: "LaunchTemplateData/MetadataOptions/HttpTokens", when: off, values: []string{"required"}, text: "gives instance credentials to requests without a session token"},
	{code: "auth-weakened", types: []string{"AWS::RDS::DBInstance"}, path: "EnableIAMDatabaseAuthentication", when: off, values: yes, text: "accepts passwords only"},

	// Traces.
	{code: "audit-off", types: []string{"AWS::CloudTrail::Trail"}, path: "IsLogging", when: off, values: yes, text: "stops logging"},
	{code: "audit-off", types: []string{"AWS::GuardDuty::Detector"}, path: "Enable", when: off, values: yes, text: "stops detecting"},
	{code: "logging-off", types: []string{"AWS::CloudTrail::Trail"}, path: "IsMultiRegionTrail", when: off, values: yes, text: "records one region only"},
	{code: "logging-off", types: []string{"AWS::CloudTrail::Trail"}, path: "EnableLogFileValidation", when: off, values: yes, text: "no longer proves that its files are unchanged"},
	{code: "logging-off", types: []string{"AWS::S3::Bucket"}, path: "LoggingConfiguration", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::ElasticLoadBalancingV2::LoadBalancer"}, path: "LoadBalancerAttributes/[Key=access_logs.s3.enabled]/Value", when: off, values: yes, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::CloudFront::Distribution"}, path: "DistributionConfig/Logging", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::ApiGateway::Stage"}, path: "AccessLogSetting", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::ApiGatewayV2::Stage"}, path: "AccessLogSettings", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster"}, path: "EnableCloudwatchLogsExports", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::EKS::Cluster"}, path: "Logging", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::Redshift::Cluster"}, path: "LoggingProperties", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::OpenSearchService::Domain", "AWS::Elasticsearch::Domain"}, path: "LogPublishingOptions", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::StepFunctions::StateMachine"}, path: "LoggingConfiguration", when: gone, text: loggingOff},
	{code: "logging-off", types: []string{"AWS::MSK::Cluster"}, path: "LoggingInfo", when: gone, text: loggingOff},
}

// The values of a switch, in the forms that change sets show.
var (
	yes = []string{"true", "1"}
	no  = []string{"false", "0"}
)

const (
	protectionOff = "may be deleted by anybody's call: deletion protection is switched off"
	encryptionOff = "is no longer encrypted as before"
	keyChanged    = "is encrypted with another key"
	blockOff      = "no longer blocks public access"
	loggingOff    = "no longer logs"
)

// audits are types whose removal switches a trace or a detector off.
var audits = map[string]string{
	"AWS::CloudTrail::Trail":                                      "an audit trail",
	"AWS::Config::ConfigurationRecorder":                          "the record of configurations",
	"AWS::Config::DeliveryChannel":                                "the delivery of the record of configurations",
	"AWS::EC2::FlowLog":                                           "a flow log",
	"AWS::GuardDuty::Detector":                                    "a detector of threats",
	"AWS::SecurityHub::Hub":                                       "the hub of security findings",
	"AWS::AccessAnalyzer::Analyzer":                               "an analyzer of access",
	"AWS::Macie::Session":                                         "a detector of sensitive data",
	"AWS::WAFv2::LoggingConfiguration":                            "the log of a firewall",
	"AWS::Inspector::AssessmentTemplate":                          "an assessment",
	"AWS::Route53Resolver::ResolverQueryLoggingConfigAssociation": "the log of name queries",
}

func (a *assessor) audit(s *subject) {
	if what, ok := audits[s.Type]; ok {
		a.add("audit-off", s, "", "is removed: "+what+" ends")
	}
}
