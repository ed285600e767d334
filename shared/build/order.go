package build

import (
	"encoding/json"

	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Order is what a build is started with.
type Order struct {
	RunID     string // also the idempotency token
	SourceKey string // S3 key of the source's zip
	Key       string // S3 key of the result
	Buildspec string
	Image     string
	Compute   string // small, medium, large
	Minutes   int    // time limit
	Variables []pipeline.Variable
}

func newOrder(r deployment.Release) Order {
	spec := r.Build.Spec
	variables := []pipeline.Variable{
		{Name: RunVariable, Value: r.RunID}, {Name: "EVENKEEL_REPOSITORY", Value: r.Repository},
		{Name: "EVENKEEL_BRANCH", Value: r.Branch}, {Name: "EVENKEEL_COMMIT", Value: r.Commit},
	}
	return Order{
		RunID: r.RunID, SourceKey: r.SourceKey, Key: r.Build.Key, Buildspec: Buildspec(*spec), Image: spec.Image, Compute: spec.Compute,
		Minutes: int(spec.Timeout.Minutes()), Variables: append(variables, spec.Environment...),
	}
}

// Buildspec returns the buildspec of the build: its commands, and the folder
// that becomes the artifact. It is JSON, which YAML includes.
// Source: CodeBuild user guide, "Build specification reference".
func Buildspec(b pipeline.Build) string {
	spec := map[string]any{
		"version": "0.2",
		"phases":  map[string]any{"build": map[string]any{"commands": b.Commands}},
		"artifacts": map[string]any{
			"base-directory": b.Output, "files": []string{"**/*"}, "enable-symlinks": "yes",
		},
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return "" // texts only: they always encode
	}
	return string(text)
}
