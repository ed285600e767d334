package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/deployment"
)

// recovers makes the deployment function give these answers, in order.
func (c *cli) recovers(answers ...deployment.Recovered) {
	c.t.Helper()
	bodies := make([]string, len(answers))
	for i, answer := range answers {
		bodies[i] = encoded(c.t, answer)
	}
	c.aws.Reply("lambda", invokeDeployment, bodies...)
}

const invokeDeployment = "POST /2015-03-31/functions/deployment/invocations"

// asked is the last request that the deployment function got.
func (c *cli) asked() deployment.Request {
	c.t.Helper()
	calls := c.aws.Calls("lambda", invokeDeployment)
	var request deployment.Request
	if err := json.Unmarshal(calls[len(calls)-1].Body, &request); err != nil {
		c.t.Fatal(err)
	}
	return request
}

func TestRecover(t *testing.T) {
	needed := deployment.Recovered{
		State: deployment.RecoveryNeeded, Operation: deployment.OperationContinue, Status: "UPDATE_ROLLBACK_FAILED",
		Resources: []deployment.Resource{{LogicalID: "Table", PhysicalID: "t-1", Type: "AWS::DynamoDB::Table", Status: "UPDATE_FAILED", Reason: "in use"}},
	}
	running := deployment.Recovered{State: deployment.RecoveryRunning, Status: "UPDATE_ROLLBACK_IN_PROGRESS"}
	done := deployment.Recovered{State: deployment.RecoveryDone, Status: "UPDATE_ROLLBACK_COMPLETE"}
	const where = "222222222222/us-east-1/shop-data-test"

	c := newCLI(t)
	c.recovers(needed)
	c.run("recover", where).want(2, "shop-data-test in 222222222222/us-east-1: UPDATE_ROLLBACK_FAILED, to be recovered", "Table  AWS::DynamoDB::Table  t-1  UPDATE_FAILED in use", "say --yes")
	if q := c.asked(); q.Action != deployment.ActionRecover || q.Recovery.Begin || q.Recovery.Target.StackName != "shop-data-test" {
		t.Errorf("asked %+v", q)
	}

	c = newCLI(t)
	c.app.prompt, c.app.in = true, strings.NewReader("n\n")
	c.recovers(needed)
	c.run("recover", where, "--skip", "Table").want(1, "Continue its rollback, and leave Table as it is? [y/N]")
	if c.asked().Recovery.Begin {
		t.Error("it was begun without agreement")
	}

	c = newCLI(t)
	c.recovers(needed, running, done)
	c.run("recover", where, "--skip", "Table", "--yes").want(0, "shop-data-test: UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE, in order")
	if q := c.asked().Recovery; !q.Begin || q.By != "arn:aws:iam::111111111111:user/kim" || len(q.Skip) != 1 || q.ID == "" {
		t.Errorf("asked %+v", q)
	}

	c = newCLI(t)
	c.recovers(needed, deployment.Recovered{State: deployment.RecoveryStuck, Status: "UPDATE_ROLLBACK_FAILED", Reason: "in use", Next: "evenkeel recover " + where})
	c.run("recover", where, "--yes").want(1, "a person is needed: in use", "next: evenkeel recover "+where)

	c = newCLI(t)
	c.ledger("GitPushed.v1", "RunStarted.v1", "StackPlanned.v1", "StackRolledBack.v1", "RunFinished.v1")
	c.recovers(done)
	c.run("recover", "1f0c9a7b").want(0, "shop-data-test in 222222222222/us-east-1", "in order")
	if q := c.asked().Recovery; q.RunID != "1f0c9a7b-1bee13" || q.Repository != "acme/shop" || q.Target.Stack != "data" {
		t.Errorf("asked %+v", q)
	}
	c.run("recover", "1f0c9a7b", "--stage", "prod").want(3, "has no stack that failed")
	c.run("recover").want(2, "usage: evenkeel recover")
}
