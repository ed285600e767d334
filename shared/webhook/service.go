package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// Lease is how long a delivery stays claimed by an invocation that never came
// back. It is longer than the function may run, so a second invocation never
// works on the same delivery, and short enough that a person who presses
// Redeliver is not refused.
const Lease = time.Minute

// Registry knows the repositories. An unknown one is source.ErrNotRegistered.
type Registry interface {
	Repository(ctx context.Context, name string) (source.Repository, error)
}

// Secrets reads a secret by its name.
type Secrets interface {
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Publisher puts facts on the bus.
type Publisher interface {
	Publish(ctx context.Context, facts ...events.Fact) error
}

// Claim says what an attempt to claim a delivery found.
type Claim int

// The claims.
const (
	Taken    Claim = iota // this invocation works on it now
	InFlight              // another invocation does, and its lease has not run out
	Done                  // it was dealt with
)

// Deliveries remembers deliveries, so that one is dealt with once.
type Deliveries interface {
	// Claim takes a delivery until now+lease unless it is done or in flight.
	Claim(ctx context.Context, key Key, now time.Time, lease time.Duration) (Claim, error)
	// Complete marks it as done, with the result.
	Complete(ctx context.Context, key Key, now time.Time, result Result) error
	// Release gives it back after a failure, so that it can be delivered again.
	Release(ctx context.Context, key Key) error
}

// Key identifies a delivery.
type Key struct{ Provider, ID string }

// Service receives pushes and changes of pull requests.
type Service struct {
	Providers  []Provider
	Registry   Registry
	Secrets    Secrets
	Deliveries Deliveries
	Bus        Publisher
	Now        func() time.Time
}

// Receive deals with one webhook request. Every outcome is a response.
func (s *Service) Receive(ctx context.Context, r Request) Response {
	if r.Method != http.MethodPost {
		return refused(http.StatusMethodNotAllowed, "send a POST request", nil)
	}
	if len(r.Body) > MaxBody {
		return refused(http.StatusRequestEntityTooLarge, "the body is larger than 4 MiB", nil)
	}
	for _, p := range s.Providers {
		if p.Sent(r) {
			return s.receiveFrom(ctx, p, r)
		}
	}
	return refused(http.StatusBadRequest, "x-github-event: missing: the request is from no provider that is known here", nil)
}

func (s *Service) receiveFrom(ctx context.Context, p Provider, r Request) Response {
	d, err := p.Delivery(r)
	if err != nil {
		return failure(err)
	}
	answer := s.verified(ctx, p, d, r)
	answer.Delivery, answer.Repository = d.ID, d.Repository
	return answer
}

// verified checks the signature. An unknown repository, a wrong provider and a
// wrong signature get the same answer, so that a stranger learns nothing; the
// log has the cause.
func (s *Service) verified(ctx context.Context, p Provider, d Delivery, r Request) Response {
	const unverified = "the signature could not be verified: check that the repository is registered and that the webhook's secret is the registered one"
	repository, err := s.Registry.Repository(ctx, d.Repository)
	if errors.Is(err, source.ErrNotRegistered) {
		return refused(http.StatusUnauthorized, unverified, err)
	}
	if err != nil {
		return failure(err)
	}
	if repository.Provider != p.Name() || repository.WebhookSecret == "" {
		return refused(http.StatusUnauthorized, unverified, errors.New("it is registered for "+repository.Provider))
	}
	secret, err := s.Secrets.Secret(ctx, repository.WebhookSecret)
	if err != nil {
		return failure(err)
	}
	if !p.Verify(r, secret) {
		return refused(http.StatusUnauthorized, unverified, errors.New("wrong or missing signature"))
	}
	return s.dispatch(ctx, p, d, r, repository)
}

func (s *Service) dispatch(ctx context.Context, p Provider, d Delivery, r Request, repository source.Repository) Response {
	switch d.Kind {
	case KindPing:
		return Response{Status: http.StatusOK, Result: Ignored, Message: "the webhook of " + d.Repository + " works"}
	case KindOther:
		return Response{Status: http.StatusAccepted, Result: Ignored, Message: "nothing to do for the event " + printable(d.Event)}
	}
	work, err := s.work(p, d, r, repository)
	if err != nil {
		return failure(err)
	}
	// The signature covers the body and not the delivery id: a body that was
	// caught on the way could be sent again under a new id. So both are claimed.
	digest := sha256.Sum256(r.Body)
	keys := []Key{{p.Name(), d.ID}, {p.Name(), "sha256:" + hex.EncodeToString(digest[:])}}
	answer, err := s.once(ctx, keys, func() (Response, error) { return work(ctx) })
	if err != nil {
		return failure(err)
	}
	return answer
}

// work reads the body of a verified delivery and returns what is to be done
// about it, once.
func (s *Service) work(p Provider, d Delivery, r Request, repository source.Repository) (func(context.Context) (Response, error), error) {
	if reader, ok := p.(PullRequests); ok && d.Kind == KindPullRequest {
		pull, err := reader.PullRequest(r)
		return func(ctx context.Context) (Response, error) { return s.publishPullRequest(ctx, pull, repository, d.ID) }, err
	}
	push, err := p.Push(r)
	return func(ctx context.Context) (Response, error) { return s.publish(ctx, push, repository, d.ID) }, err
}

// ReceiveEvent deals with a CodeCommit event from EventBridge. What cannot be
// understood or is not registered is dropped with a reason, since repeating it
// would not help; an error asks for another delivery.
func (s *Service) ReceiveEvent(ctx context.Context, e events.Envelope[events.RepositoryStateDetail]) (Response, error) {
	push, err := codeCommitPush(e.Detail)
	if err != nil {
		return failure(err), nil
	}
	return s.fromCodeCommit(ctx, push.Repository, e.ID, func(repository source.Repository) (Response, error) {
		return s.publish(ctx, push, repository, e.ID)
	})
}

// fromCodeCommit deals once with an event about a repository.
func (s *Service) fromCodeCommit(ctx context.Context, name, event string, work func(source.Repository) (Response, error)) (Response, error) {
	repository, err := s.Registry.Repository(ctx, name)
	switch {
	case errors.Is(err, source.ErrNotRegistered):
		return ignored(name + " is not registered"), nil
	case err != nil:
		return Response{}, err
	case repository.Provider != source.CodeCommit:
		return ignored(name + " is registered for " + repository.Provider), nil
	}
	answer, err := s.once(ctx, []Key{{source.CodeCommit, event}}, func() (Response, error) { return work(repository) })
	answer.Delivery, answer.Repository = event, name
	return answer, err
}

// once claims every key, works, and completes or releases the claims. When the
// work succeeded and completing fails, the claim runs out and the delivery may
// be worked on again: consumers know the fact by its id.
func (s *Service) once(ctx context.Context, keys []Key, work func() (Response, error)) (Response, error) {
	for i, key := range keys {
		claim, err := s.Deliveries.Claim(ctx, key, s.Now(), Lease)
		if err == nil && claim == Taken {
			continue
		}
		err = errors.Join(err, s.release(ctx, keys[:i]))
		switch {
		case err != nil:
			return Response{}, err
		case claim == InFlight && key.Provider == source.CodeCommit:
			return Response{}, fault.Conflict("the event %s is being worked on", key.ID)
		case claim == InFlight:
			return refused(http.StatusConflict, "this delivery is being worked on", nil), nil
		default:
			return refused(http.StatusConflict, "this delivery was received before; to run it again, push again", nil), nil
		}
	}
	answer, err := work()
	if err != nil {
		return Response{}, errors.Join(err, s.release(ctx, keys))
	}
	for _, key := range keys {
		if err := s.Deliveries.Complete(ctx, key, s.Now(), answer.Result); err != nil {
			answer.Cause = "not marked as done: " + err.Error()
		}
	}
	return answer, nil
}

// release gives the claims back even when the caller's time is up.
func (s *Service) release(ctx context.Context, keys []Key) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	var errs []error
	for _, key := range keys {
		errs = append(errs, s.Deliveries.Release(ctx, key))
	}
	return errors.Join(errs...)
}

