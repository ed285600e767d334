package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evenkeel/evenkeel/local/codebuild"
	"github.com/evenkeel/evenkeel/local/emulator"
)

// codebuildAgent marks the calls that CodeBuild makes for a build.
const codebuildAgent = "codebuild.amazonaws.com"

// newCodeBuild makes the CodeBuild of all accounts. What a build does in AWS it
// does through the gateway, in the session of its service role.
func (c *Cloud) newCodeBuild(hub string, client *http.Client) *codebuild.Server {
	return codebuild.New(codebuild.Options{
		Now: c.opts.Now, Log: c.log, Path: os.Getenv("PATH"),
		Config: func(_ context.Context, account, region, role string) (aws.Config, error) {
			cfg := c.service(account, region)
			cfg.AppID = codebuildAgent
			if role != "" {
				provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), "arn:aws:iam::"+account+":role/"+role, func(o *stscreds.AssumeRoleOptions) {
					o.RoleSessionName = "AWSCodeBuild"
				})
				cfg.Credentials = aws.NewCredentialsCache(provider)
			}
			return cfg, nil
		},
		Project: func(ctx context.Context, account, region, name string) (json.RawMessage, error) {
			return emulatedProject(ctx, client, hub, account, region, name)
		},
		Emit: func(account, region, detailType string, resources []string, detail any) {
			event, err := emulator.NewEvent("aws.codebuild", detailType, account, region, c.opts.Now(), resources, detail)
			if err != nil {
				c.log.Error("CodeBuild event", "error", err)
				return
			}
			c.Gateway.Bus().Emit(event)
		},
	})
}

// emulatedProject reads a project that the hub's emulator has made for a stack.
func emulatedProject(ctx context.Context, client *http.Client, hub, account, region, name string) (json.RawMessage, error) {
	body, err := json.Marshal(map[string][]string{"names": {name}})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hub+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "CodeBuild_20161006.BatchGetProjects")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20200101/"+region+"/codebuild/aws4_request, SignedHeaders=host, Signature=0")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Projects []json.RawMessage `json:"projects"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the project %s: %w", name, err)
	}
	if len(answer.Projects) == 0 {
		return nil, nil
	}
	return answer.Projects[0], nil
}
