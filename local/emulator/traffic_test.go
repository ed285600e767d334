package emulator_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/dns"
	"github.com/evenkeel/evenkeel/local/installation"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/adapter/traffic"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// workload is an account that weights are moved in.
const workload = "222222222222"

// mover is the adapter, in the workload account of an emulator. A minute goes
// by whenever it looks at the clock.
func mover(cfg aws.Config) *traffic.Client {
	now := time.Now()
	return traffic.New(session.NewWorkloads(cfg, ""), func() time.Time { now = now.Add(time.Minute); return now })
}

func sides(router pipeline.Router, blue, green string) rollout.Routing {
	return rollout.Routing{
		Target: events.Target{Account: workload, Region: region, StackName: "shop"}, Router: router,
		Live: rollout.Side{Name: rollout.Blue, Endpoint: blue}, Candidate: rollout.Side{Name: rollout.Green, Endpoint: green},
	}
}

// move sets a weight, waits until it is in force and reads it back.
func move(t *testing.T, client *traffic.Client, r rollout.Routing, percent int) {
	t.Helper()
	change, err := client.SetWeight(t.Context(), r, percent)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for settled := false; !settled; asked++ {
		if settled, err = client.Settled(t.Context(), r, change); err != nil || asked > 5 {
			t.Fatalf("settled: asked %d times, %v", asked, err)
		}
	}
	// "Initially, the status of a change is PENDING."
	if strings.HasPrefix(change, "/change/") && asked != 2 {
		unlike(t, "a change is PENDING when it is first asked for, then INSYNC", asked)
	}
	if got, found, err := client.Weight(t.Context(), r); err != nil || !found || got != percent {
		t.Fatalf("the weight is %d %t, not %d (%v)", got, found, percent, err)
	}
}

// Weighted record sets are kept in one change; a plain record of the name is
// not beside them; what a resolver is answered follows the weights.
func TestRoute53KeepsWeights(t *testing.T) {
	t.Parallel()
	cfg := configOf(hub(t), workload)
	client := route53.NewFromConfig(cfg)
	zone, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: aws.String(name("zone") + ".example"), CallerReference: aws.String(name("r"))})
	if err != nil {
		t.Fatal(err)
	}
	id, record := aws.ToString(zone.HostedZone.Id), "api."+aws.ToString(zone.HostedZone.Name)
	r := sides(pipeline.Router{Route53: &pipeline.Route53Router{Zone: id, Name: record, Type: "CNAME", TTL: 1e9}}, "blue.example", "green.example")
	adapter := mover(cfg)
	if _, found, err := adapter.Weight(t.Context(), r); err != nil || found {
		t.Fatalf("a record before the first: %t, %v", found, err)
	}
	first := r
	first.Candidate, first.Live = r.Live, rollout.Side{}
	move(t, adapter, first, 100)
	for _, percent := range []int{5, 25, 100, 0, 50} {
		move(t, adapter, r, percent)
		sets, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: &id})
		if err != nil {
			t.Fatal(err)
		}
		resolver, green := dns.New(sets.ResourceRecordSets, 7), 0
		for range 2000 {
			if answer, ok := resolver.Resolve(record, "CNAME"); !ok || len(answer) != 1 {
				t.Fatalf("the name has %v", answer)
			} else if answer[0] == "green.example" {
				green++
			}
		}
		if share := float64(green) / 20; math.Abs(share-float64(percent)) > 4 {
			t.Errorf("with %d %% the resolver gave %.1f %%", percent, share)
		}
	}
	other := mover(configOf(hub(t), "333333333333"))
	if _, _, err := other.Weight(t.Context(), r); err == nil {
		t.Error("another account sees the zone")
	}
	move(t, adapter, r, 100)
	only := r
	only.Live = rollout.Side{}
	move(t, adapter, only, 100)
	if sets, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordName: &record}); err != nil || len(sets.ResourceRecordSets) != 1 {
		t.Errorf("the old set is still there: %v (%v)", sets.ResourceRecordSets, err)
	}
	// "You can't create a … record that has the same name and type as a weighted
	// one": a fault, and weights over 255 are another.
	plain := &r53.ResourceRecordSet{Name: &record, Type: r53.RRTypeCname, TTL: aws.Int64(60), ResourceRecords: []r53.ResourceRecord{{Value: aws.String("x.example")}}}
	heavy := &r53.ResourceRecordSet{Name: &record, Type: r53.RRTypeCname, TTL: aws.Int64(60), ResourceRecords: plain.ResourceRecords, SetIdentifier: aws.String("h"), Weight: aws.Int64(256)}
	for _, set := range []*r53.ResourceRecordSet{plain, heavy} {
		if _, err := client.ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{HostedZoneId: &id, ChangeBatch: &r53.ChangeBatch{
			Changes: []r53.Change{{Action: r53.ChangeActionCreate, ResourceRecordSet: set}},
		}}); err != nil {
			unlike(t, "a plain record beside weighted ones, and a weight of 256, are taken", err)
		}
	}
}

