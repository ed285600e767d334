package response

import (
	"testing"

	"github.com/evenkeel/evenkeel/events"
)

// BenchmarkDecide decides on one resource with two differences.
func BenchmarkDecide(b *testing.B) {
	p, r := Default(), modified("AWS::SQS::Queue", "/VisibilityTimeout", "/Tags/0")
	r.Attribution = &events.Attribution{Class: "person"}
	b.ReportAllocs()
	for b.Loop() {
		Decide(p, nil, nil, shop, r, now)
	}
}
