package openings

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// The burst: so many events about so many groups, every fifth of them an
// opening, and so many of them delivered twice.
const (
	burstEvents     = 500
	burstGroups     = 50
	burstOpenings   = 100
	burstDuplicates = 150
)

// maxMemory is the promise of what a process of the function holds, in MB, after
// the corpus and the burst.
const maxMemory = 64

var burstPlace = healing.Place{Account: "810000000000", Region: region}

// burst: 500 calls within seconds add innocent and guilty rules to 50 groups,
// 150 of their events come twice and all of them late. Each group ends safe with
// every innocent rule as it was, each opening is told of once, and nothing is
// left in the queue or given up.
func (w *world) burst(ctx context.Context) {
	w.t.Helper()
	_, log := w.invocations(0)
	s := &stage{world: w, at: burstPlace, ids: map[string]string{}}
	groups := s.manyGroups(ctx, burstGroups)
	w.admin(ctx, http.MethodPut, "faults/events", fmt.Sprintf(`{"duplicate":%d,"delayMs":2}`, burstDuplicates))
	defer w.admin(ctx, http.MethodPut, "faults/events", `{}`)
	w.forgetCalls(ctx)

	started := time.Now()
	guilty, innocent := w.openMany(ctx, groups)
	sent := time.Since(started)
	if len(guilty) != burstOpenings || len(guilty)+len(innocent) != burstEvents {
		w.t.Fatalf("%d openings and %d others were made", len(guilty), len(innocent))
	}
	if err := await(ctx, 2*time.Minute, 250*time.Millisecond, "every group to be safe", func() (bool, error) {
		open, err := w.open(ctx)
		return len(open) == 0, err
	}); err != nil {
		open, _ := w.open(ctx)
		w.t.Fatalf("%v; open are %v", err, open)
	}
	safe := time.Since(started)
	if err := w.drained(ctx, 2*time.Minute); err != nil {
		w.t.Fatal(err)
	}
	drained := time.Since(started)
	w.burstTold(ctx, guilty, innocent)
	s.burstKept(ctx, guilty, innocent)
	for _, queue := range []string{queueName + "-dead-letters", "evenkeel-healing-dead-letters"} {
		if n, err := w.waiting(ctx, queue); n != 0 || err != nil {
			w.t.Errorf("%s holds %d messages (%v)", queue, n, err)
		}
	}
	made, err := w.calls(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.burstFigures(made, log, sent, safe, drained)
}

// manyGroups makes groups, unseen.
func (s *stage) manyGroups(ctx context.Context, n int) []string {
	s.t.Helper()
	vpc, err := s.buildNetwork(ctx, "vpc")
	if err != nil {
		s.t.Fatal(err)
	}
	var groups []string
	for i := range n {
		out, err := s.client().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String(fmt.Sprintf("burst-%d", i)), Description: aws.String("of the burst"), VpcId: &vpc})
		if err != nil {
			s.t.Fatal(err)
		}
		groups = append(groups, aws.ToString(out.GroupId))
		s.ids[fmt.Sprintf("sg-%d", i)] = aws.ToString(out.GroupId)
	}
	return groups
}

// openMany makes the calls, some at a time, each as a person would. It returns the
// ids of the openings, and the innocent rules by id as EC2 answered them.
func (w *world) openMany(ctx context.Context, groups []string) (guilty []string, innocent map[string]string) {
	w.t.Helper()
	client := ec2.NewFromConfig(w.account(burstPlace.Account, burstPlace.Region))
	innocent = map[string]string{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	next := make(chan int)
	for range workers {
		wait.Go(func() {
			for i := range next {
				in, bad := burstRule(i)
				in.GroupId = aws.String(groups[i%len(groups)])
				out, err := client.AuthorizeSecurityGroupIngress(ctx, in)
				mu.Lock()
				switch {
				case err != nil:
					w.t.Errorf("call %d: %v", i, err)
				case bad:
					guilty = append(guilty, aws.ToString(out.SecurityGroupRules[0].SecurityGroupRuleId))
				default:
					r := out.SecurityGroupRules[0]
					innocent[aws.ToString(r.SecurityGroupRuleId)] = ruleName(healing.Canonical(events.SecurityGroupRule{
						GroupID: *in.GroupId, Protocol: *r.IpProtocol, FromPort: *r.FromPort, ToPort: *r.ToPort, CIDRv4: *r.CidrIpv4}))
				}
				mu.Unlock()
			}
		})
	}
	for i := range burstEvents {
		next <- i
	}
	close(next)
	wait.Wait()
	return guilty, innocent
}

// burstRule is what the i-th call adds: every fifth opens one of the groups,
// in turn by IPv4, by IPv6, by every protocol, by a range of ports and by a
// half; the others are networks of an office and web ports.
func burstRule(i int) (in *ec2.AuthorizeSecurityGroupIngressInput, guilty bool) {
	p := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22)}
	round := i / burstGroups // 10 calls a group
	guilty = (i%burstGroups+round)%5 == 0
	v4 := func(cidr string) { p.IpRanges = []types.IpRange{{CidrIp: &cidr, Description: aws.String("burst")}} }
	switch {
	case !guilty && i%2 == 0:
		v4(fmt.Sprintf("198.51.%d.%d/32", 100+round, i%250))
	case !guilty:
		p.FromPort, p.ToPort = aws.Int32(int32(30000+round)), aws.Int32(int32(30000+round)) //nolint:gosec // less than 10
		v4("0.0.0.0/0")
	default:
		switch (i + round/5) % 5 { // two of one kind in a group would be equal
		case 0:
			v4("0.0.0.0/0")
		case 1:
			p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("::/0"), Description: aws.String("burst")}}
		case 2:
			p = types.IpPermission{IpProtocol: aws.String("-1")}
			v4("0.0.0.0/0")
		case 3:
			p.FromPort, p.ToPort = aws.Int32(int32(20-round)), aws.Int32(25) //nolint:gosec // less than 10
			v4("0.0.0.0/0")
		default:
			v4("128.0.0.0/1")
		}
	}
	return &ec2.AuthorizeSecurityGroupIngressInput{IpPermissions: []types.IpPermission{p}}, guilty
}

