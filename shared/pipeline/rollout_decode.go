package pipeline

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/threshold"
)

// rollout reads how a stack comes into use. what names the stack in messages.
func (d *decoder) rollout(n *yaml.Node, what string) *Rollout {
	r := &Rollout{
		at: position(n), Promotion: PromotionAuto, PauseTimeout: defaultPauseTimeout, Keep: defaultKeep, Retire: RetireKeep,
	}
	keys := d.object(n, "the rollout of "+what, rolloutKeys)
	if k, ok := keys["strategy"]; ok {
		r.Strategy = d.oneOf(k.value, "strategy", strategies)
	}
	if r.Strategy == StrategyDirect {
		for _, k := range rolloutKeys[1:] {
			if e, ok := keys[k.name]; ok {
				d.fault(e.at, "the strategy direct moves no traffic: "+k.name+" is of blue-green and canary; leave it out")
			}
		}
		return r
	}
	d.rolloutSteps(r, keys)
	if k, ok := keys["router"]; ok {
		d.router(r, k.value)
	} else if r.Strategy != "" {
		d.fault(r.at, "the strategy "+r.Strategy+" needs a router that moves the traffic; write router with one of the keys "+names(routerKeys))
	}
	if k, ok := keys["promotion"]; ok {
		r.Promotion = d.oneOf(k.value, "promotion", promotions)
	}
	if k, ok := keys["pauseTimeout"]; ok {
		r.PauseTimeout = d.duration(k.value, "pauseTimeout", minPause, maxKeep)
	}
	if k, ok := keys["keep"]; ok {
		r.Keep = d.duration(k.value, "keep", 0, maxKeep)
	}
	if k, ok := keys["retire"]; ok {
		r.Retire = d.oneOf(k.value, "retire", retirements)
		if r.Retire == RetireDelete && r.Router.LambdaAlias != nil {
			d.fault(position(k.value), "the versions of an alias are of one stack, whose template keeps them: retire delete is for the routers route53 and alb")
		}
	}
	if k, ok := keys["sideParameter"]; ok {
		r.SideParameter = d.matching(k.value, "sideParameter", logicalPattern, "the name of a parameter: letters and digits")
		if r.Router.LambdaAlias != nil {
			d.fault(position(k.value), "both versions of an alias are of one stack: sideParameter is for the routers route53 and alb")
		}
	}
	if k, ok := keys["analysis"]; ok {
		d.analysis(r, k.value)
	}
	d.checkSteps(r)
	return r
}

func (d *decoder) rolloutSteps(r *Rollout, keys map[string]entry) {
	bake := defaultBake
	if k, ok := keys["bake"]; ok {
		bake = d.duration(k.value, "bake", minStep, maxStepBake)
		r.bakeAt = position(k.value)
	}
	k, given := keys["steps"]
	switch {
	case given && r.Strategy == StrategyBlueGreen:
		d.fault(k.at, "blue-green switches all traffic at once and has no steps; bake says how long it is watched, and the strategy canary has steps")
		return
	case r.Strategy == StrategyBlueGreen:
		r.Steps = []RolloutStep{{Weight: 100, Bake: bake, at: r.bakeAt}}
		return
	case !given:
		for _, weight := range rolloutSteps {
			r.Steps = append(r.Steps, RolloutStep{Weight: weight, Bake: bake, at: r.bakeAt})
		}
		return
	}
	if k.value.Kind != yaml.SequenceNode || len(k.value.Content) == 0 || len(k.value.Content) > maxSteps {
		d.fault(position(k.value), "steps must be a list of 1 to "+strconv.Itoa(maxSteps)+" percentages, such as [5, 25, 100]")
		return
	}
	for i, item := range k.value.Content {
		step := d.rolloutStep(item, bake)
		if i > 0 && step.Weight > 0 && step.Weight <= r.Steps[i-1].Weight {
			d.fault(position(item), "the step "+strconv.Itoa(step.Weight)+" does not ascend: the one before it is "+strconv.Itoa(r.Steps[i-1].Weight))
		}
		r.Steps = append(r.Steps, step)
	}
	if last := r.Steps[len(r.Steps)-1]; last.Weight > 0 && last.Weight < 100 {
		d.fault(last.at, "the last step is "+strconv.Itoa(last.Weight)+" and must be 100: then the new side has all traffic")
	}
}

