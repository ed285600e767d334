package deployment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// Rollouts keeps the record of each stack that is rolled out, as
// rollout.Records does.
type Rollouts interface {
	// Read returns the record of the stack, named without a side; ok is false when
	// there is none.
	Read(ctx context.Context, target events.Target) (record rollout.Record, ok bool, err error)
	// Write stores it when the stored version is still record.Version, else it
	// returns a fault.ConflictError.
	Write(ctx context.Context, target events.Target, record rollout.Record) error
}

// sideTag names the side on its stack and so on its resources.
const sideTag = "evenkeel:side"

// whole is the target without a side: what the record and the lock of a stack
// with sides are of.
func whole(r Release, to events.Target) events.Target {
	if r.Plan.Side != "" {
		to.StackName = strings.TrimSuffix(to.StackName, pipeline.SideName("", r.Plan.Side))
	}
	return to
}

// Candidate names the side that the next rollout brings into use: the one that
// is not live.
func Candidate(record rollout.Record) string {
	if record.Live.Name == rollout.Blue {
		return rollout.Green
	}
	return rollout.Blue
}

// active reports whether traffic is being moved.
func active(record rollout.Record) bool {
	switch record.State.Phase {
	case rollout.Stepping, rollout.Paused, rollout.Promoting, rollout.Aborting:
		return true
	default:
		return false
	}
}

// lastRollout reads the record of a stack that is named without a side.
func (s *Service) lastRollout(ctx context.Context, to events.Target) (rollout.Record, bool, error) {
	if s.Rollouts == nil {
		return rollout.Record{}, false, nil
	}
	return s.Rollouts.Read(ctx, to)
}

// statusCommand is what a person types to see the rollout of a stack.
func statusCommand(to events.Target) string {
	return "evenkeel rollout status " + to.Account + "/" + to.Region + "/" + to.StackName
}

// sided chooses the side of the stack that is deployed: the one that has no
// traffic. It is the same one until the run is through with the stack. Errors:
// ConflictError while another rollout of the stack is under way, InvalidError
// where evenkeel.yaml does not go with the sides that there are.
func (s *Service) sided(ctx context.Context, r Release, to events.Target) (Release, rollout.Record, error) {
	_, stack, _ := r.Current()
	at := whole(r, to)
	record, found, err := s.lastRollout(ctx, at)
	if err != nil {
		return r, record, err
	}
	if err := goesWith(stack, record, found, at); err != nil {
		return r, record, err
	}
	if stack.Rollout == nil {
		return r, record, nil
	}
	if active(record) {
		return r, record, fault.Conflict("the traffic of %s is being moved by the rollout %s. Next: %s", at.StackName, record.ID, statusCommand(at))
	}
	if !stack.Sides() {
		return r, record, nil
	}
	if r.Plan.Side == "" {
		r.Plan.Side = Candidate(record)
	} else if r.Plan.Side == record.Live.Name {
		return r, record, tookTraffic(at, r.Plan.Side)
	}
	if found {
		return r, record, nil
	}
	plain, err := s.Stacks.Describe(ctx, at)
	if err == nil && planning(plain.Status) != planCreate {
		err = fault.Invalid("%s: the stack %s has a rollout, which deploys it as %s and %s, and there is a stack of its own name already, which would keep its resources and get no traffic. Give the stack in evenkeel.yaml another name, move to it, and delete %s then",
			pipeline.FileName, stack.Name, pipeline.SideName(at.StackName, rollout.Blue), pipeline.SideName(at.StackName, rollout.Green), at.StackName)
	}
	return r, record, err
}

func tookTraffic(at events.Target, side string) error {
	return fault.Conflict("the side %s of %s has got the traffic meanwhile; push again for a new plan. Next: %s", side, at.StackName, statusCommand(at))
}

