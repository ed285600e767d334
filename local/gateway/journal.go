package gateway

import (
	"cmp"
	"slices"
	"sync"
)

// Recorded is one kind of call that went through the gateway.
type Recorded struct {
	Application string `json:"application"` // AWS_SDK_UA_APP_ID of the caller, or ""
	Role        string `json:"role"`        // name of the assumed role, or ""
	Account     string `json:"account"`     // account that was called
	Service     string `json:"service"`     // IAM prefix
	Action      string `json:"action"`
	Count       int    `json:"count"`
	Failed      int    `json:"failed"` // how many of them were answered with an error
}

type journal struct {
	mu    sync.Mutex
	calls map[Recorded][2]int // by the call without its counts: all, failed
}

func newJournal() *journal { return &journal{calls: map[Recorded][2]int{}} }

func (j *journal) add(r Recorded, failed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	count := j.calls[r]
	count[0]++
	if failed {
		count[1]++
	}
	j.calls[r] = count
}

// list returns all calls in a stable order.
func (j *journal) list() []Recorded {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Recorded, 0, len(j.calls))
	for r, count := range j.calls {
		r.Count, r.Failed = count[0], count[1]
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Recorded) int {
		return cmp.Or(cmp.Compare(a.Application, b.Application), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Action, b.Action),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Role, b.Role))
	})
	return out
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	clear(j.calls)
}
