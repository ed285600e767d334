// Package cloudtrail reads CloudTrail's event history in workload accounts.
package cloudtrail

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/attribution"
)

var _ attribution.Lookup = (*History)(nil)

const (
	// perPage is how many events a page has at most, and between how far apart
	// calls in one account and region are: two a second are allowed.
	// Source: CloudTrail API reference, LookupEvents.
	perPage = 50
	between = 500 * time.Millisecond
	// maxPages bounds what a busy resource costs.
	maxPages = 3
	// globalRegion is where the records of services without regions are.
	// Source: CloudTrail user guide, "Global service events".
	globalRegion = "us-east-1"
)

// globals are the services whose records are in globalRegion.
var globals = map[string]bool{"iam": true, "route53": true, "cloudfront": true}

// History implements attribution.Lookup. It is safe for concurrent use.
type History struct {
	workloads *session.Workloads
	between   time.Duration

	mu   sync.Mutex
	next map[string]time.Time // account/region → when the next call may be made
}

// New returns the event histories of the accounts that workloads opens.
func New(workloads *session.Workloads) *History {
	return &History{workloads: workloads, between: between, next: map[string]time.Time{}}
}

// Find implements attribution.Lookup. Events that only read, or failed, are
// left out; so are those that cannot be read. A throttled call is not repeated:
// it is Transient at once, with what was found before.
func (h *History) Find(ctx context.Context, stack events.StackRef, service, name string, from, until time.Time) ([]attribution.Write, error) {
	region := stack.Region
	if globals[service] && session.Partition(region) == "aws" {
		region = globalRegion
	}
	client := cloudtrail.NewFromConfig(h.workloads.In(stack.Account, region), func(o *cloudtrail.Options) { o.Retryer = aws.NopRetryer{} })
	pages := cloudtrail.NewLookupEventsPaginator(client, &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyResourceName, AttributeValue: aws.String(name)}},
		StartTime:        aws.Time(from), EndTime: aws.Time(until), MaxResults: aws.Int32(perPage),
	})
	var found []attribution.Write
	for n := 0; n < maxPages && pages.HasMorePages(); n++ {
		if err := h.wait(ctx, stack.Account+"/"+region); err != nil {
			return found, awserr.Classify("ask CloudTrail for "+name, err)
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, awserr.Classify("ask CloudTrail for "+name, err)
		}
		for _, event := range page.Events {
			if w, skip, err := attribution.Parse([]byte(aws.ToString(event.CloudTrailEvent))); err == nil && skip == "" {
				found = append(found, w)
			}
		}
	}
	return found, nil
}

// wait keeps calls in one place apart.
func (h *History) wait(ctx context.Context, place string) error {
	h.mu.Lock()
	now := time.Now()
	at := h.next[place]
	if at.Before(now) {
		at = now
	}
	h.next[place] = at.Add(h.between)
	h.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
