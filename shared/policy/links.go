package policy

// Documentation. The ids of FSBP are those of "AWS Foundational Security Best
// Practices standard" in the Security Hub user guide, those of Control Tower of
// its "Controls reference guide"; both were read in November 2026.
const (
	hub   = "https://docs.aws.amazon.com/securityhub/latest/userguide/"
	tower = "https://docs.aws.amazon.com/controltower/latest/controlreference/"
	aws   = "https://docs.aws.amazon.com/"
	cfn   = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
)
