package pipeline

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/shared/threshold"
)

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
