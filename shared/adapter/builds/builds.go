// Package builds runs the builds of repositories in CodeBuild.
package builds

import (
	"context"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/build"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Project is the CodeBuild project of the hub. Its role, its limits and its
// encryption are its own: no build overrides them.
type Project struct {
	builds *codebuild.Client
	logs   *cloudwatchlogs.Client
	name   string
	bucket string
}

var _ build.Builds = (*Project)(nil)

// New returns the project called name, whose sources and results are in bucket.
func New(cfg aws.Config, name, bucket string) *Project {
	return &Project{builds: codebuild.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg), name: name, bucket: bucket}
}

var computeTypes = map[string]types.ComputeType{
	"small": types.ComputeTypeBuildGeneral1Small, "medium": types.ComputeTypeBuildGeneral1Medium, "large": types.ComputeTypeBuildGeneral1Large,
}

// Start implements build.Builds. CodeBuild knows an idempotency token for five
// minutes.
// Source: CodeBuild API reference, StartBuild, idempotencyToken and Errors.
func (p *Project) Start(ctx context.Context, o build.Order) (string, error) {
	folder, name := path.Split(o.Key)
	environment := types.EnvironmentTypeLinuxContainer
	if strings.Contains(o.Image, "aarch64") {
		environment = types.EnvironmentTypeArmContainer
	}
	out, err := p.builds.StartBuild(ctx, &codebuild.StartBuildInput{
		ProjectName: aws.String(p.name), IdempotencyToken: aws.String(o.RunID),
		SourceTypeOverride: types.SourceTypeS3, SourceLocationOverride: aws.String(p.bucket + "/" + o.SourceKey),
		BuildspecOverride: aws.String(o.Buildspec), ImageOverride: aws.String(o.Image), EnvironmentTypeOverride: environment,
		ComputeTypeOverride: computeTypes[o.Compute], TimeoutInMinutesOverride: aws.Int32(int32(o.Minutes)), //nolint:gosec // an hour at most
		EnvironmentVariablesOverride: variables(o.Variables),
		ArtifactsOverride: &types.ProjectArtifacts{
			Type: types.ArtifactsTypeS3, Location: aws.String(p.bucket), Path: aws.String(strings.TrimSuffix(folder, "/")), Name: aws.String(name),
			NamespaceType: types.ArtifactNamespaceNone, Packaging: types.ArtifactPackagingZip,
		},
	})
	switch {
	case awserr.HasCode(err, "AccountLimitExceededException"):
		return "", fault.Conflict("too many builds run at once: %w", err)
	case err != nil:
		return "", awserr.Classify("start the build of "+o.RunID, err)
	}
	return aws.ToString(out.Build.Id), nil
}

func variables(list []pipeline.Variable) []types.EnvironmentVariable {
	out := make([]types.EnvironmentVariable, 0, len(list))
	for _, v := range list {
		kind, value := types.EnvironmentVariableTypePlaintext, v.Value
		switch {
		case v.ParameterStore != "":
			kind, value = types.EnvironmentVariableTypeParameterStore, v.ParameterStore
		case v.Secret != "":
			// Source: CodeBuild user guide, "Build specification reference", secrets-manager: secret-id:json-key.
			kind, value = types.EnvironmentVariableTypeSecretsManager, strings.Replace(v.Secret, "#", ":", 1)
		}
		out = append(out, types.EnvironmentVariable{Name: aws.String(v.Name), Value: aws.String(value), Type: kind})
	}
	return out
}

// Read implements build.Builds.
func (p *Project) Read(ctx context.Context, buildID string) (build.State, error) {
	out, err := p.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{buildID}})
	if err != nil {
		return build.State{}, awserr.Classify("read the build "+buildID, err)
	}
	if len(out.Builds) == 0 {
		return build.State{}, nil
	}
	return stateOf(out.Builds[0]), nil
}

func stateOf(b types.Build) build.State {
	s := build.State{ID: aws.ToString(b.Id), Status: string(b.BuildStatus), Phase: aws.ToString(b.CurrentPhase)}
	if b.StartTime != nil && b.EndTime != nil {
		s.Seconds = int(b.EndTime.Sub(*b.StartTime).Seconds())
	}
	if b.Artifacts != nil {
		s.Digest = aws.ToString(b.Artifacts.Sha256sum)
	}
	if b.Logs != nil {
		s.LogGroup, s.LogStream = aws.ToString(b.Logs.GroupName), aws.ToString(b.Logs.StreamName)
	}
	for _, phase := range b.Phases {
		if phase.PhaseStatus == "" || phase.PhaseStatus == types.StatusTypeSucceeded || phase.PhaseStatus == types.StatusTypeInProgress {
			continue
		}
		s.Phase = string(phase.PhaseType)
		for _, context := range phase.Contexts {
			if message := strings.TrimSpace(aws.ToString(context.StatusCode) + ": " + aws.ToString(context.Message)); message != ":" {
				s.Reason = message
			}
		}
		break
	}
	return s
}

// Log implements build.Builds.
func (p *Project) Log(ctx context.Context, s build.State, lines int) ([]string, error) {
	if s.LogGroup == "" || s.LogStream == "" {
		return nil, nil
	}
	out, err := p.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String(s.LogGroup), LogStreamName: aws.String(s.LogStream), Limit: aws.Int32(int32(lines)), StartFromHead: aws.Bool(false), //nolint:gosec // a few lines
	})
	if err != nil {
		return nil, awserr.Classify("read the log of the build "+s.ID, err)
	}
	list := make([]string, 0, len(out.Events))
	for _, event := range out.Events {
		list = append(list, strings.TrimRight(aws.ToString(event.Message), "\n"))
	}
	return list, nil
}
