package events

// Facts returns a zero value of every fact that Evenkeel publishes, sorted by
// detail-type. A new fact is added here, and gets its schema and its row in
// README.md by `go generate ./events`.
//
//go:generate go run ./internal/generate
func Facts() []Data {
	return []Data{
		ApprovalDecided{},
		ApprovalRequested{},
		AssetsPublished{},
		BuildFailed{},
		DriftAccepted{},
		DriftDetected{},
		DriftDigest{},
		DriftResolved{},
		DriftRevertRefused{},
		DriftReverted{},
		DriftScanned{},
		GitPushed{},
		PullRequestReviewed{},
		PullRequestUpdated{},
		RolloutAborted{},
		RolloutPaused{},
		RolloutPromoted{},
		RolloutResumed{},
		RolloutRetired{},
		RolloutStarted{},
		RolloutStepped{},
		RolloutSwitchedBack{},
		RunFinished{},
		RunStarted{},
		SecurityGroupExposed{},
		SecurityGroupHealUndone{},
		SecurityGroupHealed{},
		SecurityGroupHealingStopped{},
		SecurityGroupsSwept{},
		SourceBuilt{},
		StackDeployed{},
		StackPlanned{},
		StackRecoveryRequested{},
		StackRolledBack{},
		StackVerified{},
		StageClosed{},
		TemplatesRejected{},
		TemplatesValidated{},
		VerificationFailed{},
	}
}
