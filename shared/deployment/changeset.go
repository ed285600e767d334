package deployment

import (
	"github.com/evenkeel/evenkeel/shared/changeset"
	"github.com/evenkeel/evenkeel/shared/risk"
)

// What the ports and the plan speak of is the change set's own model.
type (
	// ChangeSet is a change set as CloudFormation shows it.
	ChangeSet = changeset.Set
	// Change is what it does to one resource.
	Change = changeset.Change
	// Detail is why one attribute of a resource changes.
	Detail = changeset.Detail
)

// The levels of risk, rising.
const (
	RiskSafe      = risk.Safe
	RiskReview    = risk.Review
	RiskDangerous = risk.Dangerous
	RiskBlocked   = risk.Blocked
)
