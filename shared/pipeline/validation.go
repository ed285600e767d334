package pipeline

import (
	"path"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

// What a stage refuses to deploy.
const (
	FailOnError   = "error" // the default
	FailOnWarning = "warning"
	FailOnNote    = "note"
	FailOnNone    = "none" // not even errors stop it
)

var failOns = []string{FailOnError, FailOnWarning, FailOnNote, FailOnNone}

// Validation is how the templates of a repository are validated.
type Validation struct {
	Ignore   []Ignore
	Include  []string // rules that are off by default, by id or its beginning
	Policies []string // folders of policies in Rego; none means policies/
	Baseline string   // file of findings that are known, "" for none
}

// Ignore switches findings off.
type Ignore struct {
	Rule     string   // id, ours or another tool's; a trailing * stands for any end
	Paths    []string // globs of templates; none means all
	Resource string   // glob of logical ids; "" means all
	Reason   string
	Until    string // the last day that it holds, 2027-01-31; "" means for ever

	at Position
}

// At returns where the entry stands in evenkeel.yaml.
func (i Ignore) At() Position { return i.at }

// DecodeValidation reads only the section validation of evenkeel.yaml, so that
// it counts even for templates outside of a repository's folder. The error is
// of type Faults.
func DecodeValidation(file string, data []byte) (Validation, error) {
	d := &decoder{file: file}
	if len(data) > maxFile {
		d.fault(Position{}, "the file has "+strconv.Itoa(len(data)>>10)+" KiB; the limit is "+strconv.Itoa(maxFile>>10))
		return Validation{}, d.faults
	}
	root := d.parse(data)
	if len(d.faults) > 0 {
		return Validation{}, d.faults
	}
	var v Validation
	for _, e := range d.entries(root, "the file") {
		if e.name == "validation" {
			v = d.validation(e.value)
		}
	}
	if len(d.faults) > 0 {
		return Validation{}, d.faults
	}
	return v, nil
}

func (d *decoder) validation(n *yaml.Node) Validation {
	var v Validation
	keys := d.object(n, "validation", validationKeys)
	if k, ok := keys["ignore"]; ok {
		if k.value.Kind != yaml.SequenceNode {
			d.fault(position(k.value), "ignore must be a list, not "+yamldoc.Kind(k.value))
		} else {
			for _, item := range k.value.Content {
				v.Ignore = append(v.Ignore, d.ignore(item))
			}
		}
	}
	if k, ok := keys["include"]; ok {
		for _, item := range d.items(k.value, "include") {
			v.Include = append(v.Include, d.matching(item, "the rule", rulePattern, "the id of a rule or its beginning, such as I3042"))
		}
	}
	if k, ok := keys["policies"]; ok {
		for _, item := range d.items(k.value, "policies") {
			v.Policies = append(v.Policies, d.templatePath(item, "the folder"))
		}
	}
	if k, ok := keys["baseline"]; ok {
		v.Baseline = d.templatePath(k.value, "baseline")
	}
	return v
}

func (d *decoder) ignore(n *yaml.Node) Ignore {
	i := Ignore{at: position(n)}
	keys := d.object(n, "the entry of ignore", ignoreKeys)
	if k, ok := keys["rule"]; ok {
		i.Rule = d.matching(k.value, "rule", rulePattern, "the id of a rule, such as EK1003 or CKV_AWS_18")
	}
	if k, ok := keys["paths"]; ok {
		for _, item := range d.items(k.value, "paths") {
			if _, err := path.Match(item.Value, ""); err != nil {
				d.fault(position(item), "the path "+strconv.Quote(item.Value)+" is not a glob: a bracket is not closed")
			}
			i.Paths = append(i.Paths, item.Value)
		}
	}
	if k, ok := keys["resource"]; ok {
		i.Resource = d.matching(k.value, "resource", resourcePattern, "a logical id, or a glob of them")
	}
	if k, ok := keys["reason"]; ok {
		i.Reason, _ = d.scalar(k.value, "reason")
	}
	if k, ok := keys["until"]; ok {
		value, isText := d.scalar(k.value, "until")
		if _, err := time.Parse(time.DateOnly, value); isText && err != nil {
			d.fault(position(k.value), "until "+strconv.Quote(value)+" is not a day, such as 2027-01-31")
		}
		i.Until = value
	}
	return i
}
