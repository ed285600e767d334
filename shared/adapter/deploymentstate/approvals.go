package deploymentstate

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Approvals implements deployment.Approvals: the approval as JSON, and the
// decision as a second attribute that is written once.
type Approvals struct{ *Store }

func approvalKey(runID, stage, stack string) item {
	return key("approval#"+runID, stage+"/"+stack)
}

// Put implements deployment.Approvals.
func (a Approvals) Put(ctx context.Context, approval deployment.Approval) error {
	doing := "keep the approval of " + approval.Run.RunID
	data, err := json.Marshal(approval)
	if err != nil {
		return fault.Permanent("%s: %w", doing, err)
	}
	stored := approvalKey(approval.Run.RunID, approval.Target.Stage, approval.Target.Stack)
	stored["approval"], stored[ttlAttr] = str(string(data)), a.expires(approvalsKept)
	_, err = a.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(a.table), Item: stored, ConditionExpression: aws.String("attribute_not_exists(decision)"),
	})
	return awserr.Classify(doing, err)
}

// Get implements deployment.Approvals.
func (a Approvals) Get(ctx context.Context, runID, stage, stack string) (deployment.Approval, bool, error) {
	found, err := a.get(ctx, "read the approval of "+runID, "approval#"+runID, stage+"/"+stack)
	if err != nil || found == nil {
		return deployment.Approval{}, false, err
	}
	approval, err := decodeApproval(found)
	return approval, err == nil, err
}

// Settle implements deployment.Approvals.
func (a Approvals) Settle(ctx context.Context, runID, stage, stack string, d deployment.Decision) (deployment.Approval, error) {
	doing := "decide on " + stack + " in " + stage + " of run " + runID
	data, err := json.Marshal(d)
	if err != nil {
		return deployment.Approval{}, fault.Permanent("%s: %w", doing, err)
	}
	out, err := a.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(a.table), Key: approvalKey(runID, stage, stack),
		UpdateExpression:          aws.String("SET decision = :d"),
		ConditionExpression:       aws.String("attribute_exists(pk) AND attribute_not_exists(decision)"),
		ExpressionAttributeValues: item{":d": str(string(data))},
		ReturnValues:              types.ReturnValueAllNew,
	})
	if err != nil {
		return deployment.Approval{}, awserr.Classify(doing, err)
	}
	return decodeApproval(out.Attributes)
}

// Pending implements deployment.Approvals. The table has few items and no
// index: a scan costs less than keeping one.
func (a Approvals) Pending(ctx context.Context) ([]deployment.Approval, error) {
	pages := dynamodb.NewScanPaginator(a.client, &dynamodb.ScanInput{
		TableName: aws.String(a.table), ConsistentRead: aws.Bool(true),
		FilterExpression:          aws.String("begins_with(pk, :p) AND attribute_not_exists(decision)"),
		ExpressionAttributeValues: item{":p": str("approval#")},
	})
	var open []deployment.Approval
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the approvals", err)
		}
		for _, found := range page.Items {
			approval, err := decodeApproval(found)
			if err != nil {
				return nil, err
			}
			open = append(open, approval)
		}
	}
	slices.SortFunc(open, func(x, y deployment.Approval) int { return x.Requested.Compare(y.Requested) })
	return open, nil
}

func decodeApproval(found item) (deployment.Approval, error) {
	var approval deployment.Approval
	if err := json.Unmarshal([]byte(text(found, "approval")), &approval); err != nil {
		return approval, fault.Permanent("read an approval: %w", err)
	}
	approval.Decision = nil
	if stored := text(found, "decision"); stored != "" {
		approval.Decision = &deployment.Decision{}
		if err := json.Unmarshal([]byte(stored), approval.Decision); err != nil {
			return approval, fault.Permanent("read a decision: %w", err)
		}
	}
	return approval, nil
}
