package objects_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

func s3Error(status int, code string) func(awsstub.Call) awsstub.Answer {
	return func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: status, Body: "<Error><Code>" + code + "</Code><Message>no</Message></Error>"}
	}
}

func TestGetAndFind(t *testing.T) {
	stub := awsstub.Start(t)
	bucket := objects.New(stub.Config(), "b")
	stub.Reply("s3", "GET /b/k", "content")
	if got, err := bucket.Get(t.Context(), "k"); err != nil || string(got) != "content" {
		t.Errorf("%s, %v", got, err)
	}
	stub.On("s3", "GET /b/k", s3Error(404, "NoSuchKey"))
	if _, err := bucket.Get(t.Context(), "k"); !errors.Is(err, objects.ErrNotFound) || !fault.Is(err, fault.PermanentError) {
		t.Errorf("missing: %v", err)
	}
	if _, found, err := bucket.Find(t.Context(), "k"); found || err != nil {
		t.Errorf("missing: %v, %v", found, err)
	}
	if _, err := bucket.File(t.Context(), "k", "a"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("missing archive: %v", err)
	}
	stub.On("s3", "GET /b/k", s3Error(503, "SlowDown"))
	if _, _, err := bucket.Find(t.Context(), "k"); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
	stub.On("s3", "GET /b/k", s3Error(403, "AccessDenied"))
	if _, _, err := bucket.Find(t.Context(), "k"); !fault.Is(err, fault.PermanentError) {
		t.Errorf("denied: %v", err)
	}
}

func TestFileOfAnArchive(t *testing.T) {
	tree, err := source.NewTree([]source.File{{Path: "templates/a.yaml", Data: []byte("Resources: {}")}})
	if err != nil {
		t.Fatal(err)
	}
	archive, err := tree.Zip()
	if err != nil {
		t.Fatal(err)
	}
	stub := awsstub.Start(t)
	bucket := objects.New(stub.Config(), "b")
	stub.Reply("s3", "GET /b/sources/acme/shop/c.zip", string(archive))
	if got, err := bucket.File(t.Context(), "sources/acme/shop/c.zip", "templates/a.yaml"); err != nil || string(got) != "Resources: {}" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := bucket.File(t.Context(), "sources/acme/shop/c.zip", "templates/b.yaml"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("missing file: %v", err)
	}
}

func TestPutAndShare(t *testing.T) {
	stub := awsstub.Start(t)
	bucket := objects.New(stub.Config(), "b")
	stub.Reply("s3", "PUT /b/plans/r/test/network.json", "")
	if err := bucket.Put(t.Context(), "plans/r/test/network.json", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if calls := stub.Calls("s3", "PUT /b/plans/r/test/network.json"); len(calls) != 1 || !strings.Contains(string(calls[0].Body), `{}`) {
		t.Errorf("calls = %+v", calls)
	}
	url, err := bucket.Share(t.Context(), "k", 10*time.Minute)
	if err != nil || !strings.Contains(url, "/b/k?") || !strings.Contains(url, "X-Amz-Expires=600") {
		t.Errorf("%s, %v", url, err)
	}
}
