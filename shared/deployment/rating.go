package deployment

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/attribution"
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/drift/response"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/risk"
	"github.com/evenkeel/evenkeel/shared/template"
)

// Templates reads templates in a workload account.
type Templates interface {
	// Template returns the template after its transforms: that of a change set,
	// or the deployed one of the target's stack if changeSetID is "". It is
	// empty when nothing is deployed.
	Template(ctx context.Context, target events.Target, changeSetID string) ([]byte, error)
	// Original returns a change set's template as it was given, byte by byte.
	Original(ctx context.Context, target events.Target, changeSetID string) ([]byte, error)
}

// Exposure gives the healing policy.
type Exposure interface {
	// Policy returns the policy, the default one if none is set, as it was read at
	// most maxAge ago. A document that is no policy is an InvalidError.
	Policy(ctx context.Context, maxAge time.Duration) (healing.Policy, error)
}

// policyAge is how old the healing policy may be that a plan is judged by.
const policyAge = 30 * time.Second

// riskPolicy is what a stack's plan is judged by: its own protected resources, and
// the policy by which the healer would close what the plan opens. Without a policy
// that can be read nothing is planned: another one would let through what the
// healer closes.
func riskPolicy(ctx context.Context, exposure Exposure, stack pipeline.Stack, tags map[string]string, now time.Time) (risk.Policy, error) {
	policy := risk.Policy{Protect: stack.Protect, StackTags: tags, Now: now}
	if exposure == nil {
		return policy, nil
	}
	healer, err := exposure.Policy(ctx, policyAge)
	policy.Exposure = &healer
	return policy, err
}

// maxTemplates bounds the templates of nested stacks that are read for one
// plan; each takes a call. The stacks beyond are rated by their change sets
// alone.
const maxTemplates = 100

// rate assesses the change set with the templates before and after.
func rate(ctx context.Context, port Templates, to events.Target, c ChangeSet, policy risk.Policy) (risk.Assessment, error) {
	var templates risk.Templates
	if !c.Unchanged() {
		found, err := (&templateReader{port: port, left: maxTemplates}).read(ctx, to, c)
		if err != nil {
			return risk.Assessment{}, err
		}
		templates = found
	}
	return risk.Assess(c, templates, risk.Published(to.Region), policy), nil
}

// Drifting is the part of Stacks that tells what the last drift detection found.
type Drifting interface {
	Describe(ctx context.Context, target events.Target) (Stack, error)
	Drifts(ctx context.Context, target events.Target) ([]ResourceDrift, error)
}

// Baselines knows the drift that people accepted.
type Baselines interface {
	// Accepted returns what was accepted of a stack, which is named by its ARN.
	Accepted(ctx context.Context, stack events.StackRef) ([]response.Accepted, error)
}

// Changers knows who changed what drifted.
type Changers interface {
	// Changers returns who changed the resources of a stack that drifted, as its
	// last scan found it, sorted by logical id; none where no scan knows it.
	Changers(ctx context.Context, stack events.StackRef) ([]attribution.Known, error)
}

// Outside is what is known of changes outside of the stacks. Each may be nil.
type Outside struct {
	Baselines Baselines
	Changers  Changers
}

// WithDrift notes on the changes what the last drift detection found about
// their resources: only a drift-aware change set tells that by itself. What
// somebody accepted, and what of that counts still, is noted with it, and who
// made the drift, as far as the last scan knows.
// Source: CloudFormation API reference, ResourceChange, ResourceDriftStatus.
func WithDrift(ctx context.Context, stacks Drifting, outside Outside, to events.Target, c ChangeSet, now time.Time) (ChangeSet, error) {
	if len(c.Changes) == 0 || c.DeploymentMode != "" {
		return c, nil
	}
	stack, err := stacks.Describe(ctx, to)
	if err != nil || stack.Drift != drifted {
		return c, err
	}
	drifts, err := stacks.Drifts(ctx, to)
	if err != nil {
		return c, err
	}
	ref := events.StackRef{StackID: stack.ID, StackName: to.StackName, Account: to.Account, Region: to.Region}
	var accepted []response.Accepted
	if outside.Baselines != nil {
		if accepted, err = outside.Baselines.Accepted(ctx, ref); err != nil {
			return c, err
		}
	}
	var known []attribution.Known
	if outside.Changers != nil {
		if known, err = outside.Changers.Changers(ctx, ref); err != nil {
			return c, err
		}
	}
	found := map[string]ResourceDrift{}
	for _, drift := range drifts {
		found[drift.LogicalID] = drift
	}
	c.Changes = slices.Clone(c.Changes)
	for i, change := range c.Changes {
		if change.Drift == "" {
			c.Changes[i] = withChanger(withAccepted(change, found[change.LogicalID], accepted, now), known)
		}
	}
	return c, nil
}

