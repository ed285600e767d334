package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is one injected fault (CFN-60 and following). Patterns are shell
// globs; an empty pattern matches everything.
type Fault struct {
	ID   string `json:"id"`
	Kind string `json:"kind"` // one of faultKinds

	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`

	// Of kind resource: fail or delay a step of a resource.
	Stack    string `json:"stack,omitempty"`    // stack name
	Resource string `json:"resource,omitempty"` // logical id
	Type     string `json:"type,omitempty"`     // resource type
	On       string `json:"on,omitempty"`       // create, update, rollback, delete, read

	// Of kind detection: break a drift detection of a stack off.
	After int `json:"after,omitempty"` // resources that it has checked by then

	// Of kind call: answer a call with an error, or delay it.
	Service string `json:"service,omitempty"` // cloudformation, cloudcontrol
	Call    string `json:"call,omitempty"`    // API action
	Status  int    `json:"status,omitempty"`  // HTTP status, default 400

	// Of kind event: lose, repeat or delay an event.
	DetailType string `json:"detailType,omitempty"`
	Event      string `json:"event,omitempty"` // stack, resource or detection status
	Lose       bool   `json:"lose,omitempty"`
	Repeat     int    `json:"repeat,omitempty"` // extra deliveries

	Error   string `json:"error,omitempty"`   // error code of a call, default Throttling
	Reason  string `json:"reason,omitempty"`  // message; for a resource, empty means no failure
	DelayMs int    `json:"delayMs,omitempty"` // milliseconds
	Times   int    `json:"times,omitempty"`   // matches before it ends; 0 means for ever
}

// faultKinds are what a fault strikes (CFN-61).
var faultKinds = []string{"call", "detection", "event", "resource"}

// faults is the list of injected faults, oldest first; the first match acts.
type faults struct {
	now func() time.Time

	mu   sync.Mutex
	list []*Fault
	used map[string]int // matches of a template's faults that end, by resource and step
}

func (f *faults) add(fault Fault) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault.ID = newUUID()
	f.list = append(f.list, &fault)
	return fault
}

func (f *faults) all() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Fault, 0, len(f.list))
	for _, fault := range f.list {
		list = append(list, *fault)
	}
	return list
}

// remove drops one fault, or all for an empty id.
func (f *faults) remove(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var kept []*Fault
	for _, fault := range f.list {
		if id != "" && fault.ID != id {
			kept = append(kept, fault)
		}
	}
	f.list = kept
}

// take finds the first fault that matches and counts its use.
func (f *faults) take(kind string, matches func(*Fault) bool) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		if fault.Kind != kind || !matches(fault) {
			continue
		}
		taken := *fault
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				f.list = append(f.list[:i:i], f.list[i+1:]...)
			}
		}
		return &taken
	}
	return nil
}

func glob(pattern, value string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, value)
	return err == nil && ok
}

// onCall applies the fault of an API call, if any.
func (f *faults) onCall(ctx context.Context, service, call, account, region string) error {
	fault := f.take("call", func(x *Fault) bool {
		return glob(x.Service, service) && glob(x.Call, call) && glob(x.Account, account) && glob(x.Region, region)
	})
	if fault == nil {
		return nil
	}
	pause(ctx, time.Duration(fault.DelayMs)*time.Millisecond)
	if fault.Error == "" && fault.Reason == "" && fault.DelayMs > 0 {
		return nil
	}
	return &APIError{Status: orDefault(fault.Status, http.StatusBadRequest), Code: orDefault(fault.Error, "Throttling"), Message: orDefault(fault.Reason, "Rate exceeded")}
}

// step names one action on one resource.
type step struct {
	account, region, stack, logicalID, typeName, on string
	metadata                                        any
}

// onStep gives the failure reason (empty: none) and the extra delay of a
// resource step. The admin endpoint comes before the template's metadata.
func (f *faults) onStep(s step) (reason string, delay time.Duration) {
	fault := f.take("resource", func(x *Fault) bool {
		return glob(x.Account, s.account) && glob(x.Region, s.region) && glob(x.Stack, s.stack) &&
			glob(x.Resource, s.logicalID) && glob(x.Type, s.typeName) && onMatches(x.On, s.on)
	})
	if fault == nil {
		fault = f.fromMetadata(s)
	}
	if fault == nil {
		return "", 0
	}
	return fault.Reason, time.Duration(fault.DelayMs) * time.Millisecond
}

// fromMetadata reads Metadata: {"Evenkeel::Simulate": {Fail, On, DelayMs, Times}}.
func (f *faults) fromMetadata(s step) *Fault {
	metadata, _ := s.metadata.(map[string]any)
	simulate, ok := metadata["Evenkeel::Simulate"].(map[string]any)
	if !ok {
		return nil
	}
	on, _ := simulate["On"].(string)
	if !onMatches(on, s.on) {
		return nil
	}
	reason, _ := simulate["Fail"].(string)
	delay, _ := toFloat(simulate["DelayMs"])
	if times, ok := toFloat(simulate["Times"]); ok && !f.use(s, reason, int(times)) {
		return nil
	}
	return &Fault{Reason: reason, DelayMs: int(delay)}
}

// use counts a match of a template's fault and tells whether it still acts.
func (f *faults) use(s step, reason string, times int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.Join([]string{s.account, s.region, s.stack, s.logicalID, reason}, "|")
	f.used[key]++
	return f.used[key] <= times
}

// onDetection gives the fault that breaks a detection of the stack off, or nil.
func (f *faults) onDetection(account, region, stack string) *Fault {
	return f.take("detection", func(x *Fault) bool {
		return glob(x.Account, account) && glob(x.Region, region) && glob(x.Stack, stack)
	})
}

// onMatches takes a list separated by "|", such as "update|rollback". An empty
// list means create and update.
func onMatches(list, on string) bool {
	if list == "" {
		return on == "create" || on == "update"
	}
	for part := range strings.SplitSeq(list, "|") {
		if strings.EqualFold(strings.TrimSpace(part), on) {
			return true
		}
	}
	return false
}

// onEvent gives how often an event is delivered, and after which delay.
func (f *faults) onEvent(e outgoing) (times int, delay time.Duration) {
	var detail struct {
		StatusDetails map[string]string `json:"status-details"`
	}
	_ = json.Unmarshal(e.event.Detail, &detail)
	fault := f.take("event", func(x *Fault) bool {
		return glob(x.Account, e.account) && glob(x.Region, e.region) && glob(x.DetailType, e.event.DetailType) &&
			(glob(x.Event, detail.StatusDetails["status"]) || glob(x.Event, detail.StatusDetails["detection-status"]))
	})
	if fault == nil {
		return 1, 0
	}
	if fault.Lose {
		return 0, 0
	}
	return 1 + fault.Repeat, time.Duration(fault.DelayMs) * time.Millisecond
}

func orDefault[T comparable](value, other T) T {
	var zero T
	if value == zero {
		return other
	}
	return value
}

// Admin serves fault injection as JSON: GET /faults, POST /faults (a Fault),
// DELETE /faults and DELETE /faults/<id>.
func (s *Simulator) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.faults.all()) })
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, req *http.Request) {
		var fault Fault
		decoder := json.NewDecoder(req.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&fault); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
			return
		}
		if !slices.Contains(faultKinds, fault.Kind) {
			writeJSON(w, http.StatusBadRequest, map[string]string{"message": "kind must be one of " + strings.Join(faultKinds, ", ")})
			return
		}
		writeJSON(w, http.StatusCreated, s.faults.add(fault))
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.remove("")
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, req *http.Request) {
		s.faults.remove(req.PathValue("id"))
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
