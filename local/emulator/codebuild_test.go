package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// "StartBuild: starts running a build with the settings defined in the
// project." MiniStack runs nothing, so that local/codebuild takes it over.
func TestCodeBuildRunsNoBuildspec(t *testing.T) {
	t.Parallel()
	client, project := codebuild.NewFromConfig(configOf(hub(t), account)), name("project")
	_, err := client.CreateProject(t.Context(), &codebuild.CreateProjectInput{
		Name: aws.String(project), ServiceRole: aws.String("arn:aws:iam::" + account + ":role/build"),
		Source:      &types.ProjectSource{Type: types.SourceTypeNoSource, Buildspec: aws.String(`{"version":"0.2","phases":{"build":{"commands":["exit 1"]}}}`)},
		Artifacts:   &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
		Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeLinuxContainer, Image: aws.String("aws/codebuild/standard:7.0"), ComputeType: types.ComputeTypeBuildGeneral1Small},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String(project)})
	if err != nil {
		t.Fatal(err)
	}
	if out.Build.BuildStatus != types.StatusTypeSucceeded {
		t.Errorf("MiniStack changed: a build whose command fails is %s; see docs/adr/0002-local-cloud.md", out.Build.BuildStatus)
	}
}