// withAccepted is a change with what a detection found of its resource. That it
// was accepted does not say that it is what was accepted: it may have changed.
func withAccepted(change changeset.Change, found ResourceDrift, accepted []response.Accepted, now time.Time) changeset.Change {
	change.Drift, change.Drifted = found.Status, slices.Clone(found.Drifted)
	for _, a := range accepted {
		if a.LogicalID != change.LogicalID || found.Status == "" || !a.Until.IsZero() && !now.Before(a.Until) {
			continue
		}
		told := a.By + " accepted drift here on " + a.At.UTC().Format(time.DateOnly) + ": " + a.Reason
		if a.Path == "" {
			change.DriftAccepted = told
		}
		for i, d := range change.Drifted {
			if d.Path == a.Path || a.Path == "" || strings.HasPrefix(d.Path, a.Path+"/") {
				change.Drifted[i].Accepted = told
			}
		}
	}
	return change
}

// withChanger is a drifted change with who made the drift. Only what the scan saw
// drifted is said to be of somebody: what has drifted since is nobody's yet.
func withChanger(change changeset.Change, known []attribution.Known) changeset.Change {
	at := slices.IndexFunc(known, func(k attribution.Known) bool { return k.LogicalID == change.LogicalID })
	if at < 0 || change.Drift != "MODIFIED" && change.Drift != "DELETED" {
		return change
	}
	k := known[at]
	by := &changeset.Changer{
		Principal: k.By.Principal, Class: k.By.Class, Call: k.By.EventName, EventID: k.By.EventID, Time: k.By.Time, Exact: k.By.Exact, Scanned: k.Scanned,
	}
	if change.Drift == "DELETED" && len(k.Paths) > 0 {
		return change // it was modified when it was scanned
	}
	change.DriftBy = by
	for i, d := range change.Drifted {
		if k.Of(d.Path) {
			change.Drifted[i].By = by
		}
	}
	return change
}

type templateReader struct {
	port Templates
	left int
}

// read reads the templates of a stack and of the nested stacks whose change
// sets are known.
func (t *templateReader) read(ctx context.Context, to events.Target, c ChangeSet) (found risk.Templates, err error) {
	if found.Before, err = t.template(ctx, to, ""); err != nil {
		return found, err
	}
	if found.After, err = t.template(ctx, to, c.ID); err != nil {
		return found, err
	}
	for _, change := range c.Changes {
		child, ok := c.Nested[change.Nested]
		if !ok || child.Unchanged() || t.left <= 0 {
			continue
		}
		t.left--
		if found.Nested == nil {
			found.Nested = map[string]risk.Templates{}
		}
		nested := to
		nested.StackName = child.StackID
		if found.Nested[change.LogicalID], err = t.read(ctx, nested, child); err != nil {
			return found, err
		}
	}
	return found, nil
}

// template reads and parses one template. One that cannot be parsed here is not
// known; the change set alone is rated then.
func (t *templateReader) template(ctx context.Context, to events.Target, changeSetID string) (*template.Template, error) {
	body, err := t.port.Template(ctx, to, changeSetID)
	if err != nil {
		return nil, err
	}
	parsed, err := template.Parse(to.StackName, body)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // not known is an answer, and rated as such
	}
	return parsed, nil
}

// nestedTypes are resources that become stacks of their own.
var nestedTypes = []string{stackType, "AWS::Serverless::Application"}

// nests reports whether a template has nested stacks, so that their change
// sets are wanted too.
// Source: CloudFormation user guide, "Change sets for nested stacks".
func nests(body []byte) bool {
	t, err := template.Parse("", body)
	if err != nil {
		return false
	}
	for _, resource := range t.Resources.All() {
		for _, nested := range nestedTypes {
			if resource.Type == nested {
				return true
			}
		}
	}
	return false
}
