package pipeline

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

// checks reads a verify list. what names its owner in messages.
func (d *decoder) checks(n *yaml.Node, what string) []Check {
	if n.Kind != yaml.SequenceNode {
		d.fault(position(n), "verify of "+what+" must be a list, not "+yamldoc.Kind(n))
		return nil
	}
	if len(n.Content) > maxChecks {
		d.fault(position(n), "verify of "+what+" has "+strconv.Itoa(len(n.Content))+" checks; the limit is "+strconv.Itoa(maxChecks))
		return nil
	}
	var list []Check
	var together Duration
	seen := map[string]bool{}
	for _, item := range n.Content {
		c := d.checkOf(item)
		if seen[c.Name] && c.Name != "" {
			d.fault(c.at, "a second check "+strconv.Quote(c.Name)+" in verify of "+what+"; give it a name of its own")
		}
		seen[c.Name] = true
		if c.Build == nil {
			together += c.Timeout
		}
		list = append(list, c)
	}
	if together > MaxTogether {
		d.fault(position(n), "the checks of "+what+" may take "+together.String()+" together, one after another; the limit is "+MaxTogether.String()+": lower their timeout")
	}
	return list
}

func (d *decoder) checkOf(n *yaml.Node) Check {
	c := Check{at: position(n), Attempts: DefaultAttempts, Interval: DefaultInterval, Timeout: callTimeout}
	keys := d.object(n, "the check", checkKeys)
	kinds := 0
	for _, name := range []string{"http", "lambda", "alarm", "build"} {
		if _, ok := keys[name]; ok {
			kinds++
		}
	}
	if n.Kind == yaml.MappingNode && kinds != 1 {
		d.fault(c.at, "the check must have exactly one of the keys http, lambda, alarm, build")
		return c
	}
	looksAt := d.kind(&c, keys)
	c.Name = c.Kind() + " " + looksAt
	if k, ok := keys["name"]; ok {
		c.Name = d.matching(k.value, "name", checkNamePattern, "a name of at most 128 characters on one line")
	} else if runes := []rune(c.Name); len(runes) > 128 {
		c.Name = string(runes[:127]) + "…"
	}
	least, most := minLatency, maxAttempt
	if c.Build != nil {
		c.Attempts, c.Timeout, least, most = 1, runTimeout, minTests, maxTests
	}
	if k, ok := keys["attempts"]; ok {
		c.Attempts = d.integer(k.value, "attempts", 1, MaxAttempts)
	}
	if k, ok := keys["interval"]; ok {
		c.Interval = d.wait(k.value, "interval")
	}
	if k, ok := keys["warmup"]; ok {
		c.Warmup = d.wait(k.value, "warmup")
	}
	if k, ok := keys["timeout"]; ok {
		c.Timeout = d.duration(k.value, "timeout", least, most)
	}
	if c.Rounds() > MaxAttempts {
		d.fault(c.at, "the check takes "+strconv.Itoa(c.Rounds())+" rounds of the workflow, a warm-up one and each attempt of a build two; the limit is "+strconv.Itoa(MaxAttempts)+": lower its attempts")
	}
	return c
}

// kind reads the check's kind and returns what it looks at, for its name.
func (d *decoder) kind(c *Check, keys map[string]entry) string {
	if k, ok := keys["http"]; ok {
		c.HTTP = d.checkHTTP(c, k.value)
		return c.HTTP.URL
	}
	if k, ok := keys["lambda"]; ok {
		c.Lambda = d.checkLambda(c, k.value)
		return c.Lambda.Function
	}
	if k, ok := keys["alarm"]; ok {
		c.Alarm = d.checkAlarm(c, k.value)
		return strings.Join(c.Alarm.Names, ", ")
	}
	if k, ok := keys["build"]; ok {
		c.Build = d.checkBuild(c, k.value)
		return c.Build.Project
	}
	return ""
}