// goesWith refuses what evenkeel.yaml says about a stack that was rolled out
// before in another way: its traffic would be left behind.
func goesWith(stack pipeline.Stack, record rollout.Record, found bool, at events.Target) error {
	if !found || record.Live == (rollout.Side{}) {
		return nil
	}
	before := record.Request.Rollout
	switch {
	case stack.Rollout == nil && before.Router.LambdaAlias == nil:
		return fault.Invalid("%s: the stack %s has no rollout any more, but %s has its traffic: a third stack would get none. Keep the rollout, with the strategy blue-green to switch at once, or give the stack another name",
			pipeline.FileName, stack.Name, record.Live.StackName)
	case stack.Rollout == nil:
		return fault.Invalid("%s: the stack %s has no rollout any more, but the alias %s, which is not in its template, stays at the version %s. Keep the rollout, or delete the alias and give the stack another name",
			pipeline.FileName, stack.Name, before.Router.LambdaAlias.Alias, record.Live.Endpoint)
	case !sameRoute(before.Router, stack.Rollout.Router):
		return fault.Invalid("%s: the router of the rollout of %s is another one than that of its last rollout (%s), which would be left behind with the traffic of %s: take that one again, or give the stack another name",
			pipeline.FileName, stack.Name, routes(before.Router), at.StackName)
	default:
		return nil
	}
}

// sameRoute reports whether a router moves the traffic that another one moved
// before, as far as evenkeel.yaml alone tells: a name that is an output is not
// compared.
func sameRoute(before, now pipeline.Router) bool {
	if now.Route53 != nil && before.Route53 != nil && strings.Contains(now.Route53.Name, "${") {
		name := *now.Route53
		name.Name = before.Route53.Name
		now.Route53 = &name
	}
	return routes(before) == routes(now)
}

// routes says what a router moves the traffic of.
func routes(r pipeline.Router) string {
	switch {
	case r.Route53 != nil:
		return "route53 " + strings.TrimSuffix(strings.ToLower(r.Route53.Name), ".") + " " + r.Route53.Type
	case r.ALB != nil && r.ALB.Rule != "":
		return "alb rule"
	case r.ALB != nil:
		return "alb listener"
	case r.LambdaAlias != nil:
		return "lambdaAlias " + r.LambdaAlias.Alias
	default:
		return "none"
	}
}

// made is what a stack is deployed from.
type made struct {
	template   []byte
	parameters map[string]string // of a stack with sides, with ${side}
	digest     string            // of a stack with sides; "" when it cannot be told
}

func (s *Service) made(ctx context.Context, r Release, to events.Target) (*made, error) {
	stack, _ := declared(r)
	parameters, err := s.parameters(ctx, r, stack)
	if err != nil {
		return nil, err
	}
	m := &made{parameters: parameters}
	if stack.Sides() && stack.Rollout.SideParameter != "" {
		m.parameters[stack.Rollout.SideParameter] = pipeline.Side
	}
	if m.template, err = s.template(ctx, r, to, stack); err != nil {
		return m, err
	}
	if stack.Sides() {
		m.digest, err = Digest(m.template, m.parameters, stack)
	}
	return m, err
}

// of is what is deployed for a side.
func (m *made) of(side string) map[string]string {
	if side == "" {
		return m.parameters
	}
	return OfSide(m.parameters, side)
}

// OfSide is the parameters with the name of a side in the place of ${side}.
func OfSide(parameters map[string]string, side string) map[string]string {
	all := make(map[string]string, len(parameters))
	for name, value := range parameters {
		all[name] = strings.ReplaceAll(value, pipeline.Side, side)
	}
	return all
}

// elsewhere are texts in a template or a parameter by which CloudFormation reads
// what may have changed although they have not.
// Source: CloudFormation user guide, "Get values stored in other services using
// dynamic references", "Specify existing resources at runtime with
// CloudFormation-supplied parameter types", and the template reference of
// AWS::Include, Fn::Transform, Fn::ImportValue, Fn::GetStackOutput and
// AWS::CloudFormation::Stack.
var elsewhere = []string{
	"{{resolve:", "AWS::SSM::Parameter::Value<", "AWS::Include", "Fn::Transform", "!Transform", "ImportValue", "GetStackOutput", "AWS::CloudFormation::Stack",
}

