package webhook_test

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

// world is every port of the service, in memory.
type world struct {
	mu         sync.Mutex
	now        time.Time
	repos      map[string]source.Repository
	secrets    map[string]string
	reads      int
	deliveries map[webhook.Key]delivery
	published  []events.Fact
	failing    map[string]error // by port method
}

type delivery struct {
	done  bool
	until time.Time
}

func newWorld() *world {
	return &world{
		now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		repos: map[string]source.Repository{
			"acme/shop": {Name: "acme/shop", Provider: source.GitHub, CloneURL: "https://git.example.com/acme/shop.git", WebhookSecret: "/evenkeel/secrets/shop"},
			"ledger":    {Name: "ledger", Provider: source.CodeCommit, CloneURL: "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/ledger"},
		},
		secrets:    map[string]string{"/evenkeel/secrets/shop": "correct horse"},
		deliveries: map[webhook.Key]delivery{},
		failing:    map[string]error{},
	}
}

func (w *world) service() *webhook.Service {
	return &webhook.Service{Providers: webhook.Providers(), Registry: w, Secrets: w, Deliveries: w, Bus: w, Now: func() time.Time { return w.now }}
}

func (w *world) Repository(_ context.Context, name string) (source.Repository, error) {
	if r, ok := w.repos[name]; ok {
		return r, w.failing["Repository"]
	}
	return source.Repository{}, source.ErrNotRegistered
}

func (w *world) Secret(_ context.Context, name string) ([]byte, error) {
	w.reads++
	return []byte(w.secrets[name]), w.failing["Secret"]
}

func (w *world) Claim(_ context.Context, key webhook.Key, now time.Time, lease time.Duration) (webhook.Claim, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.failing["Claim "+key.ID[:6]]; err != nil {
		return 0, err
	}
	d, known := w.deliveries[key]
	switch {
	case d.done:
		return webhook.Done, nil
	case known && now.Before(d.until):
		return webhook.InFlight, nil
	}
	w.deliveries[key] = delivery{until: now.Add(lease)}
	return webhook.Taken, nil
}

func (w *world) Complete(_ context.Context, key webhook.Key, _ time.Time, _ webhook.Result) error {
	if err := w.failing["Complete"]; err != nil {
		return err
	}
	w.deliveries[key] = delivery{done: true}
	return nil
}

func (w *world) Release(_ context.Context, key webhook.Key) error {
	if err := w.failing["Release"]; err != nil {
		return err
	}
	delete(w.deliveries, key)
	return nil
}

func (w *world) Publish(_ context.Context, facts ...events.Fact) error {
	if err := w.failing["Publish"]; err != nil {
		return err
	}
	w.published = append(w.published, facts...)
	return nil
}

const deliveryOne = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

func signed(body []byte, event string) webhook.Request {
	return webhook.Request{Method: http.MethodPost, Body: body, Header: map[string]string{
		"x-github-event": event, "x-github-delivery": deliveryOne, "content-type": "application/json; charset=utf-8",
		"x-hub-signature-256": webhook.Sign(body, []byte("correct horse")),
	}}
}