// An alias sends its invocations to both versions, by their weights.
func TestLambdaSplitsTheInvocationsOfAnAlias(t *testing.T) {
	t.Parallel()
	cfg := configOf(hub(t), workload)
	client, function := lambda.NewFromConfig(cfg), name("split")
	code, err := installation.Zip(filepath.Join(cloudtest.Probe(t), "probe"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &function, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(10),
		Role: aws.String("arn:aws:iam::" + workload + ":role/probe"), Code: &types.FunctionCode{ZipFile: code},
		Environment: &types.Environment{Variables: map[string]string{"VERSION": "blue"}},
	}); err != nil {
		t.Fatal(err)
	}
	blue, err := client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: &function})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &function, Environment: &types.Environment{Variables: map[string]string{"VERSION": "green"}},
	}); err != nil {
		t.Fatal(err)
	}
	green, err := client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: &function})
	if err != nil {
		t.Fatal(err)
	}
	r := sides(pipeline.Router{LambdaAlias: &pipeline.LambdaAliasRouter{Function: function, Alias: "live"}}, aws.ToString(blue.Version), aws.ToString(green.Version))
	adapter := mover(cfg)
	first := r
	first.Candidate, first.Live = r.Live, rollout.Side{}
	move(t, adapter, first, 100)
	const calls = 200
	for _, percent := range []int{0, 30, 100} {
		move(t, adapter, r, percent)
		got := 0
		for range calls {
			out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &function, Qualifier: aws.String("live"), Payload: []byte("{}")})
			if err != nil || out.FunctionError != nil {
				t.Fatal(err, out)
			}
			version, side := aws.ToString(out.ExecutedVersion), "blue"
			if version == r.Candidate.Endpoint {
				got++
				side = "green"
			}
			var answer struct{ Environment map[string]string }
			if err := json.Unmarshal(out.Payload, &answer); err != nil || answer.Environment["VERSION"] != side {
				t.Fatalf("version %s answered %s", version, out.Payload)
			}
		}
		// 200 draws of 30 %: five standard deviations are 32.
		if want := calls * percent / 100; got < want-32 || got > want+32 || percent%100 == 0 && got != want {
			t.Errorf("with %d %% %d of %d invocations went to the new version", percent, got, calls)
		}
	}
	qualified, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &function, Qualifier: aws.String("live")})
	if err != nil || aws.ToString(qualified.Version) != r.Candidate.Endpoint {
		t.Errorf("the alias is of version %s (%v)", aws.ToString(qualified.Version), err)
	}
	stale, err := client.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: &function, Name: aws.String("live")})
	if err != nil {
		t.Fatal(err)
	}
	move(t, adapter, r, 50)
	if _, err := client.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{FunctionName: &function, Name: aws.String("live"), FunctionVersion: green.Version, RevisionId: stale.RevisionId}); err == nil {
		t.Error("an update with an old revision id was taken")
	}
}

// network gives a network and two of its subnets.
func network(t *testing.T, cfg aws.Config) (subnets []string, vpc string) {
	t.Helper()
	out, err := ec2.NewFromConfig(cfg).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	if err != nil || len(out.Subnets) < 2 {
		t.Fatalf("the default network has the subnets %v (%v)", out, err)
	}
	return []string{aws.ToString(out.Subnets[0].SubnetId), aws.ToString(out.Subnets[1].SubnetId)}, aws.ToString(out.Subnets[0].VpcId)
}

