// Package awsstub answers AWS calls over HTTP with canned wire bodies, and
// records them. It serves the tests of adapters, which check what goes over
// the wire, and of the built functions, which find it by AWS_ENDPOINT_URL.
package awsstub

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Call is one request as it came over the wire.
type Call struct {
	Service string     // signing name: ec2, dynamodb, ssm, events, states, s3, …
	Action  string     // PutItem; for a REST service "GET /path"
	Account string     // the access key id that signed it: awsstub's AssumeRole gives the role's account
	Form    url.Values // parameters of the query protocols, and of the URL
	Body    []byte
	Header  http.Header
}

// Answer is what goes back. The zero Status is 200.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
}

// JSONError is an error answer of the JSON protocols.
func JSONError(code, message string) Answer {
	return Answer{Status: http.StatusBadRequest, Body: fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message)}
}

// EC2Error is an error answer of EC2.
func EC2Error(status int, code, message string) Answer {
	return Answer{Status: status, Body: "<Response><Errors><Error><Code>" + code + "</Code><Message>" + message +
		"</Message></Error></Errors><RequestID>r</RequestID></Response>"}
}

// Stub is the server. Its methods are safe for concurrent use.
type Stub struct {
	t      testing.TB
	server *httptest.Server

	mu       sync.Mutex
	answers  map[string]func(Call) Answer
	recorded []Call
}

// Start serves until the test ends. STS AssumeRole is answered already, with
// the account of the role as access key id; every other call needs an answer,
// and one without fails the test.
func Start(t testing.TB) *Stub {
	s := &Stub{t: t, answers: map[string]func(Call) Answer{}}
	s.On("sts", "AssumeRole", assumeRole)
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

// On answers the action of a service by f.
func (s *Stub) On(service, action string, f func(Call) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[service+" "+action] = f
}

// Reply answers the action with these bodies in turn, and with the last one
// from then on.
func (s *Stub) Reply(service, action string, bodies ...string) {
	var mu sync.Mutex
	s.On(service, action, func(Call) Answer {
		mu.Lock()
		defer mu.Unlock()
		body := bodies[0]
		if len(bodies) > 1 {
			bodies = bodies[1:]
		}
		return Answer{Body: body}
	})
}

// Calls returns the recorded calls of one service and action, oldest first.
// An empty action means every action of the service.
func (s *Stub) Calls(service, action string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Call
	for _, c := range s.recorded {
		if c.Service == service && (action == "" || c.Action == action) {
			found = append(found, c)
		}
	}
	return found
}

// Env is what points a built function at the stub.
func (s *Stub) Env() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": s.server.URL, "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	}
}

// Config points a client at the stub. It does not retry, so that a test sees
// each error once.
func (s *Stub) Config() aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(s.server.URL),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

// ServeHTTP implements http.Handler.
func (s *Stub) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	call, err := read(q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.recorded = append(s.recorded, call)
	answer := s.answers[call.Service+" "+call.Action]
	s.mu.Unlock()
	if answer == nil {
		s.t.Errorf("unexpected AWS call %s %s", call.Service, call.Action)
		answer = func(Call) Answer { return JSONError("UnexpectedCall", call.Service+" "+call.Action) }
	}
	a := answer(call)
	w.Header().Set("Content-Type", contentType(q, a.Body))
	// The DynamoDB client checks this header and takes a missing one for 0.
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(a.Body))), 10))
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, a.Body) // a broken connection shows in the client
}

// contentType repeats the request's JSON version, or CBOR; anything else is
// XML.
func contentType(q *http.Request, body string) string {
	if sent := q.Header.Get("Content-Type"); strings.Contains(sent, "json") || strings.Contains(sent, "cbor") {
		return sent
	}
	if strings.HasPrefix(body, "{") {
		return "application/json"
	}
	return "text/xml"
}

// credential is the scope in a signature.
// Source: AWS Signature Version 4, "Credential=<key>/<date>/<region>/<service>/aws4_request".
var credential = regexp.MustCompile(`Credential=([^/]+)/[0-9]+/[^/]+/([^/]+)/aws4_request`)

func read(q *http.Request) (Call, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return Call{}, err
	}
	signed := credential.FindStringSubmatch(q.Header.Get("Authorization"))
	if signed == nil {
		return Call{}, fmt.Errorf("%s %s is not signed", q.Method, q.URL)
	}
	call := Call{Account: signed[1], Service: signed[2], Body: body, Form: q.URL.Query(), Header: q.Header}
	if strings.HasPrefix(q.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if call.Form, err = url.ParseQuery(string(body)); err != nil {
			return Call{}, err
		}
	}
	call.Action = action(q, call.Form)
	return call, nil
}

// action finds the operation in each of the AWS protocols.
func action(q *http.Request, form url.Values) string {
	if target := q.Header.Get("X-Amz-Target"); target != "" { // JSON: DynamoDB_20120810.PutItem
		return target[strings.LastIndex(target, ".")+1:]
	}
	if form.Get("Action") != "" { // query and EC2
		return form.Get("Action")
	}
	if _, operation, ok := strings.Cut(q.URL.Path, "/operation/"); ok { // Smithy RPC
		return operation
	}
	return q.Method + " " + q.URL.Path
}

func assumeRole(c Call) Answer {
	account := "000000000000"
	if parts := strings.Split(c.Form.Get("RoleArn"), ":"); len(parts) > 4 {
		account = parts[4]
	}
	return Answer{Body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>` +
		`<AccessKeyId>` + account + `</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>` +
		`<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`}
}