func (d *decoder) rolloutStep(n *yaml.Node, bake Duration) RolloutStep {
	step := RolloutStep{Bake: bake, at: position(n)}
	if n.Kind != yaml.MappingNode {
		step.Weight = d.integer(n, "the step", 1, 100)
		return step
	}
	keys := d.object(n, "the step", stepKeys)
	if k, ok := keys["weight"]; ok {
		step.Weight = d.integer(k.value, "weight", 1, 100)
	}
	if k, ok := keys["bake"]; ok {
		step.Bake = d.duration(k.value, "bake", minStep, maxStepBake)
	}
	if k, ok := keys["pause"]; ok {
		step.Pause = d.oneOf(k.value, "pause", []string{"true", "false"}) == "true"
	}
	return step
}

// router reads what moves the traffic.
func (d *decoder) router(r *Rollout, n *yaml.Node) {
	keys := d.object(n, "router", routerKeys)
	if n.Kind != yaml.MappingNode {
		return
	}
	if len(n.Content) != 2 {
		d.fault(position(n), "router must have exactly one of the keys "+names(routerKeys))
		return
	}
	if k, ok := keys["route53"]; ok {
		r.Router.Route53 = d.route53(r, k.value)
	}
	if k, ok := keys["alb"]; ok {
		r.Router.ALB = d.alb(r, k.value)
	}
	if k, ok := keys["lambdaAlias"]; ok {
		r.Router.LambdaAlias = d.lambdaAlias(r, k.value)
	}
}

func (d *decoder) route53(r *Rollout, n *yaml.Node) *Route53Router {
	router := &Route53Router{TTL: defaultTTL}
	keys := d.object(n, "route53", route53Keys)
	if k, ok := keys["zone"]; ok {
		router.Zone = d.common(r, k.value, "zone", zonePattern, "the id of a hosted zone, such as Z0123456789ABC, or an output")
	}
	if k, ok := keys["name"]; ok {
		router.Name = d.common(r, k.value, "name", domainPattern, "a domain name, such as api.example.com")
	}
	if k, ok := keys["type"]; ok {
		router.Type = d.oneOf(k.value, "type", recordTypes)
	}
	value, plain := keys["value"]
	aliasName, named := keys["aliasName"]
	aliasZone, zoned := keys["aliasZone"]
	ttl, timed := keys["ttl"]
	if timed {
		router.TTL = d.duration(ttl.value, "ttl", 0, maxTTL)
	}
	switch {
	case n.Kind != yaml.MappingNode:
	case plain && !named && !zoned:
		router.Value = d.bySide(r, value.value, "value", "${output.Host}")
	case !plain && named && zoned:
		router.AliasName, router.AliasZone = d.bySide(r, aliasName.value, "aliasName", "${output.LoadBalancer}"), d.text(r, aliasZone.value, "aliasZone")
		router.TTL = 0
		if timed {
			d.fault(ttl.at, "an alias record has the ttl of what it stands for; leave ttl out")
		}
		if router.Type != "" && !slices.Contains(aliasTypes, router.Type) {
			d.fault(position(keys["type"].value), "the type of an alias record is "+strings.Join(aliasTypes, " or ")+", not "+router.Type)
		}
	default:
		d.fault(position(n), "route53 must have either value, or aliasName and aliasZone")
	}
	return router
}

