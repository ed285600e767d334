package rollout

// maxWeight is the greatest weight of a router: of a target group. That of a
// record is 255.
// Sources: Elastic Load Balancing API reference, TargetGroupTuple; Route 53 API
// reference, ResourceRecordSet.
const maxWeight = 999

// Weights are the relative weights of the two sides for a percentage of the
// candidate. They are percentages themselves, which nothing has to round, and
// what a person sees in the console is what the record says. They are never 0
// together: Route 53 would give both sides the same, a load balancer nobody
// anything. What is no percentage counts as the nearest one.
func Weights(percent int) (candidate, live int64) {
	candidate = int64(min(max(percent, 0), 100))
	return candidate, 100 - candidate
}

// Percent is the candidate's share of two relative weights; ok is false when
// it is not a whole percentage, or these are no weights: then somebody else has
// set them.
func Percent(candidate, live int64) (percent int, ok bool) {
	if candidate < 0 || live < 0 || candidate > maxWeight || live > maxWeight {
		return 0, false
	}
	total := candidate + live
	if total == 0 || candidate*100%total != 0 {
		return 0, false
	}
	return int(candidate * 100 / total), true
}
