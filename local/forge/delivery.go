package forge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/local/emulator"
)

// Delivery is one announcement of a push or of a pull request.
type Delivery struct {
	ID         string          `json:"id"` // X-GitHub-Delivery
	Repository string          `json:"repository"`
	Event      string          `json:"event"` // X-GitHub-Event, or the EventBridge detail-type
	Ref        string          `json:"ref"`
	Commit     string          `json:"commit"`
	Time       time.Time       `json:"time"`
	Redelivery bool            `json:"redelivery"`
	Status     int             `json:"status"` // HTTP status of the answer; 0 when there was none
	Response   string          `json:"response"`
	Payload    json.RawMessage `json:"payload"`
}

func repositoryID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// announce prepares a change's delivery and queues it, so that "git push"
// does not wait for the receiver.
func (f *Forge) announce(ctx context.Context, r Repository, change Change) error {
	change.Forced = f.forced(ctx, r.Name, change)
	delivery := Delivery{ID: emulator.NewID(), Repository: r.Name, Ref: change.Ref, Commit: change.After, Time: f.opts.Now()}
	if r.Provider == CodeCommit {
		detail := codeCommitDetail(r, change)
		data, err := json.Marshal(detail)
		if err != nil {
			return err
		}
		delivery.Event, delivery.Payload = "CodeCommit Repository State Change", data
		f.enqueue(func() { f.emit(r, detail, delivery) })
		return nil
	}
	if r.WebhookURL == "" {
		return nil
	}
	commits, err := f.commits(ctx, r.Name, change)
	if err != nil {
		return err
	}
	var head *commit
	if !change.deleted() {
		c, err := f.commit(ctx, r.Name, change.After)
		if err != nil {
			return err
		}
		head = &c
	}
	delivery.Event = "push"
	if delivery.Payload, err = json.Marshal(payload(r, change, commits, head, delivery.Time)); err != nil {
		return err
	}
	f.enqueue(func() { f.record(f.send(r, delivery)) })
	return nil
}

func (f *Forge) enqueue(deliver func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.queue <- deliver
	}
}

func (f *Forge) emit(r Repository, detail map[string]any, delivery Delivery) {
	delivery.Status = http.StatusOK
	if err := f.opts.EmitCodeCommit(r, detail); err != nil {
		delivery.Status, delivery.Response = 0, err.Error()
	}
	f.record(delivery)
}

// Sign is the value of X-Hub-Signature-256 of a body.
// Source: GitHub documentation, "Validating webhook deliveries".
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func (f *Forge) send(r Repository, d Delivery) Delivery {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.WebhookURL, bytes.NewReader(d.Payload))
	if err != nil {
		d.Response = err.Error()
		return d
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "GitHub-Hookshot/local")
	request.Header.Set("X-GitHub-Event", d.Event)
	request.Header.Set("X-GitHub-Delivery", d.ID)
	request.Header.Set("X-GitHub-Hook-Installation-Target-Type", "repository")
	request.Header.Set("X-Hub-Signature-256", Sign(r.Secret, d.Payload))
	response, err := f.client.Do(request)
	if err != nil {
		d.Response = err.Error()
		f.opts.Log.Error("webhook not delivered", "repository", r.Name, "error", err)
		return d
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	d.Status, d.Response = response.StatusCode, string(body)
	f.opts.Log.Info("webhook delivered", "repository", r.Name, "delivery", d.ID, "status", d.Status)
	return d
}

func (f *Forge) record(d Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deliveries = append(f.deliveries, d)
}

// Deliveries returns every delivery in the order in which it was answered.
func (f *Forge) Deliveries() []Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Delivery{}, f.deliveries...)
}

// Redeliver sends a webhook again as it was, under the same delivery id, as
// GitHub's "Redeliver" button does.
func (f *Forge) Redeliver(id string) (Delivery, error) {
	for _, d := range f.Deliveries() {
		if d.ID != id || d.Event != "push" && d.Event != "pull_request" {
			continue
		}
		r, err := f.Get(d.Repository)
		if err != nil {
			return Delivery{}, err
		}
		d.Redelivery, d.Time, d.Status, d.Response = true, f.opts.Now(), 0, ""
		d = f.send(r, d)
		f.record(d)
		return d, nil
	}
	return Delivery{}, fmt.Errorf("no webhook delivery %s", id)
}