func (d *decoder) alb(r *Rollout, n *yaml.Node) *ALBRouter {
	router := &ALBRouter{}
	keys := d.object(n, "alb", albKeys)
	listener, ofListener := keys["listener"]
	rule, ofRule := keys["rule"]
	if n.Kind == yaml.MappingNode && ofListener == ofRule {
		d.fault(position(n), "alb must have exactly one of the keys listener, rule")
	}
	if ofListener {
		router.Listener = d.common(r, listener.value, "listener", listenerPattern, "the ARN of an application load balancer's listener, or an output")
	}
	if ofRule {
		router.Rule = d.common(r, rule.value, "rule", rulePatternALB, "the ARN of an application load balancer's rule, or an output")
	}
	if k, ok := keys["targetGroup"]; ok {
		router.TargetGroup = d.bySide(r, k.value, "targetGroup", "${output.TargetGroup}")
	}
	return router
}

func (d *decoder) lambdaAlias(r *Rollout, n *yaml.Node) *LambdaAliasRouter {
	router := &LambdaAliasRouter{}
	keys := d.object(n, "lambdaAlias", lambdaAliasKeys)
	if k, ok := keys["function"]; ok {
		router.Function = d.text(r, k.value, "function")
		if strings.Contains(router.Function, Side) {
			d.fault(position(k.value), "function is the same for both versions and cannot have "+Side)
		}
	}
	if k, ok := keys["alias"]; ok {
		router.Alias = d.matching(k.value, "alias", aliasPattern, "the name of an alias: letters, digits, - and _, not only digits")
		if len(router.Alias) > 128 {
			d.fault(position(k.value), "alias has "+strconv.Itoa(len(router.Alias))+" characters; the limit is 128")
		}
	}
	if k, ok := keys["version"]; ok {
		if router.Version = d.text(r, k.value, "version"); router.Version != "" && !ownOutput(router.Version) {
			d.fault(position(k.value), "version "+strconv.Quote(clip(router.Version))+" stays the same with each deployment; use an output of the stack, such as ${output.Version}")
		}
	}
	return router
}

// text reads a text of a rollout and notes the outputs that it names.
func (d *decoder) text(r *Rollout, n *yaml.Node, what string) string {
	c := Check{}
	text := d.withOutputs(&c, n, what)
	r.outputs = append(r.outputs, c.outputs...)
	d.known(position(n), text, what, Side)
	return text
}

// known refuses references that nothing would replace; there are outputs, and
// names.
func (d *decoder) known(at Position, text, what string, names ...string) {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			return
		}
		rest = after
		begins := func(name string) bool { return strings.HasPrefix("${"+after, name) }
		if !begins(refBegin) && !slices.ContainsFunc(names, begins) {
			d.fault(at, what+" has "+strconv.Quote("${"+clip(after))+", which is no reference; there are ${output.Name}, ${output.stack.Name} and "+strings.Join(names, ", "))
			return
		}
	}
}

// common reads a text that is the same for both sides.
func (d *decoder) common(r *Rollout, n *yaml.Node, what string, allowed pattern, hint string) string {
	text := d.text(r, n, what)
	switch {
	case text == "":
	case strings.Contains(text, Side) || ownOutput(text):
		d.fault(position(n), what+" is the same for both sides and cannot have "+Side+" or an output of the stack itself; use one of a stack that it depends on, such as ${output.network.Zone}")
	case !strings.Contains(text, refBegin) && !allowed.matches(text):
		d.fault(position(n), what+" "+strconv.Quote(clip(text))+" is not "+hint)
	}
	return text
}

// bySide reads a text that differs between the sides.
func (d *decoder) bySide(r *Rollout, n *yaml.Node, what, example string) string {
	text := d.text(r, n, what)
	if text != "" && !strings.Contains(text, Side) && !ownOutput(text) {
		d.fault(position(n), what+" "+strconv.Quote(clip(text))+" is the same for both sides; use an output of the stack, such as "+example+", or "+Side)
	}
	return text
}

// ownOutput reports whether the text names an output of the stack itself.
func ownOutput(text string) bool {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, refBegin)
		if !found {
			return false
		}
		reference, more, _ := strings.Cut(after, refEnd)
		if !strings.Contains(reference, ".") {
			return true
		}
		rest = more
	}
}

