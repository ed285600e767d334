// Package quota keeps calls within the rates that AWS allows: one token bucket
// for each account, region and API, which halves its rate when AWS throttles a
// call and gains it back slowly.
package quota

import (
	"context"
	"sync"
	"time"
)

// Rate is how often an API may be called.
type Rate struct {
	PerSecond float64
	Burst     int // calls that need not wait after a pause; at least 1
}

// Rates are those of the APIs that a drift scan calls, for an account and
// region. No published figure was found for any of them: all are assumed, and
// what is too high is corrected by throttling. Functions that run at once have
// buckets of their own, which the same correction brings to a share each.
// Source: AWS Knowledge Center, "How do I prevent Rate exceeded errors in
// CloudFormation" (calls above a rate are throttled; no figures).
func Rates() map[string]Rate {
	return map[string]Rate{
		"DetectStackDrift":                  {PerSecond: 2, Burst: 5},
		"DescribeStackDriftDetectionStatus": {PerSecond: 10, Burst: 20},
		"DescribeStackResourceDrifts":       {PerSecond: 5, Burst: 10},
		"ListStackResources":                {PerSecond: 5, Burst: 10},
		"DescribeStacks":                    {PerSecond: 5, Burst: 10},
		"GetTemplate":                       {PerSecond: 5, Burst: 10},
		"GetResource":                       {PerSecond: 20, Burst: 40},
	}
}

// floor is the least share of its rate that a bucket falls to.
const floor = 1.0 / 64

// step is how much of its rate a bucket gains in a second. Functions that run at
// once find a share each by it: a larger step is throttled more often, a smaller
// one leaves more of the quota unused (TestScaleOfScan).
const step = 1.0 / 128

// calm is how long a bucket is not halved again: throttled calls that were
// under way together are one sign.
const calm = time.Second

// Quotas are the buckets of a process. It is safe for concurrent use.
type Quotas struct {
	rates map[string]Rate
	now   func() time.Time

	mu      sync.Mutex
	buckets map[[3]string]*bucket
}

// bucket is a virtual schedule: the time at which the next call is due if every
// one comes as early as it may.
type bucket struct {
	rate    Rate
	share   float64 // of the rate, in [floor, 1]
	due     time.Time
	changed time.Time // when share was last worked out
	halved  time.Time
}

// New returns empty Quotas. What has no rate is not held up.
func New(rates map[string]Rate, now func() time.Time) *Quotas {
	return &Quotas{rates: rates, now: now, buckets: map[[3]string]*bucket{}}
}

// Reserve takes the next place for a call, and returns how long to wait for it.
func (q *Quotas) Reserve(account, region, api string) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, now := q.bucket(account, region, api), q.now()
	if b == nil {
		return 0
	}
	b.recover(now)
	every := time.Duration(float64(time.Second) / (b.rate.PerSecond * b.share))
	slack := time.Duration(max(b.rate.Burst, 1)-1) * time.Duration(float64(time.Second)/b.rate.PerSecond)
	if b.share < 1 {
		slack = 0 // a burst is what was throttled
	}
	if earliest := now.Add(-slack); b.due.Before(earliest) {
		b.due = earliest
	}
	wait := max(b.due.Sub(now), 0)
	b.due = b.due.Add(every)
	return wait
}

// Wait is Reserve that waits, unless ctx ends first.
func (q *Quotas) Wait(ctx context.Context, account, region, api string) error {
	wait := q.Reserve(account, region, api)
	if wait == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Throttled says that AWS refused a call as one too many.
func (q *Quotas) Throttled(account, region, api string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, now := q.bucket(account, region, api), q.now()
	if b == nil || now.Sub(b.halved) < calm {
		return
	}
	b.recover(now)
	b.share, b.halved = max(b.share/2, floor), now
	if b.due.Before(now) {
		b.due = now
	}
}

func (q *Quotas) bucket(account, region, api string) *bucket {
	rate, ok := q.rates[api]
	if !ok || rate.PerSecond <= 0 {
		return nil
	}
	key := [3]string{account, region, api}
	if q.buckets[key] == nil {
		q.buckets[key] = &bucket{rate: rate, share: 1, changed: q.now()}
	}
	return q.buckets[key]
}

// recover adds to the share what was gained since it was worked out last.
func (b *bucket) recover(now time.Time) {
	b.share = min(1, b.share+step*max(now.Sub(b.changed).Seconds(), 0))
	b.changed = now
}
