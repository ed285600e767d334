package policy

import "regexp"

var project = []string{"AWS::CodeBuild::Project"}

var codebuildRules = []Rule{
	{
		ID: "EK1135", Severity: Medium, Title: "Builds are not privileged",
		Types:        project,
		ControlTower: []string{"CT.CODEBUILD.PR.4"},
		Rationale:    "A privileged build is root on its host, and runs whatever a pull request contains.",
		Fix:          "Set PrivilegedMode to false. Only a build of container images needs it: suppress the finding there with that reason.",
		Link:         tower + "codebuild-rules.html",
		Check:        off("Environment/PrivilegedMode", fineIfMissing, "the build is root on its host"),
	},
	{
		ID: "EK1136", Severity: High, Title: "Variables of builds hold no secrets",
		Types: project,
		FSBP:  []string{"CodeBuild.2"}, ControlTower: []string{"CT.CODEBUILD.PR.2"},
		Rationale: "Everybody who may look at the project or its log reads the value.",
		Fix:       "Use Type PARAMETER_STORE or SECRETS_MANAGER.",
		Link:      hub + "codebuild-controls.html#codebuild-2",
		Check: func(r *Resource) {
			r.Each(at("Environment/EnvironmentVariables"), func(v Value) {
				if v.Known() && v.Any(at("Type"), func(kind Value) bool { return kind.Absent() || kind.Is("PLAINTEXT") }) {
					v.secretPair("Name", "Value")
				}
			})
		},
	},
	{
		ID: "EK1137", Severity: Medium, Title: "What builds leave behind is encrypted",
		Types: project,
		FSBP:  []string{"CodeBuild.3"}, ControlTower: []string{"CT.CODEBUILD.PR.5", "CT.CODEBUILD.PR.6"}, Others: []string{"CKV_AWS_78"},
		Rationale: "Artifacts and logs hold the program, and often more.",
		Fix:       "Remove EncryptionDisabled.",
		Link:      hub + "codebuild-controls.html#codebuild-3",
		Check: all(
			off("Artifacts/EncryptionDisabled", fineIfMissing, "artifacts are not encrypted"),
			off("SecondaryArtifacts/*/EncryptionDisabled", fineIfMissing, "artifacts are not encrypted"),
			off("LogsConfig/S3Logs/EncryptionDisabled", fineIfMissing, "logs are not encrypted"),
		),
	},
	{
		ID: "EK1138", Severity: Low, Title: "Builds have a log",
		Types: project,
		FSBP:  []string{"CodeBuild.4"}, ControlTower: []string{"CT.CODEBUILD.PR.3"},
		Rationale: "Without a log nobody can say what a build did.",
		Fix:       "Leave LogsConfig.CloudWatchLogs out, or set its Status to ENABLED.",
		Link:      hub + "codebuild-controls.html#codebuild-4",
		Check: func(r *Resource) {
			if !r.Any(at("LogsConfig/S3Logs/Status"), func(v Value) bool { return !v.Absent() && !v.Is("DISABLED") }) {
				not("LogsConfig/CloudWatchLogs/Status", "what the build does is not logged", "DISABLED")(r)
			}
		},
	},
	{
		ID: "EK1142", Severity: High, Title: "Addresses of sources hold no credentials",
		Types: project,
		FSBP:  []string{"CodeBuild.1"}, ControlTower: []string{"CT.CODEBUILD.PR.1"},
		Rationale: "Everybody who may look at the project reads the token, and it is in logs.",
		Fix:       "Connect the repository by OAuth or a CodeConnections connection.",
		Link:      hub + "codebuild-controls.html#codebuild-1",
		Check: func(r *Resource) {
			for _, path := range []string{"Source/Location", "SecondarySources/*/Location"} {
				r.At(at(path), func(v Value) bool {
					if text, ok := v.Text(); ok && credentialsInURL.MatchString(text) {
						v.Report("the address holds credentials")
					}
					return true
				})
			}
		},
	},
}

var credentialsInURL = regexp.MustCompile(`^https?://[^/@]+@`)
