package demo

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func sweepGroup() Group {
	return Group{"An opening whose event was lost is closed by the sweep", []string{healTitle}, []Step{
		{Want: "a rule that no event told of is closed", Run: sweeps},
	}}
}

// sweeps opens a group behind the gateway's back, so that no CloudTrail event
// is sent (they are best effort), and then starts what the schedule starts.
func sweeps(ctx context.Context, w *World) (string, error) {
	behind := w.account(testAccount)
	for _, p := range w.Cloud.State.Processes {
		if p.Name == "moto" {
			behind.BaseEndpoint = aws.String(p.Endpoint)
		}
	}
	// moto takes the account from this header where the access key is not one
	// that it has issued.
	asTest := smithyhttp.AddHeaderValue("X-Moto-Account-Id", testAccount)
	client := ec2.NewFromConfig(behind, func(o *ec2.Options) { o.APIOptions = append(o.APIOptions, asTest) })
	group, err := w.physicalID(ctx, testAccount, "shop-network-test", "WebSecurityGroup")
	if err != nil {
		return "", err
	}
	request := openings()[0].request
	request.GroupId = &group
	opened, err := client.AuthorizeSecurityGroupIngress(ctx, &request)
	if err != nil {
		return "", err
	}
	out, err := lambda.NewFromConfig(w.account(w.Cloud.State.Hub)).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(w.Outputs["HealingFunction"]), Payload: []byte(`{"action":"sweep"}`),
	})
	if err != nil || out.FunctionError != nil {
		return string(out.Payload), firstError(err, expect("the function's error", aws.ToString(out.FunctionError), ""))
	}
	now, err := rules(ctx, client, group)
	if err != nil {
		return "", err
	}
	rule := aws.ToString(opened.SecurityGroupRules[0].SecurityGroupRuleId)
	return "closed " + rule, expect(fmt.Sprintf("%s among %v", rule, now), slices.Contains(now, rule), false)
}
