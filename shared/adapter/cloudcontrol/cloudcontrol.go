// Package cloudcontrol reads live resources of workload accounts through AWS
// Cloud Control API.
package cloudcontrol

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/drift/live"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// The error codes of GetResource that are about the type or the resource.
// Source: Cloud Control API reference, GetResource, errors.
var (
	unsupported = []string{"UnsupportedActionException", "TypeNotFoundException", "PrivateTypeException"}
	gone        = []string{"ResourceNotFoundException"}
	// passing are failures of the handler or of the service behind it that may
	// pass, beyond those that every service has.
	passing = []string{"ServiceInternalErrorException", "HandlerInternalFailureException", "NetworkFailureException", "ServiceLimitExceededException", "NotStabilizedException"}
)

// Models implements live.Models.
type Models struct{ workloads *session.Workloads }

var _ live.Models = (*Models)(nil)

// New returns Cloud Control in the accounts and regions that workloads opens.
func New(workloads *session.Workloads) *Models { return &Models{workloads: workloads} }

// Read implements live.Models. The properties are those that the type's read
// handler returns, which are never write-only ones.
func (m *Models) Read(ctx context.Context, stack events.StackRef, typeName, identifier string) (map[string]any, bool, error) {
	client := cloudcontrol.NewFromConfig(m.workloads.In(stack.Account, stack.Region))
	out, err := client.GetResource(ctx, &cloudcontrol.GetResourceInput{TypeName: aws.String(typeName), Identifier: aws.String(identifier)})
	doing := fmt.Sprintf("read %s %s", typeName, identifier)
	switch {
	case awserr.HasCode(err, gone...):
		return nil, false, nil
	case awserr.HasCode(err, unsupported...):
		return nil, false, fmt.Errorf("%s: %w", doing, live.ErrUnsupported)
	case awserr.HasCode(err, passing...):
		return nil, false, fault.Transient("%s: %w", doing, err)
	case err != nil:
		return nil, false, awserr.Classify(doing, err)
	case out.ResourceDescription == nil:
		return nil, false, fault.Permanent("%s: the answer has no resource", doing)
	}
	var properties map[string]any
	if err := json.Unmarshal([]byte(aws.ToString(out.ResourceDescription.Properties)), &properties); err != nil {
		return nil, false, fault.Permanent("%s: the properties are not JSON: %w", doing, err)
	}
	return properties, true, nil
}
