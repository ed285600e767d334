package main

import (
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/ledger"
)

func TestReviews(t *testing.T) {
	c := newCLI(t)
	c.ledger("PullRequestUpdated.v1", "PullRequestReviewed.v1")
	c.run("reviews").want(0, "acme/shop#7", "passed", "1f0c9a7b", "dana")
	c.run("reviews", "show", "acme/shop#7").want(0)
	c.golden("review")
	c.run("reviews", "show", "acme/shop#7", "--json").want(0)
	if report := decoded[ledger.ReviewReport](c); report.State != events.ReviewPassed || len(report.Stacks) != 3 || len(report.Timeline) != 2 {
		t.Errorf("%+v", report)
	}
	c.run("reviews", "show", "acme/shop#8").want(3, "no pull request acme/shop#8")
	for _, bad := range []string{"acme/shop", "#7", "acme/shop#x", "acme/shop#0"} {
		c.run("reviews", "show", bad).want(2, "is not a pull request such as acme/shop#7")
	}
	c.ledger("PullRequestUpdated.v1")
	c.run("reviews").want(0, "reviewing")
	c.ledger()
	c.run("reviews", "list").want(0, "no pull request was reviewed yet")
}