func (s *Service) publish(ctx context.Context, push Push, repository source.Repository, delivery string) (Response, error) {
	if reason := push.Ignored(); reason != "" {
		return ignored(reason), nil
	}
	pushed := events.GitPushed{
		Repository: repository.Name, Provider: repository.Provider, CloneURL: repository.CloneURL,
		Branch: push.Branch, Commit: push.Commit, Before: push.Before, Actor: push.Actor, DeliveryID: delivery,
		Authors: push.Authors,
	}
	fact := events.Fact{Data: pushed, Metadata: events.Metadata{
		ID: factID("GitPushed", repository.Provider, delivery), CorrelationID: pushed.RunID(), CausationID: delivery, Time: s.Now().UTC(),
	}}
	if err := s.Bus.Publish(ctx, fact); err != nil {
		return Response{}, err
	}
	return Response{
		Status: http.StatusAccepted, Result: Published, EventID: fact.Metadata.ID, RunID: pushed.RunID(),
		Message: "run " + pushed.RunID() + " for " + push.Branch + " of " + repository.Name,
	}, nil
}

// factID is the same for every attempt at a delivery, so that a repeated fact
// is known as one.
func factID(fact, provider, delivery string) string {
	sum := sha256.Sum256([]byte(fact + "\n" + provider + "\n" + delivery))
	return hex.EncodeToString(sum[:16])
}

func ignored(message string) Response {
	return Response{Status: http.StatusAccepted, Result: Ignored, Message: message}
}

func refused(status int, message string, cause error) Response {
	r := Response{Status: status, Result: Refused, Message: message}
	if cause != nil {
		r.Cause = cause.Error()
	}
	return r
}

// failure answers an error: what was malformed is named, what is our own fault
// is not shown to the outside.
func failure(err error) Response {
	var bad *Malformed
	if errors.As(err, &bad) {
		return refused(http.StatusBadRequest, bad.Error(), nil)
	}
	status := http.StatusInternalServerError
	if k := fault.Kind(err); k == fault.TransientError || k == fault.ConflictError {
		status = http.StatusServiceUnavailable
	}
	return Response{Status: status, Result: Failed, Message: "the delivery could not be dealt with; deliver it again", Cause: err.Error()}
}
