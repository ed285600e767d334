package cloudtrail

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/shared/attribution"
)

// kept is how many records of an account and region the history holds.
const kept = 1000

// History answers LookupEvents with the records of this run. AWS's shows an
// event up to 15 minutes after its call, and for 90 days; this one at once.
// Source: CloudTrail API reference, LookupEvents; CloudTrail user guide,
// "Working with CloudTrail event history".
type History struct {
	mu      sync.Mutex
	records map[string][]entry // account/region → oldest first
}

type entry struct {
	at    time.Time
	names []string // that LookupEvents finds it by
	event map[string]any
}

// NewHistory returns an empty history.
func NewHistory() *History { return &History{records: map[string][]entry{}} }

// Add keeps the record of a call.
func (h *History) Add(c Call, record map[string]any) {
	text, err := json.Marshal(record)
	if err != nil {
		return // made of plain values
	}
	var names []string
	if w, skip, err := attribution.Parse(text); err == nil && skip == "" {
		names = w.Resources
	}
	resources := make([]any, 0, len(names))
	for _, name := range names {
		resources = append(resources, map[string]any{"ResourceName": name})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := c.Account + "/" + c.Region
	h.records[key] = append(h.records[key], entry{at: c.Time, names: names, event: map[string]any{
		"EventId": c.ID, "EventName": c.Action, "EventSource": EventSource(c.Service), "EventTime": float64(c.Time.UnixMilli()) / 1000,
		"ReadOnly": strconv.FormatBool(!Mutating(c.Action)), "Resources": resources, "CloudTrailEvent": string(text),
	}})
	if n := len(h.records[key]); n > kept {
		h.records[key] = slices.Clone(h.records[key][n-kept:])
	}
}

type lookup struct {
	LookupAttributes   []struct{ AttributeKey, AttributeValue string }
	StartTime, EndTime float64
	MaxResults         int
	NextToken          string
}

// Lookup serves LookupEvents by ResourceName in an account and region, newest
// first; anything else is refused.
func (h *History) Lookup(account, region string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(code, message string) {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message}) // a broken connection shows in the client
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		var in lookup
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".LookupEvents") || json.NewDecoder(r.Body).Decode(&in) != nil {
			refuse("UnsupportedOperationException", "the local cloud knows LookupEvents alone")
			return
		}
		if len(in.LookupAttributes) != 1 || in.LookupAttributes[0].AttributeKey != "ResourceName" {
			refuse("InvalidLookupAttributesException", "the local cloud looks events up by one ResourceName")
			return
		}
		found := h.find(account+"/"+region, in)
		from, _ := strconv.Atoi(in.NextToken)
		if in.MaxResults < 1 || in.MaxResults > 50 {
			in.MaxResults = 50
		}
		from = min(max(from, 0), len(found))
		until := min(from+in.MaxResults, len(found))
		out := map[string]any{"Events": found[from:until]}
		if until < len(found) {
			out["NextToken"] = strconv.Itoa(until)
		}
		_ = json.NewEncoder(w).Encode(out)
	})
}

func (h *History) find(place string, in lookup) []map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := []map[string]any{}
	for _, e := range slices.Backward(h.records[place]) {
		at := float64(e.at.UnixMilli()) / 1000
		if slices.Contains(e.names, in.LookupAttributes[0].AttributeValue) && at >= in.StartTime && (in.EndTime == 0 || at <= in.EndTime) {
			found = append(found, e.event)
		}
	}
	return found
}
