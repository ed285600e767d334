// Package dns answers names from the record sets of a hosted zone as Route 53
// does, as far as weights go. It is for tests and demonstrations: nothing
// listens.
package dns

import (
	"math/rand/v2"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// Resolver answers from record sets. It is not safe for concurrent use.
type Resolver struct {
	sets   []types.ResourceRecordSet
	random *rand.Rand
}

// New returns a resolver of the record sets, as ListResourceRecordSets gives
// them. The same seed gives the same answers.
func New(sets []types.ResourceRecordSet, seed uint64) *Resolver {
	return &Resolver{sets: sets, random: rand.New(rand.NewPCG(seed, 0))}
}

// Resolve answers a question: the values of the one record set that is chosen,
// or the name that an alias record leads to. A weighted set is chosen with the
// probability of its weight in the sum of all; when all are 0, with the same.
// Source: Route 53 developer guide, "Weighted routing" and "Values specific for
// weighted records", Weight.
func (r *Resolver) Resolve(name, kind string) (values []string, ok bool) {
	var found []types.ResourceRecordSet
	total := int64(0)
	for _, set := range r.sets {
		if strings.EqualFold(strings.TrimSuffix(aws.ToString(set.Name), "."), strings.TrimSuffix(name, ".")) && string(set.Type) == kind {
			found = append(found, set)
			total += aws.ToInt64(set.Weight)
		}
	}
	if len(found) == 0 {
		return nil, false
	}
	if total == 0 {
		return answer(found[r.random.IntN(len(found))]), true
	}
	draw := r.random.Int64N(total)
	for _, set := range found {
		if draw -= aws.ToInt64(set.Weight); draw < 0 {
			return answer(set), true
		}
	}
	panic("dns: a draw above the sum of the weights")
}

func answer(set types.ResourceRecordSet) (values []string) {
	if set.AliasTarget != nil {
		return []string{aws.ToString(set.AliasTarget.DNSName)}
	}
	for _, record := range set.ResourceRecords {
		values = append(values, aws.ToString(record.Value))
	}
	return values
}
