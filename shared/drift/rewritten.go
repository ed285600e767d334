package drift

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// rewritten reports a value that a service keeps in another form than it was
// given, which no schema says: each form is one of the service's own grammar,
// whatever the type of the resource.
func (c *comparer) rewritten(p place, want, have any) bool {
	if isExpanded(want, have) {
		return true
	}
	given, kept := strings.TrimSpace(scalar(want)), strings.TrimSpace(scalar(have))
	if given == "" || kept == "" || isContainer(want) || isContainer(have) {
		return false
	}
	return given == kept || isMoment(given, kept) || p.lowered(given, kept) || isMasked(given, kept) || isHour(p, given, kept) || p.isVersion(given, kept) ||
		rate(given) != "" && rate(given) == rate(kept) || publicKey(given) != "" && publicKey(given) == publicKey(kept)
}

func isContainer(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// isVersion reports a version of which as much as is given is the same: who
// gives 5.0 gets 5.0.0.
// Source: RDS user guide, "Upgrading a DB instance engine version".
func (p place) isVersion(given, kept string) bool {
	return p.shape != nil && endsWith(last(p.shape.path), "Version") && version.MatchString(given) && version.MatchString(kept) &&
		strings.HasPrefix(kept, given+".")
}

var version = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

// isMasked reports a text that CloudFormation returns with a question mark for
// each character beyond ASCII.
// Source: github.com/aws-cloudformation/cloudformation-coverage-roadmap, issues
// 814 and 1220 (GetTemplate).
func isMasked(given, kept string) bool {
	if !strings.Contains(given, "?") {
		return false
	}
	beyond := false
	ascii := strings.Map(func(r rune) rune {
		if r > 0x7f {
			beyond = true
			return '?'
		}
		return r
	}, kept)
	return beyond && ascii == given
}

// isMoment reports one point in time, of which not every schema says that it is.
// Source: RFC 3339.
func isMoment(given, kept string) bool {
	one, err := time.Parse(time.RFC3339, given)
	other, err2 := time.Parse(time.RFC3339, kept)
	return err == nil && err2 == nil && one.Equal(other)
}

// isHour reports a moment that is kept as the hour it lies in.
// Source: AppSync API reference, ApiKey, "expires" (rounded down to the hour).
func isHour(p place, given, kept string) bool {
	if !p.only("number", "integer") {
		return false
	}
	moment, err := strconv.ParseInt(given, 10, 64)
	hour, err2 := strconv.ParseInt(kept, 10, 64)
	const century = 1_000_000_000 // seconds since 1970: later than 2001
	return err == nil && err2 == nil && moment > century && hour == moment-moment%3600
}

var rates = regexp.MustCompile(`^rate\(\s*([0-9]{1,9})\s+(minute|hour|day)s?\s*\)$`)

// rate is the period of a rate expression in minutes, "" of anything else.
// Source: EventBridge user guide, "Rate expressions".
func rate(text string) string {
	m := rates.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return ""
	}
	return strconv.Itoa(n * map[string]int{"minute": 1, "hour": 60, "day": 24 * 60}[m[2]])
}

// publicKey is an SSH public key without its comment, "" of anything else.
// Source: RFC 4253, section 6.6; sshd(8), "AUTHORIZED_KEYS FILE FORMAT".
func publicKey(text string) string {
	fields := strings.Fields(text)
	if len(fields) < 2 || !strings.HasPrefix(fields[1], "AAAA") || !strings.HasPrefix(fields[0], "ssh-") && !strings.HasPrefix(fields[0], "ecdsa-") {
		return ""
	}
	return fields[0] + " " + fields[1]
}

// isExpanded reports two policies of which the first names what it stands on in
// short, as execute-api:/stage/GET/path, and the second by its ARN.
// Source: API Gateway developer guide, "Access policy language overview for
// Amazon API Gateway", Resource.
func isExpanded(want, have any) bool {
	given, kept := document(want), document(have)
	if !isPolicy(given) || !isPolicy(kept) {
		return false
	}
	long := resources(kept)
	changed := false
	expand := func(text string) string {
		service, path, ok := strings.Cut(text, ":/")
		if !ok || strings.ContainsAny(service, ":/*") {
			return text
		}
		for _, arn := range long {
			parts := strings.SplitN(arn, ":", 6)
			if len(parts) == 6 && parts[2] == service {
				if _, rest, ok := strings.Cut(parts[5], "/"); ok && rest == path {
					changed = true
					return arn
				}
			}
		}
		return text
	}
	short, _ := given.(map[string]any)
	full, _ := kept.(map[string]any)
	normal := policy(expandResources(short, expand))
	return changed && key(normal) == key(policy(full))
}

func document(v any) any {
	if text, ok := v.(string); ok {
		v, _ = parseDocument(text)
	}
	return v
}

// resources are the texts of the Resource elements of a policy.
func resources(policy any) (out []string) {
	m, _ := policy.(map[string]any)
	expandResources(m, func(text string) string {
		out = append(out, text)
		return text
	})
	return out
}

// expandResources copies a policy with f applied to its resources.
func expandResources(m map[string]any, f func(string) string) map[string]any {
	out := make(map[string]any, len(m))
	for name, v := range m {
		out[name] = v
	}
	list, isList := m["Statement"].([]any)
	if !isList {
		list = []any{m["Statement"]}
	}
	statements := make([]any, 0, len(list))
	for _, item := range list {
		s, _ := item.(map[string]any)
		copied := make(map[string]any, len(s))
		for name, v := range s {
			if name == "Resource" || name == "NotResource" {
				v = eachText(v, f)
			}
			copied[name] = v
		}
		statements = append(statements, copied)
	}
	out["Statement"] = statements
	return out
}

func eachText(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = eachText(item, f)
		}
		return out
	}
	return v
}
