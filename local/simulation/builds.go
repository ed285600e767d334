package simulation

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/infra/route"
	"github.com/evenkeel/evenkeel/shared/assembly"
	"github.com/evenkeel/evenkeel/shared/build"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// built reports whether a commit of the kind is a CDK app, whose stack network
// comes from a cloud assembly.
func built(kind string) bool { return strings.HasPrefix(kind, "app") }

// forcesBuild reports whether the forced fault can only hit a build.
func (p *Pipeline) forcesBuild() bool {
	return p.chaos.Force != nil && slices.Contains([]string{"Build", "DescribeBuild"}, p.chaos.Force.State)
}

// wireBuilds adds CodeBuild and the function that starts it.
func (p *Pipeline) wireBuilds(service *deployment.Service) {
	service.Assets = &fake.DeploymentAssets{Faults: p.port}
	builds := &fake.Builds{
		Faults: p.port, Clock: p.Clock, Project: route.BuildProject, End: p.buildEnds, Lines: []string{"Error: no stack"},
		// The last one waits in CodeBuild's queue for longer than the workflow does.
		Time: []time.Duration{20 * time.Second, 10 * time.Minute, 100 * time.Minute}[p.rng.IntN(3)],
		Emit: func(d events.BuildStateDetail) {
			raw, err := json.Marshal(events.Envelope[events.BuildStateDetail]{
				ID: p.id("event"), Source: events.SourceCodeBuild, DetailType: events.BuildStateChange, Time: p.Clock.Now(), Detail: d,
			})
			if err != nil {
				p.Violate("%v", err)
				return
			}
			p.SendRaw(raw)
		},
	}
	p.Functions["build"] = (&build.Service{
		Project: route.BuildProject, Builds: builds, Records: &fake.BuildRecords{Faults: p.port}, Lease: service, Tasks: service.Tasks,
		Publisher: p.World, Now: p.Clock.Now,
	}).Handle
}

// buildEnds runs the commands of a build: it writes the cloud assembly.
func (p *Pipeline) buildEnds(o build.Order) build.State {
	var c *commit
	for _, v := range o.Variables {
		if v.Name == "EVENKEEL_COMMIT" {
			c = p.commits[v.Value]
		}
	}
	if c.kind == "app fails" {
		return build.State{Status: "FAILED", Phase: "BUILD", Reason: "COMMAND_EXECUTION_ERROR: exit status 1"}
	}
	data, err := c.synthesise()
	if err != nil {
		p.Violate("%v", err)
	}
	if p.files.Objects == nil {
		p.files.Objects = map[string][]byte{}
	}
	p.files.Objects[o.Key] = data
	return build.State{Status: "SUCCEEDED", Digest: deployment.Sum(data)}
}

// synthesise makes the archive of the commit's cloud assembly.
func (c *commit) synthesise() ([]byte, error) {
	name := c.repository[len("acme/"):]
	files := map[string]string{"asset.txt": "an asset"}
	var artifacts []string
	for _, stage := range []string{"test", "prod", "dev"} {
		artifacts = append(artifacts, fmt.Sprintf(`"%[1]s.assets": {"type": "cdk:asset-manifest", "properties": {"file": "%[1]s.assets.json"}},
			"%[1]s": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "dependencies": ["%[1]s.assets"],
			"properties": {"templateFile": "%[1]s.template", "stackName": "%[2]s-network-%[1]s"}}`, stage, name))
		files[stage+".assets.json"] = `{"files": {"a": {"source": {"path": "asset.txt"}, "destinations": {"d": {"bucketName": "cdk-x-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "a"}}}}}`
		files[stage+".template"] = string(c.files["templates/network.yaml"])
	}
	files[assembly.Manifest] = `{"version": "48.0.0", "artifacts": {` + strings.Join(artifacts, ",") + `}}`
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		part, err := w.Create(name)
		if err != nil {
			return nil, err
		}
		if _, err := part.Write([]byte(files[name])); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// fetch stands for the validation function's first action.
func (p *Pipeline) fetch(r deployment.Release) (any, error) {
	c := p.commits[r.Commit]
	if decoded, err := c.decode(); err == nil && decoded.Build != nil && len(decoded.For(r.Branch)) > 0 {
		r.Build = deployment.Build{
			Status: deployment.BuildWanted, Spec: decoded.Build, Key: deployment.BuildKey(r.Repository, r.RunID), Mount: "cdk.out", Folder: "cdk.out",
		}
	}
	return r, p.port("Fetch done")
}

func (c *commit) decode() (*pipeline.Pipeline, error) {
	return pipeline.Decode(pipeline.FileName, c.files[pipeline.FileName], func(path string) bool { return c.files[path] != nil })
}

// resolved returns the stages of the branch with what the cloud assembly says.
func (p *Pipeline) resolved(r deployment.Release, decoded *pipeline.Pipeline) ([]pipeline.Stage, error) {
	stages := decoded.For(r.Branch)
	if r.Build.Status == deployment.BuildNone {
		return stages, nil
	}
	if r.Build.Status != deployment.BuildSucceeded {
		p.Violate("run %s is validated with a build that is %s", r.RunID, r.Build.Status)
	}
	archive, err := r.Build.Open(p.files.Objects[r.Build.Key])
	if err != nil {
		return nil, err
	}
	found, err := assembly.Read(archive.Read, r.Build.Folder)
	if err != nil {
		return nil, err
	}
	stages, problems := found.Resolve(stages, deployment.Partition)
	if len(problems) > 0 {
		return nil, fault.Invalid("%+v", problems)
	}
	return stages, nil
}
