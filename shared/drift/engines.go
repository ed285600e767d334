package drift

import (
	"context"
	"slices"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// The engines that look for drift.
const (
	EngineAuto           = "auto"           // both
	EngineCloudFormation = "cloudformation" // DetectStackDrift
	EngineLive           = "live"           // Cloud Control's models against the resolved template
	engineBoth           = "both"           // of a resource that both found drifted
)

// ParseEngine returns the engine that a request asks for; "" is auto. Any other
// name is Invalid.
func ParseEngine(name string) (string, error) {
	switch name {
	case "":
		return EngineAuto, nil
	case EngineAuto, EngineCloudFormation, EngineLive:
		return name, nil
	}
	return "", fault.Invalid("there is no engine %q: use auto, cloudformation or live", name)
}

// Live is the second engine: it reads what is live itself, and compares it with
// what the deployed template resolves to.
type Live interface {
	// Check compares the resources of a stack, and returns one result for each
	// that is not a nested stack, in their order. What cannot be read is a result
	// too; the error is for what all of them need, such as the template.
	Check(ctx context.Context, stack events.StackRef, resources []Resource) ([]LiveResult, error)
}

// StatusUnsupported is the status of a resource whose type the engine cannot
// read.
const StatusUnsupported = "UNSUPPORTED"

// LiveResult is what the live engine says about one resource.
type LiveResult struct {
	ResourceDrift // Status is IN_SYNC, MODIFIED, DELETED, UNKNOWN or UNSUPPORTED; Differences are real ones
	// Undeclared are changes of what the template does not set.
	Undeclared []events.PropertyDifference
	// Unresolved are pointers to properties whose expected value could not be
	// worked out, sorted: they were not compared.
	Unresolved []string
	// Why are those of Unresolved of which the reason is known, such as another
	// stack that could not be read; sorted by path.
	Why []Unresolved
}

// read reports a result that comes of a comparison, or of a resource that is
// gone.
func (l LiveResult) read() bool {
	return l.Status == StatusInSync || l.Status == StatusModified || l.Status == StatusDeleted
}

// live asks the live engine, unless the scan is for CloudFormation alone or
// nothing is to be checked. In auto it is asked for every resource, not only
// for what CloudFormation cannot check: a read is one call within a quota of
// its own, GetAtt needs the models of other resources anyway, and only the
// models show what was changed that the template does not set. If it fails as
// a whole in auto, the report is CloudFormation's, and says so. names are the
// logical ids of the resources whose weights a deployment sets.
func (s *Service) live(ctx context.Context, scan Scan, resources []Resource, routed []string) (results []LiveResult, names []string, note string, err error) {
	if s.Live == nil || scan.Engine == EngineCloudFormation || len(resources) == 0 {
		return nil, nil, "", nil
	}
	results, err = s.Live.Check(ctx, scan.Stack, resources)
	switch {
	case err == nil:
	case scan.Engine == EngineLive, fault.Is(err, fault.TransientError), ctx.Err() != nil:
		return nil, nil, "", err
	default:
		return nil, nil, "the live engine could not check the stack: " + err.Error(), nil
	}
	for i := range results {
		routed = append(slices.Clip(routed), shifted([]ResourceDrift{results[i].ResourceDrift})...)
	}
	for i := range results {
		drifts, own := withoutWeights([]ResourceDrift{results[i].ResourceDrift}, routed)
		names = append(names, own...)
		results[i].ResourceDrift = drifts[0]
		results[i].Undeclared = slices.Clone(results[i].Undeclared)
		if len(own) > 0 {
			results[i].Undeclared = slices.DeleteFunc(results[i].Undeclared, func(d events.PropertyDifference) bool { return isWeight(results[i].Type, d.Path) })
		}
	}
	return results, names, "", nil
}
