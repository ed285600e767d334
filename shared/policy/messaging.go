package policy

var messagingRules = []Rule{
	{
		ID: "EK1011", Severity: Medium, Title: "Queues and topics are encrypted",
		Types: []string{"AWS::SQS::Queue", "AWS::SNS::Topic"},
		FSBP:  []string{"SQS.1"}, ControlTower: []string{"CT.SQS.PR.2"}, Others: []string{"CKV_AWS_26", "CKV_AWS_27", "AwsSolutions-SQS2"},
		Rationale: "Topics keep messages unencrypted without a key; queues have encryption of their own (since October 2022) unless it is switched off.",
		Fix:       "Set KmsMasterKeyId of a topic (alias/aws/sns costs nothing); leave SqsManagedSseEnabled of a queue out.",
		Link:      hub + "sqs-controls.html#sqs-1",
		Check: byType(map[string]check{
			"AWS::SQS::Queue": unless(on("SqsManagedSseEnabled", fineIfMissing, "messages in the queue are not encrypted"), "KmsMasterKeyId"),
			"AWS::SNS::Topic": present("KmsMasterKeyId", "messages of the topic are not encrypted"),
		}),
	},
	{
		ID: "EK1080", Severity: Medium, Title: "Streams are encrypted",
		Types: []string{"AWS::Kinesis::Stream"},
		FSBP:  []string{"Kinesis.1"}, ControlTower: []string{"CT.KINESIS.PR.1"}, Others: []string{"CKV_AWS_43", "AwsSolutions-KDS1"},
		Rationale: "Records lie in the stream for a day or more.",
		Fix:       "Set StreamEncryption; the key alias/aws/kinesis costs nothing by itself.",
		Link:      hub + "kinesis-controls.html#kinesis-1",
		Check:     present("StreamEncryption", "records in the stream are not encrypted"),
	},
	{
		ID: "EK1081", Severity: Medium, Title: "Delivery streams are encrypted",
		Types: []string{"AWS::KinesisFirehose::DeliveryStream"},
		FSBP:  []string{"DataFirehose.1"}, Others: []string{"AwsSolutions-KDF1"},
		Rationale: "Records wait in the delivery stream until they are delivered, for up to a day.",
		Fix:       "Set DeliveryStreamEncryptionConfigurationInput.",
		Link:      hub + "datafirehose-controls.html#datafirehose-1",
		Check:     checkFirehose,
	},
	{
		ID: "EK1082", Severity: Medium, Title: "Kafka clusters encrypt what they send",
		Types: []string{"AWS::MSK::Cluster"},
		FSBP:  []string{"MSK.1"}, ControlTower: []string{"CT.MSK.PR.1"}, Others: []string{"CKV_AWS_81", "AwsSolutions-MSK2", "AwsSolutions-MSK3"},
		Rationale: "Records, and with SASL also passwords, cross the network in the clear.",
		Fix:       "Set EncryptionInTransit.ClientBroker to TLS and leave InCluster out.",
		Link:      hub + "msk-controls.html#msk-1",
		Check: all(
			on("EncryptionInfo/EncryptionInTransit/InCluster", fineIfMissing, "brokers talk to each other without TLS"),
			not("EncryptionInfo/EncryptionInTransit/ClientBroker", "clients may talk to brokers without TLS", "PLAINTEXT", "TLS_PLAINTEXT"),
		),
	},
	{
		ID: "EK1083", Severity: Critical, Title: "Kafka clusters are not public",
		Types: []string{"AWS::MSK::Cluster"},
		FSBP:  []string{"MSK.4"}, ControlTower: []string{"CT.MSK.PR.2"}, Others: []string{"CKV_AWS_291"},
		Rationale: "Brokers on the internet are attacked as databases are.",
		Fix:       "Set PublicAccess.Type to DISABLED, or leave it out.",
		Link:      hub + "msk-controls.html#msk-4",
		Check:     not("BrokerNodeGroupInfo/ConnectivityInfo/PublicAccess/Type", "the brokers can be reached from the internet", "SERVICE_PROVIDED_EIPS"),
	},
	{
		ID: "EK1084", Severity: High, Title: "Kafka clusters know their clients",
		Types: []string{"AWS::MSK::Cluster"},
		FSBP:  []string{"MSK.6"}, Rationale: "Whoever reaches a broker reads and writes every topic.",
		Fix:   "Set ClientAuthentication.Unauthenticated.Enabled to false; use IAM, SASL/SCRAM or TLS.",
		Link:  hub + "msk-controls.html#msk-6",
		Check: off("ClientAuthentication/Unauthenticated/Enabled", fineIfMissing, "clients need no credentials"),
	},
	{
		ID: "EK1085", Severity: Critical, Title: "Message brokers are not public",
		Types:     []string{"AWS::AmazonMQ::Broker"},
		Others:    []string{"CKV_AWS_69"},
		Rationale: "A broker's console and ports on the internet are one password away from every message.",
		Fix:       "Set PubliclyAccessible to false.",
		Link:      aws + "amazon-mq/latest/developer-guide/using-amazon-mq-securely.html",
		Check:     off("PubliclyAccessible", fineIfMissing, "the broker can be reached from the internet"),
	},
	{
		ID: "EK1086", Severity: Low, Title: "Message brokers log what administrators do",
		Types: []string{"AWS::AmazonMQ::Broker"},
		FSBP:  []string{"MQ.2"}, Others: []string{"CKV_AWS_197"},
		Rationale: "Without the audit log nobody can say who changed queues or users.",
		Fix:       "Set Logs.Audit to true (ActiveMQ).",
		Link:      hub + "mq-controls.html#mq-2",
		Check: func(r *Resource) {
			if r.Any(at("EngineType"), func(v Value) bool { return v.Is("ACTIVEMQ", "ActiveMQ") }) {
				on("Logs/Audit", faultIfMissing, "what administrators do is not logged")(r)
			}
		},
	},
}

// checkFirehose asks only streams that take records themselves: others leave
// encryption to their source.
func checkFirehose(r *Resource) {
	if r.Any(at("DeliveryStreamType"), func(v Value) bool { return !v.Absent() && !v.Is("DirectPut") }) {
		return
	}
	present("DeliveryStreamEncryptionConfigurationInput", "records in the delivery stream are not encrypted")(r)
}
