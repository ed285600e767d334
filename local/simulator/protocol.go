package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// queryNamespace is the XML namespace of CloudFormation's answers.
const queryNamespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

// APIError is an error answer of either protocol.
type APIError struct {
	Status  int    // HTTP status
	Code    string // the shape's error code, such as ValidationError
	Message string
}

// Error implements error.
func (e *APIError) Error() string { return e.Code + ": " + e.Message }

func apiError(status int, code, format string, args ...any) error {
	return &APIError{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// validationError is CloudFormation's answer to everything that the caller
// must change.
func validationError(format string, args ...any) error {
	return apiError(http.StatusBadRequest, "ValidationError", format, args...)
}

// action serves one API action of a region.
type action func(ctx context.Context, r *region, form url.Values) (any, error)

// act adapts a typed handler: the request is decoded into the SDK's input
// shape, the answer is the SDK's output shape, so that names and types are
// those of the published API model.
func act[I, O any](handle func(*region, context.Context, *I) (*O, error)) action {
	return func(ctx context.Context, r *region, form url.Values) (any, error) {
		in := new(I)
		if err := decodeQuery(form, in); err != nil {
			return nil, validationError("%v", err)
		}
		return handle(r, ctx, in)
	}
}

// queryHandler serves the AWS Query protocol: form parameters in, XML out.
// Source: Smithy, "AWS query protocol".
type queryHandler struct {
	region *region
}

func (h queryHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	requestID := newUUID()
	w.Header().Set("X-Amzn-Requestid", requestID)
	w.Header().Set("Content-Type", "text/xml")
	if err := req.ParseForm(); err != nil {
		writeQueryError(w, requestID, validationError("%v", err))
		return
	}
	name := req.Form.Get("Action")
	answer, err := h.serve(req.Context(), name, req.Form)
	if err != nil {
		writeQueryError(w, requestID, err)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, name, queryNamespace)
	fmt.Fprintf(&b, "<%sResult>", name)
	encodeXML(&b, answer)
	fmt.Fprintf(&b, "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", name, requestID, name)
	_, _ = w.Write([]byte(b.String()))
}

func (h queryHandler) serve(ctx context.Context, name string, form url.Values) (any, error) {
	run, ok := cloudFormationActions[name]
	if !ok {
		return nil, apiError(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version 2010-05-15", name)
	}
	if err := h.region.sim.faults.onCall(ctx, "cloudformation", name, h.region.account, h.region.name); err != nil {
		return nil, err
	}
	return run(ctx, h.region, form)
}

func writeQueryError(w http.ResponseWriter, requestID string, err error) {
	e := asAPIError(err)
	w.WriteHeader(e.Status)
	kind := "Sender"
	if e.Status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>%s</Code><Message>`, queryNamespace, kind, e.Code)
	escapeXML(&b, e.Message)
	fmt.Fprintf(&b, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>", requestID)
	_, _ = w.Write([]byte(b.String()))
}

func asAPIError(err error) *APIError {
	var e *APIError
	if errors.As(err, &e) {
		return e
	}
	return &APIError{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
