package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// StateReviewing is the state of a pull request whose review has not ended. A
// reviewed one has the review's state.
const StateReviewing = "reviewing"

// ReviewView is how a pull request stands: the review of its latest commit.
type ReviewView struct {
	events.PullRequest
	ReviewID  string                 `json:"reviewId"`
	State     string                 `json:"state"` // StateReviewing, or a Review constant of events
	Reason    string                 `json:"reason,omitempty"`
	Validated events.Validated       `json:"validated"`
	Stacks    []events.ReviewedStack `json:"stacks"`
	Comment   string                 `json:"comment,omitempty"`
	Problem   string                 `json:"problem,omitempty"`
	Remaining []string               `json:"remaining,omitempty"`
	Updated   time.Time              `json:"updated"` // time of the last fact
}

// Review folds the facts of one pull request, in any order. The end of a review
// that a later commit has made stale changes nothing.
func Review(entries []Entry) (ReviewView, error) {
	v := ReviewView{Stacks: []events.ReviewedStack{}}
	for _, e := range Order(entries) {
		var err error
		switch e.DetailType {
		case events.PullRequestUpdated{}.DetailType():
			err = apply(e, func(d events.PullRequestUpdated) {
				v = ReviewView{PullRequest: d.PullRequest, ReviewID: d.ReviewID(d.DeliveryID), State: StateReviewing, Stacks: []events.ReviewedStack{}, Updated: e.Time}
			})
		case events.PullRequestReviewed{}.DetailType():
			err = apply(e, func(d events.PullRequestReviewed) {
				if v.ReviewID != "" && v.ReviewID != d.ReviewID {
					return
				}
				v.PullRequest, v.ReviewID, v.State, v.Reason, v.Updated = d.PullRequest, d.ReviewID, d.State, d.Reason, e.Time
				v.Validated, v.Comment, v.Problem, v.Remaining = d.Validated, d.Comment, d.Problem, d.Remaining
				v.Stacks = append([]events.ReviewedStack{}, d.Stacks...)
			})
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

// Reviews returns the pull requests with the newest facts, the last first.
func (r *Reader) Reviews(ctx context.Context, limit int) ([]ReviewView, error) {
	views := []ReviewView{}
	err := r.each(ctx, KindReview, limit, func(entries []Entry) error {
		v, err := Review(entries)
		views = append(views, v)
		return err
	})
	slices.SortFunc(views, func(a, b ReviewView) int {
		return cmp.Or(b.Updated.Compare(a.Updated), strings.Compare(a.Repository, b.Repository), cmp.Compare(a.Number, b.Number))
	})
	return views, err
}

// ReviewReport is a pull request and everything that happened to it.
type ReviewReport struct {
	ReviewView
	Timeline []Line `json:"timeline"`
}

// Review returns one pull request with its timeline, or ErrUnknown.
func (r *Reader) Review(ctx context.Context, repository string, number int) (ReviewReport, error) {
	entries, err := r.of(ctx, ReviewSubject(repository, number))
	if err != nil {
		return ReviewReport{}, err
	}
	view, err := Review(entries)
	if err != nil {
		return ReviewReport{}, err
	}
	lines, err := Timeline(entries)
	return ReviewReport{ReviewView: view, Timeline: lines}, err
}
