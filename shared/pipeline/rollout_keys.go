package pipeline

import (
	"time"

	"github.com/evenkeel/evenkeel/shared/threshold"
)

var (
	// Source: Route 53 API reference, HostedZone, Id.
	zonePattern = newPattern(`^(/hostedzone/)?[A-Z0-9]{1,32}$`)
	// Source: Route 53 developer guide, "DNS domain name format": at most 255
	// bytes, labels of at most 63.
	domainPattern = newPattern(`^(\*\.)?([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\.)*[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\.?$`)
	// Source: Elastic Load Balancing API reference, ModifyListener and ModifyRule.
	listenerPattern = newPattern(`^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener/app/\S+$`)
	rulePatternALB  = newPattern(`^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener-rule/app/\S+$`)
	// Source: Lambda API reference, CreateAlias, Name: not only digits.
	aliasPattern = newPattern(`^[a-zA-Z0-9_-]*[a-zA-Z_-][a-zA-Z0-9_-]*$`)
	// Source: CloudWatch API reference, MetricDataQuery, Id.
	queryPattern     = newPattern(`^[a-z][a-zA-Z0-9_]{0,254}$`)
	namespacePattern = newPattern(`^[^:\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,254}$`)
	metricPattern    = newPattern(`^[^\x00-\x1f\x7f]{1,255}$`)
	// Source: CloudWatch user guide, "CloudWatch statistics definitions".
	statPattern = newPattern(`^(SampleCount|Average|Sum|Minimum|Maximum|IQM|p100|(p|tm|wm|tc|ts)[0-9]{1,2}(\.[0-9]{1,10})?|(TM|WM|PR|TC|TS)\([0-9.%]*:[0-9.%]*\))$`)
	// Metrics that are reported when they are not zero only.
	// Source: Elastic Load Balancing user guide, "CloudWatch metrics for your
	// Application Load Balancer", reporting criteria.
	onlyErrors = newPattern(`^(HTTPCode_(ELB|Target)_[345][0-9X]{2}_Count|RejectedConnectionCount|TargetConnectionErrorCount|ClientTLSNegotiationErrorCount|ELBAuthError)$`)
	// Identifiers of metric math, and what stands in quotes.
	mathPattern = newPattern(`"[^"]*"|'[^']*'|[a-zA-Z_][a-zA-Z0-9_]*`)
)

var (
	strategies  = []string{StrategyDirect, StrategyBlueGreen, StrategyCanary}
	promotions  = []string{PromotionAuto, PromotionManual}
	retirements = []string{RetireKeep, RetireDelete}
	rolloutData = []string{NoDataPause, NoDataAbort}
	recordTypes = []string{"A", "AAAA", "CNAME", "TXT"}
	aliasTypes  = []string{"A", "AAAA"}

	// finePeriods are those below a minute.
	// Source: CloudWatch API reference, MetricStat, Period.
	finePeriods = []Duration{Duration(time.Second), Duration(5 * time.Second), Duration(10 * time.Second), Duration(30 * time.Second)}
)

// Defaults and limits of rollouts.
const (
	defaultBake         = Duration(5 * time.Minute)
	defaultTTL          = Duration(time.Minute)
	defaultPauseTimeout = Duration(24 * time.Hour)
	defaultKeep         = Duration(time.Hour)
	defaultMetricTime   = Duration(time.Minute) // interval and period
	defaultErrorLimit   = 3

	minStep       = time.Second
	maxStepBake   = 24 * time.Hour
	maxTTL        = time.Hour
	minPause      = 10 * time.Second
	maxKeep       = 7 * 24 * time.Hour
	maxAllBakes   = 7 * 24 * time.Hour
	maxMetricTime = time.Hour

	maxSteps      = 20
	maxMetrics    = 10
	maxQueries    = 10
	maxDimensions = 30 // Source: CloudWatch API reference, Metric, Dimensions
	maxLimit      = 100

	// maxRounds is how often one execution of a rollout's workflow may look: each
	// takes about 15 events of its history, which ends at 25,000.
	// Source: Step Functions developer guide, "Service quotas", execution history
	// size.
	maxRounds = 1500

	// maxRollout bounds what one rollout takes in the release, in bytes.
	maxRollout = 24 << 10
)

var rolloutSteps = []int{5, 10, 25, 50, 100}

var rolloutKeys = []key{
	{"strategy", true, "How the stack comes into use: direct (as soon as it is deployed), blue-green (all traffic is switched at once) or canary (traffic is moved step by step).", map[string]any{"enum": strategies}},
	{"steps", false, "Percentages of the traffic, ascending to 100; of a canary only. Without it, 5, 10, 25, 50, 100.", map[string]any{"type": "array", "minItems": 1, "maxItems": maxSteps, "items": ref("rolloutStep")}},
	{"bake", false, "How long each step is watched before the next: 1s to 24h, not shorter than the record's ttl. Without it, 5m.", duration},
	{"router", false, "What moves the traffic: exactly one of route53, alb, lambdaAlias.", ref("router")},
	{"analysis", false, "What the new side is measured by while a step bakes.", map[string]any{"type": "array", "maxItems": maxMetrics, "items": ref("metric")}},
	{"promotion", false, "auto (the default), or manual: a person lets it take all traffic.", map[string]any{"enum": promotions}},
	{"pauseTimeout", false, "How long a person is waited for before the rollout is aborted: 10s to 168h. Without it, 24h.", duration},
	{"keep", false, "How long the old side can take the traffic back at once: 0s to 168h. Without it, 1h.", duration},
	{"retire", false, "What becomes of the old side then: keep (the default) leaves it for the next rollout, delete deletes its stack.", map[string]any{"enum": retirements}},
	{"sideParameter", false, "Parameter of the template that is told blue or green.", text(logicalPattern)},
}

