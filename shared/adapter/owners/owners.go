// Package owners finds the CloudFormation stack that answers for the rules of a
// security group.
package owners

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/template"
)

var _ healing.Owners = (*Client)(nil)

// Sessions gives the configuration for an account and region.
type Sessions interface {
	In(account, region string) aws.Config
}

// keep is how long a template is taken for the deployed one: a burst of heals
// of one stack reads it once.
const keep = time.Minute

// What is kept: templates are up to 1 MB each.
const (
	maxTemplates = 8
	maxGroups    = 1000
)

// patience is how long the fact of a heal waits for its owner. CloudFormation
// answers few calls a second, and a burst of heals is told all the same.
const patience = 5 * time.Second

// maxAsked is for how many of the opened rules CloudFormation is asked. One call
// opens them as a rule, so that they have one owner.
const maxAsked = 3

// Client implements healing.Owners with four calls for one rule: two look for
// the stack of the rule and of the group, two read the template of the group's
// stack.
type Client struct {
	sessions Sessions
	now      func() time.Time

	mu        sync.Mutex
	templates map[string]stack // by ARN
	groups    map[string]owned // by place and id
}

// owned is the stack resource that a group is.
type owned struct {
	resource healing.StackResource
	read     time.Time
}

// stack is a deployed template with the values of its parameters.
type stack struct {
	template   *template.Template // nil: it cannot be read
	parameters map[string]string
	read       time.Time
}

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions, now func() time.Time) *Client {
	return &Client{sessions: sessions, now: now, templates: map[string]stack{}, groups: map[string]owned{}}
}

// Owner implements healing.Owners.
func (c *Client) Owner(ctx context.Context, group events.SecurityGroup, opened []events.SecurityGroupRule, trigger events.Trigger) (events.Owner, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	api := cloudformation.NewFromConfig(c.sessions.In(group.Account, group.Region))
	var known healing.Sources
	var err error
	for _, rule := range opened[:min(len(opened), maxAsked)] {
		if known.Rule, err = resource(ctx, api, rule.RuleID); err != nil {
			return events.Owner{}, err
		}
		if known.Rule.Stack != "" {
			break
		}
	}
	if known.Group, err = c.group(ctx, api, group); err != nil {
		return events.Owner{}, err
	}
	if known.Rule.Stack == "" && known.Group.Stack != "" {
		deployed, err := c.deployed(ctx, api, known.Group.Stack)
		if err != nil {
			return events.Owner{}, err
		}
		if deployed.template != nil {
			known.Template = healing.Declares(deployed.template, deployed.parameters, known.Group.LogicalID, group.GroupID, opened)
		}
	}
	return healing.OwnerOf(group, trigger, known), nil
}

// group finds the stack that the group is a resource of.
func (c *Client) group(ctx context.Context, api *cloudformation.Client, group events.SecurityGroup) (healing.StackResource, error) {
	if tagged := healing.StackOf(group); tagged.Stack != "" {
		return tagged, nil
	}
	key := group.Account + "/" + group.Region + "/" + group.GroupID
	c.mu.Lock()
	kept, ok := c.groups[key]
	c.mu.Unlock()
	if ok && c.now().Sub(kept.read) < keep {
		return kept.resource, nil
	}
	found, err := resource(ctx, api, group.GroupID)
	if err != nil {
		return found, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.groups) >= maxGroups {
		clear(c.groups)
	}
	c.groups[key] = owned{found, c.now()}
	return found, nil
}

// resource finds the stack resource with a physical id; it is zero when no
// stack owns it. CloudFormation answers with the resources of the stack that
// has it, 100 at most.
// Source: CloudFormation API reference, DescribeStackResources.
func resource(ctx context.Context, api *cloudformation.Client, id string) (healing.StackResource, error) {
	out, err := api.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{PhysicalResourceId: aws.String(id)})
	if awserr.HasCode(err, "ValidationError") { // "Stack for sg-… does not exist"
		return healing.StackResource{}, nil
	}
	if err != nil {
		return healing.StackResource{}, awserr.Classify("find the stack of "+id, err)
	}
	var of healing.StackResource
	for _, r := range out.StackResources {
		found := healing.StackResource{
			Stack: aws.ToString(r.StackId), LogicalID: aws.ToString(r.LogicalResourceId), Type: aws.ToString(r.ResourceType), Status: string(r.ResourceStatus),
		}
		if aws.ToString(r.PhysicalResourceId) == id {
			if found.Gone() {
				return healing.StackResource{}, nil
			}
			return found, nil
		}
		of.Stack = found.Stack
	}
	return of, nil
}

// deployed reads the template of a stack after its transforms, and the values of
// its parameters. A stack that is gone has none.
func (c *Client) deployed(ctx context.Context, api *cloudformation.Client, arn string) (stack, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, ok := c.templates[arn]; ok && c.now().Sub(kept.read) < keep {
		return kept, nil
	}
	found := stack{read: c.now(), parameters: map[string]string{}}
	body, err := api.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: aws.String(arn), TemplateStage: types.TemplateStageProcessed})
	if err != nil && !awserr.HasCode(err, "ValidationError") {
		return stack{}, awserr.Classify("read the template of "+arn, err)
	}
	if err == nil {
		if parsed, err := template.Parse(arn, []byte(aws.ToString(body.TemplateBody))); err == nil {
			found.template = parsed
		}
	}
	if found.template != nil && found.template.Parameters.Len() > 0 {
		out, err := api.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(arn)})
		if err != nil {
			return stack{}, awserr.Classify("read the parameters of "+arn, err)
		}
		for _, s := range out.Stacks {
			for _, p := range s.Parameters {
				found.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
				if p.ResolvedValue != nil { // of a parameter of SSM
					found.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ResolvedValue)
				}
			}
		}
	}
	if len(c.templates) >= maxTemplates {
		clear(c.templates)
	}
	c.templates[arn] = found
	return found, nil
}
