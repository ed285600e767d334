package assets_test

import (
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/assets"
	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
	"github.com/evenkeel/evenkeel/shared/fault"
)

const bucket = "cdk-hnb659fds-assets-222222222222-eu-west-1"

func answer(status int, code string) func(awsstub.Call) awsstub.Answer {
	return func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: status, Body: "<Error><Code>" + code + "</Code><Message>no</Message></Error>"}
	}
}

func TestAssets(t *testing.T) {
	stub := awsstub.Start(t)
	b := assets.New(session.NewWorkloads(stub.Config(), "evenkeel-deploy"))
	to := events.Target{Account: "222222222222", Region: "eu-west-1"}
	stub.On("s3", "HEAD /"+bucket+"/a.zip", func(awsstub.Call) awsstub.Answer { return awsstub.Answer{} })
	stub.On("s3", "HEAD /"+bucket+"/b.zip", func(awsstub.Call) awsstub.Answer { return awsstub.Answer{Status: 404} })
	stub.On("s3", "HEAD /"+bucket+"/c.zip", func(awsstub.Call) awsstub.Answer { return awsstub.Answer{Status: 403} })
	if there, _, err := b.Has(t.Context(), to, bucket, "a.zip"); err != nil || !there {
		t.Errorf("%v, %v", there, err)
	}
	if there, _, err := b.Has(t.Context(), to, bucket, "b.zip"); err != nil || there {
		t.Errorf("%v, %v", there, err)
	}
	if _, _, err := b.Has(t.Context(), to, bucket, "c.zip"); !fault.Is(err, fault.PermanentError) || !strings.Contains(err.Error(), "must belong to the account 222222222222") {
		t.Errorf("the bucket of somebody else: %v", err)
	}
	stub.Reply("s3", "PUT /"+bucket+"/b.zip", "")
	if err := b.Put(t.Context(), to, bucket, "b.zip", []byte("content")); err != nil {
		t.Fatal(err)
	}
	put := stub.Calls("s3", "PUT /"+bucket+"/b.zip")
	if len(put) != 1 || put[0].Account != "222222222222" || !strings.Contains(string(put[0].Body), "content") {
		t.Errorf("calls %+v", put)
	}
	for _, call := range stub.Calls("s3", "") {
		if owner := call.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "222222222222" {
			t.Errorf("%s expects the owner %q", call.Action, owner)
		}
	}
	stub.On("s3", "PUT /"+bucket+"/b.zip", answer(404, "NoSuchBucket"))
	if err := b.Put(t.Context(), to, bucket, "b.zip", nil); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "npx cdk bootstrap aws://222222222222/eu-west-1") {
		t.Errorf("an account that is not bootstrapped: %v", err)
	}
	stub.On("s3", "PUT /"+bucket+"/b.zip", answer(503, "SlowDown"))
	if err := b.Put(t.Context(), to, bucket, "b.zip", nil); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
}