// Digest is of all that a side is deployed from, and the same for both sides:
// parameters has ${side} where they differ. It is "" for what CloudFormation
// reads from somewhere else: then nobody knows whether it is the same.
func Digest(template []byte, parameters map[string]string, stack pipeline.Stack) (string, error) {
	data, err := json.Marshal(struct {
		Template, Parameters any
		Tags                 map[string]string
		Capabilities         []string
	}{string(template), parameters, stack.Tags, slices.Sorted(slices.Values(stack.Capabilities))})
	if err != nil {
		return "", fault.Permanent("encode what %s is deployed from: %w", stack.Name, err)
	}
	values := string(template)
	for _, value := range parameters {
		values += "\n" + value
	}
	if slices.ContainsFunc(elsewhere, func(text string) bool { return strings.Contains(values, text) }) {
		return "", nil
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// ready makes sure that a side may be deployed to.
func (s *Service) ready(ctx context.Context, r Release, to events.Target, record rollout.Record, from *made) error {
	stack, _ := declared(r)
	if err := fits(stack, from); err != nil {
		return err
	}
	return s.takeSide(ctx, r, to, record)
}

// takeSide ends, before the old side of the last rollout is changed, the time in
// which it could take the traffic back.
func (s *Service) takeSide(ctx context.Context, r Release, to events.Target, record rollout.Record) error {
	if record.State.Phase != rollout.Promoted || record.Old.Name != r.Plan.Side {
		return nil
	}
	at, now, old := whole(r, to), s.Now().UTC(), record.Old
	why := "run " + r.RunID + " deploys to it"
	record.State = rollout.Retire(record.State)
	record.Old, record.Ended, record.Left = rollout.Side{}, now, "kept"
	record.Timeline = rollout.Add(record.Timeline, rollout.Entry{Time: now, Action: rollout.EntryRetired, Weight: record.State.Weight, Why: why})
	if err := s.Rollouts.Write(ctx, at, record); err != nil {
		return err
	}
	return s.Publisher.Publish(ctx, s.fact(r, events.RolloutRetired{RolloutChange: events.RolloutChange{
		Run: record.Request.Run, Target: at, Rollout: record.ID, Strategy: record.Request.Rollout.Strategy, Router: record.Request.Rollout.Router.Kind(),
		Candidate: record.Request.Candidate.Name, Weight: record.State.Weight, Why: why,
	}, Old: old.StackName, State: "kept"}, to.Stage, to.Stack))
}

// drainTime is what an application load balancer takes at most to heed weights.
// Source: Elastic Load Balancing user guide, "Weighted target groups": requests
// that were routed before go on, by default for the deregistration delay.
const drainTime = 2 * time.Minute

// servesUntil is until when a side may still be sent traffic although it has no
// share of it: resolvers remember it.
func servesUntil(record rollout.Record) time.Time {
	until := record.State.Since.Add(record.Plan.MinStep)
	if record.Request.Rollout.Router.ALB != nil {
		until = until.Add(drainTime)
	}
	return until
}

// free reports whether the step's side may be changed: it must not be live, and
// nobody may send it traffic any more. Errors: ConflictError when it is live.
func (s *Service) free(ctx context.Context, r Release, to events.Target) (until time.Time, err error) {
	_, stack, _ := r.Current()
	if !stack.Sides() || r.Plan.Live {
		return time.Time{}, nil
	}
	record, found, err := s.lastRollout(ctx, whole(r, to))
	switch {
	case err != nil || !found:
		return time.Time{}, err
	case record.Live.Name == r.Plan.Side, active(record):
		return time.Time{}, tookTraffic(whole(r, to), r.Plan.Side)
	default:
		return servesUntil(record), nil
	}
}

// stillFree refuses to change a side that got traffic since it was planned.
func (s *Service) stillFree(ctx context.Context, r Release, to events.Target) error {
	until, err := s.free(ctx, r, to)
	if err == nil && s.Now().Before(until) {
		err = fault.Conflict("the side %s of %s may get traffic until %s; push again then", r.Plan.Side, whole(r, to).StackName, until.UTC().Format(time.RFC3339))
	}
	return err
}

// declared is the step's stack as evenkeel.yaml has it, without a side.
func declared(r Release) (pipeline.Stack, bool) {
	r.Plan.Side = ""
	_, stack, ok := r.Current()
	return stack, ok
}

// ofLive is the release with the step at a stack of the same stage, and at its
// live side if it has sides.
func (s *Service) ofLive(ctx context.Context, r Release, name string) (Release, error) {
	r.Step.Stack, r.Plan.Side = name, ""
	stack, ok := declared(r)
	if !ok || !stack.Sides() {
		return r, nil
	}
	to, err := target(r)
	if err != nil {
		return r, err
	}
	record, _, err := s.lastRollout(ctx, to)
	if err != nil {
		return r, err
	}
	if record.Live.Name == "" {
		return r, fault.Invalid("%s: an output of the stack %s is wanted in stage %s, and none of its sides is in use yet", pipeline.FileName, name, r.Step.Stage)
	}
	r.Plan.Side = record.Live.Name
	return r, nil
}