// checkSteps checks what the steps, the router and the metrics say together.
func (d *decoder) checkSteps(r *Rollout) {
	ttl, all, rounds := Duration(0), Duration(0), 0
	if r.Router.Route53 != nil {
		ttl = r.Router.Route53.TTL
	}
	told := map[Position]bool{} // the same bake is of several steps
	for _, step := range r.Steps {
		at := step.at
		if at == (Position{}) {
			at = r.at
		}
		if step.Bake > 0 && step.Bake < ttl && !told[at] {
			told[at] = true
			d.fault(at, "bake "+step.Bake.String()+" is shorter than the record's ttl "+ttl.String()+": resolvers would not have seen the step; raise bake or lower ttl")
		}
		all += step.Bake
		rounds += r.stepRounds(max(step.Bake, ttl))
	}
	if all > Duration(maxAllBakes) {
		d.fault(r.at, "the steps bake "+all.String()+" together; the limit is "+Duration(maxAllBakes).String())
	}
	if rounds > maxRounds {
		d.fault(r.at, "the rollout takes about "+strconv.Itoa(rounds)+" looks at its metrics; the limit is "+strconv.Itoa(maxRounds)+", what one workflow execution can hold: raise interval, or lower bake")
	}
}

// stepRounds is how often the workflow looks during a step: for each metric by
// itself, and twice more to begin and to end it.
func (r *Rollout) stepRounds(bake Duration) int {
	rounds := 2
	for _, m := range r.Analysis.Metrics {
		if m.Interval > 0 {
			rounds += max(int(max(0, bake-m.Delay)/m.Interval)+1, m.Count)
		}
	}
	return rounds
}

// analysis reads what the new side is measured by.
func (d *decoder) analysis(r *Rollout, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) > maxMetrics {
		d.fault(position(n), "analysis must be a list of at most "+strconv.Itoa(maxMetrics)+" metrics")
		return
	}
	seen := map[string]bool{}
	for _, item := range n.Content {
		m := d.metric(r, item)
		if seen[m.Name] && m.Name != "" {
			d.fault(m.at, "a second metric "+strconv.Quote(m.Name)+" in analysis; give it a name of its own")
		}
		seen[m.Name] = true
		r.Analysis.Metrics = append(r.Analysis.Metrics, m)
	}
}

func (d *decoder) metric(r *Rollout, n *yaml.Node) Metric {
	m := Metric{at: position(n), Interval: defaultMetricTime, ErrorLimit: defaultErrorLimit, NoData: NoDataPause}
	keys := d.object(n, "the metric", metricKeys)
	kinds := 0
	for _, name := range []string{"cloudwatch", "alarm", "http"} {
		if _, ok := keys[name]; ok {
			kinds++
		}
	}
	if n.Kind == yaml.MappingNode && kinds != 1 {
		d.fault(m.at, "the metric must have exactly one of the keys cloudwatch, alarm, http")
		return m
	}
	looksAt := d.metricKind(r, &m, keys)
	if k, ok := keys["name"]; ok {
		m.Name = d.matching(k.value, "name", checkNamePattern, "a name of at most 128 characters on one line")
	} else if m.Name = m.Kind() + " " + looksAt; len([]rune(m.Name)) > 128 {
		m.Name = string([]rune(m.Name)[:127]) + "…"
	}
	d.conditions(&m, keys)
	if k, ok := keys["interval"]; ok {
		m.Interval = d.duration(k.value, "interval", minStep, maxMetricTime)
		if m.CloudWatch != nil && m.Interval > 0 && m.Interval < m.CloudWatch.Period {
			d.fault(position(k.value), "interval "+m.Interval.String()+" is shorter than the period "+m.CloudWatch.Period.String()+": the same value would be judged twice")
		}
	} else if m.CloudWatch != nil {
		m.Interval = max(m.Interval, m.CloudWatch.Period)
	}
	if k, ok := keys["delay"]; ok {
		m.Delay = d.duration(k.value, "delay", 0, maxStepBake)
	}
	for name, into := range map[string]*int{"count": &m.Count, "failureLimit": &m.FailureLimit, "inconclusiveLimit": &m.InconclusiveLimit, "errorLimit": &m.ErrorLimit} {
		if k, ok := keys[name]; ok {
			*into = d.integer(k.value, name, 0, maxLimit)
		}
	}
	if k, ok := keys["noData"]; ok {
		m.NoData = d.oneOf(k.value, "noData", rolloutData)
	}
	return m
}

