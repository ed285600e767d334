package openings

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// Prices of us-east-1 in dollars, list prices without free tiers. CloudTrail's
// events of management calls and their delivery by EventBridge are free; SQS is
// billed by request (a message is sent, received and deleted: three, fewer in
// batches), DynamoDB on demand by request of up to 1 KB written or 4 KB read
// (eventually consistent reads cost half).
// Sources: the pricing pages of Lambda (arm64), SQS (standard queues), DynamoDB
// (on demand), EventBridge (custom events).
const (
	perRequest   = 0.20 / 1e6
	perGBSecond  = 0.0000133334
	perMessage   = 3 * 0.40 / 1e6
	perWrite     = 0.625 / 1e6
	perRead      = 0.125 / 1e6
	perFact      = 1.0 / 1e6
	functionSize = 0.5 // GB: MemorySize of the template
)

// BenchmarkHandler is the time of one invocation of the built function, warm,
// on the local cloud: no-ops, and heals. It prints percentiles, what share of
// the time EC2 takes, the calls, the memory and the price.
func BenchmarkHandler(b *testing.B) {
	w, ctx := start(b), b.Context()
	w.setPolicy(ctx, map[string]any{"mode": healing.Enforce, "maxActions": 1000})
	s := &stage{world: w, at: healing.Place{Account: "830000000000", Region: region}, ids: map[string]string{}}
	groups := s.manyGroups(ctx, 10)
	for _, kind := range []struct {
		name string
		cidr func(i int) string
	}{
		{"no-op", func(i int) string { return fmt.Sprintf("198.51.100.%d/32", i) }},
		{"heal", func(int) string { return "0.0.0.0/0" }},
	} {
		b.Run(kind.name, func(b *testing.B) { s.measure(ctx, b, kind.name, groups, kind.cidr) })
	}
}

// atLeast invocations are measured, so that a p99 means something.
const atLeast = 200

func (s *stage) measure(ctx context.Context, b *testing.B, name string, groups []string, cidr func(int) string) {
	s.invokeOnce(ctx, b, groups[0], "warm") // the first finds no policy and no session
	s.forgetCalls(ctx)
	_, log := s.invocations(0)
	_, gatewayLog := s.gatewayCalls(0)
	var trips []float64
	i := 0
	for b.Loop() {
		for range atLeast {
			i++
			group := groups[i%len(groups)]
			b.StopTimer()
			s.add(ctx, b, group, cidr(i/len(groups)%250))
			b.StartTimer()
			before := time.Now()
			s.invokeOnce(ctx, b, group, fmt.Sprintf("%s-%d", name, i))
			trips = append(trips, float64(time.Since(before).Microseconds())/1000)
			b.StopTimer()
			s.clear(ctx, b, group)
			b.StartTimer()
		}
	}
	lines, _ := s.invocations(log)
	var own, all []float64
	for _, line := range lines {
		if line.Kind == "batch" {
			all = append(all, float64(line.MS))
			if line.Groups > 0 { // not the event of the function's own change
				own = append(own, float64(line.MS))
			}
		}
	}
	calls, _ := s.gatewayCalls(gatewayLog)
	ec2MS := 0.0
	for _, c := range calls {
		if c.From == healerAgent && c.Service == "ec2" {
			ec2MS += c.MS
		}
	}
	made, err := s.calls(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(percentile(own, 50), "p50-ms")
	b.ReportMetric(percentile(own, 99), "p99-ms")
	b.ReportMetric(percentile(trips, 99), "roundtrip-p99-ms")
	b.ReportMetric(s.peakMemory(b), "peak-MB")
	b.Logf("%s: %.1f MB of memory at most", name, s.peakMemory(b))
	b.Logf("%s: %d invocations, in the function p50 %.0f ms, p90 %.0f, p99 %.0f, longest %.0f; EC2 itself is %.0f %% of that; with the emulator's Lambda p50 %.0f, p99 %.0f",
		name, len(own), percentile(own, 50), percentile(own, 90), percentile(own, 99), slices.Max(own), 100*ec2MS/sum(all), percentile(trips, 50), percentile(trips, 99))
	s.price(b, name, made, float64(len(own)), all)
}

// price is what a million such events cost. A heal has a second invocation,
// for the event of its own change.
func (s *stage) price(b *testing.B, name string, made map[string]int, n float64, ms []float64) {
	writes := float64(made["dynamodb:PutItem"]+made["dynamodb:UpdateItem"]) / n
	reads := float64(made["dynamodb:GetItem"]+made["dynamodb:Query"]) / n
	facts := float64(made["events:PutEvents"]) / n
	seconds, invocations := sum(ms)/n/1000, float64(len(ms))/n
	dollars := 1e6 * (invocations*(perRequest+perMessage) + seconds*functionSize*perGBSecond + writes*perWrite + reads*perRead + facts*perFact)
	b.ReportMetric(dollars, "dollars/million")
	var calls []string
	for _, call := range slices.Sorted(maps.Keys(made)) {
		calls = append(calls, fmt.Sprintf("%s %.2f", call, float64(made[call])/n))
	}
	b.Logf("%s: calls: %s", name, strings.Join(calls, ", "))
	b.Logf("a million of %s: $%.2f (%.0f invocations, each with a message alone in its batch, together %.0f ms at %.1f GB; %.1f writes and %.1f reads of DynamoDB, %.1f facts on the bus; us-east-1, list, no free tier; logs, alarms and what reads the facts are not counted)",
		name, dollars, invocations, 1000*seconds, functionSize, writes, reads, facts)
}

// invokeOnce hands the function a batch of one message, which comes for the
// first time, about the group.
func (s *stage) invokeOnce(ctx context.Context, b *testing.B, group, id string) {
	event := map[string]any{
		"source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail", "account": s.at.Account, "region": s.at.Region,
		"detail": map[string]any{
			"eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupIngress", "eventID": emulator.NewID(), "awsRegion": s.at.Region,
			"recipientAccountId": s.at.Account, "eventTime": time.Now().UTC().Format(time.RFC3339), "userIdentity": map[string]any{"type": "IAMUser", "arn": "arn:aws:iam::" + s.at.Account + ":user/alice"},
			"requestParameters": map[string]any{"groupId": group}, "responseElements": map[string]any{"_return": true},
		},
	}
	body, err := json.Marshal(event)
	if err != nil {
		b.Fatal(err)
	}
	batch, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"messageId": id, "receiptHandle": id, "body": string(body), "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:" + s.cloud.State.Hub + ":" + queueName,
		"attributes": map[string]string{"ApproximateReceiveCount": "1"},
	}}})
	if err != nil {
		b.Fatal(err)
	}
	payload, failed, err := s.invoke(ctx, batch)
	if err != nil || failed != "" || strings.Contains(string(payload), "itemIdentifier") {
		b.Fatalf("%s: %s %s %v", id, payload, failed, err)
	}
}

