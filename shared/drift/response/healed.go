package response

// Healed is a difference that the healer of security groups made, or that would
// open again what it closed if it were brought back.
type Healed struct {
	LogicalID string `json:"logicalId"`
	Path      string `json:"path,omitempty"` // JSON pointer; "" for the whole resource
	HealID    string `json:"healId"`
	Why       string `json:"why"`
	// Explained says that the difference is the state in which the healer left the
	// group: it is expected, and nobody is told. Else it is drift as any other that
	// is only never brought back.
	Explained bool `json:"explained"`
}

// classHealer is the class of what the healer did, see Classes. What it did is
// never brought back, also where no heal is known for it.
const classHealer = "healer"

// of reports whether the difference is what h is about.
func (h Healed) of(logicalID, path string) bool {
	return h.LogicalID == logicalID && (h.Path == path || h.Path == "")
}
