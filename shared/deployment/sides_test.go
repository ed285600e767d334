package deployment

import (
	"testing"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

// TestSameRoute: what would leave traffic behind is another route; what only an
// output tells is not known to be one.
func TestSameRoute(t *testing.T) {
	record := func(zone, name string) pipeline.Router {
		return pipeline.Router{Route53: &pipeline.Route53Router{Zone: zone, Name: name, Type: "CNAME"}}
	}
	alb := func(listener, rule string) pipeline.Router {
		return pipeline.Router{ALB: &pipeline.ALBRouter{Listener: listener, Rule: rule}}
	}
	alias := func(function, name string) pipeline.Router {
		return pipeline.Router{LambdaAlias: &pipeline.LambdaAliasRouter{Function: function, Alias: name}}
	}
	address := record("Z1", "a.example")
	address.Route53.Type = "A"
	for name, tt := range map[string]struct {
		before, now pipeline.Router
		want        bool
	}{
		"a record":              {record("Z1", "a.example"), record("/hostedzone/Z1", "A.example."), true},
		"another zone":          {record("Z1", "a.example"), record("Z2", "a.example"), false},
		"another name":          {record("Z1", "a.example"), record("Z1", "b.example"), false},
		"another type":          {record("Z1", "a.example"), address, false},
		"a zone as an output":   {record("Z1", "a.example"), record("${output.network.Zone}", "a.example"), true},
		"a name as an output":   {record("Z1", "a.example"), record("Z1", "${output.network.Name}"), true},
		"another router":        {record("Z1", "a.example"), alb("arn:l", ""), false},
		"a listener":            {alb("arn:l", ""), alb("arn:l", ""), true},
		"another listener":      {alb("arn:l", ""), alb("arn:m", ""), false},
		"a listener's output":   {alb("arn:l", ""), alb("${output.network.Listener}", ""), true},
		"another rule":          {alb("", "arn:r"), alb("", "arn:s"), false},
		"a rule, no listener":   {alb("arn:l", ""), alb("", "${output.network.Rule}"), false},
		"an alias":              {alias("work", "live"), alias("arn:aws:lambda:us-east-1:222222222222:function:work", "live"), true},
		"another alias":         {alias("work", "live"), alias("work", "next"), false},
		"another function":      {alias("work", "live"), alias("rest", "live"), false},
		"a function's output":   {alias("${output.Function}", "live"), alias("work", "live"), true},
		"no router any more":    {alias("work", "live"), pipeline.Router{}, false},
		"no router on one side": {pipeline.Router{}, alias("work", "live"), false},
	} {
		if got := sameRoute(tt.before, tt.now); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