func (d *decoder) checkHTTP(c *Check, n *yaml.Node) *HTTPCheck {
	h := &HTTPCheck{Method: "GET", Status: []StatusRange{{200, 299}}}
	keys := d.object(n, "http", httpKeys)
	if k, ok := keys["url"]; ok {
		if h.URL = d.withOutputs(c, k.value, "url"); h.URL != "" && !urlPattern.matches(h.URL) {
			d.fault(position(k.value), "url "+strconv.Quote(h.URL)+" is not a URL that begins with https://, http:// or an output")
		}
	}
	if k, ok := keys["method"]; ok {
		h.Method = d.oneOf(k.value, "method", methods)
	}
	if k, ok := keys["headers"]; ok {
		h.Headers = d.headers(c, k.value)
	}
	if k, ok := keys["body"]; ok {
		h.Body = d.withOutputs(c, k.value, "body")
		if h.Method != "POST" {
			d.fault(k.at, "a body is sent with the method POST only")
		}
	}
	if k, ok := keys["expect"]; ok {
		expect := d.object(k.value, "expect", httpExpectKeys)
		if s, ok := expect["status"]; ok {
			h.Status = d.statuses(s.value)
		}
		if l, ok := expect["maxLatency"]; ok {
			h.MaxLatency = d.duration(l.value, "maxLatency", minLatency, maxAttempt)
		}
		h.Expect = d.expect(expect)
		if body := h.Expect; h.Method == "HEAD" && (body.Contains != "" || body.Matches != "" || len(body.JSON) > 0) {
			d.fault(k.at, "the answer to HEAD has no body: expect a status, headers or maxLatency")
		}
	}
	return h
}

func (d *decoder) headers(c *Check, n *yaml.Node) map[string]Value {
	all := map[string]Value{}
	seen := map[string]bool{}
	for _, e := range d.entries(n, "headers") {
		name := strings.ToLower(e.name)
		switch {
		case !headerPattern.matches(e.name):
			d.fault(e.at, "the header "+strconv.Quote(e.name)+" is not a header name")
		case slices.Contains([]string{"host", "content-length", "transfer-encoding", "connection"}, name):
			d.fault(e.at, "the header "+e.name+" is set by the connection and cannot be chosen")
		case seen[name]:
			d.fault(e.at, "a second header "+e.name+"; names are the same in any case")
		}
		seen[name] = true
		all[e.name] = d.value(c, e, "header "+e.name, checkSecretKeys)
	}
	return all
}

// value reads a text, an output or one of the references that keys allow.
func (d *decoder) value(c *Check, e entry, what string, keys []key) Value {
	n := e.value
	if n.Kind != yaml.MappingNode || isOutput(n) {
		return Value{Text: d.withOutputs(c, n, what)}
	}
	found := d.object(n, what, optional(keys))
	if len(n.Content) != 2 {
		d.fault(position(n), what+" must have exactly one of the keys output, "+names(keys))
		return Value{}
	}
	var v Value
	if k, ok := found["secret"]; ok {
		allowed, hint := secretPattern, "a secret name, such as shop/test#token"
		if len(keys) == len(checkSecretKeys) {
			allowed, hint = checkSecretPattern, "a secret whose name begins with "+SecretPrefix+"; only those are sent to a URL"
		}
		v.Secret = d.matching(k.value, "secret", allowed, hint)
	}
	if k, ok := found["parameterStore"]; ok {
		v.ParameterStore = d.matching(k.value, "parameterStore", storePattern, "a parameter name, such as /shop/log-level")
	}
	return v
}

// optional leaves it to the caller to say what is missing.
func optional(keys []key) []key {
	list := slices.Clone(keys)
	for i := range list {
		list[i].required = false
	}
	return list
}

