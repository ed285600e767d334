package healing

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Versions says how far a managed prefix list is.
type Versions interface {
	// Version returns the version and the state of a prefix list; ok is false
	// when it does not exist or may not be read.
	Version(ctx context.Context, at Place, prefixList string) (version int64, state string, ok bool, err error)
}

// edit is what a record says of the change of a prefix list.
type edit struct {
	adds     bool  // entries
	versions bool  // it makes a new version
	pending  bool  // it was under way when the call was answered
	version  int64 // before it
}

// edited reads the change of a prefix list. EC2 answers such a call before the
// entries change: with the state modify-in-progress and the version before.
// Source: EC2 API reference, ModifyManagedPrefixList and ManagedPrefixList.
func edited(name string, record map[string]any) edit {
	of := func(paths ...string) string {
		for _, path := range paths {
			if text := cloudtrail.Text(record, path); text != "" {
				return text
			}
		}
		return ""
	}
	adds, removes := given(record, name, "AddEntry"), given(record, name, "RemoveEntry")
	e := edit{adds: adds, versions: adds || removes}
	switch name {
	case "CreateManagedPrefixList":
		e = edit{adds: true}
	case "RestoreManagedPrefixListVersion":
		e = edit{adds: true, versions: true}
	case "ModifyManagedPrefixList":
	default:
		return edit{}
	}
	state := of(responseElements+"."+name+"Response.prefixList.state", responseElements+".prefixList.state")
	e.pending = strings.HasSuffix(state, inProgress)
	version := cmp.Or(
		of(responseElements+"."+name+"Response.prefixList.version", responseElements+".prefixList.version"),
		of(requestParameters+"."+name+"Request.CurrentVersion", requestParameters+".currentVersion"))
	e.version, _ = strconv.ParseInt(version, 10, 64)
	return e
}

// given reports whether the request has the parameter, in either spelling.
func given(record map[string]any, name, parameter string) bool {
	request, _ := record[requestParameters].(map[string]any)
	if inner, ok := request[name+"Request"].(map[string]any); ok {
		request = inner
	}
	for _, key := range append(spellings(parameter), spellings(strings.TrimSuffix(parameter, "y")+"ies")...) {
		if request[key] != nil {
			return true
		}
	}
	return false
}

// inProgress is how the states of a prefix list end while it changes.
// Source: EC2 API reference, ManagedPrefixList.
const inProgress = "-in-progress"

// settle notes that the event must come again if the prefix list has not
// changed yet. What can be seen already is judged all the same.
func (t *task) settle(ctx context.Context) {
	if t.Versions == nil {
		return
	}
	for _, r := range t.records {
		if !r.edit.pending {
			continue
		}
		for _, id := range r.PrefixLists {
			version, state, ok, err := t.Versions.Version(ctx, r.Place, id)
			switch {
			case err != nil:
				t.unread("version of "+id, err)
			case ok && r.edit.unseen(version, state):
				t.unread(id, fault.Transient("version %d is %s: the change that event %s tells of is not there yet", version, state, r.Trigger.EventID))
			}
		}
	}
}

// unseen reports whether a list in this version and state has not changed yet.
// It may have failed to.
func (e edit) unseen(version int64, state string) bool {
	switch {
	case strings.HasSuffix(state, "-failed"):
		return false
	case strings.HasSuffix(state, inProgress):
		return true
	}
	return e.versions && e.version > 0 && version <= e.version
}
