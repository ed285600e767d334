package policy

var kmsRules = []Rule{
	{
		ID: "EK1015", Severity: Medium, Title: "Customer keys are rotated",
		Types:        []string{"AWS::KMS::Key"},
		ControlTower: []string{"CT.KMS.PR.1"}, Others: []string{"CKV_AWS_7", "AwsSolutions-KMS5"},
		Rationale: "Rotation limits how much data one key protects, without work for its users.",
		Fix:       "Set EnableKeyRotation to true.",
		Link:      hub + "kms-controls.html#kms-4",
		Check:     checkKeyRotation,
	},
	{
		ID: "EK1033", Severity: Medium, Title: "Keys can be rescued from deletion for long enough",
		Types:     []string{"AWS::KMS::Key", "AWS::KMS::ReplicaKey"},
		Rationale: "What a deleted key has encrypted is lost. The waiting time is the only way back.",
		Fix:       "Set PendingWindowInDays to 14 or more; the default is 30.",
		Link:      aws + "kms/latest/developerguide/deleting-keys.html",
		Check:     atLeast("PendingWindowInDays", 14, 30, "less than 14 days remain to stop the deletion of the key"),
	},
}

// checkKeyRotation leaves out keys that KMS cannot rotate by itself.
func checkKeyRotation(r *Resource) {
	symmetric := true
	r.At(at("KeySpec"), func(v Value) bool {
		symmetric = v.Absent() || v.Is("SYMMETRIC_DEFAULT")
		return symmetric
	})
	imported := r.Any(at("Origin"), func(v Value) bool { return !v.Absent() && !v.Is("AWS_KMS") })
	if symmetric && !imported {
		on("EnableKeyRotation", faultIfMissing, "the key is not rotated")(r)
	}
}
