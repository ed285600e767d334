// Package ledger keeps every fact under the subject that it is about, and
// tells from the facts of a subject how it stands. Nothing but the facts is
// kept: what a run looks like is always folded from them.
package ledger

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// The kinds of subject.
const (
	KindRun    = "run"
	KindDrift  = "drift"
	KindHeal   = "heal"
	KindReview = "review"
	KindSweep  = "sweep"
)

// Entry is one recorded fact.
type Entry struct {
	Subject    string          `json:"subject"`  // "run#<run id>", "drift#<account>/<region>/<stack name>", "heal#<heal id>", "review#<repository>#<number>", "sweep#heal"
	Sequence   string          `json:"sequence"` // sorts by time, then by fact
	Kind       string          `json:"kind"`     // one of the Kind constants
	EventID    string          `json:"eventId"`  // Metadata.ID of the fact
	DetailType string          `json:"detailType"`
	Source     string          `json:"source"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"` // {metadata, data}
}

// RunSubject is the subject of a run.
func RunSubject(runID string) string { return KindRun + "#" + runID }

// HealSubject is the subject of a heal.
func HealSubject(healID string) string { return KindHeal + "#" + healID }

// ReviewSubject is the subject of a pull request.
func ReviewSubject(repository string, number int) string {
	return KindReview + "#" + repository + "#" + strconv.Itoa(number)
}

// DriftSubject is the subject of a watched stack.
func DriftSubject(account, region, stackName string) string {
	return KindDrift + "#" + account + "/" + region + "/" + stackName
}

// sequenceTime has a fixed width, so that text sorts as time does; RFC 3339
// with nanoseconds drops trailing zeros and would not.
const sequenceTime = "2006-01-02T15:04:05.000000000Z"

// NewEntry decides where a fact belongs. ok is false for an event that is no
// fact of ours. A fact that does not decode or names no subject is a
// fault.InvalidError.
func NewEntry(e events.Envelope[json.RawMessage]) (entry Entry, ok bool, err error) {
	locate, known := subjects[e.DetailType]
	if !known || !strings.HasPrefix(e.Source, "evenkeel.") {
		return Entry{}, false, nil
	}
	var detail events.Detail[json.RawMessage]
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return Entry{}, true, fault.Invalid("%s %s: the detail is not {metadata, data}: %w", e.DetailType, e.ID, err)
	}
	kind, subject, err := locate(detail.Data)
	if err != nil {
		return Entry{}, true, fault.Invalid("%s %s: %w", e.DetailType, e.ID, err)
	}
	if subject == "" || detail.Metadata.ID == "" || detail.Metadata.Time.IsZero() {
		return Entry{}, true, fault.Invalid("%s %s: the fact does not say what it is about, its id or its time", e.DetailType, e.ID)
	}
	at := detail.Metadata.Time.UTC()
	return Entry{
		Subject: subject, Kind: kind, Sequence: at.Format(sequenceTime) + "#" + detail.Metadata.ID,
		EventID: detail.Metadata.ID, DetailType: e.DetailType, Source: e.Source, Time: at, Detail: e.Detail,
	}, true, nil
}

// locator finds the kind and the subject in a fact's data; an empty subject
// means that the data does not name it.
type locator func(data json.RawMessage) (kind, subject string, err error)

