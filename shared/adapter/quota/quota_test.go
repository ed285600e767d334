package quota_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/quota"
)

// clock is virtual time.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// rate makes calls for a time, each when its turn comes, and returns how many
// a second there were.
func rate(q *quota.Quotas, c *clock, api string, d time.Duration) float64 {
	calls, end := 0, c.at.Add(d)
	for c.at.Before(end) {
		c.at = c.at.Add(q.Reserve("1", "r", api))
		calls++
	}
	return float64(calls) / d.Seconds()
}

func near(a, b float64) bool { return a > b*0.9 && a < b*1.1 }

func TestRateAndBurst(t *testing.T) {
	c := newClock()
	q := quota.New(map[string]quota.Rate{"Get": {PerSecond: 4, Burst: 8}}, c.now)
	free := 0
	for q.Reserve("1", "r", "Get") == 0 {
		free++
	}
	if free != 8 {
		t.Errorf("%d calls at once, want the burst", free)
	}
	if q.Reserve("2", "r", "Get") != 0 || q.Reserve("1", "s", "Get") != 0 || q.Reserve("1", "r", "Unknown") != 0 {
		t.Error("another account, region or API waits")
	}
	if got := rate(q, c, "Get", time.Minute); !near(got, 4) {
		t.Errorf("%.2f calls a second, want 4", got)
	}
	c.at = c.at.Add(time.Hour)
	free = 0
	for q.Reserve("1", "r", "Get") == 0 {
		free++
	}
	if free != 8 {
		t.Errorf("%d calls at once after a pause", free)
	}
}

// TestHalvedAndRecovering: throttled calls that are under way together halve
// the rate once; it comes back in about a minute, and never falls to nothing.
func TestHalvedAndRecovering(t *testing.T) {
	c := newClock()
	q := quota.New(map[string]quota.Rate{"Get": {PerSecond: 100, Burst: 1}}, c.now)
	rate(q, c, "Get", 10*time.Second)
	for range 20 {
		q.Throttled("1", "r", "Get")
	}
	if got := rate(q, c, "Get", time.Second); got < 48 || got > 60 {
		t.Errorf("%.1f calls a second after throttling, want about half", got)
	}
	if rate(q, c, "Get", 70*time.Second); !near(rate(q, c, "Get", 5*time.Second), 100) {
		t.Error("it does not recover")
	}
	for range 100 {
		c.at = c.at.Add(time.Second)
		q.Throttled("1", "r", "Get")
	}
	if got := rate(q, c, "Get", time.Second); got < 2 || got > 20 {
		t.Errorf("%.1f calls a second after a hundred times", got)
	}
	if q.Throttled("1", "r", "Unknown"); q.Reserve("1", "r", "Unknown") != 0 {
		t.Error("an API without a rate waits")
	}
}

// TestConverges: against a service that allows less than is assumed, most
// calls get through, at most of its rate.
func TestConverges(t *testing.T) {
	const allowed = 10.0
	c := newClock()
	q := quota.New(map[string]quota.Rate{"Get": {PerSecond: 40, Burst: 1}}, c.now)
	tokens, last, good, bad := allowed, c.at, 0, 0
	end := c.at.Add(5 * time.Minute)
	for c.at.Before(end) {
		c.at = c.at.Add(q.Reserve("1", "r", "Get"))
		tokens = min(allowed, tokens+allowed*c.at.Sub(last).Seconds())
		last = c.at
		if tokens >= 1 {
			tokens--
			good++
			continue
		}
		bad++
		q.Throttled("1", "r", "Get")
	}
	if got := float64(good) / 300; got < allowed*0.8 || bad > good/4 {
		t.Errorf("%.2f good calls a second of %.0f, %d throttled of %d", got, allowed, bad, good+bad)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	q := quota.New(map[string]quota.Rate{"Get": {PerSecond: 0.001, Burst: 1}}, newClock().now)
	ctx, cancel := context.WithCancel(t.Context())
	if err := q.Wait(ctx, "1", "r", "Get"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := q.Wait(ctx, "1", "r", "Get"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestApply: each attempt takes a place, and a throttled one halves the rate.
func TestApply(t *testing.T) {
	stub := awsstub.Start(t)
	stub.On("cloudformation", "DetectStackDrift", func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 400, Body: `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`}
	})
	c := newClock()
	q := quota.New(map[string]quota.Rate{"DetectStackDrift": {PerSecond: 100, Burst: 1}}, c.now)
	cfg := q.Apply(stub.Config(), "222222222222", "us-east-1")
	if _, err := cloudformation.NewFromConfig(cfg).DetectStackDrift(t.Context(), &cloudformation.DetectStackDriftInput{StackName: aws.String("x")}); err == nil {
		t.Fatal("no error")
	}
	attempts := len(stub.Calls("cloudformation", "DetectStackDrift"))
	first, second := q.Reserve("222222222222", "us-east-1", "DetectStackDrift"), q.Reserve("222222222222", "us-east-1", "DetectStackDrift")
	if attempts == 0 || first == 0 || second-first != 20*time.Millisecond {
		t.Errorf("%d attempts, then a wait of %s and %s, want 20 ms between two calls", attempts, first, second)
	}
}
