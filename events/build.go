package events

// SourceBuilt says that the cloud assembly of a commit was built.
type SourceBuilt struct {
	Run
	BuildID string `json:"buildId"` // of CodeBuild
	Seconds int    `json:"seconds"`
	Digest  string `json:"digest"` // SHA-256 of the assembly's archive; what is deployed has it
}

// Source implements Data.
func (SourceBuilt) Source() string { return SourceBuild }

// DetailType implements Data.
func (SourceBuilt) DetailType() string { return "SourceBuilt.v1" }

// BuildFailed says that the commands of a commit's build failed.
type BuildFailed struct {
	Run
	BuildID string   `json:"buildId"` // of CodeBuild
	Status  string   `json:"status"`  // FAILED, STOPPED, TIMED_OUT
	Phase   string   `json:"phase"`   // of CodeBuild, in which it failed
	Reason  string   `json:"reason"`
	Log     []string `json:"log"` // the last lines, secrets redacted
}

// Source implements Data.
func (BuildFailed) Source() string { return SourceBuild }

// DetailType implements Data.
func (BuildFailed) DetailType() string { return "BuildFailed.v1" }

// AssetsPublished says that the files that a stack's template refers to are in
// S3 in its account.
type AssetsPublished struct {
	Run
	Target
	Assets   int      `json:"assets"`   // how many the stack has
	Uploaded int      `json:"uploaded"` // how many of them were not there before
	Bytes    int      `json:"bytes"`    // of those
	Objects  []string `json:"objects"`  // "bucket/key" of the first 100
}

// Source implements Data.
func (AssetsPublished) Source() string { return SourceDeployment }

// DetailType implements Data.
func (AssetsPublished) DetailType() string { return "AssetsPublished.v1" }
