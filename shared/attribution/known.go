package attribution

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Known is who changed a resource that drifted, as the last scan of its stack
// found it.
type Known struct {
	LogicalID string             `json:"logicalId"`
	Paths     []string           `json:"paths,omitempty"` // JSON pointers to what drifted, sorted; none: the resource is gone, or too much drifted to be listed
	By        events.Attribution `json:"by"`              // without address and user agent
	Scanned   time.Time          `json:"scanned,omitzero"`
}

// Of reports whether what the scan saw includes what drifted at the JSON pointer
// path, as a whole or in part; "" is the whole resource.
func (k Known) Of(path string) bool {
	if path == "" || len(k.Paths) == 0 {
		return true
	}
	for _, p := range k.Paths {
		if p == path || strings.HasPrefix(p, path+"/") || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}
