package pipeline

// How a stack comes into use.
const (
	StrategyDirect    = "direct"     // the default: what is deployed is in use
	StrategyBlueGreen = "blue-green" // all traffic is switched at once
	StrategyCanary    = "canary"     // traffic is moved step by step
)

// Who lets a rollout take all traffic.
const (
	PromotionAuto   = "auto"
	PromotionManual = "manual" // it pauses before its last step, for a person
)

// What becomes of the side that a rollout took out of use, once Keep is over.
const (
	RetireKeep   = "keep"   // it stays, without traffic, and the next rollout updates it
	RetireDelete = "delete" // its stack is deleted
)

// What a rollout does when an analysis cannot be made: its metric has no data.
const (
	NoDataPause = "pause" // the default: a person decides
	NoDataAbort = "abort"
)

// Rollout says how a stack comes into use in a stage. Its texts may hold
// references to outputs, as those of a Check; an output of the stack itself is
// that of the side at hand.
//
// With the routers route53 and alb a stack has two sides, blue and green, each
// a CloudFormation stack of its own. With lambda-alias both sides are versions
// of one function of one stack.
type Rollout struct {
	Strategy      string        `json:"strategy"`
	Steps         []RolloutStep `json:"steps"`                   // ascending; the last is 100; blue-green has only that
	Router        Router        `json:"router,omitzero"`         // none when the strategy is direct
	Analysis      Analysis      `json:"analysis,omitzero"`       // made while a step bakes
	Promotion     string        `json:"promotion"`               // one of the Promotion constants
	PauseTimeout  Duration      `json:"pauseTimeout"`            // for how long a person is waited for; then it is aborted
	Keep          Duration      `json:"keep"`                    // for how long the old side can take the traffic back at once
	Retire        string        `json:"retire"`                  // one of the Retire constants
	SideParameter string        `json:"sideParameter,omitempty"` // template parameter that is told blue or green

	at, bakeAt Position
	outputs    []outputRef
}

// RolloutStep is a share of the traffic, and for how long it is watched.
type RolloutStep struct {
	Weight int      `json:"weight"`          // percent that the new side gets, 1 to 100
	Bake   Duration `json:"bake"`            // not shorter than the record's TTL
	Pause  bool     `json:"pause,omitempty"` // a person lets it go on after the bake

	at Position
}

// Router moves traffic between the sides. Exactly one part is set.
type Router struct {
	Route53     *Route53Router     `json:"route53,omitempty"`
	ALB         *ALBRouter         `json:"alb,omitempty"`
	LambdaAlias *LambdaAliasRouter `json:"lambdaAlias,omitempty"`
}

// Route53Router keeps two weighted records of one name, one a side. Evenkeel
// makes and owns them; no template may have them.
type Route53Router struct {
	Zone  string   `json:"zone"`            // id of the hosted zone
	Name  string   `json:"name"`            // of the records
	Type  string   `json:"type"`            // A, AAAA, CNAME, TXT
	TTL   Duration `json:"ttl,omitempty"`   // of plain records; an alias record has its target's
	Value string   `json:"value,omitempty"` // of a plain record, by side: ${output.Host}
	// AliasName and AliasZone make it an alias record, such as of a load balancer.
	AliasName string `json:"aliasName,omitempty"`
	AliasZone string `json:"aliasZone,omitempty"`
}

// ALBRouter keeps the weights of two target groups in the forward action of a
// listener or of one rule of it.
type ALBRouter struct {
	Listener    string `json:"listener,omitempty"` // ARN; its default action
	Rule        string `json:"rule,omitempty"`     // ARN, in place of Listener
	TargetGroup string `json:"targetGroup"`        // ARN, by side: ${output.TargetGroup}
}

// LambdaAliasRouter keeps the weights of two versions in a function's alias,
// which is not in the template. Evenkeel makes it if there is none.
type LambdaAliasRouter struct {
	Function string `json:"function"` // name or ARN
	Alias    string `json:"alias"`
	Version  string `json:"version"` // of the new side: ${output.Version}
}

// Analysis says how the new side is judged. The terms are those of an
// AnalysisTemplate of Argo Rollouts.
type Analysis struct {
	Metrics []Metric `json:"metrics,omitempty"`
}

// Metric is one measurement and what its value means, of exactly one kind.
type Metric struct {
	Name       string            `json:"name"`
	CloudWatch *CloudWatchMetric `json:"cloudwatch,omitempty"`
	Alarm      *AlarmCheck       `json:"alarm,omitempty"`
	HTTP       *HTTPCheck        `json:"http,omitempty"`

	// Success and Failure are conditions on the value of a CloudWatch metric,
	// such as "< 1" or ">= 0.5 and < 2". With only one, the other is its
	// opposite. With both, a value that meets neither is inconclusive.
	Success string `json:"success,omitempty"`
	Failure string `json:"failure,omitempty"`

	Interval          Duration `json:"interval"`          // from one measurement to the next
	Delay             Duration `json:"delay,omitempty"`   // before the first of a step
	Count             int      `json:"count,omitempty"`   // measurements a step; 0: as many as the bake takes
	FailureLimit      int      `json:"failureLimit"`      // failed measurements of a step that are borne
	InconclusiveLimit int      `json:"inconclusiveLimit"` // inconclusive measurements of a step that are borne
	ErrorLimit        int      `json:"errorLimit"`        // measurements in a row that could not be made, or had no data, that are borne
	NoData            string   `json:"noData"`            // one of NoDataPause, NoDataAbort: when ErrorLimit is passed

	at Position
}

// CloudWatchMetric is a metric, or an expression over several. Its value is
// that of the newest whole period since the step began.
type CloudWatchMetric struct {
	Queries    []MetricQuery `json:"queries"`              // one, or those that Expression names
	Expression string        `json:"expression,omitempty"` // metric math: "100 * errors / requests"
	Period     Duration      `json:"period"`               // a multiple of 1m
}

// MetricQuery is a statistic of a metric. Dimensions may hold output references.
type MetricQuery struct {
	ID         string            `json:"id"`
	Namespace  string            `json:"namespace"`
	Metric     string            `json:"metric"`
	Dimensions map[string]string `json:"dimensions,omitempty"`
	Stat       string            `json:"stat"` // Sum, Average, Maximum, Minimum, SampleCount, p99 …
}