func TestReceive(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		event   string
		change  func(*webhook.Request)
		status  int
		result  webhook.Result
		message string
		publish int
	}{
		{"push", "github-push.json", "push", nil, 202, webhook.Published, "for main of acme/shop", 1},
		{"ping", "github-ping.json", "ping", nil, 200, webhook.Ignored, "works", 0},
		{"other event", "github-star.json", "star", nil, 202, webhook.Ignored, "star", 0},
		{"branch delete", "github-push-branch-delete.json", "push", nil, 202, webhook.Ignored, "was deleted", 0},
		{"tag", "github-push-tag.json", "push", nil, 202, webhook.Ignored, "tag v1.0.0", 0},
		{"forged", "github-push.json", "push", func(r *webhook.Request) { r.Body = append(r.Body, ' ') }, 401, webhook.Refused, "could not be verified", 0},
		{"forged ping", "github-ping.json", "ping", func(r *webhook.Request) { r.Body = append(r.Body, ' ') }, 401, webhook.Refused, "could not be verified", 0},
		{"unsigned", "github-push.json", "push", func(r *webhook.Request) { delete(r.Header, "x-hub-signature-256") }, 401, webhook.Refused, "could not be verified", 0},
		{"sha1 signature only", "github-push.json", "push", func(r *webhook.Request) {
			r.Header["x-hub-signature"] = "sha1=0000"
			delete(r.Header, "x-hub-signature-256")
		}, 401, webhook.Refused, "could not be verified", 0},
		{"get", "github-push.json", "push", func(r *webhook.Request) { r.Method = "GET" }, 405, webhook.Refused, "POST", 0},
		{"too large", "github-push.json", "push", func(r *webhook.Request) { r.Body = make([]byte, webhook.MaxBody+1) }, 413, webhook.Refused, "4 MiB", 0},
		{"no provider", "github-push.json", "", nil, 400, webhook.Refused, "x-github-event", 0},
		{"no delivery id", "github-push.json", "push", func(r *webhook.Request) { delete(r.Header, "x-github-delivery") }, 400, webhook.Refused, "x-github-delivery", 0},
		{"form", "github-push.json", "push", func(r *webhook.Request) { r.Header["content-type"] = "application/x-www-form-urlencoded" }, 400, webhook.Refused, "content-type", 0},
		{"not JSON", "signatures.json", "push", nil, 400, webhook.Refused, "body", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			r := signed(sample(t, tt.file), tt.event)
			if tt.change != nil {
				tt.change(&r)
			}
			got := w.service().Receive(t.Context(), r)
			if got.Status != tt.status || got.Result != tt.result || !strings.Contains(got.Message, tt.message) {
				t.Errorf("got %d %s %q, want %d %s %q", got.Status, got.Result, got.Message, tt.status, tt.result, tt.message)
			}
			if len(w.published) != tt.publish {
				t.Errorf("published %d facts, want %d", len(w.published), tt.publish)
			}
			if got.Result == webhook.Refused && len(w.deliveries) != 0 {
				t.Errorf("a refused request left claims: %v", w.deliveries)
			}
		})
	}
}

func TestTheCloneURLComesFromTheRegistry(t *testing.T) {
	w := newWorld()
	body := sample(t, "github-push.json")
	if !strings.Contains(string(body), "https://attacker.example/") {
		t.Fatal("the sample should name another address")
	}
	answer := w.service().Receive(t.Context(), signed(body, "push"))
	want := events.GitPushed{
		Repository: "acme/shop", Provider: "github", CloneURL: "https://git.example.com/acme/shop.git",
		Branch: "main", Commit: after, Before: before, Actor: "dana", DeliveryID: deliveryOne, Authors: []string{"dana@example.com"},
	}
	if len(w.published) != 1 || !reflect.DeepEqual(w.published[0].Data, want) {
		t.Fatalf("published %+v, want %+v", w.published, want)
	}
	if m := w.published[0].Metadata; m.ID != answer.EventID || m.CorrelationID != want.RunID() || m.CausationID != deliveryOne || !m.Time.Equal(w.now) {
		t.Errorf("metadata = %+v", m)
	}
}

func TestAStrangerLearnsNothing(t *testing.T) {
	answers := map[string]webhook.Response{}
	for name, change := range map[string]func(*world){
		"wrong secret":   func(w *world) { w.secrets["/evenkeel/secrets/shop"] = "other" },
		"not registered": func(w *world) { delete(w.repos, "acme/shop") },
		"other provider": func(w *world) { w.repos["acme/shop"] = source.Repository{Provider: source.CodeCommit} },
		"empty secret":   func(w *world) { w.secrets["/evenkeel/secrets/shop"] = "" },
	} {
		w := newWorld()
		change(w)
		answer := w.service().Receive(t.Context(), signed(sample(t, "github-push.json"), "push"))
		if answer.Cause == "" || len(w.published) != 0 {
			t.Errorf("%s: cause %q, %d published", name, answer.Cause, len(w.published))
		}
		answer.Cause = ""
		answers[name] = answer
	}
	distinct := slices.Compact(slices.SortedFunc(maps.Values(answers), func(a, b webhook.Response) int { return strings.Compare(a.Message, b.Message) }))
	if len(distinct) != 1 || distinct[0].Status != 401 {
		t.Errorf("the answers differ: %+v", answers)
	}
}