// loadBalancer makes a load balancer with two target groups, and a listener
// that answers by itself, as one has before the first rollout.
func loadBalancer(t *testing.T, client *elb.Client, cfg aws.Config) (listener string, groups [2]string) {
	t.Helper()
	subnets, vpc := network(t, cfg)
	balancer, err := client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String(name("lb")), Subnets: subnets})
	if err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		group, err := client.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{
			Name: aws.String(name("tg")), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: &vpc, TargetType: elbtypes.TargetTypeEnumIp,
		})
		if err != nil {
			t.Fatal(err)
		}
		groups[i] = aws.ToString(group.TargetGroups[0].TargetGroupArn)
		if _, err := client.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{
			TargetGroupArn: &groups[i], Targets: []elbtypes.TargetDescription{{Id: aws.String("172.31.0." + strconv.Itoa(i+1)), Port: aws.Int32(80)}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	made, err := client.CreateListener(t.Context(), &elb.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancers[0].LoadBalancerArn, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumFixedResponse, Order: aws.Int32(1), FixedResponseConfig: &elbtypes.FixedResponseActionConfig{StatusCode: aws.String("503"), ContentType: aws.String("text/plain")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(made.Listeners[0].ListenerArn), groups
}

// The weights of a forward action are kept, in listeners and in rules.
func TestMotoKeepsTheWeightsOfTargetGroups(t *testing.T) {
	t.Parallel()
	cfg := configOf(motoServer(t), workload)
	client := elb.NewFromConfig(cfg)
	listener, groups := loadBalancer(t, client, cfg)
	adapter := mover(cfg)
	rule, err := client.CreateRule(t.Context(), &elb.CreateRuleInput{
		ListenerArn: &listener, Priority: aws.Int32(5), Conditions: []elbtypes.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/api/*"}}},
		Actions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, Order: aws.Int32(1), ForwardConfig: &elbtypes.ForwardActionConfig{
			TargetGroups:                []elbtypes.TargetGroupTuple{{TargetGroupArn: &groups[0], Weight: aws.Int32(1)}},
			TargetGroupStickinessConfig: &elbtypes.TargetGroupStickinessConfig{Enabled: aws.Bool(true), DurationSeconds: aws.Int32(300)},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, router := range []pipeline.ALBRouter{{Listener: listener}, {Rule: aws.ToString(rule.Rules[0].RuleArn)}} {
		r := sides(pipeline.Router{ALB: &router}, groups[0], groups[1])
		first := r
		first.Candidate, first.Live = r.Live, rollout.Side{}
		move(t, adapter, first, 100)
		for _, percent := range []int{5, 25, 100, 0, 100} {
			move(t, adapter, r, percent)
		}
		r.Live = rollout.Side{}
		move(t, adapter, r, 100)
	}
	kept, err := client.DescribeRules(t.Context(), &elb.DescribeRulesInput{RuleArns: []string{aws.ToString(rule.Rules[0].RuleArn)}})
	if err != nil {
		t.Fatal(err)
	}
	if sticky := kept.Rules[0].Actions[0].ForwardConfig.TargetGroupStickinessConfig; !aws.ToBool(sticky.Enabled) || aws.ToInt32(sticky.DurationSeconds) != 300 || len(kept.Rules[0].Conditions) != 1 {
		t.Errorf("the rule is %+v", kept.Rules[0])
	}
}

// MiniStack loses the weights of target groups, which is why the load balancers
// of the workload accounts are moto's.
func TestMiniStackLosesTheWeightsOfTargetGroups(t *testing.T) {
	t.Parallel()
	cfg := configOf(hub(t), workload)
	client := elb.NewFromConfig(cfg)
	listener, groups := loadBalancer(t, client, cfg)
	out, err := client.ModifyListener(t.Context(), &elb.ModifyListenerInput{ListenerArn: &listener, DefaultActions: []elbtypes.Action{{
		Type: elbtypes.ActionTypeEnumForward, Order: aws.Int32(1), ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: []elbtypes.TargetGroupTuple{
			{TargetGroupArn: &groups[0], Weight: aws.Int32(95)}, {TargetGroupArn: &groups[1], Weight: aws.Int32(5)},
		}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if action := out.Listeners[0].DefaultActions[0]; action.ForwardConfig != nil {
		unlike(t, "the weights of target groups are lost", action)
	}
}
