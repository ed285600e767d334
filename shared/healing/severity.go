package healing

import (
	"slices"

	"github.com/evenkeel/evenkeel/events"
)

// severities from worst to mildest.
var severities = []Severity{Critical, High, Medium, Low}

// Severities lists the severities from worst to mildest.
func Severities() []Severity { return slices.Clone(severities) }

// rank is 0 for the worst. A severity that is not known counts as High, as a
// port that the default policy does not name.
func (s Severity) rank() int {
	if i := slices.Index(severities, s); i >= 0 {
		return i
	}
	return slices.Index(severities, High)
}

func worse(a, b Severity) Severity {
	if b == "" || a != "" && a.rank() <= b.rank() {
		return a
	}
	return b
}

// Weigh rates an opening: the worst of the removals, milder the less the group
// can be reached. Reachable from the internet, or reachability unknown (nil
// too): as it is. Attached to interfaces of which none can be reached: one step
// down, because the next route or address opens it. Attached to nothing: two
// steps down. It never goes below Low. A removal without a severity counts as
// High; without removals it is Low.
func Weigh(removed []events.Removal, reach *events.Reachability) Severity {
	if len(removed) == 0 {
		return Low
	}
	rank := len(severities) - 1
	for _, r := range removed {
		rank = min(rank, Severity(r.Severity).rank())
	}
	if reach != nil {
		switch reach.Level {
		case events.ReachAttached:
			rank++
		case events.ReachUnattached:
			rank += 2
		}
	}
	return severities[min(rank, len(severities)-1)]
}

// severityOf rates what the rule opens on the lane: the worst of its ports.
func (p Policy) severityOf(rule events.SecurityGroupRule, l lane) Severity {
	worst := Severity("")
	if !hasPorts(l.protocol) {
		return p.severityAt(rule, l.protocol, 0)
	}
	// Where a span begins, another severity may begin, and one past where it ends.
	starts := []int{l.from}
	for _, entry := range p.Severities {
		for _, span := range entry.Ports {
			starts = append(starts, span.From, span.To+1)
		}
	}
	for _, port := range starts {
		if l.from <= port && port <= l.to {
			worst = worse(worst, p.severityAt(rule, l.protocol, port))
		}
	}
	return worst
}

// severityAt is what the first entry that matches says.
func (p Policy) severityAt(rule events.SecurityGroupRule, protocol string, port int) Severity {
	every := protocolName(rule.Protocol) == "-1"
	for _, entry := range p.Severities {
		if entry.Protocol == protocol || entry.Protocol == "-1" && every {
			return entry.Severity
		}
		for _, span := range entry.Ports {
			if hasPorts(protocol) && span.holds(protocol, port) {
				return entry.Severity
			}
		}
	}
	return p.DefaultSeverity
}

// holds reports whether the port of the protocol, tcp or udp, is in the range.
func (r PortRange) holds(protocol string, port int) bool {
	return (r.Protocol == "" || r.Protocol == protocol) && r.From <= port && port <= r.To
}
