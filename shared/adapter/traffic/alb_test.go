package traffic_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

const (
	albArn  = "arn:aws:elasticloadbalancing:eu-west-1:222222222222:listener/app/shop/1/2"
	ruleArn = "arn:aws:elasticloadbalancing:eu-west-1:222222222222:listener-rule/app/shop/1/2/3"
)

var (
	byListener = routing(pipeline.Router{ALB: &pipeline.ALBRouter{Listener: albArn}}, "arn:blue", "arn:green")
	byRule     = routing(pipeline.Router{ALB: &pipeline.ALBRouter{Rule: ruleArn}}, "arn:blue", "arn:green")
)

// forward is a forward action: "arn:blue 95", "arn:green 5".
func forward(order int, groups ...string) string {
	text := fmt.Sprintf("<member><Type>forward</Type><Order>%d</Order><ForwardConfig><TargetGroups>", order)
	for _, group := range groups {
		arn, weight, _ := strings.Cut(group, " ")
		text += "<member><TargetGroupArn>" + arn + "</TargetGroupArn><Weight>" + weight + "</Weight></member>"
	}
	return text + "</TargetGroups><TargetGroupStickinessConfig><Enabled>true</Enabled><DurationSeconds>300</DurationSeconds></TargetGroupStickinessConfig></ForwardConfig></member>"
}

const (
	noonText     = "2026-06-15T12:00:00Z"
	noonAttached = noonText + " attached"

	simple = "<member><Type>forward</Type><Order>1</Order><TargetGroupArn>arn:green</TargetGroupArn></member>"
	fixed  = "<member><Type>fixed-response</Type><Order>1</Order><FixedResponseConfig><StatusCode>503</StatusCode></FixedResponseConfig></member>"
	oidc   = "<member><Type>authenticate-oidc</Type><Order>1</Order><AuthenticateOidcConfig><Issuer>https://id.example.com</Issuer><AuthorizationEndpoint>https://id.example.com/a</AuthorizationEndpoint>" +
		"<TokenEndpoint>https://id.example.com/t</TokenEndpoint><UserInfoEndpoint>https://id.example.com/u</UserInfoEndpoint><ClientId>c</ClientId><SessionTimeout>600</SessionTimeout></AuthenticateOidcConfig></member>"
)

func listeners(actions string) string {
	return `<DescribeListenersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeListenersResult><Listeners><member><ListenerArn>` + albArn +
		"</ListenerArn><Port>443</Port><Protocol>HTTPS</Protocol><DefaultActions>" + actions + "</DefaultActions></member></Listeners></DescribeListenersResult></DescribeListenersResponse>"
}

func rules(actions string) string {
	return `<DescribeRulesResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeRulesResult><Rules><member><RuleArn>` + ruleArn +
		"</RuleArn><Priority>5</Priority><Conditions><member><Field>path-pattern</Field><Values><member>/api/*</member></Values></member></Conditions><Actions>" +
		actions + "</Actions><IsDefault>false</IsDefault></member></Rules></DescribeRulesResult></DescribeRulesResponse>"
}

