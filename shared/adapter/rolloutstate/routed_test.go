package rolloutstate_test

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func TestRouted(t *testing.T) {
	stub, store := start(t)
	routed := func(name, account string, router pipeline.Router) string {
		r := record(name)
		r.Request.Target.Account = account
		r.Request.Rollout.Router = router
		return stored(t, r, "1")
	}
	stub.Reply("dynamodb", "Scan", `{"Items":[`+
		routed("b", "222222222222", pipeline.Router{ALB: &pipeline.ALBRouter{Rule: "arn:rule"}})+`,`+
		routed("a", "222222222222", pipeline.Router{ALB: &pipeline.ALBRouter{Listener: "arn:listener"}})+`,`+
		routed("c", "222222222222", pipeline.Router{ALB: &pipeline.ALBRouter{Listener: "arn:listener"}})+`,`+
		routed("d", "222222222222", pipeline.Router{Route53: &pipeline.Route53Router{Zone: "Z1"}})+`,`+
		routed("e", "333333333333", pipeline.Router{ALB: &pipeline.ALBRouter{Listener: "arn:another"}})+`]}`)
	got, err := store.Routed(t.Context(), "222222222222", "us-east-1")
	if err != nil || !slices.Equal(got, []string{"arn:listener", "arn:rule"}) {
		t.Errorf("%v, %v", got, err)
	}
	stub.On("dynamodb", "Scan", func(awsstub.Call) awsstub.Answer { return awsstub.JSONError("ThrottlingException", "slow down") })
	if _, err := store.Routed(t.Context(), "222222222222", "us-east-1"); !fault.Is(err, fault.TransientError) {
		t.Errorf("%v", err)
	}
}
