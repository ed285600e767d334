package fake

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/review"
	"github.com/evenkeel/evenkeel/shared/source"
)

var (
	_ review.Stacks   = DeploymentStacks{}
	_ review.Reviews  = (*Reviews)(nil)
	_ review.Forge    = (*Forge)(nil)
	_ review.Files    = ReviewFiles{}
	_ review.Registry = Registry{}
)

// ChangeSets implements review.Stacks.
func (s DeploymentStacks) ChangeSets(_ context.Context, t events.Target) ([]review.ChangeSetRef, error) {
	if err := s.cloud.fail("ListChangeSets"); err != nil {
		return nil, err
	}
	var list []review.ChangeSetRef
	for _, set := range s.cloud.sorted() {
		if stackKey(set.stack.target) == stackKey(t) && set.set.Status != "DELETE_COMPLETE" {
			list = append(list, review.ChangeSetRef{ID: set.set.ID, Name: set.name})
		}
	}
	return list, nil
}

// DeleteEmpty implements review.Stacks. Deleting a stack deletes its change
// sets; one with resources keeps them and is broken, as on AWS under a role that
// may delete nothing.
func (s DeploymentStacks) DeleteEmpty(_ context.Context, t events.Target, stackID string) error {
	c := s.cloud
	if err := c.fail("DeleteEmpty"); err != nil {
		return err
	}
	stack := c.stacks[stackKey(t)]
	switch {
	case stack == nil || stack.id != stackID:
	case stack.status == "REVIEW_IN_PROGRESS":
		for id, set := range c.changeSets {
			if set.stack == stack {
				delete(c.changeSets, id)
			}
		}
		delete(c.stacks, stackKey(t))
	default:
		stack.status = "DELETE_FAILED"
	}
	return c.fail("DeleteEmpty done")
}

// OpenChangeSets lists "stack: change set" of all that exist, sorted by ARN.
func (c *DeploymentCloud) OpenChangeSets() []string {
	var list []string
	for _, set := range c.sorted() {
		list = append(list, set.stack.target.StackName+": "+set.name)
	}
	return list
}

// StackNames lists the names of all stacks with their status, sorted.
func (c *DeploymentCloud) StackNames() map[string]string {
	all := map[string]string{}
	for _, stack := range c.stacks {
		all[stack.target.StackName] = stack.status
	}
	return all
}

// Reviews keeps reviews.
type Reviews struct {
	Faults Faults
	latest map[string]review.Claim
	open   map[string]review.Open
}

func pullKey(repository string, number int) string { return repository + "#" + strconv.Itoa(number) }

// Claim implements review.Reviews.
func (r *Reviews) Claim(_ context.Context, repository string, number int, claim review.Claim) (review.Claim, error) {
	if err := r.Faults.at("ClaimReview"); err != nil {
		return review.Claim{}, err
	}
	if r.latest == nil {
		r.latest = map[string]review.Claim{}
	}
	key := pullKey(repository, number)
	if stored, ok := r.latest[key]; !ok || stored.Updated.Before(claim.Updated) {
		r.latest[key] = claim
	}
	return r.latest[key], r.Faults.at("ClaimReview done")
}

// Latest implements review.Reviews.
func (r *Reviews) Latest(_ context.Context, repository string, number int) (review.Claim, error) {
	return r.latest[pullKey(repository, number)], r.Faults.at("LatestReview")
}

// Keep implements review.Reviews.
func (r *Reviews) Keep(_ context.Context, reviewID string, open review.Open) error {
	if err := r.Faults.at("KeepOpen"); err != nil {
		return err
	}
	if r.open == nil {
		r.open = map[string]review.Open{}
	}
	r.open[reviewID] = open
	return r.Faults.at("KeepOpen done")
}

// Opened implements review.Reviews.
func (r *Reviews) Opened(_ context.Context, reviewID string) (review.Open, bool, error) {
	open, ok := r.open[reviewID]
	return open, ok, r.Faults.at("ReadOpen")
}

// Forget implements review.Reviews.
func (r *Reviews) Forget(_ context.Context, reviewID string) error {
	if err := r.Faults.at("ForgetOpen"); err != nil {
		return err
	}
	delete(r.open, reviewID)
	return r.Faults.at("ForgetOpen done")
}

// Forge is a git provider's statuses and comments in memory.
type Forge struct {
	Faults   Faults
	Statuses map[string][]review.Status // commit → all that were set, in order
	Comments map[string][]string        // "acme/shop#7" → bodies
}

// SetStatus implements review.Forge.
func (f *Forge) SetStatus(_ context.Context, _ source.Repository, commit string, status review.Status) error {
	if err := f.Faults.at("SetStatus"); err != nil {
		return err
	}
	if len([]rune(status.Description)) > review.MaxDescription {
		return fault.Permanent("a description of %d characters", len([]rune(status.Description)))
	}
	if f.Statuses == nil {
		f.Statuses = map[string][]review.Status{}
	}
	f.Statuses[commit] = append(f.Statuses[commit], status)
	return f.Faults.at("SetStatus done")
}

// Status is the last status of a commit in a context.
func (f *Forge) Status(commit, context string) review.Status {
	var last review.Status
	for _, s := range f.Statuses[commit] {
		if s.Context == context {
			last = s
		}
	}
	return last
}

// UpsertComment implements review.Forge.
func (f *Forge) UpsertComment(_ context.Context, r source.Repository, number int, marker, body string) (string, error) {
	if err := f.Faults.at("UpsertComment"); err != nil {
		return "", err
	}
	if len([]rune(body)) > review.MaxComment || !strings.HasPrefix(body, marker) {
		return "", fault.Permanent("a comment of %d characters", len([]rune(body)))
	}
	if f.Comments == nil {
		f.Comments = map[string][]string{}
	}
	key, place := pullKey(r.Name, number), -1
	for i, comment := range f.Comments[key] {
		if strings.HasPrefix(comment, marker) {
			place = i
		}
	}
	if place < 0 {
		f.Comments[key] = append(f.Comments[key], body)
		place = len(f.Comments[key]) - 1
	}
	f.Comments[key][place] = body
	return fmt.Sprintf("https://forge.example/%s/%d#%d", r.Name, number, place), f.Faults.at("UpsertComment done")
}

// ReviewFiles is DeploymentFiles with objects that may be missing.
type ReviewFiles struct{ *DeploymentFiles }

// Find implements review.Files.
func (f ReviewFiles) Find(_ context.Context, key string) ([]byte, bool, error) {
	data, ok := f.Objects[key]
	return data, ok, f.Faults.at("Find")
}

// Registry is a registry of repositories by name.
type Registry map[string]source.Repository

// Repository implements the registries of the services.
func (r Registry) Repository(_ context.Context, name string) (source.Repository, error) {
	repository, ok := r[name]
	if !ok {
		return source.Repository{}, fault.Invalid("%s: %w", name, source.ErrNotRegistered)
	}
	return repository, nil
}
