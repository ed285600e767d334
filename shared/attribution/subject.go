package attribution

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/redact"
)

var (
	// called are the names of parameters that name a thing. A URL may carry a
	// secret, as those of webhooks do.
	called = regexp.MustCompile(`(?i)(name|arn|id|identifier|resource)s?$`)
	// passing are parameters that name the call itself, or who is called back.
	passing = regexp.MustCompile(`(?i)(clienttoken|requesttoken|requestid|clientrequesttoken|idempotencytoken|callerreference|kmskeyid|rolearn|rolename|username|subnetid|vpcid|accountid)s?$`)
	// identity is what names, ids, ARNs and URLs of resources consist of.
	identity = regexp.MustCompile(`^[A-Za-z0-9_.:/@+=,|*$#-]+$`)
	// member is the name of a property or of a key in a map.
	member = regexp.MustCompile(`^[A-Za-z0-9_.:@-]{1,128}$`)
	verb   = regexp.MustCompile(`^(Put|Delete|Set|Update|Create)`)
	tags   = regexp.MustCompile(`^(Tag|Untag)[A-Z]|^(Add|Change|Remove|Create|Delete)Tags|^(Put|Delete)\w*Tagging$`)
)

// hidden stands in a record in the place of what is not shown.
// Source: recorded events.
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// subject reads what was changed. Requests of more than 100 KB are left out of
// the record, and Cloud Control hides the documents of its resources.
// Source: CloudTrail user guide, "Record contents", requestParameters; Cloud
// Control API reference, UpdateResource (PatchDocument is sensitive).
func (w *Write) subject(record map[string]any) {
	known := services[w.EventSource]
	parameters, present := record["requestParameters"].(map[string]any)
	w.Resources = resources(known, record, parameters)
	if t := cloudtrail.Text(parameters, "typeName"); w.EventSource == cloudControl && member.MatchString(t) {
		w.Types = []string{t}
		w.Passed = bounded(cloudtrail.Text(parameters, "roleArn"), maxName)
	}
	w.Properties = properties(known, w.EventName, parameters)
	if w.EventSource == cloudControl {
		w.Properties = patched(parameters)
	}
	w.Opaque = !present || w.EventSource == cloudControl && len(w.Properties) == 0
}

// resources collects the names of what was changed.
func resources(known service, record, parameters map[string]any) []string {
	var found []string
	for _, path := range known.names {
		found = append(found, cloudtrail.Texts(record, path)...)
	}
	if len(known.names) == 0 {
		found = append(found, guessed(parameters)...)
	}
	listed, _ := record["resources"].([]any)
	for _, r := range listed {
		found = append(found, cloudtrail.Text(r, "ARN"), cloudtrail.Text(r, "arn"))
	}
	// The first ones are the surest: the bound cuts the last.
	var kept []string
	for _, name := range found {
		if len(kept) < maxResources && len(name) <= maxName && identity.MatchString(name) && redact.Line(name) == name && !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	slices.Sort(kept)
	if kept == nil {
		kept = []string{}
	}
	return kept
}

// guessed collects the values of parameters that are called like a name. Who
// they name is told later, when they equal the id of a resource.
func guessed(parameters map[string]any) []string {
	var found []string
	for _, key := range sortedKeys(parameters) {
		value := parameters[key]
		if inner, ok := value.(map[string]any); ok {
			for _, k := range sortedKeys(inner) {
				if names(k) {
					found = append(found, cloudtrail.Texts(inner[k], "")...)
				}
			}
		} else if names(key) {
			found = append(found, cloudtrail.Texts(value, "")...)
		}
	}
	return found
}

func names(key string) bool {
	return called.MatchString(key) && !passing.MatchString(key) && !redact.Secret(key)
}

// properties lists what a call sets.
func properties(known service, call string, parameters map[string]any) []string {
	if set, ok := known.calls[call]; ok {
		return sorted(set)
	}
	if set, ok := known.calls[verb.ReplaceAllString(call, "")]; ok && verb.MatchString(call) {
		return sorted(set)
	}
	if tags.MatchString(call) {
		return []string{"/Tags"}
	}
	n := namer{call: call, known: known}
	n.object("", parameters, 0)
	return sorted(cut(n.found))
}

// namer walks through parameters and keeps their names.
type namer struct {
	call  string
	known service
	found []string
}

func (n *namer) object(path string, o map[string]any, depth int) {
	for _, key := range sortedKeys(o) {
		switch {
		case len(n.found) > 4*maxProperties:
			return
		case !member.MatchString(key), depth == 0 && slices.Contains(n.known.names, "requestParameters."+key):
			continue
		case depth == 0 && slices.Contains(n.known.named, key):
			if name, ok := o[key].(string); ok && member.MatchString(name) {
				n.found = append(n.found, n.join("", name))
			}
		case depth == 0 && (slices.Contains(n.known.unwrap, key) || key == n.call+"Request"):
			inner, _ := o[key].(map[string]any)
			n.object(path, inner, depth)
		default:
			n.value(n.join(path, key), o[key], depth)
		}
	}
}

// value keeps the path, or those below it. A list is a whole: its elements
// have no place of their own to set.
func (n *namer) value(path string, v any, depth int) {
	o, ok := v.(map[string]any)
	if _, list := o["items"]; !ok || list || len(o) == 0 || depth+1 >= maxDepth {
		n.found = append(n.found, path)
		return
	}
	n.object(path, o, depth+1)
}

func (n *namer) join(path, key string) string {
	if path == "" {
		if other := n.known.alias[strings.ToLower(key)]; other != "" {
			key = other
		}
	}
	return path + "/" + key
}

// patched lists what a Cloud Control call sets, if the record shows it: the
// paths of a JSON patch, or the members of a desired state.
// Source: Cloud Control API user guide, "Updating a resource".
func patched(parameters map[string]any) []string {
	var found []string
	if document := cloudtrail.Text(parameters, "patchDocument"); document != "" && document != hidden {
		var operations []struct{ Path string }
		if json.Unmarshal([]byte(document), &operations) == nil {
			for _, o := range operations {
				if path, ok := pointer(o.Path); ok {
					found = append(found, path)
				}
			}
		}
	}
	if document := cloudtrail.Text(parameters, "desiredState"); document != "" && document != hidden {
		var state map[string]json.RawMessage
		if json.Unmarshal([]byte(document), &state) == nil {
			for key := range state {
				if member.MatchString(key) {
					found = append(found, "/"+key)
				}
			}
		}
	}
	return sorted(cut(sorted(found)))
}

// pointer checks the path of a patch, which its caller wrote.
func pointer(path string) (string, bool) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, part := range parts[:min(len(parts), maxDepth)] {
		if !member.MatchString(part) {
			return "", false
		}
	}
	return "/" + strings.Join(parts[:min(len(parts), maxDepth)], "/"), strings.HasPrefix(path, "/")
}

// cut keeps the bound: of too many paths only their beginnings.
func cut(paths []string) []string {
	if len(paths) <= maxProperties {
		return paths
	}
	heads := map[string]bool{}
	for _, path := range paths {
		head, _, _ := strings.Cut(path[1:], "/")
		heads["/"+head] = true
	}
	short := sortedKeys(heads)
	return short[:min(len(short), maxProperties)]
}

func sorted(values []string) []string {
	out := append([]string{}, values...)
	slices.Sort(out)
	return slices.Compact(out)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// bounded cuts text to at most most bytes and drops what is no text.
func bounded(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}
