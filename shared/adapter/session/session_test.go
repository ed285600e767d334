package session_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/session"
)

// TestWorkloadsAssumeTheRoleOnce: a warm function keeps its sessions, and each
// account and region has its own.
func TestWorkloadsAssumeTheRoleOnce(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("sts", "GetCallerIdentity", `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	workloads := session.NewWorkloads(stub.Config(), "evenkeel-deploy")
	for range 3 {
		cfg := workloads.In("222222222222", "eu-west-1")
		if cfg.Region != "eu-west-1" {
			t.Errorf("region %s", cfg.Region)
		}
		if _, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
			t.Fatal(err)
		}
	}
	assumed := stub.Calls("sts", "AssumeRole")
	if len(assumed) != 1 || !strings.Contains(string(assumed[0].Body), "222222222222%3Arole%2Fevenkeel-deploy") {
		t.Errorf("%d calls of AssumeRole, want 1 for the account's role: %s", len(assumed), assumed)
	}
	for _, call := range stub.Calls("sts", "GetCallerIdentity") {
		if call.Account != "222222222222" {
			t.Errorf("called as account %q", call.Account)
		}
	}
}

// TestClientsShareConnections: a client that is made for one call opens no
// connection for it, however many come, also in another account.
func TestClientsShareConnections(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "", "AWS_CA_BUNDLE": ""} {
		t.Setenv(name, value)
	}
	hub, err := session.Hub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	home := session.NewWorkloads(hub, "")
	const clients = 40
	for i := range clients {
		if _, err := session.Caller(t.Context(), home.In(strconv.Itoa(i%2), "eu-west-1")); err != nil {
			t.Fatal(err)
		}
	}
	// A connection is idle a moment after its answer was read, so that now and then
	// another one is opened.
	if n := opened.Load(); n > clients/4 {
		t.Errorf("%d clients, one after the other, opened %d connections", clients, n)
	}
}

// TestARoleOfAStage: it is assumed for one repository, and kept apart from the
// installation's own.
func TestARoleOfAStage(t *testing.T) {
	stub := awsstub.Start(t)
	workloads := session.NewWorkloads(stub.Config(), "evenkeel-deploy")
	for _, role := range []string{"", "evenkeel-deploy-shop", "evenkeel-deploy-shop"} {
		if _, err := workloads.As("222222222222", "us-east-1", role, "acme/shop").Credentials.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	assumed := stub.Calls("sts", "AssumeRole")
	if len(assumed) != 2 {
		t.Fatalf("%d calls of AssumeRole, want one a role", len(assumed))
	}
	if own := string(assumed[0].Body); strings.Contains(own, "ExternalId") || !strings.Contains(own, "role%2Fevenkeel-deploy&") {
		t.Errorf("the installation's own: %s", own)
	}
	if stages := string(assumed[1].Body); !strings.Contains(stages, "ExternalId=acme%2Fshop") || !strings.Contains(stages, "role%2Fevenkeel-deploy-shop") {
		t.Errorf("the stage's: %s", stages)
	}
}

func TestWorkloadsWithoutARoleStayHome(t *testing.T) {
	stub := awsstub.Start(t)
	hub := stub.Config()
	cfg := session.NewWorkloads(hub, "").In("222222222222", "")
	if cfg.Region != hub.Region {
		t.Errorf("region %s, want %s", cfg.Region, hub.Region)
	}
	if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(stub.Calls("sts", "")) != 0 {
		t.Error("a role was assumed")
	}
}

func TestCaller(t *testing.T) {
	stub := awsstub.Start(t)
	stub.Reply("sts", "GetCallerIdentity", `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/ada</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	got, err := session.Caller(t.Context(), stub.Config())
	if err != nil || got != "arn:aws:iam::1:user/ada" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPartition(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "aws", "eu-central-2": "aws", "": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"} {
		if got := session.Partition(region); got != want {
			t.Errorf("%q is in %s, want %s", region, got, want)
		}
	}
}

// TestRolesOfOtherPartitions: the role's ARN is of the region's partition.
func TestRolesOfOtherPartitions(t *testing.T) {
	stub := awsstub.Start(t)
	cfg := session.NewWorkloads(stub.Config(), "evenkeel-deploy").In("222222222222", "us-gov-west-1")
	if _, err := cfg.Credentials.Retrieve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if assumed := stub.Calls("sts", "AssumeRole"); len(assumed) != 1 || !strings.Contains(string(assumed[0].Body), "arn%3Aaws-us-gov%3Aiam%3A%3A222222222222") {
		t.Errorf("assumed %s", assumed)
	}
}
