package changeset

import (
	"strings"
	"time"
	"unicode"
)

// Changer is who changed a resource outside of its stack, as the last scan for
// drift found it.
type Changer struct {
	Principal string    `json:"principal"` // ARN
	Class     string    `json:"class"`     // of events.Attribution
	Call      string    `json:"call,omitempty"`
	EventID   string    `json:"eventId,omitempty"` // of CloudTrail
	Time      time.Time `json:"time,omitzero"`
	Exact     bool      `json:"exact,omitempty"`  // the call names what drifted; else it is the last known one on the resource
	Scanned   time.Time `json:"scanned,omitzero"` // when the scan was
}

// Text says who it was in one sentence: "ARN (class) changed it at TIME with
// CALL", or is empty. Names that callers chose are made printable.
func (c *Changer) Text() string {
	if c == nil || c.Principal == "" {
		return ""
	}
	text := c.Principal + " (" + c.Class + ")"
	if !c.Exact {
		text = "the last known change of the resource is of " + text
	} else {
		text += " changed it"
	}
	if !c.Time.IsZero() {
		text += " at " + c.Time.UTC().Format(time.RFC3339)
	}
	if c.Call != "" {
		text += " with " + c.Call
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
}
