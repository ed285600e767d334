package quota

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// Attempts is how often a call is made at most: a report is of many calls, and
// one that is refused once too often would have all of them made again.
const Attempts = 10

// Apply returns cfg with every attempt of every call held to the quotas. It is
// behind the retries: a call that is repeated waits for a place again.
func (q *Quotas) Apply(cfg aws.Config, account, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.RetryMaxAttempts = Attempts
	throttles := retry.IsErrorThrottles(retry.DefaultThrottles)
	keep := middleware.FinalizeMiddlewareFunc("Evenkeel/Quota", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		api := awsmiddleware.GetOperationName(ctx)
		if err := q.Wait(ctx, account, region, api); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		out, metadata, err := next.HandleFinalize(ctx, in)
		if throttles.IsErrorThrottle(err) == aws.TrueTernary {
			q.Throttled(account, region, api)
		}
		return out, metadata, err
	})
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(keep, "Retry", middleware.After)
	})
	return cfg
}
