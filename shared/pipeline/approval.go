package pipeline

import (
	"strconv"
	"time"
)

// Whether an author of a push may approve it.
const (
	SelfForbidden = "forbidden"
	SelfAllowed   = "allowed"
)

var (
	selfApprovals       = []string{SelfForbidden, SelfAllowed}
	approvalTimePattern = newPattern(`^[1-9][0-9]{0,4}[mhd]$`)
)

// How long a plan waits for a person.
const (
	defaultApprovalTime = 24 * time.Hour
	minApprovalTime     = 5 * time.Minute
	maxApprovalTime     = 7 * 24 * time.Hour
)

// ApprovalTime is how long a plan of the stage waits for a person.
func (s Stage) ApprovalTime() time.Duration {
	if d := timeout(s.ApprovalTimeout); d != 0 {
		return d
	}
	return defaultApprovalTime
}

// timeout reads a number of minutes, hours or days; 0 is none.
func timeout(text string) time.Duration {
	if !approvalTimePattern.matches(text) {
		return 0
	}
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil {
		return 0
	}
	unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	return time.Duration(n) * unit[text[len(text)-1]]
}

// approvals reads how a stage is approved, beside when.
func (d *decoder) approvals(stage *Stage, keys map[string]entry) {
	if k, ok := keys["approvalTimeout"]; ok {
		before := len(d.faults)
		stage.ApprovalTimeout = d.matching(k.value, "approvalTimeout", approvalTimePattern, "a number of minutes, hours or days, such as 30m, 24h or 7d")
		if t := stage.ApprovalTime(); len(d.faults) == before && (t < minApprovalTime || t > maxApprovalTime) {
			d.fault(position(k.value), "approvalTimeout "+strconv.Quote(stage.ApprovalTimeout)+" is not between 5m and 7d")
		}
	}
	if k, ok := keys["selfApproval"]; ok {
		stage.SelfApproval = d.oneOf(k.value, "selfApproval", selfApprovals)
	}
}
