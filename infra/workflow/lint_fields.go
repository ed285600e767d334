package workflow

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// fieldsOf says which fields a state of a type may have, beside Type and
// Comment. Source: Amazon States Language, "State types", table of fields.
var fieldsOf = map[string]string{
	"Task":    "Next End InputPath OutputPath ResultPath Parameters ResultSelector Resource TimeoutSeconds TimeoutSecondsPath HeartbeatSeconds Retry Catch",
	"Map":     "Next End InputPath OutputPath ResultPath ResultSelector ItemsPath ItemSelector MaxConcurrency ItemProcessor Retry Catch",
	"Choice":  "InputPath OutputPath Choices Default",
	"Wait":    "Next End InputPath OutputPath Seconds SecondsPath Timestamp TimestampPath",
	"Pass":    "Next End InputPath OutputPath ResultPath Parameters Result",
	"Succeed": "InputPath OutputPath",
	"Fail":    "Error ErrorPath Cause CausePath",
}

func (l *linter) fields(at string, s *State) {
	allowed := strings.Fields(fieldsOf[s.Type])
	set := map[string]bool{
		"InputPath": s.InputPath.Set, "OutputPath": s.OutputPath.Set, "ResultPath": s.ResultPath.Set,
		"Parameters": s.Parameters != nil, "ResultSelector": s.ResultSelector != nil, "Result": s.Result != nil,
		"Resource": s.Resource != "", "TimeoutSeconds": s.TimeoutSeconds != nil, "TimeoutSecondsPath": s.TimeoutSecondsPath != "", "HeartbeatSeconds": s.HeartbeatSeconds != nil,
		"Retry": s.Retry != nil, "Catch": s.Catch != nil, "Choices": s.Choices != nil, "Default": s.Default != "",
		"Seconds": s.Seconds != nil, "SecondsPath": s.SecondsPath != "", "Timestamp": s.Timestamp != "",
		"TimestampPath": s.TimestampPath != "", "ItemsPath": s.ItemsPath.Set, "ItemSelector": s.ItemSelector != nil,
		"MaxConcurrency": s.MaxConcurrency != nil, "ItemProcessor": s.ItemProcessor != nil,
		"Error": s.Error != "", "ErrorPath": s.ErrorPath != "", "Cause": s.Cause != "", "CausePath": s.CausePath != "",
	}
	for _, field := range slices.Sorted(maps.Keys(set)) {
		if set[field] && !slices.Contains(allowed, field) {
			l.add(at, "a %s state has no %s", s.Type, field)
		}
	}
}

func (l *linter) paths(at string, s *State) {
	for field, path := range map[string]Path{
		"InputPath": s.InputPath, "OutputPath": s.OutputPath, "ResultPath": s.ResultPath, "ItemsPath": s.ItemsPath,
	} {
		if path.Set && !path.Null {
			l.path(at, field, path.Text)
		}
	}
	for field, path := range map[string]string{
		"TimeoutSecondsPath": s.TimeoutSecondsPath, "SecondsPath": s.SecondsPath, "TimestampPath": s.TimestampPath, "ErrorPath": s.ErrorPath, "CausePath": s.CausePath,
	} {
		if path != "" {
			l.path(at, field, path)
		}
	}
	for field, raw := range map[string]json.RawMessage{
		"Parameters": s.Parameters, "ResultSelector": s.ResultSelector, "ItemSelector": s.ItemSelector,
	} {
		if raw != nil {
			l.template(at, field, raw)
		}
	}
}

func (l *linter) path(at, field, path string) {
	if _, _, err := ParsePath(path); err != nil {
		l.add(at, "%s: %v", field, err)
	}
}

// template checks the "x.$" fields of a payload template.
func (l *linter) template(at, field string, raw json.RawMessage) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var value any
	if err := decoder.Decode(&value); err != nil {
		l.add(at, "%s: %v", field, err)
		return
	}
	l.templateValue(at, field, value)
}

func (l *linter) templateValue(at, field string, value any) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			l.templateValue(at, field, item)
		}
	case map[string]any:
		for key, item := range v {
			if !strings.HasSuffix(key, ".$") {
				l.templateValue(at, field+"."+key, item)
				continue
			}
			text, ok := item.(string)
			if !ok {
				l.add(at, "%s.%s: the value of a field that ends in .$ is a path", field, key)
				continue
			}
			if _, err := ParseExpression(text); err != nil {
				l.add(at, "%s.%s: %v", field, key, err)
			}
		}
	}
}

func (l *linter) retries(at string, s *State) {
	for i, r := range s.Retry {
		l.errorNames(at, "Retry", i, r.ErrorEquals, len(s.Retry))
		for _, name := range r.ErrorEquals {
			// A function that was stopped (a time-out, no memory) is among these: the call may have had
			// its effect, so that it must not be repeated without being named.
			if name == "States.ALL" || name == "States.TaskFailed" {
				l.add(at, "Retry %d: %s would repeat a call whose outcome is unknown; name the errors", i, name)
			}
		}
		interval := 1
		if r.IntervalSeconds != nil {
			interval = *r.IntervalSeconds
		}
		if interval < 1 || (r.MaxAttempts != nil && *r.MaxAttempts < 0) || (r.BackoffRate != nil && *r.BackoffRate < 1) {
			l.add(at, "Retry %d: IntervalSeconds ≥ 1, MaxAttempts ≥ 0 and BackoffRate ≥ 1", i)
		}
		if r.MaxDelaySeconds != nil && *r.MaxDelaySeconds <= interval {
			l.add(at, "Retry %d: MaxDelaySeconds must be greater than IntervalSeconds", i)
		}
		if r.JitterStrategy != "FULL" && r.JitterStrategy != "NONE" {
			l.add(at, "Retry %d: JitterStrategy is FULL, or NONE said plainly", i)
		}
	}
}

func (l *linter) catches(at string, s *State) {
	for i, c := range s.Catch {
		l.errorNames(at, "Catch", i, c.ErrorEquals, len(s.Catch))
		if c.Next == "" {
			l.add(at, "Catch %d has no Next", i)
		}
		if c.ResultPath.Set && !c.ResultPath.Null {
			l.path(at, "Catch: ResultPath", c.ResultPath.Text)
		}
	}
	if n := len(s.Catch); n > 0 && !slices.Contains(s.Catch[n-1].ErrorEquals, "States.ALL") {
		l.add(at, "the last Catch does not take States.ALL")
	}
}

func (l *linter) errorNames(at, field string, i int, names []string, count int) {
	if len(names) == 0 {
		l.add(at, "%s %d names no error", field, i)
	}
	l.brokenOff(at, field, i, names)
	for _, name := range names {
		if !slices.Contains(knownErrors, name) {
			l.add(at, "%s %d: %q is not an error that can happen", field, i, name)
		}
		if name == "States.ALL" && (len(names) > 1 || i != count-1) {
			l.add(at, "%s %d: States.ALL must stand alone and last", field, i)
		}
	}
}

func (l *linter) brokenOff(at, field string, i int, names []string) {
	var missing []string
	for _, name := range brokenOff {
		if !slices.Contains(names, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && len(missing) < len(brokenOff) {
		l.add(at, "%s %d: a function that is stopped is also reported as %s", field, i, strings.Join(missing, ", "))
	}
}