func (d *decoder) expect(keys map[string]entry) Expect {
	var e Expect
	if k, ok := keys["contains"]; ok {
		e.Contains = d.shortText(k.value, "contains")
	}
	if k, ok := keys["matches"]; ok {
		e.Matches = d.shortText(k.value, "matches")
		if _, err := regexp.Compile(e.Matches); err != nil {
			d.fault(position(k.value), "matches is not a regular expression of RE2: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	if k, ok := keys["json"]; ok {
		e.JSON = d.paths(k.value)
	}
	if k, ok := keys["headers"]; ok {
		e.Headers = map[string]string{}
		for _, h := range d.entries(k.value, "headers") {
			if !headerPattern.matches(h.name) {
				d.fault(h.at, "the header "+strconv.Quote(h.name)+" is not a header name")
			}
			e.Headers[h.name], _ = d.scalar(h.value, "header "+h.name)
		}
	}
	return e
}

func (d *decoder) checkLambda(c *Check, n *yaml.Node) *LambdaCheck {
	l := &LambdaCheck{}
	keys := d.object(n, "lambda", lambdaKeys)
	if k, ok := keys["function"]; ok {
		l.Function = d.withOutputs(c, k.value, "function")
	}
	if k, ok := keys["payload"]; ok {
		l.Payload = d.payload(c, k.value)
	}
	if k, ok := keys["expect"]; ok {
		l.Expect = d.expect(d.object(k.value, "expect", lambdaExpectKeys))
	}
	return l
}

func (d *decoder) checkAlarm(c *Check, n *yaml.Node) *AlarmCheck {
	a := &AlarmCheck{InsufficientData: NoDataWait}
	keys := d.object(n, "alarm", alarmKeys)
	if k, ok := keys["names"]; ok {
		if k.value.Kind != yaml.SequenceNode || len(k.value.Content) == 0 || len(k.value.Content) > maxAlarms {
			d.fault(position(k.value), "names must be a list of 1 to "+strconv.Itoa(maxAlarms)+" alarms")
			return a
		}
		for _, item := range k.value.Content {
			a.Names = append(a.Names, d.withOutputs(c, item, "the alarm"))
		}
	}
	if k, ok := keys["insufficientData"]; ok {
		a.InsufficientData = d.oneOf(k.value, "insufficientData", noDatas)
	}
	return a
}

func (d *decoder) checkBuild(c *Check, n *yaml.Node) *BuildCheck {
	b := &BuildCheck{}
	keys := d.object(n, "build", checkBuildKeys)
	if k, ok := keys["project"]; ok {
		b.Project = d.withOutputs(c, k.value, "project")
	}
	if k, ok := keys["variables"]; ok {
		b.Variables = map[string]Value{}
		for _, e := range d.entries(k.value, "variables") {
			if !checkVariablePattern.matches(e.name) {
				d.fault(e.at, "the variable "+strconv.Quote(e.name)+" is not letters, digits and underscores")
			}
			if slices.ContainsFunc(reserved, func(prefix string) bool { return strings.HasPrefix(e.name, prefix) }) {
				d.fault(e.at, "the variable "+e.name+" is reserved: the build itself sets it")
			}
			b.Variables[e.name] = d.value(c, e, "variable "+e.name, checkVariableKeys)
		}
	}
	return b
}

// wait reads one of the times that the workflow can wait.
func (d *decoder) wait(n *yaml.Node, what string) Duration {
	parsed, _ := time.ParseDuration(d.oneOf(n, what, waits))
	return Duration(parsed)
}

func (d *decoder) duration(n *yaml.Node, what string, least, most time.Duration) Duration {
	value, ok := d.scalar(n, what)
	parsed, err := time.ParseDuration(value)
	if ok && (err != nil || !durationPattern.matches(value) || parsed < least || parsed > most) {
		d.fault(position(n), what+" "+strconv.Quote(value)+" is not a time from "+Duration(least).String()+" to "+Duration(most).String()+", such as "+Duration(most/2).String())
	}
	return Duration(parsed)
}

func (d *decoder) integer(n *yaml.Node, what string, least, most int) int {
	value, ok := d.scalar(n, what)
	number, err := strconv.Atoi(value)
	if ok && (err != nil || number < least || number > most) {
		d.fault(position(n), what+" "+strconv.Quote(value)+" is not a number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
	return number
}
