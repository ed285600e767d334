package gateway

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/local/emulator"
)

// Bus delivers events to the hub's default bus in order, behind the calls that
// caused them, and spoils the delivery when told to: EventBridge delivers at
// least once and CloudTrail's delivery is best effort.
type Bus struct {
	put   func(...emulator.Event) error
	log   *slog.Logger
	queue chan emulator.Event
	done  chan struct{}

	mu     sync.Mutex
	faults Faults

	gate   sync.RWMutex // guards queue against an Emit after close
	closed bool
}

// Faults spoils the delivery of the next events.
type Faults struct {
	Lose      int    `json:"lose"`      // drop this many events
	Duplicate int    `json:"duplicate"` // deliver this many events twice
	DelayMS   int    `json:"delayMs"`   // hold every event back this long
	Only      string `json:"only"`      // detail-type that Lose and Duplicate apply to; "" is any
}

func newBus(put func(...emulator.Event) error, log *slog.Logger) *Bus {
	b := &Bus{put: put, log: log, queue: make(chan emulator.Event, 4096), done: make(chan struct{})}
	go b.run()
	return b
}

// Emit queues an event. It blocks only when thousands are queued, and does
// nothing once the gateway is closed.
func (b *Bus) Emit(event emulator.Event) {
	b.gate.RLock()
	defer b.gate.RUnlock()
	if !b.closed {
		b.queue <- event
	}
}

// Limits of one batch. Source: EventBridge API reference, PutEvents: up to 10
// entries, 256 KB in all, of which each entry needs some beside its detail.
const (
	maxBatch      = 10
	maxBatchBytes = 200 << 10
)

// run puts what is queued in order, in batches: what came while a batch was
// put is the next one, so that a burst takes a tenth of the calls and a single
// event does not wait.
func (b *Bus) run() {
	defer close(b.done)
	var batch []emulator.Event
	size := 0
	flush := func() {
		if len(batch) == 0 {
			return
		}
		if err := b.put(batch...); err != nil {
			for _, event := range batch {
				b.log.Error("event not delivered", "detailType", event.DetailType, "id", event.ID, "error", err)
			}
		}
		batch, size = nil, 0
	}
	for event := range b.queue {
		times, delay := b.next(event)
		if delay > 0 {
			flush()
			time.Sleep(delay)
		}
		for range times {
			if len(batch) == maxBatch || size+len(event.Detail) > maxBatchBytes {
				flush()
			}
			batch, size = append(batch, event), size+len(event.Detail)
		}
		if len(b.queue) == 0 {
			flush()
		}
	}
	flush()
}

// next says how often an event is delivered, and how late.
func (b *Bus) next(event emulator.Event) (times int, delay time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delay = time.Duration(b.faults.DelayMS) * time.Millisecond
	if b.faults.Only != "" && b.faults.Only != event.DetailType {
		return 1, delay
	}
	switch {
	case b.faults.Lose > 0:
		b.faults.Lose--
		return 0, delay
	case b.faults.Duplicate > 0:
		b.faults.Duplicate--
		return 2, delay
	}
	return 1, delay
}

// ServeHTTP sets the faults (PUT) or shows what is left of them (GET).
func (b *Bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Method == http.MethodPut {
		var faults Faults
		if err := json.NewDecoder(r.Body).Decode(&faults); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.faults = faults
	}
	reply(w, b.faults)
}

func (b *Bus) close() {
	b.gate.Lock()
	if !b.closed {
		b.closed = true
		close(b.queue)
	}
	b.gate.Unlock()
	<-b.done
}