func TestReplay(t *testing.T) {
	w := newWorld()
	s := w.service()
	request := signed(sample(t, "github-push.json"), "push")
	if got := s.Receive(t.Context(), request); got.Status != 202 {
		t.Fatalf("first: %+v", got)
	}
	if got := s.Receive(t.Context(), request); got.Status != 409 {
		t.Errorf("the same delivery again: %d, want 409", got.Status)
	}
	// The delivery id is not signed, so a caught body could come under a new one.
	request.Header["x-github-delivery"] = "00000000-0000-0000-0000-000000000000"
	if got := s.Receive(t.Context(), request); got.Status != 409 {
		t.Errorf("the same body under a new delivery id: %d, want 409", got.Status)
	}
	if len(w.published) != 1 {
		t.Errorf("published %d facts, want 1", len(w.published))
	}
}

func TestADeliveryThatFailedCanBeSentAgain(t *testing.T) {
	for _, failing := range []string{"Publish", "Repository", "Secret", "Claim " + deliveryOne[:6], "Claim sha256"} {
		t.Run(failing, func(t *testing.T) {
			w := newWorld()
			w.failing[failing] = fault.Transient("throttled")
			request := signed(sample(t, "github-push.json"), "push")
			got := w.service().Receive(t.Context(), request)
			if got.Status != 503 || got.Result != webhook.Failed || strings.Contains(got.Message, "throttled") {
				t.Fatalf("got %+v, want 503 without the cause in the message", got)
			}
			if got.Cause != "throttled" && !strings.HasPrefix(got.Cause, "throttled") {
				t.Errorf("cause = %q", got.Cause)
			}
			w.failing = map[string]error{}
			if got := w.service().Receive(t.Context(), request); got.Status != 202 || len(w.published) != 1 {
				t.Errorf("redelivered: %+v, %d published", got, len(w.published))
			}
		})
	}
}

// An invocation that dies after its claim leaves it behind. Until the lease
// runs out the delivery is in flight, then it can be sent again.
func TestALostInvocationIsNotALostPush(t *testing.T) {
	w := newWorld()
	w.failing["Publish"] = fault.Permanent("broken")
	w.failing["Release"] = fault.Transient("throttled")
	request := signed(sample(t, "github-push.json"), "push")
	if got := w.service().Receive(t.Context(), request); got.Status != 500 {
		t.Fatalf("got %+v", got)
	}
	w.failing = map[string]error{}
	if got := w.service().Receive(t.Context(), request); got.Status != 409 || !strings.Contains(got.Message, "being worked on") {
		t.Errorf("within the lease: %+v", got)
	}
	w.now = w.now.Add(webhook.Lease)
	if got := w.service().Receive(t.Context(), request); got.Status != 202 || len(w.published) != 1 {
		t.Errorf("after the lease: %+v", got)
	}
}

// When the fact is out but the delivery cannot be marked, it may be published
// again: under the same id and for the same run, so that consumers know it.
func TestPublishedTwiceIsTheSameFact(t *testing.T) {
	w := newWorld()
	w.failing["Complete"] = fault.Transient("throttled")
	request := signed(sample(t, "github-push.json"), "push")
	first := w.service().Receive(t.Context(), request)
	w.now = w.now.Add(webhook.Lease)
	second := w.service().Receive(t.Context(), request)
	if first.Status != 202 || second.Status != 202 || first.Cause == "" {
		t.Fatalf("first %+v, second %+v", first, second)
	}
	if len(w.published) != 2 || first.EventID != second.EventID || first.RunID != second.RunID {
		t.Errorf("the repeated fact is not the same: %+v, %+v", first, second)
	}
}

