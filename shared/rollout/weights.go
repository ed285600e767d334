package rollout

import (
	"fmt"
	"math"
)

// MaxRoute53Weight is the greatest weight of a record.
// Source: Route 53 API reference, ResourceRecordSet, Weight: 0 to 255. Records
// of which all have weight 0 are answered with equal probability.
const MaxRoute53Weight = 255

// MaxALBWeight is the greatest weight of a target group in a forward action.
// Source: Elastic Load Balancing API reference, TargetGroupTuple: 0 to 999.
const MaxALBWeight = 999

// clamp makes a percentage of anything.
func clamp(percent int) int { return min(max(percent, 0), 100) }

// shares splits total between the live side and the candidate. A side that is
// to have something has at least 1, and one that is to have nothing has 0: the
// two are never 0 together.
func shares(percent, total int) (live, candidate int) {
	percent = clamp(percent)
	candidate = (percent*total + 50) / 100
	if percent > 0 {
		candidate = max(candidate, 1)
	}
	if percent < 100 {
		candidate = min(candidate, total-1)
	}
	return total - candidate, candidate
}

// share is the percentage that a weight is of two. They are 0 together only
// where somebody else set them.
func share(live, candidate, greatest int) (percent int, err error) {
	switch {
	case live < 0 || candidate < 0 || live > greatest || candidate > greatest:
		return 0, fmt.Errorf("the weights %d and %d are not between 0 and %d", live, candidate, greatest)
	case live == 0 && candidate == 0:
		return 0, fmt.Errorf("both weights are 0")
	case candidate == 0 || live == 0:
		return candidate / max(candidate, 1) * 100, nil
	}
	return min(max((candidate*100+(live+candidate)/2)/(live+candidate), 1), 99), nil
}

// Route53Weights are the weights of two records whose sum is 255.
func Route53Weights(percent int) (live, candidate int64) {
	l, c := shares(percent, MaxRoute53Weight)
	return int64(l), int64(c)
}

// Route53Percent is the candidate's percentage of two records' weights, as
// near as whole numbers are: that of Route53Weights(p) is p.
func Route53Percent(live, candidate int64) (percent int, err error) {
	return share(int(live), int(candidate), MaxRoute53Weight)
}

// ALBWeights are the weights of two target groups. They are percentages: a
// person who looks at the listener sees what the record says.
func ALBWeights(percent int) (live, candidate int32) {
	l, c := shares(percent, 100)
	return int32(l), int32(c)
}

// ALBPercent is the candidate's percentage of two target groups' weights.
func ALBPercent(live, candidate int32) (percent int, err error) {
	return share(int(live), int(candidate), MaxALBWeight)
}

// AliasWeight is the weight of an alias's additional version. The alias's own
// version has the rest; with all traffic on one side there is no additional
// version.
// Source: Lambda API reference, AliasRoutingConfiguration: 0.0 to 1.0.
func AliasWeight(percent int) float64 { return float64(clamp(percent)) / 100 }

// AliasPercent is the percentage of an additional version's weight.
func AliasPercent(weight float64) (percent int, err error) {
	if math.IsNaN(weight) || weight < 0 || weight > 1 {
		return 0, fmt.Errorf("the weight %v is not between 0 and 1", weight)
	}
	percent = int(math.Round(weight * 100))
	switch {
	case weight > 0 && weight < 1:
		return min(max(percent, 1), 99), nil
	default:
		return percent, nil
	}
}