func (s *stage) add(ctx context.Context, b *testing.B, group, cidr string) {
	if _, err := s.client().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
			IpRanges: []types.IpRange{{CidrIp: &cidr}}}}}); err != nil {
		b.Fatal(err)
	}
}

// clear removes what is in the group, so that each invocation finds as much as the last.
func (s *stage) clear(ctx context.Context, b *testing.B, group string) {
	rules, err := s.groups.Rules(ctx, s.at, group)
	if err != nil {
		b.Fatal(err)
	}
	var ids []string
	for _, r := range rules {
		if s.policy.Mode == healing.Enforce && r.CIDRv4 == "0.0.0.0/0" && !r.Egress {
			b.Fatalf("%s is still open", group)
		}
		if !r.Egress {
			ids = append(ids, r.RuleID)
		}
	}
	if _, err := s.client().RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: ids}); err != nil {
		b.Fatal(err)
	}
}

// gatewayCall is a line of the gateway's log.
type gatewayCall struct {
	Message string  `json:"msg"`
	Service string  `json:"service"`
	From    string  `json:"from"`
	MS      float64 `json:"ms"`
}

func (w *world) gatewayCalls(from int64) (calls []gatewayCall, end int64) {
	data, err := os.ReadFile(filepath.Join(w.cloud.State.Logs, "gateway.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	for text := range strings.Lines(string(data[from:])) {
		var c gatewayCall
		if json.Unmarshal([]byte(text), &c) == nil && c.Message == "call" {
			calls = append(calls, c)
		}
	}
	return calls, int64(len(data))
}

// peakMemory is the most that a process of the function ever held, in MB: the
// kernel's high-water mark of its resident set.
func (w *world) peakMemory(b testing.TB) float64 {
	most := 0.0
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range environments {
		environment, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(environment), "AWS_SDK_UA_APP_ID="+healerAgent) || !strings.Contains(string(environment), w.cloud.State.Endpoint) {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(path), "status"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
				kb, err := strconv.ParseFloat(fields[1], 64)
				if err != nil {
					b.Fatal(err)
				}
				most = max(most, kb/1024)
			}
		}
	}
	if most == 0 {
		b.Log("no process of the function was found: its memory is not known (the figure needs /proc)")
	}
	return most
}

func percentile(values []float64, p int) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*p/100]
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}