func codeCommitEvent(change func(*events.RepositoryStateDetail)) events.Envelope[events.RepositoryStateDetail] {
	e := events.Envelope[events.RepositoryStateDetail]{ID: "5c1f0f3e-1111-2222-3333-444455556666", Detail: events.RepositoryStateDetail{
		Event: "referenceUpdated", RepositoryName: "ledger", ReferenceType: "branch", ReferenceName: "main", ReferenceFullName: "refs/heads/main",
		CommitID: after, OldCommitID: before, CallerUserARN: "arn:aws:iam::111111111111:user/dana",
	}}
	if change != nil {
		change(&e.Detail)
	}
	return e
}

func TestCodeCommit(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*events.RepositoryStateDetail)
		result  webhook.Result
		message string
	}{
		{"updated", nil, webhook.Published, "for main of ledger"},
		{"created", func(d *events.RepositoryStateDetail) { d.Event, d.OldCommitID = "referenceCreated", "" }, webhook.Published, "for main of ledger"},
		{"deleted", func(d *events.RepositoryStateDetail) { d.Event, d.CommitID = "referenceDeleted", "" }, webhook.Ignored, "was deleted"},
		{"tag", func(d *events.RepositoryStateDetail) { d.ReferenceFullName = "refs/tags/v1" }, webhook.Ignored, "only branches"},
		{"not registered", func(d *events.RepositoryStateDetail) { d.RepositoryName = "other" }, webhook.Ignored, "other is not registered"},
		{"bad commit", func(d *events.RepositoryStateDetail) { d.CommitID = "main" }, webhook.Refused, "detail.commitId"},
		{"bad name", func(d *events.RepositoryStateDetail) { d.RepositoryName = "acme/shop" }, webhook.Refused, "detail.repositoryName"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			got, err := w.service().ReceiveEvent(t.Context(), codeCommitEvent(tt.change))
			if err != nil || got.Result != tt.result || !strings.Contains(got.Message, tt.message) {
				t.Fatalf("got %+v, %v; want %s %q", got, err, tt.result, tt.message)
			}
			again, err := w.service().ReceiveEvent(t.Context(), codeCommitEvent(tt.change))
			if err != nil || again.Result == webhook.Published {
				t.Errorf("EventBridge delivers at least once; the second delivery gave %+v, %v", again, err)
			}
		})
	}
}

func TestCodeCommitAsksForAnotherDelivery(t *testing.T) {
	w := newWorld()
	w.failing["Publish"] = fault.Transient("throttled")
	if _, err := w.service().ReceiveEvent(t.Context(), codeCommitEvent(nil)); !fault.Is(err, fault.TransientError) {
		t.Errorf("error = %v, want TransientError", err)
	}
	w.failing = map[string]error{}
	w.deliveries[webhook.Key{Provider: source.CodeCommit, ID: codeCommitEvent(nil).ID}] = delivery{until: w.now.Add(time.Second)}
	if _, err := w.service().ReceiveEvent(t.Context(), codeCommitEvent(nil)); !fault.Is(err, fault.ConflictError) {
		t.Errorf("in flight: error = %v, want ConflictError", err)
	}
}

func TestSecretsAreKeptFiveMinutes(t *testing.T) {
	w := newWorld()
	cached := webhook.NewCachedSecrets(w, func() time.Time { return w.now })
	read := func() string {
		secret, err := cached.Secret(t.Context(), "/evenkeel/secrets/shop")
		if err != nil {
			t.Fatal(err)
		}
		return string(secret)
	}
	read()
	w.secrets["/evenkeel/secrets/shop"] = "rotated"
	w.now = w.now.Add(webhook.SecretAge - time.Second)
	if got := read(); got != "correct horse" || w.reads != 1 {
		t.Errorf("before: %q after %d reads", got, w.reads)
	}
	w.now = w.now.Add(time.Second)
	if got := read(); got != "rotated" || w.reads != 2 {
		t.Errorf("after: %q after %d reads", got, w.reads)
	}
	w.failing["Secret"] = fault.Transient("throttled")
	w.now = w.now.Add(webhook.SecretAge)
	if _, err := cached.Secret(t.Context(), "/evenkeel/secrets/shop"); err == nil {
		t.Error("an error was hidden")
	}
}
