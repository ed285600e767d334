package deployment

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// The states of a Build.
const (
	BuildNone      = ""          // nothing is built
	BuildWanted    = "wanted"    // and not begun, or given up
	BuildRunning   = "running"   // its end is awaited
	BuildSucceeded = "succeeded" // its assembly is under Key
	BuildFailed    = "failed"    // Reason says why
)

// Build is the cloud assembly of a release: how it is made, and where it is.
type Build struct {
	Status  string          `json:"status"`         // one of the Build constants
	Spec    *pipeline.Build `json:"spec,omitempty"` // while it is wanted
	ID      string          `json:"id,omitempty"`   // of the build in CodeBuild
	Looks   int             `json:"looks"`          // times that it was found running after a wait for its end
	Reason  string          `json:"reason,omitempty"`
	Seconds int             `json:"seconds,omitempty"`

	// The archive of the assembly. Digest is its SHA-256 in hex as CodeBuild
	// made it: what is deployed is what was built and validated, whatever was
	// written under the key since. It is "" for an assembly in the source itself.
	Key    string `json:"key,omitempty"`    // S3 key
	Digest string `json:"digest,omitempty"` //
	Mount  string `json:"mount,omitempty"`  // folder of the repository that the archive stands for; "" is all of it
	Folder string `json:"folder,omitempty"` // folder of the repository with the assembly
}

// BuildEnd is the end of a build as its event told it.
type BuildEnd struct {
	ID     string `json:"id"`
	Status string `json:"status"` // SUCCEEDED, FAILED, STOPPED, TIMED_OUT, FAULT
}

// BuildKey is where the assembly that a run built is kept in the bucket.
func BuildKey(repository, runID string) string { return "builds/" + repository + "/" + runID + ".zip" }

// Renew extends the lease of the run's lock by d. A run that lost the lock gets
// a fault.ConflictError.
func (s *Service) Renew(ctx context.Context, r Release, d time.Duration) error {
	return s.renew(ctx, r, d)
}