// conditions reads when a value is good, and when it is bad.
func (d *decoder) conditions(m *Metric, keys map[string]entry) {
	given := 0
	for _, c := range []struct {
		name string
		into *string
	}{{"success", &m.Success}, {"failure", &m.Failure}} {
		k, ok := keys[c.name]
		if !ok {
			continue
		}
		given++
		if m.CloudWatch == nil {
			d.fault(k.at, c.name+" is a condition on the value of a CloudWatch metric; "+m.Kind()+" is good or bad by itself")
		}
		text, isText := d.scalar(k.value, c.name)
		if _, err := threshold.Parse(text); isText && err != nil {
			d.fault(position(k.value), c.name+` is not a condition, such as "< 1" or ">= 0.5 and < 2": `+err.Error())
		}
		*c.into = text
	}
	if given == 0 && m.CloudWatch != nil {
		d.fault(m.at, `the metric says neither when its value is good nor when it is bad; write success, such as "< 1", or failure`)
	}
}

// metricKind reads the metric's kind and returns what it looks at, for its name.
func (d *decoder) metricKind(r *Rollout, m *Metric, keys map[string]entry) string {
	var c Check // notes the outputs
	looksAt := ""
	if k, ok := keys["cloudwatch"]; ok {
		m.CloudWatch = d.cloudWatch(r, k.value)
		if looksAt = m.CloudWatch.Expression; looksAt == "" && len(m.CloudWatch.Queries) > 0 {
			looksAt = m.CloudWatch.Queries[0].Metric
		}
	}
	if k, ok := keys["alarm"]; ok {
		m.Alarm = d.checkAlarm(&c, k.value)
		looksAt = strings.Join(m.Alarm.Names, ", ")
	}
	if k, ok := keys["http"]; ok {
		m.HTTP = d.checkHTTP(&c, k.value)
		looksAt = m.HTTP.URL
	}
	r.outputs = append(r.outputs, c.outputs...)
	return looksAt
}

func (d *decoder) cloudWatch(r *Rollout, n *yaml.Node) *CloudWatchMetric {
	m := &CloudWatchMetric{Period: defaultMetricTime}
	keys := d.object(n, "cloudwatch", cloudWatchKeys)
	if k, ok := keys["queries"]; ok {
		for _, e := range d.entries(k.value, "queries") {
			if !queryPattern.matches(e.name) {
				d.fault(e.at, "the id "+strconv.Quote(clip(e.name))+" of a query is not a lower-case letter, then letters, digits and underscores")
			}
			m.Queries = append(m.Queries, d.query(r, e))
		}
		if k.value.Kind == yaml.MappingNode && (len(m.Queries) == 0 || len(m.Queries) > maxQueries) {
			d.fault(position(k.value), "queries has "+strconv.Itoa(len(m.Queries))+" queries; it must have 1 to "+strconv.Itoa(maxQueries))
		}
		slices.SortFunc(m.Queries, func(a, b MetricQuery) int { return strings.Compare(a.ID, b.ID) })
	}
	if k, ok := keys["period"]; ok {
		m.Period = d.duration(k.value, "period", minStep, maxMetricTime)
		if time.Duration(m.Period)%time.Minute != 0 && !slices.Contains(finePeriods, m.Period) {
			d.fault(position(k.value), "period "+strconv.Quote(k.value.Value)+" is not a multiple of 1m, nor 1s, 5s, 10s or 30s, which metrics of high resolution have")
		}
	}
	if k, ok := keys["expression"]; ok {
		m.Expression = d.shortText(k.value, "expression")
		d.expression(k, m)
	} else if len(m.Queries) == 1 && onlyErrors.matches(m.Queries[0].Metric) {
		q := m.Queries[0]
		d.fault(position(n), q.Metric+" has no data while nothing fails, and no data is never taken for success; use an expression that has a value then: a share of RequestCount, such as 100 * "+q.ID+" / requests")
	} else if len(m.Queries) > 1 {
		d.fault(position(n), "cloudwatch has "+strconv.Itoa(len(m.Queries))+" queries and no expression that makes one value of them")
	}
	return m
}

