// Package traffic keeps the weights of the two sides of a stack in a workload
// account: weighted records of Route 53, the target groups of a load balancer's
// forward action, or the versions of a Lambda alias.
package traffic

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

var _ rollout.Traffic = (*Client)(nil)

// Sessions gives the configuration for an account and region, in the role of the
// stage.
type Sessions interface {
	As(account, region, role, owner string) aws.Config
}

// Client implements rollout.Traffic.
type Client struct {
	sessions Sessions
	now      func() time.Time
}

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions, now func() time.Time) *Client { return &Client{sessions, now} }

// router is one kind of rollout.Traffic.
type router interface {
	weight(ctx context.Context, r rollout.Routing) (percent int, found bool, err error)
	set(ctx context.Context, r rollout.Routing, percent int) (change string, err error)
	settled(ctx context.Context, r rollout.Routing, change string) (bool, error)
	serving(ctx context.Context) (endpoint string, found bool, err error)
}

// Weight implements rollout.Traffic.
func (c *Client) Weight(ctx context.Context, r rollout.Routing) (int, bool, error) {
	router, err := c.router(r)
	if err != nil {
		return 0, false, err
	}
	return router.weight(ctx, r)
}

// SetWeight implements rollout.Traffic.
func (c *Client) SetWeight(ctx context.Context, r rollout.Routing, percent int) (string, error) {
	router, err := c.router(r)
	if err != nil {
		return "", err
	}
	if percent < 0 || percent > 100 {
		return "", fault.Invalid("the weight is %d %%: it is from 0 to 100", percent)
	}
	if alone(r) && percent < 100 {
		return "", fault.Invalid("the side %s of %s cannot get %d %%: there is no live side for the rest", r.Candidate.Name, r.Target.StackName, percent)
	}
	return router.set(ctx, r, percent)
}

// Settled implements rollout.Traffic.
func (c *Client) Settled(ctx context.Context, r rollout.Routing, change string) (bool, error) {
	router, err := c.router(r)
	if err != nil || change == "" {
		return err == nil, err
	}
	return router.settled(ctx, r, change)
}

// Serving returns the endpoint that has all the traffic, although no rollout may
// have given it any: the value of a plain record, the only target group of an
// action, the only version of an alias. It is not found when there is none, or
// more than one.
func (c *Client) Serving(ctx context.Context, r rollout.Routing) (endpoint string, found bool, err error) {
	router, err := c.router(r)
	if err != nil {
		return "", false, err
	}
	return router.serving(ctx)
}

// router returns the one that the routing asks for.
func (c *Client) router(r rollout.Routing) (router, error) {
	config := c.sessions.As(r.Target.Account, r.Target.Region, r.Target.Role, r.Target.Owner)
	switch {
	case r.Candidate.Endpoint == "":
		return nil, fault.Invalid("the side %s of %s has no endpoint for the router", r.Candidate.Name, r.Target.StackName)
	case r.Router.Route53 != nil:
		return newRecords(config, *r.Router.Route53), nil
	case r.Router.ALB != nil:
		return newListener(config, *r.Router.ALB, c.now), nil
	case r.Router.LambdaAlias != nil:
		return newAlias(config, r)
	}
	return nil, fault.Invalid("the rollout of %s has no router", r.Target.StackName)
}

// alone reports whether there is no live side.
func alone(r rollout.Routing) bool { return r.Live.Endpoint == "" }

// weightText shows a weight in a message.
func weightText(weight *int64) string {
	if weight == nil {
		return "no weight"
	}
	return "weight " + strconv.FormatInt(*weight, 10)
}
