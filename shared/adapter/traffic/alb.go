package traffic

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// listener is the default action of a listener, or the action of a rule. Its
// weights are percentages; Elastic Load Balancing takes 0 to 999.
// Source: Application Load Balancers user guide, "Forward actions".
type listener struct {
	client *elb.Client
	config pipeline.ALBRouter
	now    func() time.Time
}

func newListener(config aws.Config, router pipeline.ALBRouter, now func() time.Time) listener {
	return listener{elb.NewFromConfig(config), router, now}
}

const (
	// spread is for how long a change may be on its way. Elastic Load Balancing
	// tells no state of a change, and others have seen old weights for seconds.
	spread = 30 * time.Second
	// healthWait is for how long a target group may have no healthy target once
	// it is in use.
	healthWait = 10 * time.Minute
	// attached marks a change that brought the target group into use.
	attached = " attached"
)

func (l listener) weight(ctx context.Context, r rollout.Routing) (int, bool, error) {
	actions, err := l.actions(ctx)
	if err != nil {
		return 0, false, err
	}
	at, err := l.action(actions, r)
	if err != nil || actions[at].Type != types.ActionTypeEnumForward {
		return 0, false, err
	}
	groups := groups(actions[at])
	percent, ok := rollout.Percent(weightOf(groups, r.Candidate.Endpoint), weightOf(groups, r.Live.Endpoint))
	if !ok {
		return 0, false, fault.Invalid("%s has the weights %s, which are no percentages: set them back, or abort the rollout", l, show(groups))
	}
	return percent, true, nil
}

// set replaces the target groups of the forward action and leaves everything
// else as it is: a property that is not given keeps its value, but a list of
// actions is given as a whole.
// Source: Elastic Load Balancing API reference, ModifyListener, ModifyRule.
func (l listener) set(ctx context.Context, r rollout.Routing, percent int) (string, error) {
	actions, err := l.actions(ctx)
	if err != nil {
		return "", err
	}
	at, err := l.action(actions, r)
	if err != nil {
		return "", err
	}
	candidate, live := rollout.Weights(percent)
	wanted := []types.TargetGroupTuple{group(r.Candidate, candidate)}
	if !alone(r) {
		wanted = []types.TargetGroupTuple{group(r.Live, live), wanted[0]}
	}
	have := groups(actions[at])
	if same(have, wanted) {
		return "", nil
	}
	forward := types.Action{Type: types.ActionTypeEnumForward, Order: actions[at].Order, ForwardConfig: &types.ForwardActionConfig{TargetGroups: wanted}}
	if old := actions[at].ForwardConfig; old != nil {
		forward.ForwardConfig.TargetGroupStickinessConfig = old.TargetGroupStickinessConfig
	}
	actions[at] = forward
	// What is read of an OpenID Connect action lacks its secret.
	// Source: API reference, AuthenticateOidcActionConfig, UseExistingClientSecret.
	for _, action := range actions {
		if oidc := action.AuthenticateOidcConfig; oidc != nil {
			oidc.ClientSecret, oidc.UseExistingClientSecret = nil, aws.Bool(true)
		}
	}
	if l.config.Rule != "" {
		_, err = l.client.ModifyRule(ctx, &elb.ModifyRuleInput{RuleArn: aws.String(l.config.Rule), Actions: actions})
	} else {
		_, err = l.client.ModifyListener(ctx, &elb.ModifyListenerInput{ListenerArn: aws.String(l.config.Listener), DefaultActions: actions})
	}
	if err != nil {
		return "", l.fault("change the weights of "+l.String(), err)
	}
	change := l.now().UTC().Format(time.RFC3339)
	if !slices.ContainsFunc(have, func(group types.TargetGroupTuple) bool {
		return aws.ToString(group.TargetGroupArn) == r.Candidate.Endpoint
	}) {
		change += attached
	}
	return change, nil
}

// settled waits for a while, and, for a target group that has just come into
// use, until one of its targets is healthy. Before, they were not checked, and
// what has no healthy target answers 503.
// Source: Elastic Load Balancing API reference, TargetHealth, Reason
// (Target.NotInUse).
func (l listener) settled(ctx context.Context, r rollout.Routing, change string) (bool, error) {
	text, _ := strings.CutSuffix(change, attached)
	since, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return false, fault.Invalid("%q is no change of %s", change, l)
	}
	waited := l.now().Sub(since)
	if waited < spread || text == change {
		return waited >= spread, nil
	}
	out, err := l.client.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(r.Candidate.Endpoint)})
	if err != nil {
		return false, l.fault("read the health of the targets of "+r.Candidate.Endpoint, err)
	}
	var states []string
	for _, target := range out.TargetHealthDescriptions {
		if target.TargetHealth.State == types.TargetHealthStateEnumHealthy {
			return true, nil
		}
		states = append(states, strings.TrimSpace(aws.ToString(target.Target.Id)+" "+string(target.TargetHealth.State)+" "+string(target.TargetHealth.Reason)))
	}
	if waited < healthWait {
		return false, nil
	}
	if states == nil {
		states = []string{"it has no target"}
	}
	return false, fault.Invalid("no target of %s has become healthy in %s: %s", r.Candidate.Endpoint, healthWait, strings.Join(states, ", "))
}

