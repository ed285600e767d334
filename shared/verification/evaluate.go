package verification

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// Unchecked begins why of an attempt that could not be made.
const Unchecked = "could not be checked: "

// Evaluate compares what was seen with what the check expects. why is one
// sentence; for a failure it is the first expectation that does not hold.
func Evaluate(c pipeline.Check, o Observation) (outcome, why string) {
	switch {
	case o.Unknown != "":
		return Pending, Unchecked + o.Unknown
	case o.Failed != "":
		return Failed, o.Failed
	case c.HTTP != nil && o.HTTP != nil:
		return evaluateHTTP(*c.HTTP, *o.HTTP)
	case c.Lambda != nil && o.Function != nil:
		return evaluateFunction(*c.Lambda, *o.Function)
	case c.Alarm != nil:
		return evaluateAlarms(*c.Alarm, o.Alarms)
	case c.Build != nil && o.Build != nil:
		return evaluateBuild(*o.Build)
	default:
		return Pending, Unchecked + "nothing was seen"
	}
}

func evaluateHTTP(h pipeline.HTTPCheck, r Response) (outcome, why string) {
	if !slices.ContainsFunc(h.Status, func(s pipeline.StatusRange) bool { return s.From <= r.Status && r.Status <= s.To }) {
		return Failed, fmt.Sprintf("the status is %d, not %s", r.Status, ranges(h.Status))
	}
	if most := time.Duration(h.MaxLatency); most > 0 && r.Latency > most {
		return Failed, fmt.Sprintf("the answer took %s, more than %s", rounded(r.Latency), h.MaxLatency)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Expect.Headers)) {
		want, got := h.Expect.Headers[name], r.Headers[textproto.CanonicalMIMEHeaderKey(name)]
		if !strings.Contains(got, want) {
			return Failed, fmt.Sprintf("the header %s is %q and does not contain %q", name, shorten(got, maxWhy), want)
		}
	}
	if why := unexpected(h.Expect, r.Body, r.Truncated, "the body"); why != "" {
		return Failed, why
	}
	return Passed, fmt.Sprintf("%d in %s", r.Status, rounded(r.Latency))
}

func evaluateFunction(l pipeline.LambdaCheck, i Invocation) (outcome, why string) {
	if i.FunctionError != "" {
		return Failed, "the function failed (" + i.FunctionError + "): " + functionMessage(i.Payload)
	}
	if why := unexpected(l.Expect, i.Payload, i.Truncated, "the answer"); why != "" {
		return Failed, why
	}
	return Passed, "the function returned"
}

// functionMessage is the message of a failed function.
// Source: Lambda developer guide, "Function errors": errorMessage, errorType.
func functionMessage(payload []byte) string {
	var failure struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &failure) == nil && failure.Message != "" {
		return shorten(failure.Message, maxWhy)
	}
	return "it gave no message"
}

// unexpected returns the first expectation that does not hold, or "".
func unexpected(e pipeline.Expect, body []byte, truncated bool, what string) string {
	if truncated {
		what = fmt.Sprintf("the first %d KiB of %s", len(body)>>10, strings.TrimPrefix(what, "the "))
	}
	if e.Contains != "" && !strings.Contains(string(body), e.Contains) {
		return fmt.Sprintf("%s does not contain %q", what, e.Contains)
	}
	if e.Matches != "" {
		expression, err := regexp.Compile(e.Matches)
		if err != nil {
			return fmt.Sprintf("%q is not a regular expression", e.Matches)
		}
		if !expression.Match(body) {
			return fmt.Sprintf("%s does not match %q", what, e.Matches)
		}
	}
	if len(e.JSON) == 0 {
		return ""
	}
	document, err := decodeJSON(body)
	if err != nil {
		return what + " is not JSON"
	}
	for _, path := range slices.Sorted(maps.Keys(e.JSON)) {
		if why := differs(document, path, e.JSON[path]); why != "" {
			return why
		}
	}
	return ""
}

func evaluateAlarms(a pipeline.AlarmCheck, seen []Alarm) (outcome, why string) {
	outcome = Passed
	var bad, waiting []string
	for _, alarm := range seen {
		switch {
		case alarm.State == AlarmOK:
		case alarm.State == AlarmNoData && a.InsufficientData == pipeline.NoDataPass:
		case alarm.State == AlarmNoData && a.InsufficientData == pipeline.NoDataWait:
			waiting = append(waiting, alarm.Name)
		case alarm.State == AlarmNoData:
			bad = append(bad, alarm.Name+" has no data")
		case alarm.State == AlarmMissing:
			bad = append(bad, alarm.Name+" does not exist")
		default:
			bad = append(bad, alarm.Name+" is in "+alarm.State+reason(alarm.Reason))
		}
	}
	switch {
	case len(bad) > 0:
		return Failed, shorten(strings.Join(bad, "; "), maxWhy)
	case len(waiting) > 0:
		return Pending, shorten("no data yet: "+strings.Join(waiting, ", "), maxWhy)
	case len(seen) == 0:
		return Pending, Unchecked + "nothing was seen"
	default:
		return outcome, fmt.Sprintf("%d of %d alarms are quiet", len(seen), len(seen))
	}
}

func evaluateBuild(b Build) (outcome, why string) {
	switch b.Status {
	case BuildSucceeded:
		return Passed, "the build succeeded"
	case BuildInProgress:
		return Pending, "the build is running"
	case BuildFault:
		// Source: CodeBuild API reference, Build, buildStatus: FAULT, "The
		// build faulted", is an error of the service.
		return Pending, Unchecked + "CodeBuild failed" + reason(b.Reason)
	default:
		at := ""
		if b.Phase != "" {
			at = " in phase " + b.Phase
		}
		return Failed, shorten("the build ended "+b.Status+at+reason(b.Reason), maxWhy)
	}
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func ranges(list []pipeline.StatusRange) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = fmt.Sprint(s.From)
		if s.To != s.From {
			texts[i] = fmt.Sprintf("%d-%d", s.From, s.To)
		}
	}
	return strings.Join(texts, ", ")
}

// rounded is what a person wants to know of a time.
func rounded(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
