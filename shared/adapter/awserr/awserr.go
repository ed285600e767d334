// Package awserr classifies an AWS error into one of the four fault kinds.
// Every adapter passes its errors through Classify once.
package awserr

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// conflictCodes say that somebody else holds the thing, or won a race.
var conflictCodes = []string{
	"ConditionalCheckFailedException", "TransactionConflictException", "OperationInProgressException",
	"ResourceInUseException", "ConcurrentModificationException", "ConcurrentResourcesLimitExceededException",
	"InvalidChangeSetStatus", "InvalidChangeSetStatusException", "TokenAlreadyExistsException",
}

// transientCodes are throttles and outages that may pass.
// Source: the SDK's own list in aws-sdk-go-v2/aws/retry (DefaultThrottleErrorCodes).
var transientCodes = []string{
	"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
	"TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException",
	"ProvisionedThroughputExceededException", "SlowDown", "PriorRequestNotComplete", "EC2ThrottledException",
	"ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "InternalServerError",
	"InternalServiceError", "RequestTimeout", "RequestTimeoutException",
}

// invalidCodes say that the input must change.
var invalidCodes = []string{"ValidationError", "ValidationException", "InvalidParameterValue", "InsufficientCapabilitiesException"}

// Code returns the AWS error code in err's chain, or "".
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// HasCode reports whether err carries one of the codes.
func HasCode(err error, codes ...string) bool { return slices.Contains(codes, Code(err)) }

// Message returns the service's own message in err's chain, or err's text.
func Message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return err.Error()
}

// Classify turns err into a fault that names what was being done. A nil err
// stays nil; an error that has a kind keeps it.
func Classify(doing string, err error) error {
	var known *fault.Fault
	switch code := Code(err); {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case slices.Contains(conflictCodes, code):
		return fault.Conflict("%s: %w", doing, err)
	case slices.Contains(transientCodes, code), strings.HasSuffix(code, "Throttled"), unanswered(err):
		return fault.Transient("%s: %w", doing, err)
	case slices.Contains(invalidCodes, code):
		return fault.Invalid("%s: %w", doing, err)
	default:
		return fault.Permanent("%s: %w", doing, err)
	}
}

// unanswered reports a 5xx answer, a time-out or a connection that broke
// before an answer came.
func unanswered(err error) bool {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode() >= http.StatusInternalServerError
	}
	var send *smithyhttp.RequestSendError
	return errors.As(err, &send) || errors.Is(err, context.DeadlineExceeded)
}