func (d *decoder) query(r *Rollout, e entry) MetricQuery {
	q := MetricQuery{ID: e.name}
	keys := d.object(e.value, "the query "+clip(e.name), queryKeys)
	if k, ok := keys["namespace"]; ok {
		q.Namespace = d.matching(k.value, "namespace", namespacePattern, "a namespace of CloudWatch, such as AWS/Lambda")
	}
	if k, ok := keys["metric"]; ok {
		q.Metric = d.matching(k.value, "metric", metricPattern, "the name of a metric")
	}
	if k, ok := keys["stat"]; ok {
		q.Stat = d.matching(k.value, "stat", statPattern, "a statistic, such as Sum, Average or p99")
	}
	if k, ok := keys["dimensions"]; ok {
		q.Dimensions = map[string]string{}
		for _, dimension := range d.entries(k.value, "dimensions") {
			if !metricPattern.matches(dimension.name) {
				d.fault(dimension.at, "the dimension "+strconv.Quote(clip(dimension.name))+" must have 1 to 255 characters")
			}
			c := Check{}
			value := d.withOutputs(&c, dimension.value, "dimension "+clip(dimension.name))
			r.outputs = append(r.outputs, c.outputs...)
			d.known(position(dimension.value), value, "dimension "+clip(dimension.name), Side, Endpoint)
			q.Dimensions[dimension.name] = value
		}
		if len(q.Dimensions) > maxDimensions {
			d.fault(position(k.value), "dimensions has "+strconv.Itoa(len(q.Dimensions))+" dimensions; the limit is "+strconv.Itoa(maxDimensions))
		}
	}
	return q
}

// expression checks the ids that metric math names: those begin with a
// lower-case letter, functions and key words with an upper-case one.
// Source: CloudWatch user guide, "Using math expressions with CloudWatch
// metrics", metric math syntax and functions.
func (d *decoder) expression(k entry, m *CloudWatchMetric) {
	known := map[string]bool{}
	for _, q := range m.Queries {
		known[q.ID] = false
	}
	for _, name := range mathPattern.compiled().FindAllString(m.Expression, -1) {
		_, isQuery := known[name]
		switch {
		case isQuery:
			known[name] = true
		case name == "SEARCH":
			d.fault(position(k.value), "SEARCH gives many series, and a condition is on one value; name the metrics in queries")
			return
		case name[0] >= 'a' && name[0] <= 'z' && !isExponent(m.Expression, name):
			ids := make([]string, len(m.Queries))
			for i, q := range m.Queries {
				ids[i] = q.ID
			}
			d.fault(position(k.value), "the expression names "+strconv.Quote(clip(name))+", which is no query; queries are "+strings.Join(ids, ", "))
			return
		}
	}
	for _, q := range m.Queries {
		if !known[q.ID] {
			d.fault(position(k.value), "the expression does not use the query "+clip(q.ID)+"; take it out of queries")
			return
		}
	}
}

// isExponent reports whether the name is that of a number such as 1e6.
func isExponent(expression, name string) bool {
	i := strings.Index(expression, name)
	return name[0] == 'e' && i > 0 && expression[i-1] >= '0' && expression[i-1] <= '9'
}