func TestWeightOfTargetGroups(t *testing.T) {
	for name, tt := range map[string]struct {
		routing rollout.Routing
		actions string
		percent int
		found   bool
		says    string // of an InvalidError
	}{
		"both":                     {routing: byListener, actions: forward(1, "arn:blue 75", "arn:green 25"), percent: 25, found: true},
		"of a rule":                {routing: byRule, actions: forward(1, "arn:blue 75", "arn:green 25"), percent: 25, found: true},
		"other numbers, whole":     {routing: byListener, actions: forward(1, "arn:blue 1", "arn:green 1"), percent: 50, found: true},
		"the live one alone":       {routing: byListener, actions: forward(1, "arn:blue 1"), found: true},
		"one without a weight":     {routing: byListener, actions: simple, percent: 100, found: true},
		"after authentication":     {routing: byListener, actions: forward(2, "arn:blue 90", "arn:green 10") + oidc, percent: 10, found: true},
		"the first, a placeholder": {routing: first(byListener), actions: fixed},
		"the first":                {routing: first(byListener), actions: forward(1, "arn:green 100"), percent: 100, found: true},
		"an old one at zero":       {routing: byListener, actions: forward(1, "arn:blue 100", "arn:old 0"), found: true},

		"another group":           {routing: byListener, actions: forward(1, "arn:blue 90", "arn:theirs 10"), says: "arn:theirs (weight 10)"},
		"another, and no live":    {routing: first(byListener), actions: forward(1, "arn:blue 1"), says: "arn:blue (weight 1)"},
		"all zero":                {routing: byListener, actions: forward(1, "arn:blue 0", "arn:green 0"), says: "no percentages"},
		"no whole percentage":     {routing: byListener, actions: forward(1, "arn:blue 2", "arn:green 1"), says: "no percentages"},
		"a page for maintenance":  {routing: byListener, actions: fixed, says: "fixed-response"},
		"a redirect":              {routing: first(byListener), actions: "<member><Type>redirect</Type><Order>1</Order></member>", says: "redirect"},
		"no action":               {routing: byRule, actions: "", says: "no action"},
		"a group of the same two": {routing: byRule, actions: forward(1, "arn:x 1"), says: "arn:blue and arn:green"},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("elasticloadbalancing", "DescribeListeners", listeners(tt.actions))
			stub.Reply("elasticloadbalancing", "DescribeRules", rules(tt.actions))
			percent, found, err := client.Weight(t.Context(), tt.routing)
			if tt.says != "" {
				if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "arn:aws:elasticloadbalancing") {
					t.Errorf("got %v, want %q", err, tt.says)
				}
				return
			}
			if err != nil || percent != tt.percent || found != tt.found {
				t.Errorf("got %d %t, %v", percent, found, err)
			}
			call := stub.Calls("elasticloadbalancing", "")[0]
			if call.Account != "222222222222" || call.Form.Get("ListenerArns.member.1")+call.Form.Get("RuleArns.member.1") != tt.routing.Router.ALB.Listener+tt.routing.Router.ALB.Rule {
				t.Errorf("asked %v", call.Form)
			}
		})
	}
}

// sent are the parameters of a call that are not of the protocol.
func sent(form url.Values) []string {
	var list []string
	for name := range form {
		if name != "Action" && name != "Version" {
			list = append(list, name+"="+form.Get(name))
		}
	}
	slices.Sort(list)
	return list
}

// action is what a forward action looks like in the parameters: "blue=95".
func action(prefix string, order int, sticky bool, groups ...string) []string {
	list := []string{fmt.Sprintf("%s.Order=%d", prefix, order), prefix + ".Type=forward"}
	for i, group := range groups {
		arn, weight, _ := strings.Cut(group, " ")
		member := fmt.Sprintf("%s.ForwardConfig.TargetGroups.member.%d.", prefix, i+1)
		list = append(list, member+"TargetGroupArn="+arn, member+"Weight="+weight)
	}
	if sticky {
		list = append(list, prefix+".ForwardConfig.TargetGroupStickinessConfig.DurationSeconds=300", prefix+".ForwardConfig.TargetGroupStickinessConfig.Enabled=true")
	}
	return list
}

