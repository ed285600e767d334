package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/approval"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// author pushes, and sometimes tries to approve it too.
const author = "dev"

// principal is who somebody is in AWS.
func principal(name string) string { return "arn:aws:iam::111111111111:user/" + name }

// approvalTimeouts are what stages say of how long a person is waited for; a
// stage that says nothing waits for 24 hours.
var approvalTimeouts = []string{"", "", "1h", "2d"}

// scan is a drift detection from elsewhere, which finds something or nothing in
// a stack that is about to be changed. It comes between invocations: what is
// read and executed in the same one cannot be told from what came before.
func (p *Pipeline) scan(t events.Target) {
	if p.depth > 0 || p.cloud.Status(t) == "" {
		return
	}
	if p.rng.IntN(3) == 0 {
		p.cloud.Drift(t, fmt.Sprintf("Queue MODIFIED %d", p.rng.IntN(2)))
	} else {
		p.cloud.Drift(t)
	}
	p.Log("scan %s", t.StackName)
}

// approval looks at the execution of a change set in the moment in which it
// takes effect.
func (w *watch) approval(run events.Run, target events.Target, id string) {
	if target.Stage != "prod" {
		return
	}
	set, err := w.p.cloud.ChangeSets().Read(context.Background(), target, id)
	if err != nil {
		w.p.Violate("%v", err)
		return
	}
	if run.Repository == "acme/blog" && w.level(target, set) == risk.Safe {
		return
	}
	given, ok, err := w.p.approvals.Get(context.Background(), run.RunID, target.Stage, target.Stack)
	if err != nil || !ok || given.Decision == nil || !given.Decision.Approved {
		w.p.Violate("run %s changes %s without approval: %+v %v", run.RunID, target.StackName, given, err)
		return
	}
	now, stage := w.p.Clock.Now(), pipeline.Stage{ApprovalTimeout: w.p.commits[run.Commit].timeout}
	switch digest := w.digest(target, set, given.Expires); {
	case given.Digest != digest || given.Decision.Digest != digest:
		w.p.Violate("run %s changes %s with the approval of something else: %s and %s, want %s", run.RunID, target.StackName, given.Digest, given.Decision.Digest, digest)
	case !now.Before(given.Expires) || !given.Decision.At.Before(given.Expires) || given.Expires.Sub(given.Requested) > stage.ApprovalTime():
		w.p.Violate("run %s changes %s at %s with an approval of %s that ended %s", run.RunID, target.StackName, now, given.Decision.At, given.Expires)
	case given.Decision.By == principal(author):
		w.p.Violate("run %s changes %s with the approval of its author", run.RunID, target.StackName)
	}
	if w.used[given.Digest]++; w.used[given.Digest] > 1 {
		w.p.Violate("run %s uses the approval of %s twice", run.RunID, target.StackName)
	}
}

// digest digests what an approval of the change set would be bound to. The
// stack is taken as it was when it was planned: by now it changes.
func (w *watch) digest(target events.Target, set deployment.ChangeSet, expires time.Time) string {
	original, err := w.p.cloud.Templates().Original(context.Background(), target, set.ID)
	if err != nil {
		w.p.Violate("%v", err)
	}
	subject := approval.Subject{ChangeSet: set, Template: string(original), Stack: w.rest[set.ID], Expires: expires}
	stack, err := w.p.cloud.Stacks().Describe(context.Background(), target)
	if err != nil {
		w.p.Violate("%v", err)
	}
	subject.Drift.Status = stack.Drift
	if stack.Drift == "DRIFTED" {
		drifts, err := w.p.cloud.Stacks().Drifts(context.Background(), target)
		if err != nil {
			w.p.Violate("%v", err)
		}
		for _, drift := range drifts {
			subject.Drift.Resources = append(subject.Drift.Resources, drift.Text)
		}
	}
	parts, err := subject.Parts()
	if err != nil {
		w.p.Violate("%v", err)
	}
	return parts.Digest()
}

// stack is what an approval remembers of a stack.
func (w *watch) stack(target events.Target) approval.Stack {
	stack, err := w.p.cloud.Stacks().Describe(context.Background(), target)
	if err != nil {
		w.p.Violate("%v", err)
	}
	return approval.Stack{ID: stack.ID, Status: stack.Status, Role: stack.Role}
}

// level rates a change set as the service does.
func (w *watch) level(target events.Target, set deployment.ChangeSet) string {
	var templates risk.Templates
	for id, parsed := range map[string]**template.Template{"": &templates.Before, set.ID: &templates.After} {
		body, err := w.p.cloud.Templates().Template(context.Background(), target, id)
		if err == nil {
			*parsed, err = template.Parse(target.StackName, body)
		}
		if err != nil {
			w.p.Violate("%v", err)
		}
	}
	return risk.Assess(set, templates, risk.Published(target.Region), risk.Policy{}).Level
}
