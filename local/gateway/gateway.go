// Package gateway is the one endpoint of the local cloud. It routes each call
// by the service and account that its signature names: EC2, load balancers and
// IAM of a workload account to moto, its CloudFormation and Cloud Control to
// the simulator, its metric expressions to local/metrics, CodeBuild of every
// account to local/codebuild, everything else to MiniStack, the hub. It plays
// CloudTrail: each mutating call to a workload account becomes an event on the
// hub's default bus. It answers STS itself and records who called what.
package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/local/cloudtrail"
	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/metrics"
)

// Prefix is the path of the gateway's own routes, which no AWS API uses.
const Prefix = "/_evenkeel/"

// Simulator is the CloudFormation and Cloud Control of the workload accounts.
type Simulator interface {
	CloudFormation(account, region string) http.Handler
	CloudControl(account, region string) http.Handler
	Admin() http.Handler
}

// Options configures a gateway.
type Options struct {
	Hub       string // account id of the hub
	Region    string // where the hub runs; the bus is there
	Ministack string // endpoint of the hub's emulator
	Moto      string // endpoint of moto server
	Simulator Simulator
	CodeBuild func(account, region string) http.Handler // nil leaves it to the hub's emulator
	Now       func() time.Time
	Log       *slog.Logger
	// Put puts events on the default bus of the hub account.
	Put func(events ...emulator.Event) error
}

// Gateway is an http.Handler. Close stops it.
type Gateway struct {
	opts     Options
	now      func() time.Time
	accounts *accounts
	journal  *journal
	history  *cloudtrail.History
	bus      *Bus
	own      *http.ServeMux
	hub      http.Handler
	moto     http.Handler
}

// New returns a gateway. Register adds more routes under Prefix or elsewhere.
func New(opts Options) (*Gateway, error) {
	hub, err := url.Parse(opts.Ministack)
	if err != nil {
		return nil, fmt.Errorf("endpoint of the hub's emulator: %w", err)
	}
	moto, err := url.Parse(opts.Moto)
	if err != nil {
		return nil, fmt.Errorf("endpoint of moto: %w", err)
	}
	g := &Gateway{
		opts: opts, now: opts.Now, accounts: newAccounts(opts.Hub, opts.Now), journal: newJournal(), history: cloudtrail.NewHistory(), own: http.NewServeMux(),
		hub: proxy(hub, opts.Log), moto: proxy(moto, opts.Log), bus: newBus(opts.Put, opts.Log),
	}
	g.own.HandleFunc("GET "+Prefix+"health", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]string{"status": "ok"}) })
	g.own.HandleFunc("GET "+Prefix+"calls", func(w http.ResponseWriter, _ *http.Request) { reply(w, g.journal.list()) })
	g.own.HandleFunc("DELETE "+Prefix+"calls", func(w http.ResponseWriter, _ *http.Request) { g.journal.clear(); reply(w, []Recorded{}) })
	g.own.Handle(Prefix+"faults/events", g.bus)
	if opts.Simulator != nil {
		g.own.Handle(Prefix+"simulator/", http.StripPrefix(Prefix+"simulator", opts.Simulator.Admin()))
	}
	return g, nil
}

// Register adds a route of the local cloud itself, for example "/git/".
func (g *Gateway) Register(pattern string, handler http.Handler) { g.own.Handle(pattern, handler) }

// Bus is where the services that the gateway plays put their events.
func (g *Gateway) Bus() *Bus { return g.bus }