func TestSetWeightOfTargetGroups(t *testing.T) {
	authenticate := []string{}
	for _, property := range []string{"AuthorizationEndpoint=https://id.example.com/a", "ClientId=c", "Issuer=https://id.example.com", "SessionTimeout=600", "TokenEndpoint=https://id.example.com/t", "UseExistingClientSecret=true", "UserInfoEndpoint=https://id.example.com/u"} {
		authenticate = append(authenticate, "DefaultActions.member.1.AuthenticateOidcConfig."+property)
	}
	authenticate = append(authenticate, "DefaultActions.member.1.Order=1", "DefaultActions.member.1.Type=authenticate-oidc")
	const one, two = "DefaultActions.member.1", "DefaultActions.member.2"
	for name, tt := range map[string]struct {
		routing rollout.Routing
		actions string
		percent int
		want    []string // nothing: there is no change
		change  string
	}{
		"a share":             {byListener, forward(1, "arn:blue 100"), 5, action(one, 1, true, "arn:blue 95", "arn:green 5"), noonAttached},
		"all":                 {byListener, forward(1, "arn:blue 50", "arn:green 50"), 100, action(one, 1, true, "arn:blue 0", "arn:green 100"), noonText},
		"nothing":             {byListener, forward(1, "arn:blue 75", "arn:green 25"), 0, action(one, 1, true, "arn:blue 100", "arn:green 0"), noonText},
		"is so already":       {byListener, forward(1, "arn:green 5", "arn:blue 95"), 5, nil, ""},
		"from one without":    {byListener, simple, 100, action(one, 1, false, "arn:blue 0", "arn:green 100"), noonText},
		"the placeholder":     {first(byListener), fixed, 100, action(one, 1, false, "arn:green 100"), noonAttached},
		"the other goes":      {first(byListener), forward(1, "arn:blue 0", "arn:green 100"), 100, action(one, 1, true, "arn:green 100"), noonText},
		"an old one goes":     {byListener, forward(1, "arn:old 0", "arn:blue 100"), 10, action(one, 1, true, "arn:blue 90", "arn:green 10"), noonAttached},
		"authentication kept": {byListener, oidc + forward(2, "arn:blue 100"), 5, append(slices.Clone(authenticate), action(two, 2, true, "arn:blue 95", "arn:green 5")...), noonAttached},
		"of a rule":           {byRule, forward(1, "arn:blue 100"), 5, action("Actions.member.1", 1, true, "arn:blue 95", "arn:green 5"), noonAttached},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("elasticloadbalancing", "DescribeListeners", listeners(tt.actions))
			stub.Reply("elasticloadbalancing", "DescribeRules", rules(tt.actions))
			stub.Reply("elasticloadbalancing", "ModifyListener", "<ModifyListenerResponse><ModifyListenerResult/></ModifyListenerResponse>")
			stub.Reply("elasticloadbalancing", "ModifyRule", "<ModifyRuleResponse><ModifyRuleResult/></ModifyRuleResponse>")
			if change, err := client.SetWeight(t.Context(), tt.routing, tt.percent); err != nil || change != tt.change {
				t.Fatalf("%q, %v", change, err)
			}
			calls := stub.Calls("elasticloadbalancing", "")[1:]
			if tt.want == nil {
				if len(calls) != 0 {
					t.Errorf("%d changes", len(calls))
				}
				return
			}
			want := append(tt.want, "ListenerArn="+albArn)
			if tt.routing.Router.ALB.Rule != "" {
				want = append(tt.want, "RuleArn="+ruleArn)
			}
			slices.Sort(want)
			if len(calls) != 1 || !slices.Equal(sent(calls[0].Form), want) {
				t.Errorf("%d calls, sent\n%s\nwant\n%s", len(calls), strings.Join(sent(calls[0].Form), "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestForeignTargetGroupsAreNotTouched(t *testing.T) {
	stub, client := start(t)
	stub.Reply("elasticloadbalancing", "DescribeListeners", listeners(forward(1, "arn:theirs 1")))
	if _, err := client.SetWeight(t.Context(), byListener, 5); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), "arn:theirs") {
		t.Error(err)
	}
}

// health is the answer of DescribeTargetHealth: "i-1 unhealthy Target.Timeout".
func health(targets ...string) string {
	text := `<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeTargetHealthResult><TargetHealthDescriptions>`
	for _, target := range targets {
		fields := strings.Fields(target + " Elb.InitialHealthChecking")
		text += "<member><Target><Id>" + fields[0] + "</Id></Target><TargetHealth><State>" + fields[1] + "</State><Reason>" + fields[2] + "</Reason></TargetHealth></member>"
	}
	return text + "</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"
}

func TestSettledTargetGroups(t *testing.T) {
	at := func(ago time.Duration, mark string) string { return noon.Add(-ago).Format(time.RFC3339) + mark }
	for name, tt := range map[string]struct {
		change string
		health string // "" is that it is not asked for
		want   bool
		says   string // of an InvalidError
	}{
		"no change":             {"", "", true, ""},
		"just now":              {at(0, ""), "", false, ""},
		"soon":                  {at(29*time.Second, ""), "", false, ""},
		"a while ago":           {at(30*time.Second, ""), "", true, ""},
		"new, just now":         {at(29*time.Second, " attached"), "", false, ""},
		"new, healthy":          {at(30*time.Second, " attached"), health("i-1 initial", "i-2 healthy"), true, ""},
		"new, not yet healthy":  {at(9*time.Minute, " attached"), health("i-1 initial"), false, ""},
		"new, without a target": {at(9*time.Minute, " attached"), health(), false, ""},
		"new, never healthy":    {at(10*time.Minute, " attached"), health("i-1 unhealthy Target.Timeout", "i-2 draining"), false, "i-1 unhealthy Target.Timeout, i-2 draining"},
		"new, never a target":   {at(10*time.Minute, " attached"), health(), false, "it has no target"},
		"something else":        {"/change/C1", "", false, "no change of the listener"},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			if tt.health != "" {
				stub.Reply("elasticloadbalancing", "DescribeTargetHealth", tt.health)
			}
			got, err := client.Settled(t.Context(), byListener, tt.change)
			if tt.says != "" {
				if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want %q", err, tt.says)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%t, %v", got, err)
			}
			if tt.health != "" && stub.Calls("elasticloadbalancing", "")[0].Form.Get("TargetGroupArn") != "arn:green" {
				t.Error("another target group was asked")
			}
		})
	}
}

