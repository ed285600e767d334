// Package config reads a function's settings from its environment and reports
// every fault at once, so that a wrong deployment is mended in one go.
package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// The environment variables that the CDK app sets on functions. Each function
// reads the subset that it needs.
const (
	Bus             = "EVENKEEL_BUS"              // name of the event bus that facts are published on
	StateTable      = "EVENKEEL_STATE_TABLE"      // DynamoDB table of locks, task tokens, approvals, undo records
	LedgerTable     = "EVENKEEL_LEDGER_TABLE"     // DynamoDB table of every fact
	Bucket          = "EVENKEEL_BUCKET"           // S3 bucket of sources, templates and plans
	ParameterPrefix = "EVENKEEL_PARAMETER_PREFIX" // Parameter Store path of settings, without a trailing slash
	RoleName        = "EVENKEEL_ROLE_NAME"        // role that the function assumes in a workload account

	// Loopback is "allow" where the workloads run on the same machine, as in the
	// local cloud: only there may a verification ask a loopback address. The CDK
	// app never sets it.
	Loopback     = "EVENKEEL_LOOPBACK"
	BuildProject = "EVENKEEL_BUILD_PROJECT" // CodeBuild project that runs the commands of repositories

	WritesTable = "EVENKEEL_WRITES_TABLE" // DynamoDB table of who changed which resource
	WritesKept  = "EVENKEEL_WRITES_KEPT"  // how long a write is kept there, a Go duration

	// What means that a person acted in an emergency, lists of patterns as "a,b":
	// names of roles, keys of session tags, names of sessions.
	BreakGlassRoles    = "EVENKEEL_BREAK_GLASS_ROLES"
	BreakGlassTags     = "EVENKEEL_BREAK_GLASS_TAGS"
	BreakGlassSessions = "EVENKEEL_BREAK_GLASS_SESSIONS"

	WorkloadAccounts = "EVENKEEL_WORKLOAD_ACCOUNTS" // ids of the accounts that are watched, separated by commas
	DriftRegions     = "EVENKEEL_DRIFT_REGIONS"     // regions in which drift is looked for in every stack, separated by commas
	DriftScope       = "EVENKEEL_DRIFT_SCOPE"       // deployed: a schedule scans what Evenkeel deployed; all: every stack there

	DriftWorkflow   = "EVENKEEL_DRIFT_WORKFLOW"   // ARN of the workflow that scans a batch of stacks
	RolloutWorkflow = "EVENKEEL_ROLLOUT_WORKFLOW" // ARN of the workflow that is the clock of rollouts
	// MetricMargin is how late a metric may still arrive, a Go duration. The CDK
	// app never sets it: what CloudWatch needs is the default.
	MetricMargin = "EVENKEEL_METRIC_MARGIN"
)

// Reader collects required variables and the faults of all of them.
type Reader struct {
	lookup func(string) (string, bool)
	faults []error
}

// FromEnv returns a Reader over lookup, usually os.LookupEnv.
func FromEnv(lookup func(string) (string, bool)) *Reader { return &Reader{lookup: lookup} }

// FromOS returns a Reader over the process environment. Only main packages
// call it.
func FromOS() *Reader { return FromEnv(os.LookupEnv) }

// String returns the variable's value; a missing or empty one is a fault.
func (r *Reader) String(name string) string {
	value, _ := r.lookup(name)
	if value == "" {
		r.faults = append(r.faults, fmt.Errorf("%s is not set", name))
	}
	return value
}

// Allowed reports whether the variable is "allow"; anything else that is set is
// a fault.
func (r *Reader) Allowed(name string) bool {
	value, _ := r.lookup(name)
	if value != "" && value != "allow" {
		r.faults = append(r.faults, fmt.Errorf("%s: %q is not allow", name, value))
	}
	return value == "allow"
}

// Duration returns the variable as a Go duration ("90s"), or fallback when it
// is unset; a malformed one is a fault.
func (r *Reader) Duration(name string, fallback time.Duration) time.Duration {
	value, _ := r.lookup(name)
	if value == "" {
		return fallback
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("%s: %q is not a duration such as 90s", name, value))
	}
	return d
}

// List returns the variable's values, which commas part, or fallback when it is
// unset.
func (r *Reader) List(name string, fallback []string) []string {
	value, _ := r.lookup(name)
	if value == "" {
		return fallback
	}
	var out []string
	for one := range strings.SplitSeq(value, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

// Err joins all faults, or is nil.
func (r *Reader) Err() error { return errors.Join(r.faults...) }