var stepKeys = []key{
	{"weight", true, "Percent of the traffic that the new side gets.", percent},
	{"bake", false, "How long it is watched. Without it, the rollout's.", duration},
	{"pause", false, "true waits for a person after the bake.", map[string]any{"type": "boolean"}},
}

var routerKeys = []key{
	{"route53", false, "Two weighted records of one name, which Evenkeel makes; no template may have them.", ref("route53")},
	{"alb", false, "Two target groups in the forward action of a listener or a rule.", ref("alb")},
	{"lambdaAlias", false, "Two versions of a function in an alias, which Evenkeel makes; it is not in the template.", ref("lambdaAlias")},
}

var route53Keys = []key{
	{"zone", true, "Id of the hosted zone.", scalarOrText},
	{"name", true, "Name of the records.", scalarOrText},
	{"type", true, "A, AAAA, CNAME or TXT; A or AAAA of an alias record.", map[string]any{"enum": recordTypes}},
	{"ttl", false, "How long resolvers remember the record: 0s to 1h. Without it, 1m. Not of an alias record.", duration},
	{"value", false, "Value of each side's record, such as ${output.Host}; or aliasName and aliasZone.", scalarOrText},
	{"aliasName", false, "What each side's alias record stands for, such as the name of a load balancer.", scalarOrText},
	{"aliasZone", false, "Id of the hosted zone of aliasName.", scalarOrText},
}

var albKeys = []key{
	{"listener", false, "ARN of the listener whose default action forwards; or rule.", scalarOrText},
	{"rule", false, "ARN of the listener's rule that forwards.", scalarOrText},
	{"targetGroup", true, "ARN of each side's target group: ${output.TargetGroup}.", scalarOrText},
}

var lambdaAliasKeys = []key{
	{"function", true, "Name or ARN of the function.", scalarOrText},
	{"alias", true, "Name of the alias.", text(aliasPattern)},
	{"version", true, "Number of the version that is new: ${output.Version}.", scalarOrText},
}

var metricKeys = []key{
	{"name", false, "Name of the metric in results. Without it, its kind and what it looks at.", text(checkNamePattern)},
	{"cloudwatch", false, "A CloudWatch metric, or an expression over several.", ref("cloudwatch")},
	{"alarm", false, "CloudWatch alarms, which must be OK.", ref("alarmCheck")},
	{"http", false, "Asks a URL.", ref("httpCheck")},
	{"success", false, "When the value of a CloudWatch metric is good: \"< 1\", \">= 0.5 and < 2\". Without it, whenever it does not meet failure.", condition},
	{"failure", false, "When it is bad. Without it, whenever it does not meet success. With both, a value that meets neither is inconclusive.", condition},
	{"interval", false, "From one measurement to the next: 1s to 1h, of a CloudWatch metric not shorter than its period. Without it, 1m, or the period.", duration},
	{"delay", false, "Before the first measurement of a step. Without it, none.", duration},
	{"count", false, "Measurements of a step that it needs. Without it, as many as the bake takes, at least one.", limit},
	{"failureLimit", false, "Failed measurements of a step that are borne. Without it, 0.", limit},
	{"inconclusiveLimit", false, "Inconclusive measurements of a step that are borne. Without it, 0.", limit},
	{"errorLimit", false, "Measurements in a row that could not be made, or had no data, that are borne. Without it, 3.", limit},
	{"noData", false, "What follows when there are more: pause (the default) or abort.", map[string]any{"enum": rolloutData}},
}

var cloudWatchKeys = []key{
	{"queries", true, "Statistics of metrics, by the id that the expression uses: a lower-case letter, then letters, digits and underscores.",
		map[string]any{"type": "object", "minProperties": 1, "maxProperties": maxQueries, "propertyNames": text(queryPattern), "additionalProperties": ref("query")}},
	{"expression", false, "Metric math over the queries: \"100 * errors / requests\". Needed with more than one query.", map[string]any{"type": "string"}},
	{"period", false, "Of one value, a multiple of 1m up to 1h, or 1s, 5s, 10s or 30s of metrics of high resolution. Without it, 1m.", duration},
}

var queryKeys = []key{
	{"namespace", true, "Namespace of the metric.", text(namespacePattern)},
	{"metric", true, "Name of the metric.", text(metricPattern)},
	{"dimensions", false, "Dimensions, by name; ${side} stands for blue or green, ${endpoint} for what the router sends traffic to, such as the version.", mapOf(scalarOrText)},
	{"stat", true, "Statistic: Sum, Average, Minimum, Maximum, SampleCount, p99 and others of CloudWatch.", text(statPattern)},
}

var condition = map[string]any{"type": "string", "minLength": 1, "maxLength": threshold.MaxText}

var percent = map[string]any{"type": "integer", "minimum": 1, "maximum": 100}

var limit = map[string]any{"type": "integer", "minimum": 0, "maximum": maxLimit}

func oneOfKeys(names ...string) map[string]any {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = map[string]any{"required": []string{name}}
	}
	return map[string]any{"oneOf": list}
}

// rolloutSchemas are the definitions of the JSON Schema that rollouts use.
func rolloutSchemas() map[string]any {
	return map[string]any{
		"rollout":     object(rolloutKeys),
		"rolloutStep": map[string]any{"anyOf": []any{percent, object(stepKeys)}},
		"router":      merge(object(routerKeys), oneKey),
		"route53":     object(route53Keys),
		"alb":         merge(object(albKeys), oneOfKeys("listener", "rule")),
		"lambdaAlias": object(lambdaAliasKeys),
		"metric":      merge(object(metricKeys), oneOfKeys("cloudwatch", "alarm", "http")),
		"cloudwatch":  object(cloudWatchKeys),
		"query":       object(queryKeys),
	}
}
