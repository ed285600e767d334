// Package webhook turns a push or a change of a pull request, as a git provider
// reports it, into the fact GitPushed or PullRequestUpdated. Nothing in a request is believed before its signature is checked,
// and nothing that is fetched later comes from the request but the commit id.
package webhook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// MaxBody is the largest body that is read, in bytes. GitHub caps a payload at
// 25 MB, but a function URL passes on at most 6 MB; a push is a few KB a commit
// and lists at most 2,048 commits.
// Source: GitHub docs, "Webhook events and payloads"; Lambda quotas.
const MaxBody = 4 << 20

// Request is an HTTP request.
type Request struct {
	Method string
	Header map[string]string // keys in lower case
	Body   []byte            // as it was signed
}

// Response is the answer to a request.
type Response struct {
	Status  int    // HTTP status
	Result  Result // one word for machines
	Message string // one sentence for a person; never says which secret was tried
	EventID string // id of the published fact, if any
	RunID   string // the run or review that the fact starts, if any

	// For the log only.
	Delivery   string
	Repository string
	Cause      string
}

// Result is what became of a delivery.
type Result string

// The results.
const (
	Published Result = "published" // the fact is on the bus
	Ignored   Result = "ignored"   // understood; nothing to do
	Refused   Result = "refused"   // the sender is at fault
	Failed    Result = "failed"    // we are; deliver it again
)

// Malformed says which field of a request could not be understood.
type Malformed struct {
	Field   string
	Problem string
}

// Error implements error.
func (m *Malformed) Error() string { return m.Field + ": " + m.Problem }

func malformed(field, format string, args ...any) error {
	return &Malformed{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// functionURL is a Lambda function URL request in payload format 2.0.
// Source: Lambda developer guide, "Invoking Lambda function URLs".
type functionURL struct {
	Version        string            `json:"version"`
	Headers        map[string]string `json:"headers"`
	Body           string            `json:"body"`
	IsBase64       bool              `json:"isBase64Encoded"`
	RequestContext *struct {
		HTTP struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`
}

// DecodeFunctionURL reads a Lambda function URL request. The second result is
// false when event is something else.
func DecodeFunctionURL(event []byte) (Request, bool, error) {
	var in functionURL
	understood := json.Unmarshal(event, &in) == nil
	if !understood || in.RequestContext == nil || in.RequestContext.HTTP.Method == "" {
		return Request{}, false, nil
	}
	r := Request{Method: in.RequestContext.HTTP.Method, Header: map[string]string{}, Body: []byte(in.Body)}
	for name, value := range in.Headers {
		r.Header[strings.ToLower(name)] = value
	}
	if in.IsBase64 {
		body, err := base64.StdEncoding.DecodeString(in.Body)
		if err != nil {
			return r, true, malformed("body", "marked as base64, but is not")
		}
		r.Body = body
	}
	return r, true, nil
}

// FunctionURLResponse is what a function behind a function URL returns.
// Source: Lambda developer guide, "Invoking Lambda function URLs".
type FunctionURLResponse struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

// FunctionURL encodes the response. The body is a JSON object, for the
// provider's list of recent deliveries.
func (r Response) FunctionURL() FunctionURLResponse {
	body, err := json.Marshal(struct {
		Result  Result `json:"result"`
		Message string `json:"message"`
		EventID string `json:"eventId,omitempty"`
		RunID   string `json:"runId,omitempty"`
	}{r.Result, r.Message, r.EventID, r.RunID})
	if err != nil { // strings always encode
		body = []byte(`{}`)
	}
	headers := map[string]string{"content-type": "application/json", "cache-control": "no-store"}
	if r.Status == http.StatusMethodNotAllowed {
		headers["allow"] = http.MethodPost
	}
	return FunctionURLResponse{StatusCode: r.Status, Headers: headers, Body: string(body)}
}
