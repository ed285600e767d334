package securitygroups_test

import (
	"context"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/fault"
)

func TestVersion(t *testing.T) {
	const answer = `<DescribeManagedPrefixListsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><prefixListSet>`
	for name, tt := range map[string]struct {
		lists   string
		code    string
		version int64
		state   string
		kind    string
	}{
		"changing":     {lists: `<item><prefixListId>pl-1</prefixListId><state>modify-in-progress</state><version>3</version></item>`, version: 3, state: "modify-in-progress"},
		"not there":    {},
		"gone":         {code: "InvalidPrefixListID.NotFound"},
		"not allowed":  {code: "UnauthorizedOperation", kind: fault.PermanentError},
		"asked a lot":  {code: "RequestLimitExceeded", kind: fault.TransientError},
		"one of AWS's": {lists: `<item><prefixListId>pl-1</prefixListId><state>create-complete</state><ownerId>AWS</ownerId></item>`, state: "create-complete"},
	} {
		t.Run(name, func(t *testing.T) {
			stub, groups := start(t)
			if tt.code != "" {
				stub.On("ec2", "DescribeManagedPrefixLists", func(awsstub.Call) awsstub.Answer { return awsstub.EC2Error(400, tt.code, "no") })
			} else {
				stub.Reply("ec2", "DescribeManagedPrefixLists", answer+tt.lists+`</prefixListSet></DescribeManagedPrefixListsResponse>`)
			}
			version, state, ok, err := groups.Version(context.Background(), at, "pl-1")
			if version != tt.version || state != tt.state || ok != (tt.state != "") || (err != nil) != (tt.kind != "") || err != nil && !fault.Is(err, tt.kind) {
				t.Errorf("%d, %q, %v, %v", version, state, ok, err)
			}
		})
	}
}
