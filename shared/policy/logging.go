package policy

var trail = []string{"AWS::CloudTrail::Trail"}

var loggingRules = []Rule{
	{
		ID: "EK1125", Severity: Low, Title: "Logs are kept for a stated time",
		Types:        []string{"AWS::Logs::LogGroup"},
		ControlTower: []string{"CT.CLOUDWATCH.PR.2"}, Others: []string{"CKV_AWS_66"},
		Rationale: "Without a time logs are kept for ever: it costs, and holds personal data longer than allowed.",
		Fix:       "Set RetentionInDays.",
		Link:      tower + "cloudwatch-rules.html",
		Check:     present("RetentionInDays", "nobody decided how long the logs are kept"),
	},
	{
		ID: "EK1126", Severity: High, Title: "Trails are switched on",
		Types:     trail,
		FSBP:      []string{"CloudTrail.1"},
		Rationale: "A trail that is off records nothing, and looks as if it did.",
		Fix:       "Set IsLogging to true.",
		Link:      hub + "cloudtrail-controls.html#cloudtrail-1",
		Check:     on("IsLogging", fineIfMissing, "the trail records nothing"),
	},
	{
		ID: "EK1127", Severity: Medium, Title: "Trails record every region",
		Types:  trail,
		FSBP:   []string{"CloudTrail.1"},
		Others: []string{"CKV_AWS_67"}, Rationale: "Intruders work in regions that nobody uses.",
		Fix:   "Set IsMultiRegionTrail to true.",
		Link:  hub + "cloudtrail-controls.html#cloudtrail-1",
		Check: on("IsMultiRegionTrail", faultIfMissing, "what happens in other regions is not recorded"),
	},
	{
		ID: "EK1128", Severity: Medium, Title: "Files of trails can be verified",
		Types: trail,
		FSBP:  []string{"CloudTrail.4"}, ControlTower: []string{"CT.CLOUDTRAIL.PR.2"}, Others: []string{"CKV_AWS_36"},
		Rationale: "Digests show whether a log file was changed or deleted.",
		Fix:       "Set EnableLogFileValidation to true.",
		Link:      hub + "cloudtrail-controls.html#cloudtrail-4",
		Check:     on("EnableLogFileValidation", faultIfMissing, "nobody can tell whether log files were changed"),
	},
	{
		ID: "EK1129", Severity: Low, Title: "Trails are encrypted with a customer key",
		Types: trail,
		FSBP:  []string{"CloudTrail.2"}, ControlTower: []string{"CT.CLOUDTRAIL.PR.1"}, Others: []string{"CKV_AWS_35"},
		Rationale: "With a key of one's own, reading the log needs two rights instead of one.",
		Fix:       "Set KMSKeyId.",
		Link:      hub + "cloudtrail-controls.html#cloudtrail-2",
		Check:     present("KMSKeyId", "the log is not encrypted with a key of one's own"),
	},
	{
		ID: "EK1130", Severity: Low, Title: "Trails can be watched",
		Types: trail,
		FSBP:  []string{"CloudTrail.5"}, ControlTower: []string{"CT.CLOUDTRAIL.PR.3"},
		Rationale: "Alarms need the events in CloudWatch Logs.",
		Fix:       "Set CloudWatchLogsLogGroupArn and CloudWatchLogsRoleArn.",
		Link:      hub + "cloudtrail-controls.html#cloudtrail-5",
		Check:     present("CloudWatchLogsLogGroupArn", "no alarm can watch the trail"),
	},
	{
		ID: "EK1131", Severity: Low, Title: "State machines have a log",
		Types: []string{"AWS::StepFunctions::StateMachine"},
		FSBP:  []string{"StepFunctions.1"}, ControlTower: []string{"CT.STEPFUNCTIONS.PR.1"}, Others: []string{"AwsSolutions-SF1"},
		Rationale: "The history of executions is gone after 90 days, that of express executions at once.",
		Fix:       "Set LoggingConfiguration with Level ERROR or more.",
		Link:      hub + "stepfunctions-controls.html#stepfunctions-1",
		Check: func(r *Resource) {
			r.At(at("LoggingConfiguration/Level"), func(v Value) bool {
				if v.Absent() || v.Is("OFF") {
					v.Report("what the state machine does is not logged")
				}
				return true
			})
		},
	},
	{
		ID: "EK1132", Severity: Medium, Title: "Web ACLs have rules",
		Types: []string{"AWS::WAFv2::WebACL"},
		FSBP:  []string{"WAF.10"}, ControlTower: []string{"CT.WAFV2.PR.1"},
		Rationale: "An empty firewall that allows by default protects nothing.",
		Fix:       "Add rules, for example AWSManagedRulesCommonRuleSet.",
		Link:      hub + "waf-controls.html#waf-10",
		Check: func(r *Resource) {
			if r.Has("DefaultAction", "Allow") {
				present("Rules", "the firewall lets everything through")(r)
			}
		},
	},
	{
		ID: "EK1133", Severity: High, Title: "GuardDuty is switched on",
		Types:     []string{"AWS::GuardDuty::Detector"},
		FSBP:      []string{"GuardDuty.1"},
		Rationale: "A detector that is off finds nothing, and looks as if it did.",
		Fix:       "Set Enable to true.",
		Link:      hub + "guardduty-controls.html#guardduty-1",
		Check:     on("Enable", fineIfMissing, "threats are not looked for"),
	},
	{
		ID: "EK1134", Severity: Low, Title: "AWS Config records every type",
		Types:     []string{"AWS::Config::ConfigurationRecorder"},
		Rationale: "What is not recorded cannot be checked, nor looked up after an incident.",
		Fix:       "Set RecordingGroup.AllSupported to true.",
		Link:      aws + "config/latest/developerguide/select-resources.html",
		Check: func(r *Resource) {
			r.At(at("RecordingGroup/AllSupported"), func(v Value) bool {
				if v.Off() && !r.Has("RecordingGroup", "ExclusionByResourceTypes") {
					v.Report("changes of other resource types are not recorded")
				}
				return true
			})
		},
	},
}
