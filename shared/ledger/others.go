package ledger

import (
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// DriftView is how a watched stack stands.
type DriftView struct {
	events.StackRef
	Status    string                   `json:"status"` // of the last scan: IN_SYNC, DRIFTED, UNKNOWN
	Coverage  events.Coverage          `json:"coverage"`
	Resources []events.DriftedResource `json:"resources"`
	Reason    string                   `json:"reason,omitempty"` // why it is UNKNOWN
	ScanID    string                   `json:"scanId"`
	Scanned   time.Time                `json:"scanned"`
	Digest    string                   `json:"digest,omitempty"`   // of what drifted
	Nested    []events.NestedStack     `json:"nested,omitempty"`   // that are not in sync
	Reverted  *time.Time               `json:"reverted,omitempty"` // last revert that held
	Refused   []string                 `json:"refused,omitempty"`  // why the last revert was not executed
}

// Scan is the last scan as a fact.
func (v DriftView) Scan() events.DriftScanned {
	return events.DriftScanned{StackRef: v.StackRef, ScanID: v.ScanID, Status: v.Status, Coverage: v.Coverage, Resources: v.Resources, Reason: v.Reason, Digest: v.Digest, Nested: v.Nested}
}

// Drift folds the facts of one watched stack, in any order. ok is false when
// it was never scanned.
func Drift(entries []Entry) (v DriftView, ok bool, err error) {
	v.Resources = []events.DriftedResource{}
	for _, e := range Order(entries) {
		switch e.DetailType {
		case events.DriftScanned{}.DetailType():
			err = apply(e, func(d events.DriftScanned) {
				ok = true
				v.StackRef, v.Status, v.Coverage, v.Reason, v.ScanID, v.Scanned, v.Digest = d.StackRef, d.Status, d.Coverage, d.Reason, d.ScanID, e.Time, d.Digest
				v.Resources, v.Nested = append([]events.DriftedResource{}, d.Resources...), d.Nested
				if d.Status == "IN_SYNC" {
					v.Refused = nil
				}
			})
		case events.DriftReverted{}.DetailType():
			err = apply(e, func(d events.DriftReverted) { v.StackRef, v.Reverted, v.Refused = d.StackRef, &e.Time, nil })
		case events.DriftRevertRefused{}.DetailType():
			err = apply(e, func(d events.DriftRevertRefused) { v.StackRef, v.Refused = d.StackRef, d.Reasons })
		}
		if err != nil {
			return v, ok, err
		}
	}
	return v, ok, nil
}

// The states of a heal.
const (
	HealObserved = "Observed" // what would have been closed
	HealHealed   = "Healed"
	HealUndone   = "Undone"
	HealStopped  = "Stopped" // healed too often in an hour: still open
)

// HealView is how a heal stands.
type HealView struct {
	events.SecurityGroup
	HealID   string                     `json:"healId"`
	State    string                     `json:"state"` // one of the Heal constants
	Trigger  events.Trigger             `json:"trigger"`
	Rules    []events.Removal           `json:"rules"` // closed, or in observe mode open
	Kept     int                        `json:"kept"`
	Exposure time.Duration              `json:"exposure"` // nanoseconds
	Time     time.Time                  `json:"time"`     // of the last fact
	Severity string                     `json:"severity,omitempty"`
	Reach    *events.Reachability       `json:"reachability,omitempty"`
	Owner    *events.Owner              `json:"owner,omitempty"`
	UndoneBy string                     `json:"undoneBy,omitempty"`
	Restored []events.SecurityGroupRule `json:"restored,omitempty"`
	Until    *time.Time                 `json:"until,omitempty"` // not healed again before
}

// Heal folds the facts of one heal, in any order.
func Heal(entries []Entry) (v HealView, err error) {
	v.Rules = []events.Removal{}
	for _, e := range Order(entries) {
		v.Time = e.Time
		switch e.DetailType {
		case events.SecurityGroupExposed{}.DetailType():
			err = apply(e, func(d events.SecurityGroupExposed) {
				v.SecurityGroup, v.HealID, v.State, v.Trigger, v.Rules = d.SecurityGroup, d.HealID, HealObserved, d.Trigger, d.Exposed
				v.Severity, v.Reach, v.Owner = d.Severity, d.Reachability, d.Owner
			})
		case events.SecurityGroupHealed{}.DetailType():
			err = apply(e, func(d events.SecurityGroupHealed) {
				v.SecurityGroup, v.HealID, v.State, v.Trigger, v.Rules = d.SecurityGroup, d.HealID, HealHealed, d.Trigger, d.Removed
				v.Kept, v.Exposure = d.Kept, d.Exposure
				v.Severity, v.Reach, v.Owner = d.Severity, d.Reachability, d.Owner
			})
		case events.SecurityGroupHealingStopped{}.DetailType():
			err = apply(e, func(d events.SecurityGroupHealingStopped) {
				v.SecurityGroup, v.HealID, v.State, v.Trigger, v.Rules = d.SecurityGroup, d.HealID, HealStopped, d.Trigger, d.Exposed
			})
		case events.SecurityGroupHealUndone{}.DetailType():
			err = apply(e, func(d events.SecurityGroupHealUndone) {
				v.SecurityGroup, v.HealID, v.State, v.UndoneBy, v.Restored, v.Until = d.SecurityGroup, d.HealID, HealUndone, d.By, d.Restored, &d.Until
			})
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}
