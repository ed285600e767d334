// Package settings reads what an installation may choose from the CDK context
// (cdk.json, or -c key=value) and reports every fault at once.
package settings

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Settings is what an installation may choose.
type Settings struct {
	Environment      string   // name of the installation in tags, [a-z][a-z0-9-]*
	Operations       bool     // also synthesise the operations stack
	WorkloadAccounts []string // accounts deployed to and watched, sorted; empty means the hub's own account only
	DriftRegions     []string // regions in which drift is looked for in every stack, sorted; empty means the hub's own region only
	DriftScope       string   // what a schedule scans: deployed, by Evenkeel, or all stacks of the accounts and regions
	LogRetentionDays int      // one of the values that CloudWatch Logs takes
	WriteDays        int      // how long it is kept who changed which resource

	// What means that a person acted in an emergency, patterns; empty leaves it
	// to the function: names of roles, keys of session tags, names of sessions.
	BreakGlassRoles, BreakGlassTags, BreakGlassSessions []string
}

// retentions are the days that PutRetentionPolicy takes, up to two years.
// Source: CloudWatch Logs API reference, PutRetentionPolicy, retentionInDays.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731}

// maxWriteDays is ten years.
const maxWriteDays = 3650

var (
	environmentName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	regionName      = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	accountID       = regexp.MustCompile(`^[0-9]{12}$`)
)

// Read takes the settings from lookup, which returns nil for an absent key. A
// value from cdk.json has its JSON type; one given by -c is always a string.
func Read(lookup func(key string) any) (Settings, error) {
	r := reader{lookup: lookup}
	s := Settings{
		Environment:      r.text("environment", "main"),
		Operations:       r.boolean("operations", true),
		WorkloadAccounts: r.list("workloadAccounts"),
		DriftRegions:     r.list("driftRegions"),
		DriftScope:       r.text("driftScope", "deployed"),
		LogRetentionDays: r.integer("logRetentionDays", 30),
		WriteDays:        r.integer("writeDays", 90),
		BreakGlassRoles:  r.list("breakGlassRoles"), BreakGlassTags: r.list("breakGlassTags"), BreakGlassSessions: r.list("breakGlassSessions"),
	}
	if !environmentName.MatchString(s.Environment) {
		r.fault("environment: %q is not a lower-case name such as sandbox", s.Environment)
	}
	for _, account := range s.WorkloadAccounts {
		if !accountID.MatchString(account) {
			r.fault("workloadAccounts: %q is not an account id of 12 digits", account)
		}
	}
	for _, region := range s.DriftRegions {
		if !regionName.MatchString(region) {
			r.fault("driftRegions: %q is not a region such as eu-west-1", region)
		}
	}
	if s.DriftScope != "deployed" && s.DriftScope != "all" {
		r.fault("driftScope: %q is neither deployed nor all", s.DriftScope)
	}
	if !slices.Contains(retentions, s.LogRetentionDays) {
		r.fault("logRetentionDays: %d is not one of %v", s.LogRetentionDays, retentions)
	}
	for _, pattern := range slices.Concat(s.BreakGlassRoles, s.BreakGlassTags, s.BreakGlassSessions) {
		if _, err := path.Match(pattern, ""); err != nil || strings.ContainsAny(pattern, ", ") {
			r.fault("breakGlass: %q is no pattern such as *break-glass*", pattern)
		}
	}
	if s.WriteDays < 1 || s.WriteDays > maxWriteDays {
		r.fault("writeDays: %d is not between 1 and %d", s.WriteDays, maxWriteDays)
	}
	sort.Strings(s.WorkloadAccounts)
	s.WorkloadAccounts = slices.Compact(s.WorkloadAccounts)
	sort.Strings(s.DriftRegions)
	s.DriftRegions = slices.Compact(s.DriftRegions)
	return s, errors.Join(r.faults...)
}

type reader struct {
	lookup func(string) any
	faults []error
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

func (r *reader) text(key, fallback string) string {
	switch v := r.lookup(key).(type) {
	case nil:
		return fallback
	case string:
		return v
	default:
		r.fault("%s: %v is not text", key, v)
		return fallback
	}
}

func (r *reader) boolean(key string, fallback bool) bool {
	switch v := r.lookup(key).(type) {
	case nil:
		return fallback
	case bool:
		return v
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b
		}
		r.fault("%s: %q is neither true nor false", key, v)
	default:
		r.fault("%s: %v is neither true nor false", key, v)
	}
	return fallback
}

func (r *reader) integer(key string, fallback int) int {
	switch v := r.lookup(key).(type) {
	case nil:
		return fallback
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
		r.fault("%s: %v is not a whole number", key, v)
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
		r.fault("%s: %q is not a whole number", key, v)
	default:
		r.fault("%s: %v is not a whole number", key, v)
	}
	return fallback
}

// list takes a JSON array of strings, or "a,b".
func (r *reader) list(key string) []string {
	switch v := r.lookup(key).(type) {
	case nil:
		return nil
	case string:
		return strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == ' ' })
	case []any:
		values := make([]string, 0, len(v))
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				r.fault("%s: %v is not a string; put it in quotes", key, item)
				continue
			}
			values = append(values, text)
		}
		return values
	default:
		r.fault("%s: %v is not a list", key, v)
		return nil
	}
}