// open are the rules of the burst's place that the policy would close.
func (w *world) open(ctx context.Context) (ids []string, err error) {
	rules, err := w.groups.Rules(ctx, burstPlace)
	if err != nil {
		return nil, err
	}
	byGroup := map[string][]events.SecurityGroupRule{}
	for _, r := range rules {
		byGroup[r.GroupID] = append(byGroup[r.GroupID], r)
	}
	for _, of := range byGroup {
		ids = append(ids, w.policy.Plan(of, nil, time.Now()).RuleIDs()...)
	}
	slices.Sort(ids)
	return ids, nil
}

// burstTold wants one fact for each opening and none for anything else.
func (w *world) burstTold(ctx context.Context, guilty []string, innocent map[string]string) {
	w.t.Helper()
	var seen told
	if err := await(ctx, time.Minute, 300*time.Millisecond, "a fact for each opening", func() (done bool, err error) {
		seen, err = w.facts(ctx)
		return !slices.ContainsFunc(guilty, func(id string) bool { return seen[healed][id] == 0 }), err
	}); err != nil {
		w.t.Error(err)
	}
	for kind, counts := range seen {
		for _, id := range guilty {
			if want := map[string]int{healed: 1}[kind]; counts[id] != want {
				w.t.Errorf("%d facts %s tell of the opening %s, want %d", counts[id], kind, id, want)
			}
		}
		for id := range innocent {
			if counts[id] != 0 {
				w.t.Errorf("%d facts %s tell of the innocent %s", counts[id], kind, id)
			}
		}
	}
}

// burstKept wants every innocent rule to admit what it did, and every opening to be in quarantine.
func (s *stage) burstKept(ctx context.Context, guilty []string, innocent map[string]string) {
	s.t.Helper()
	now, err := s.described(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for id, was := range innocent {
		if rule := ruleOf(s.t, now[id]); ruleName(rule) != was || rule.Description != "burst" {
			s.t.Errorf("an innocent rule, %s of %q, is %q", id, was, now[id])
		}
	}
	for _, id := range guilty {
		if rule := ruleOf(s.t, now[id]); !s.policy.Quarantines(rule) || rule.Description != "burst" && rule.Protocol == "tcp" {
			s.t.Errorf("an opening, %s, is %q", id, now[id])
		}
	}
}

func (w *world) burstFigures(made map[string]int, log int64, sent, safe, drained time.Duration) {
	lines, _ := w.invocations(log)
	batches, messages, shared, again, slow := 0, 0, 0, 0, 0
	for _, line := range lines {
		if line.Kind == "batch" {
			batches, messages, shared, slow = batches+1, messages+line.Messages, shared+line.Shared, max(slow, line.MS)
		}
		if line.Again != "" {
			again++
		}
	}
	ec2Calls := 0
	for name, n := range made {
		if strings.HasPrefix(name, "ec2:") {
			ec2Calls += n
		}
	}
	w.t.Logf("%d calls on %d groups in %.1f s, %d events twice: the last opening was closed %.1f s after the first call, the queue empty after %.1f s",
		burstEvents, burstGroups, sent.Seconds(), burstDuplicates, safe.Seconds(), drained.Seconds())
	w.t.Logf("%d batches of %d messages, %d of them answered by another's look, %d came again; the slowest batch took %d ms", batches, messages, shared, again, slow)
	held := w.peakMemory(w.t)
	if held > maxMemory {
		w.t.Errorf("a process of the function held %.1f MB, at most %d are promised", held, maxMemory)
	}
	w.t.Logf("the function held %.1f MB of memory at most", held)
	w.t.Logf("%d calls of EC2 for %d events: %v", ec2Calls, burstEvents+burstDuplicates, made)
}
