package response

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Accepted is drift that a person agreed to: what was live then is the baseline
// until it changes again or the time is over.
type Accepted struct {
	LogicalID string    `json:"logicalId"`
	Path      string    `json:"path,omitempty"` // JSON pointer; "" for the whole resource
	Digest    string    `json:"digest"`         // LiveDigest when it was accepted
	By        string    `json:"by"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Until     time.Time `json:"until,omitzero"` // zero: until it changes again
}

// LiveDigest identifies what is live of a resource at a JSON pointer and below:
// that it is there or gone, and every value that is not as declared. What the
// template says is no part of it. ok is false when nothing drifted there.
func LiveDigest(r events.DriftedResource, path string) (digest string, ok bool) {
	type value struct{ Path, Type, Actual string }
	live := struct {
		PhysicalID, Status string
		Values             []value
	}{r.PhysicalID, r.Status, nil}
	all, _ := parts(r)
	for _, d := range all {
		if within(path, d.Path) {
			live.Values = append(live.Values, value{d.Path, d.Type, d.Actual})
		}
	}
	if len(live.Values) == 0 {
		return "", false
	}
	slices.SortFunc(live.Values, func(a, b value) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Actual, b.Actual))
	})
	text, err := json.Marshal(live)
	if err != nil { // strings cannot fail to encode
		return "", false
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), true
}

// holds reports whether what was accepted is still what is live.
func (a Accepted) holds(r events.DriftedResource, now time.Time) bool {
	if a.LogicalID != r.LogicalID || !a.Until.IsZero() && !now.Before(a.Until) {
		return false
	}
	digest, ok := LiveDigest(r, a.Path)
	return ok && digest == a.Digest
}
