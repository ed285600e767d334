package drift

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift/response"
)

// maxDigest is how many stacks a digest names: each takes less than 600 bytes
// of the 256 KB of an event.
// Source: EventBridge user guide, "Amazon EventBridge quotas".
const maxDigest = 300

// unrated stands in a digest for the severity of what no policy rated.
const unrated = "unrated"

// PublishDigest publishes DriftDigest: one for each day, however often it is
// asked for.
func (s *Service) PublishDigest(ctx context.Context) (events.DriftDigest, error) {
	if s.Standings == nil {
		return events.DriftDigest{}, nil
	}
	standings, err := s.Standings.Standings(ctx)
	if err != nil {
		return events.DriftDigest{}, err
	}
	now := s.Now().UTC()
	data := Digest(standings, now)
	name := id(data.DetailType(), data.Day)
	return data, s.Publisher.Publish(ctx, events.Fact{Data: data, Metadata: events.Metadata{ID: name, CorrelationID: name, Time: now}})
}

// Digest sums up how all stacks stand.
func Digest(standings []Standing, now time.Time) events.DriftDigest {
	d := events.DriftDigest{
		Day: now.UTC().Format(time.DateOnly), Severities: map[string]int{}, Regions: []events.DriftDigestRegion{}, Stacks: []events.DriftDigestStack{},
	}
	regions := map[[2]string]events.DriftDigestRegion{}
	for _, s := range standings {
		place := [2]string{s.Stack.Account, s.Stack.Region}
		r := regions[place]
		r.Account, r.Region = s.Stack.Account, s.Stack.Region
		r.Stacks++
		if len(s.Open) > 0 {
			stack := digestStack(s)
			r.Drifted, r.Resources, r.Since = r.Drifted+1, r.Resources+len(s.Open), earlier(r.Since, stack.Since)
			d.Stacks = append(d.Stacks, stack)
			d.Resources += len(s.Open)
		}
		for _, o := range s.Open {
			d.Severities[cmp.Or(o.Severity, unrated)]++
		}
		regions[place] = r
	}
	for _, r := range regions {
		d.Regions = append(d.Regions, r)
	}
	slices.SortFunc(d.Regions, func(a, b events.DriftDigestRegion) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region))
	})
	slices.SortFunc(d.Stacks, func(a, b events.DriftDigestStack) int {
		return cmp.Or(rank(b.Severity)-rank(a.Severity), a.Since.Compare(b.Since), strings.Compare(sortKey(a.StackRef), sortKey(b.StackRef)))
	})
	if len(d.Stacks) > maxDigest {
		d.More = len(d.Stacks) - maxDigest
		d.Stacks = d.Stacks[:maxDigest]
	}
	return d
}

func digestStack(s Standing) events.DriftDigestStack {
	d := events.DriftDigestStack{StackRef: s.Stack, Resources: len(s.Open), Scanned: s.Scanned}
	for _, o := range s.Open {
		d.Since = earlier(d.Since, o.Since)
		if rank(o.Severity) > rank(d.Severity) {
			d.Severity = o.Severity
		}
	}
	return d
}

// earlier ignores a zero time.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// rank orders severities; one that is not rated is the lowest.
func rank(severity string) int {
	return slices.Index(response.Severities(), response.Severity(severity))
}
