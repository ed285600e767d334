// Package construct holds the building blocks of the stacks: a function with
// its role, log group and dead letters; a workflow; an event route; data
// tables; alarms.
package construct

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
)

// Common is what every block of one stack shares.
type Common struct {
	Scope                      constructs.Construct
	Key                        awskms.Key
	Alarms                     *Alarms
	LogDays                    float64
	Partition, Region, Account string // tokens of the stack
}

// NewCommon returns the shared part for a stack.
func NewCommon(stack awscdk.Stack, key awskms.Key, alarms *Alarms, logDays int) *Common {
	return &Common{
		Scope: stack, Key: key, Alarms: alarms, LogDays: float64(logDays),
		Partition: *stack.Partition(), Region: *stack.Region(), Account: *stack.Account(),
	}
}

// arn builds an ARN in the stack's own account and region.
func (c *Common) arn(service, resource string) string {
	return "arn:" + c.Partition + ":" + service + ":" + c.Region + ":" + c.Account + ":" + resource
}

// text returns a pointer, as jsii wants it.
func text(s string) *string { return &s }

func number(n float64) *float64 { return &n }

func yes() *bool { v := true; return &v }

func no() *bool { v := false; return &v }

func texts(list ...string) *[]*string {
	out := make([]*string, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return &out
}
