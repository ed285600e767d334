// Package permission reads what a function declares that it may do:
// functions/<name>/permissions.json, beside the code that needs it. The CDK app
// grants exactly that and nothing else.
package permission

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// The resources of the hub account that a statement may name.
const (
	StateTable        = "stateTable"
	LedgerTable       = "ledgerTable"
	WritesTable       = "writesTable"
	Bucket            = "bucket"
	Bus               = "bus"
	Parameters        = "parameters"        // below the parameter prefix
	Secrets           = "secrets"           // evenkeel/*
	WorkloadRole      = "workloadRole"      // the function's role in any trusted account
	StageRole         = "stageRole"         // the roles there that a stage of evenkeel.yaml may name
	PipelineWorkflow  = "pipelineWorkflow"  //
	DriftWorkflow     = "driftWorkflow"     //
	DriftscanWorkflow = "driftscanWorkflow" //
	RolloutWorkflow   = "rolloutWorkflow"   //
	OwnFunction       = "ownFunction"       //
	OwnQueue          = "ownQueue"          // where events wait for the function
	Any               = "any"               // "*"; Why names the reason
)

var tokens = []string{StateTable, LedgerTable, WritesTable, Bucket, Bus, Parameters, Secrets, WorkloadRole, StageRole,
	PipelineWorkflow, DriftWorkflow, DriftscanWorkflow, RolloutWorkflow, OwnFunction, OwnQueue, Any}

// Statement allows actions on one thing, and says why.
type Statement struct {
	Actions    []string                  `json:"actions"`
	On         string                    `json:"on,omitempty"`        // hub: one of the resource names above, or
	Resources  []string                  `json:"resources,omitempty"` // ARNs; ${Account} is the account itself
	Conditions map[string]map[string]any `json:"conditions,omitempty"`
	Why        string                    `json:"why"`
}

// Document is what one function declares.
type Document struct {
	Hub      []Statement `json:"hub"`      // granted to the function's own role
	Workload []Statement `json:"workload"` // granted to the role that it assumes in a workload account
}

var (
	action = regexp.MustCompile(`^[a-z0-9-]+:[A-Za-z]+$`)
	reads  = regexp.MustCompile(`^[a-z0-9-]+:(Describe|Get|List)[A-Za-z]*\*$`)
)

// Read decodes the file strictly and reports every fault. A wildcard in an
// action is a fault, because the declaration is compared with the calls of real
// runs. Only reads in a workload account may be many: drift detection reads
// each kind of resource with its caller's permissions.
func Read(path string) (Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Document{}, err
	}
	doc, err := Parse(data)
	if err != nil {
		return Document{}, fmt.Errorf("%s: %w", path, err)
	}
	return doc, nil
}

// Parse is Read on bytes.
func Parse(data []byte) (Document, error) {
	var doc Document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return Document{}, err
	}
	var faults []error
	for i, s := range doc.Hub {
		faults = append(faults, common(fmt.Sprintf("hub[%d]", i), s, false)...)
		if (s.On == "") == (len(s.Resources) == 0) {
			faults = append(faults, fmt.Errorf("hub[%d]: needs either on or resources", i))
		}
		if s.On != "" && !slices.Contains(tokens, s.On) {
			faults = append(faults, fmt.Errorf("hub[%d]: on %q is not one of %s", i, s.On, strings.Join(tokens, ", ")))
		}
		if slices.Contains(s.Resources, "*") {
			faults = append(faults, fmt.Errorf("hub[%d]: every resource is \"on\": \"any\"", i))
		}
	}
	for i, s := range doc.Workload {
		faults = append(faults, common(fmt.Sprintf("workload[%d]", i), s, true)...)
		if len(s.Resources) == 0 || s.On != "" {
			faults = append(faults, fmt.Errorf("workload[%d]: needs resources, and no \"on\"", i))
		}
	}
	return doc, errors.Join(faults...)
}

func common(where string, s Statement, manyReads bool) []error {
	var faults []error
	if len(s.Actions) == 0 {
		faults = append(faults, fmt.Errorf("%s: no actions", where))
	}
	for _, a := range s.Actions {
		if !action.MatchString(a) && !(manyReads && reads.MatchString(a)) {
			faults = append(faults, fmt.Errorf("%s: %q is not an action such as s3:GetObject", where, a))
		}
	}
	if slices.Contains(s.Actions, "iam:PassRole") && len(s.Actions) > 1 {
		faults = append(faults, fmt.Errorf("%s: iam:PassRole needs a statement of its own: it is bound to one service", where))
	}
	if strings.TrimSpace(s.Why) == "" {
		faults = append(faults, fmt.Errorf("%s: no why", where))
	}
	return faults
}
