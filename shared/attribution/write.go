// Package attribution says who changed a resource. Parse keeps of a CloudTrail
// record who called what on which resource, and the names of what the call set,
// never the values; Match finds the call that explains a drifted property;
// Classifier says what kind of caller that was. Service puts them together.
package attribution

import (
	"time"
)

// Write is what is kept of a call that changed something. It holds names only:
// the values of a request may be secrets, and who changed a property does not
// depend on them.
type Write struct {
	Account     string            `json:"account"`
	Region      string            `json:"region"`
	EventID     string            `json:"eventId"`
	Time        time.Time         `json:"time"`
	EventSource string            `json:"eventSource"` // sqs.amazonaws.com
	EventName   string            `json:"eventName"`   // without the API version that some services append
	Kind        string            `json:"kind,omitempty"`
	Principal   string            `json:"principal,omitempty"` // ARN, or what the record has in its place
	Issuer      string            `json:"issuer,omitempty"`    // ARN of the role behind a session; its path tells service-linked roles
	Session     string            `json:"session,omitempty"`   // name of the role's session
	SourceIP    string            `json:"sourceIp,omitempty"`
	UserAgent   string            `json:"userAgent,omitempty"`
	InvokedBy   string            `json:"invokedBy,omitempty"` // AWS service that called on behalf of the principal
	Passed      string            `json:"passed,omitempty"`    // ARN of the role that Cloud Control is to work with
	MFA         bool              `json:"mfa,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"` // of the session
	// Resources are the names, ids and ARNs that the record has for what was
	// changed, sorted.
	Resources []string `json:"resources"`
	// Types are the CloudFormation types that the record names, sorted; most
	// records name none.
	Types []string `json:"types,omitempty"`
	// Properties are JSON pointers to what the call set, sorted, in the words of
	// the resource type where they are known, else in those of the API.
	Properties []string `json:"properties"`
	// Opaque says that the record hides or leaves out what the call set: it may
	// have set anything.
	Opaque bool `json:"opaque,omitempty"`
}

// The bounds of a Write. What exceeds them is cut: they hold what the records
// of AWS's own clients need, several times over.
const (
	maxEvent      = 1 << 20 // bytes of an event that is read
	maxText       = 256     // bytes of a user agent, a session name, a tag
	maxName       = 512     // bytes of a principal, of the name of a resource
	maxTags       = 8
	maxResources  = 12
	maxProperties = 64
	maxDepth      = 5 // of parameters
)
