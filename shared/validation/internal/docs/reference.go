package main

import (
	_ "embed"
	"strings"
)

// reference is the release of cfn-lint whose findings are the measure.
const reference = "1.51.0"

// referenceIDs are the ids that `cfn-lint --list-rules` of that release lists.
//
//go:embed cfn-lint-1.51.0.txt
var referenceIDs string

func idsOfReference() []string { return strings.Fields(referenceIDs) }

// leftOut are the rules of cfn-lint that the validator does not have.
var leftOut = map[string]string{
	"E0003": "About cfn-lint's own configuration file. A faulty `evenkeel.yaml` has findings of its own, whose ids begin with P.",
	"E0100": "About cfn-lint's deployment files, which a pipeline in `evenkeel.yaml` takes the place of.",
	"E0200": "About cfn-lint's parameter files. Parameters stand in `evenkeel.yaml` or on the command line, which refuse what they cannot read.",
	"E1052": "cfn-lint lists it and never reports it.",
	"E2900": "About parameters in cfn-lint's deployment files. Evenkeel checks the parameters of stacks against their templates itself.",
	"E3040": "cfn-lint lists it and never reports it. EK0006 warns of properties that only the service sets.",
	"W1019": "cfn-lint lists it and never reports it: an unused variable of Fn::Sub is an error, E1019.",
}

// silent are rules that suppressions may name although no finding has their id,
// because cfn-lint gives the finding to another rule.
var silent = map[string]string{
	"E1103": "the rule of the format", "E2003": "E2001", "E2010": "E2001 and EK0007", "E3008": "the rule of the item", "E3011": "E3001",
	"E6004": "E6001", "E8002": "the rule of the place that names the condition", "E8007": "E8001", "W2031": "W1030", "W3034": "W1030",
	"E3652": "none: the list of instance types is empty", "I2010": "none", "I2011": "none", "I7002": "none",
}
