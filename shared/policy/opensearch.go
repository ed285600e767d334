package policy

var domainTypes = []string{"AWS::OpenSearchService::Domain", "AWS::Elasticsearch::Domain"}

var opensearchRules = []Rule{
	{
		ID: "EK1074", Severity: Medium, Title: "Search domains are encrypted at rest",
		Types: domainTypes,
		FSBP:  []string{"Opensearch.1", "ES.1"}, ControlTower: []string{"CT.OPENSEARCH.PR.1", "CT.OPENSEARCH.PR.9"}, Others: []string{"CKV_AWS_5", "AwsSolutions-OS8"},
		Rationale: "Indexes, logs and snapshots on disk are readable without it.",
		Fix:       "Set EncryptionAtRestOptions.Enabled to true.",
		Link:      hub + "opensearch-controls.html#opensearch-1",
		Check:     on("EncryptionAtRestOptions/Enabled", faultIfMissing, "data is not encrypted at rest"),
	},
	{
		ID: "EK1075", Severity: Medium, Title: "Nodes of search domains encrypt what they send",
		Types: domainTypes,
		FSBP:  []string{"Opensearch.3", "ES.3"}, ControlTower: []string{"CT.OPENSEARCH.PR.3", "CT.OPENSEARCH.PR.11"}, Others: []string{"CKV_AWS_6", "AwsSolutions-OS2"},
		Rationale: "Nodes send whole indexes to each other in the clear.",
		Fix:       "Set NodeToNodeEncryptionOptions.Enabled to true.",
		Link:      hub + "opensearch-controls.html#opensearch-3",
		Check:     on("NodeToNodeEncryptionOptions/Enabled", faultIfMissing, "nodes talk to each other without TLS"),
	},
	{
		ID: "EK1076", Severity: Medium, Title: "Search domains take HTTPS with TLS 1.2 only",
		Types: domainTypes,
		FSBP:  []string{"Opensearch.8", "ES.8"}, ControlTower: []string{"CT.OPENSEARCH.PR.8", "CT.OPENSEARCH.PR.16"}, Others: []string{"CKV_AWS_83", "CKV_AWS_228"},
		Rationale: "Queries and credentials cross the network in the clear, or with broken TLS.",
		Fix:       "Set DomainEndpointOptions.EnforceHTTPS to true and TLSSecurityPolicy to Policy-Min-TLS-1-2-PFS-2023-10.",
		Link:      hub + "opensearch-controls.html#opensearch-8",
		Check: all(
			on("DomainEndpointOptions/EnforceHTTPS", faultIfMissing, "the domain answers without TLS"),
			not("DomainEndpointOptions/TLSSecurityPolicy", "the domain accepts TLS 1.0", "Policy-Min-TLS-1-0-2019-07"),
		),
	},
	{
		ID: "EK1077", Severity: High, Title: "Search domains are in a VPC",
		Types: domainTypes,
		FSBP:  []string{"Opensearch.2", "ES.2"}, ControlTower: []string{"CT.OPENSEARCH.PR.2", "CT.OPENSEARCH.PR.10"}, Others: []string{"AwsSolutions-OS1"},
		Rationale: "The endpoint is on the internet; one wrong statement in the access policy opens the data.",
		Fix:       "Set VPCOptions. A domain cannot be moved into a VPC later.",
		Link:      hub + "opensearch-controls.html#opensearch-2",
		Check:     present("VPCOptions", "the domain's endpoint is on the internet"),
	},
	{
		ID: "EK1078", Severity: Low, Title: "Search domains log what users do",
		Types: domainTypes,
		FSBP:  []string{"Opensearch.5", "ES.5"}, ControlTower: []string{"CT.OPENSEARCH.PR.5", "CT.OPENSEARCH.PR.13"}, Others: []string{"CKV_AWS_317"},
		Rationale: "Without the audit log nobody can say who read which index.",
		Fix:       "Set LogPublishingOptions.AUDIT_LOGS.",
		Link:      hub + "opensearch-controls.html#opensearch-5",
		Check:     on("LogPublishingOptions/AUDIT_LOGS/Enabled", faultIfMissing, "what users do is not logged"),
	},
	{
		ID: "EK1079", Severity: Medium, Title: "Search domains know their users",
		Types: []string{"AWS::OpenSearchService::Domain"},
		FSBP:  []string{"Opensearch.7"}, ControlTower: []string{"CT.OPENSEARCH.PR.15"},
		Rationale: "Without fine-grained access control, whoever may call the domain sees every index.",
		Fix:       "Set AdvancedSecurityOptions.Enabled to true.",
		Link:      hub + "opensearch-controls.html#opensearch-7",
		Check:     on("AdvancedSecurityOptions/Enabled", faultIfMissing, "whoever may call the domain sees every index"),
	},
}