// serving is the only target group with a weight.
func (l listener) serving(ctx context.Context) (endpoint string, found bool, err error) {
	actions, err := l.actions(ctx)
	if err != nil || len(actions) == 0 {
		return "", false, err
	}
	for _, group := range groups(actions[len(actions)-1]) {
		if weigh(group) == 0 {
			continue
		}
		if found {
			return "", false, nil
		}
		endpoint, found = aws.ToString(group.TargetGroupArn), true
	}
	return endpoint, found, nil
}

// actions reads the actions, in their order.
func (l listener) actions(ctx context.Context) ([]types.Action, error) {
	var actions []types.Action
	if l.config.Rule != "" {
		out, err := l.client.DescribeRules(ctx, &elb.DescribeRulesInput{RuleArns: []string{l.config.Rule}})
		if err != nil {
			return nil, l.fault("read "+l.String(), err)
		}
		for _, rule := range out.Rules {
			actions = append(actions, rule.Actions...)
		}
	} else {
		out, err := l.client.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{l.config.Listener}})
		if err != nil {
			return nil, l.fault("read "+l.String(), err)
		}
		for _, listener := range out.Listeners {
			actions = append(actions, listener.DefaultActions...)
		}
	}
	slices.SortStableFunc(actions, func(a, b types.Action) int { return int(aws.ToInt32(a.Order) - aws.ToInt32(b.Order)) })
	return actions, nil
}

// action finds the last action, to which the weights belong: one that forwards
// to our target groups only, or, before there is a live side, a fixed response
// in place of one. A target group with weight 0 gets nothing, and is taken out.
// Source: Application Load Balancers user guide, "Listener rules": the last
// action forwards, redirects or answers.
func (l listener) action(actions []types.Action, r rollout.Routing) (int, error) {
	if len(actions) == 0 {
		return 0, fault.Invalid("%s has no action", l)
	}
	at := len(actions) - 1
	switch last := actions[at]; last.Type {
	case types.ActionTypeEnumForward:
		found := groups(last)
		for _, group := range found {
			arn := aws.ToString(group.TargetGroupArn)
			if arn != r.Candidate.Endpoint && arn != r.Live.Endpoint && weigh(group) != 0 {
				return 0, fault.Invalid("%s forwards to %s: besides the sides %s it may have no target group with a weight; take it out, or name another listener or rule", l, show(found), sides(r))
			}
		}
		return at, nil
	case types.ActionTypeEnumFixedResponse:
		if alone(r) {
			return at, nil
		}
	}
	return 0, fault.Invalid("%s ends with the action %s, not with one that forwards to %s: set it back, or name another listener or rule", l, actions[at].Type, sides(r))
}

func (l listener) String() string {
	if l.config.Rule != "" {
		return "the rule " + l.config.Rule
	}
	return "the listener " + l.config.Listener
}

// fault classifies an error of Elastic Load Balancing.
func (l listener) fault(doing string, err error) error {
	if awserr.HasCode(err, "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound", "TargetGroupAssociationLimit", "InvalidConfigurationRequest",
		"IncompatibleProtocols", "InvalidLoadBalancerAction", "TooManyTargets", "TooManyUniqueTargetGroupsPerLoadBalancer") {
		return fault.Invalid("%s: %w", doing, err)
	}
	return awserr.Classify(doing, err)
}

// groups are the target groups that an action forwards to.
func groups(action types.Action) []types.TargetGroupTuple {
	if action.ForwardConfig != nil && len(action.ForwardConfig.TargetGroups) > 0 {
		return action.ForwardConfig.TargetGroups
	}
	if action.TargetGroupArn != nil {
		return []types.TargetGroupTuple{{TargetGroupArn: action.TargetGroupArn}}
	}
	return nil
}

func group(side rollout.Side, weight int64) types.TargetGroupTuple {
	return types.TargetGroupTuple{TargetGroupArn: aws.String(side.Endpoint), Weight: aws.Int32(int32(weight))}
}

func weightOf(groups []types.TargetGroupTuple, arn string) int64 {
	var sum int64
	for _, group := range groups {
		if arn != "" && aws.ToString(group.TargetGroupArn) == arn {
			sum += weigh(group)
		}
	}
	return sum
}

// same reports whether two lists have the same groups with the same weights, in
// any order.
func same(a, b []types.TargetGroupTuple) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(group types.TargetGroupTuple) bool {
		return !slices.ContainsFunc(b, func(other types.TargetGroupTuple) bool {
			return aws.ToString(group.TargetGroupArn) == aws.ToString(other.TargetGroupArn) && weigh(group) == weigh(other)
		})
	})
}

func show(groups []types.TargetGroupTuple) string {
	var texts []string
	for _, group := range groups {
		texts = append(texts, aws.ToString(group.TargetGroupArn)+" ("+weightText(aws.Int64(weigh(group)))+")")
	}
	return strings.Join(texts, ", ")
}

// weigh is the weight of a target group; one that was not given is 1.
func weigh(group types.TargetGroupTuple) int64 {
	if group.Weight == nil {
		return 1
	}
	return int64(*group.Weight)
}

// sides names the endpoints of a routing.
func sides(r rollout.Routing) string {
	if alone(r) {
		return r.Candidate.Endpoint
	}
	return r.Live.Endpoint + " and " + r.Candidate.Endpoint
}