func TestServingTargetGroup(t *testing.T) {
	for actions, want := range map[string]string{
		"": "", fixed: "", simple: "arn:green", forward(1, "arn:x 1"): "arn:x", forward(1, "arn:x 0", "arn:y 5"): "arn:y", forward(1, "arn:x 1", "arn:y 5"): "",
	} {
		stub, client := start(t)
		stub.Reply("elasticloadbalancing", "DescribeListeners", listeners(actions))
		if got, found, err := client.Serving(t.Context(), byListener); err != nil || found != (want != "") || got != want {
			t.Errorf("%s: %q %t, %v", actions, got, found, err)
		}
	}
}

func TestErrorsOfTargetGroups(t *testing.T) {
	for code, tt := range map[string]struct {
		status int
		kind   string
	}{
		"ListenerNotFound": {400, fault.InvalidError}, "RuleNotFound": {400, fault.InvalidError}, "TargetGroupNotFound": {400, fault.InvalidError}, "IncompatibleProtocols": {400, fault.InvalidError},
		"ValidationError": {400, fault.InvalidError}, "Throttling": {400, fault.TransientError}, "ServiceUnavailable": {503, fault.TransientError}, "AccessDenied": {403, fault.PermanentError},
	} {
		refuse := func(awsstub.Call) awsstub.Answer {
			return awsstub.Answer{Status: tt.status, Body: `<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>` +
				code + "</Code><Message>no such luck</Message></Error><RequestId>r</RequestId></ErrorResponse>"}
		}
		for _, r := range []rollout.Routing{byListener, byRule} {
			stub, client := start(t)
			stub.On("elasticloadbalancing", "DescribeListeners", refuse)
			stub.On("elasticloadbalancing", "DescribeRules", refuse)
			_, _, weigh := client.Weight(t.Context(), r)
			stub.Reply("elasticloadbalancing", "DescribeListeners", listeners(simple))
			stub.Reply("elasticloadbalancing", "DescribeRules", rules(simple))
			stub.On("elasticloadbalancing", "ModifyListener", refuse)
			stub.On("elasticloadbalancing", "ModifyRule", refuse)
			_, set := client.SetWeight(t.Context(), r, 5)
			stub.On("elasticloadbalancing", "DescribeTargetHealth", refuse)
			_, settled := client.Settled(t.Context(), r, "2026-06-15T11:00:00Z attached")
			for i, err := range []error{weigh, set, settled} {
				if !fault.Is(err, tt.kind) || i < 2 && !strings.Contains(fmt.Sprint(err), r.Router.ALB.Listener+r.Router.ALB.Rule) {
					t.Errorf("%s, call %d: %v", code, i, err)
				}
			}
		}
	}
}