// subjects says where each fact belongs, by detail-type.
var subjects = map[string]locator{
	events.GitPushed{}.DetailType():                   aboutPush,
	events.RunStarted{}.DetailType():                  aboutRun,
	events.SourceBuilt{}.DetailType():                 aboutRun,
	events.BuildFailed{}.DetailType():                 aboutRun,
	events.AssetsPublished{}.DetailType():             aboutRun,
	events.TemplatesValidated{}.DetailType():          aboutRun,
	events.TemplatesRejected{}.DetailType():           aboutRun,
	events.StackPlanned{}.DetailType():                aboutRun,
	events.ApprovalRequested{}.DetailType():           aboutRun,
	events.ApprovalDecided{}.DetailType():             aboutRun,
	events.StackDeployed{}.DetailType():               aboutRun,
	events.StackRolledBack{}.DetailType():             aboutRun,
	events.StackRecoveryRequested{}.DetailType():      aboutRunOrStack,
	events.StackVerified{}.DetailType():               aboutRun,
	events.VerificationFailed{}.DetailType():          aboutRun,
	events.StageClosed{}.DetailType():                 aboutRun,
	events.RolloutStarted{}.DetailType():              aboutRun,
	events.RolloutStepped{}.DetailType():              aboutRun,
	events.RolloutPaused{}.DetailType():               aboutRun,
	events.RolloutResumed{}.DetailType():              aboutRun,
	events.RolloutPromoted{}.DetailType():             aboutRun,
	events.RolloutAborted{}.DetailType():              aboutRun,
	events.RolloutSwitchedBack{}.DetailType():         aboutRun,
	events.RolloutRetired{}.DetailType():              aboutRun,
	events.RunFinished{}.DetailType():                 aboutRun,
	events.PullRequestUpdated{}.DetailType():          aboutPullRequest,
	events.PullRequestReviewed{}.DetailType():         aboutPullRequest,
	events.DriftScanned{}.DetailType():                aboutStack,
	events.DriftDetected{}.DetailType():               aboutStack,
	events.DriftResolved{}.DetailType():               aboutStack,
	events.DriftAccepted{}.DetailType():               aboutStack,
	events.DriftDigest{}.DetailType():                 aboutAllStacks,
	events.DriftReverted{}.DetailType():               aboutStack,
	events.DriftRevertRefused{}.DetailType():          aboutStack,
	events.SecurityGroupHealed{}.DetailType():         aboutHeal,
	events.SecurityGroupExposed{}.DetailType():        aboutHeal,
	events.SecurityGroupHealUndone{}.DetailType():     aboutHeal,
	events.SecurityGroupHealingStopped{}.DetailType(): aboutHeal,
	events.SecurityGroupsSwept{}.DetailType():         aboutSweep,
}

func aboutPush(data json.RawMessage) (kind, subject string, err error) {
	push, err := decode[events.GitPushed](data)
	if err != nil || push.Commit == "" {
		return KindRun, "", err
	}
	return KindRun, RunSubject(push.RunID()), nil
}

func aboutRun(data json.RawMessage) (kind, subject string, err error) {
	run, err := decode[events.Run](data)
	if err != nil || run.RunID == "" {
		return KindRun, "", err
	}
	return KindRun, RunSubject(run.RunID), nil
}

func aboutPullRequest(data json.RawMessage) (kind, subject string, err error) {
	pull, err := decode[events.PullRequest](data)
	if err != nil || pull.Repository == "" || pull.Number == 0 {
		return KindReview, "", err
	}
	return KindReview, ReviewSubject(pull.Repository, pull.Number), nil
}

func aboutStack(data json.RawMessage) (kind, subject string, err error) {
	stack, err := decode[events.StackRef](data)
	if err != nil || stack.StackName == "" {
		return KindDrift, "", err
	}
	return KindDrift, DriftSubject(stack.Account, stack.Region, stack.StackName), nil
}

// aboutAllStacks is for a digest: all of them are one subject.
func aboutAllStacks(json.RawMessage) (kind, subject string, err error) {
	return KindDrift, KindDrift + "#digest", nil
}

// aboutRunOrStack is for what a person does to a stack, of a run or by its name.
func aboutRunOrStack(data json.RawMessage) (kind, subject string, err error) {
	if kind, subject, err = aboutRun(data); err != nil || subject != "" {
		return kind, subject, err
	}
	return aboutStack(data)
}

func aboutHeal(data json.RawMessage) (kind, subject string, err error) {
	heal, err := decode[struct {
		HealID string `json:"healId"`
	}](data)
	if err != nil || heal.HealID == "" {
		return KindHeal, "", err
	}
	return KindHeal, HealSubject(heal.HealID), nil
}

// aboutSweep is for what a sweep of security groups saw: all sweeps are one
// subject, so that its last entry is the last sweep.
func aboutSweep(json.RawMessage) (kind, subject string, err error) {
	return KindSweep, KindSweep + "#heal", nil
}

func decode[T any](data json.RawMessage) (T, error) {
	var value T
	err := json.Unmarshal(data, &value)
	return value, err
}

// DataOf decodes the data of an entry.
func DataOf[T events.Data](e Entry) (T, error) {
	detail, err := decode[events.Detail[T]](e.Detail)
	if err != nil {
		return detail.Data, fault.Permanent("read %s of %s: %w", e.DetailType, e.Subject, err)
	}
	return detail.Data, nil
}

// Order sorts entries by sequence and drops what was recorded twice: a fact
// that was published again after a failure has the same id and another time.
func Order(entries []Entry) []Entry {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b Entry) int { return strings.Compare(a.Sequence, b.Sequence) })
	seen := map[string]bool{}
	return slices.DeleteFunc(sorted, func(e Entry) bool {
		repeated := seen[e.EventID]
		seen[e.EventID] = true
		return repeated
	})
}