// Close delivers what is queued for the bus and stops.
func (g *Gateway) Close() { g.bus.close() }

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, ok := signed(r)
	if !ok {
		if _, pattern := g.own.Handler(r); pattern != "" {
			g.own.ServeHTTP(w, r)
			return
		}
		// Function URLs and other unsigned calls.
		g.hub.ServeHTTP(w, r)
		return
	}
	if expired(r, g.now()) {
		http.Error(w, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", http.StatusForbidden)
		return
	}
	if err := g.serve(w, r, s); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// serve routes a signed call and records it.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, s scope) error {
	var body []byte
	if !streams(s.service) {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return fmt.Errorf("read the request: %w", err)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	caller := g.accounts.identify(s.key)
	request := read(r, s.service, body)
	requestID := emulator.NewID()
	answer := &recorder{ResponseWriter: w, keep: g.reports(caller.Account, s.service, request.action)}
	started := g.now()
	// Also when the caller hangs up and the handler panics: what the call did
	// in the account is done.
	defer func() {
		if answer.status == 0 {
			answer.status = http.StatusOK
		}
		g.journal.add(Recorded{
			Application: application(r.UserAgent()), Role: caller.Role, Account: caller.Account, Service: request.service, Action: request.action,
		}, answer.status >= 400)
		g.opts.Log.Debug("call", "account", caller.Account, "service", s.service, "action", request.action, "status", answer.status,
			"ms", g.now().Sub(started).Milliseconds(), "from", application(r.UserAgent()))
		if answer.keep {
			g.report(r, s, caller, request, requestID, body, answer)
		}
	}()
	g.route(answer, r, s, caller, request, requestID)
	return nil
}

func (g *Gateway) route(w http.ResponseWriter, r *http.Request, s scope, caller cloudtrail.Identity, request call, requestID string) {
	if s.service == "sts" && g.serveSTS(w, caller, request.form, requestID) {
		return
	}
	// MiniStack makes the hub's own stack, and refuses templates with types that it
	// cannot make; what CloudFormation says of a template is the simulator's to say.
	if s.service == "cloudformation" && request.action == "ValidateTemplate" {
		g.opts.Simulator.CloudFormation(caller.Account, s.region).ServeHTTP(w, r)
		return
	}
	if s.service == "codebuild" && g.opts.CodeBuild != nil {
		g.opts.CodeBuild(caller.Account, s.region).ServeHTTP(w, r)
		return
	}
	if caller.Account == g.opts.Hub {
		asAccount(r, s, caller.Account)
		g.hub.ServeHTTP(w, r)
		return
	}
	switch s.service {
	case "ec2", "iam", "elasticloadbalancing":
		r.Header.Set("X-Moto-Account-Id", caller.Account)
		g.moto.ServeHTTP(w, r)
	case "cloudformation":
		g.opts.Simulator.CloudFormation(caller.Account, s.region).ServeHTTP(w, r)
	case "cloudcontrolapi":
		g.opts.Simulator.CloudControl(caller.Account, s.region).ServeHTTP(w, r)
	case "cloudtrail":
		g.history.Lookup(caller.Account, s.region).ServeHTTP(w, r)
	case "monitoring":
		asAccount(r, s, caller.Account)
		if request.action == metrics.Operation {
			metrics.Handler(g.hub).ServeHTTP(w, r)
			return
		}
		g.hub.ServeHTTP(w, r)
	default:
		asAccount(r, s, caller.Account)
		g.hub.ServeHTTP(w, r)
	}
}

// streams reports whether bodies of the service are passed on unread: they are
// large and say nothing about the call.
func streams(service string) bool { return service == "s3" || service == "lambda" }

// reported are the services whose calls to workload accounts become CloudTrail
// events.
var reported = map[string]bool{"ec2": true, "iam": true, "cloudformation": true, "cloudcontrolapi": true, "ssm": true}

func (g *Gateway) reports(account, service, action string) bool {
	return account != g.opts.Hub && reported[service] && cloudtrail.Mutating(action)
}

// report puts the CloudTrail event of a finished call on the bus.
func (g *Gateway) report(r *http.Request, s scope, caller cloudtrail.Identity, request call, requestID string, body []byte, answer *recorder) {
	c := cloudtrail.Call{
		ID: emulator.NewID(), RequestID: requestID, Time: g.now(), Service: s.service, Action: request.action, Region: s.region,
		Account: caller.Account, Identity: caller, SourceIP: sourceIP(r), UserAgent: r.UserAgent(),
		Status: answer.status, Response: answer.body.Bytes(),
	}
	if strings.Contains(r.UserAgent(), CloudFormationAgent) {
		c.InvokedBy = CloudFormationAgent
	}
	if request.form != nil {
		c.Form = cloudtrail.Parameters(request.form)
	} else {
		c.JSON = cloudtrail.DecodeJSON(body)
	}
	g.emit(c)
	for _, made := range cloudtrail.Handled(c) {
		made.ID = emulator.NewID()
		g.emit(made)
	}
}

// emit keeps the CloudTrail record of a call, and puts its event on the bus.
func (g *Gateway) emit(c cloudtrail.Call) {
	record := cloudtrail.Record(c)
	g.history.Add(c, record)
	event, err := emulator.NewEvent(cloudtrail.Source(c.Service), cloudtrail.DetailType, c.Account, c.Region, c.Time, nil, record)
	if err != nil {
		g.opts.Log.Error("CloudTrail event", "error", err)
		return
	}
	g.bus.Emit(event)
}

// CloudFormationAgent in a user agent marks a call that CloudFormation makes
// in a workload account.
const CloudFormationAgent = cloudtrail.CloudFormation

func sourceIP(r *http.Request) string {
	host, _, _ := strings.Cut(r.RemoteAddr, ":")
	return host
}

// recorder notes the status of an answer, and its body when asked to.
type recorder struct {
	http.ResponseWriter
	keep   bool
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.keep {
		r.body.Write(data)
	}
	return r.ResponseWriter.Write(data)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value)
}
