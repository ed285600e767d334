package simulation

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/verification"
)

// The kinds of commits that deploy well and do not work: the stack site in one
// stage, the tests of the stack data, and the stage prod as a whole.
const (
	brokenTest  = "broken in test"
	brokenProd  = "broken in prod"
	brokenTests = "tests fail"
	brokenStage = "broken together"
)

// checks is what verifications look at. Whether a thing works depends on the
// version that is deployed.
type checks struct {
	p      *Pipeline
	builds *fake.VerificationBuilds
}

func newChecks(p *Pipeline) *checks {
	return &checks{p: p, builds: &fake.VerificationBuilds{Faults: p.port, Now: p.Clock.Now}}
}

func (c *checks) verifier() *verification.Verifier {
	return &verification.Verifier{
		HTTP: &fake.VerificationSites{}, Functions: &fake.VerificationFunctions{}, Secrets: &fake.VerificationSecrets{},
		Alarms: c, Builds: c, Now: c.p.Clock.Now,
	}
}

// kind returns the kind of the commit that made a version of a repository.
func (c *checks) kind(repository, version string) string {
	for _, commit := range c.p.commits {
		if commit.repository == "acme/"+repository && commit.kind != "same" && strconv.Itoa(commit.version) == version {
			return commit.kind
		}
	}
	return ""
}

// States implements verification.Alarms. An alarm is called
// <repository>/<what>/<version>, and has no data now and then.
func (c *checks) States(_ context.Context, t events.Target, names []string) ([]verification.Alarm, error) {
	if err := c.p.port("DescribeAlarms"); err != nil {
		return nil, err
	}
	list := make([]verification.Alarm, len(names))
	for i, name := range names {
		parts := strings.Split(name, "/")
		kind := c.kind(parts[0], parts[2])
		list[i] = verification.Alarm{Name: name, State: verification.AlarmOK}
		switch {
		case parts[1] == api && kind == brokenSide,
			parts[1] == "site" && (kind == brokenTest && t.Stage == "test" || kind == brokenProd && t.Stage == "prod"),
			parts[1] == "all" && kind == brokenStage:
			list[i].State = verification.AlarmALARM
		case c.p.rng.IntN(5) == 0:
			list[i].State = verification.AlarmNoData
		}
	}
	return list, nil
}

// Start implements verification.Builds: the build ends some time later and says
// so by an event.
func (c *checks) Start(ctx context.Context, t events.Target, in verification.BuildInput) (verification.Build, error) {
	known := len(c.builds.Inputs)
	build, err := c.builds.Start(ctx, t, in)
	if len(c.builds.Inputs) == known {
		return build, err
	}
	repository, version, _ := strings.Cut(in.Project, "/")
	status := verification.BuildSucceeded
	if c.kind(repository, version) == brokenTests && t.Stage != "test" {
		status = "FAILED"
	}
	id := c.builds.Newest()
	c.p.Clock.After(time.Second+c.p.upTo(30*time.Minute), func() {
		c.builds.End(id, status, "exit status 1")
		event := events.Envelope[events.BuildStateDetail]{DetailType: events.BuildStateChange, Source: events.SourceCodeBuild, Account: t.Account, Region: t.Region, Time: c.p.Clock.Now()}
		event.Detail = events.BuildStateDetail{BuildStatus: status, BuildID: id}
		raw, err := json.Marshal(event)
		if err != nil {
			c.p.Violate("%v", err)
			return
		}
		c.p.SendRaw(raw)
	})
	return build, err
}

// Describe implements verification.Builds.
func (c *checks) Describe(ctx context.Context, t events.Target, id string) (verification.Build, error) {
	return c.builds.Describe(ctx, t, id)
}
