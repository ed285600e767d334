package traffic_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

const (
	getAlias    = "GET /2015-03-31/functions/shop/aliases/live"
	updateAlias = "PUT /2015-03-31/functions/shop/aliases/live"
	createAlias = "POST /2015-03-31/functions/shop/aliases"
)

var byAlias = routing(pipeline.Router{LambdaAlias: &pipeline.LambdaAliasRouter{Function: "shop", Alias: "live"}}, "3", "4")

// alias is the answer of GetAlias; additional is of its RoutingConfig.
func alias(version, additional string) string {
	text := `{"AliasArn":"arn:aws:lambda:eu-west-1:222222222222:function:shop:live","Name":"live","Description":"","FunctionVersion":"` + version + `","RevisionId":"r1"`
	if additional != "" {
		text += `,"RoutingConfig":{"AdditionalVersionWeights":` + additional + `}`
	}
	return text + "}"
}

// restJSONError is an error answer of Lambda.
func restJSONError(status int, code string) awsstub.Answer {
	return awsstub.Answer{Status: status, Header: map[string]string{"X-Amzn-Errortype": code}, Body: `{"Type":"User","Message":"no such luck"}`}
}

func TestWeightOfAnAlias(t *testing.T) {
	for name, tt := range map[string]struct {
		routing rollout.Routing
		answer  string
		percent int
		says    string // of an InvalidError
	}{
		"the live version":    {routing: byAlias, answer: alias("3", "")},
		"a share":             {routing: byAlias, answer: alias("3", `{"4":0.07}`), percent: 7},
		"an empty map":        {routing: byAlias, answer: alias("3", `{}`)},
		"all":                 {routing: byAlias, answer: alias("4", ""), percent: 100},
		"the other way round": {routing: byAlias, answer: alias("4", `{"3":0.25}`), percent: 75},
		"a zero of another":   {routing: byAlias, answer: alias("3", `{"9":0}`)},
		"the first":           {routing: first(byAlias), answer: alias("4", ""), percent: 100},

		"another version":          {routing: byAlias, answer: alias("2", ""), says: "version 2, not only to the versions 3 and 4"},
		"a share of another":       {routing: byAlias, answer: alias("3", `{"9":0.5}`), says: "with the weight 0.5 to version 9"},
		"an alias that was theirs": {routing: first(byAlias), answer: alias("$LATEST", ""), says: "version $LATEST, not only to version 4"},
		"no whole percentage":      {routing: byAlias, answer: alias("3", `{"4":0.125}`), says: "no percentage"},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("lambda", getAlias, tt.answer)
			percent, found, err := client.Weight(t.Context(), tt.routing)
			if tt.says != "" {
				if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "the alias live of shop") {
					t.Errorf("got %v, want %q", err, tt.says)
				}
				return
			}
			if err != nil || !found || percent != tt.percent || stub.Calls("lambda", getAlias)[0].Account != "222222222222" {
				t.Errorf("got %d %t, %v", percent, found, err)
			}
		})
	}
	stub, client := start(t)
	stub.On("lambda", getAlias, func(awsstub.Call) awsstub.Answer { return restJSONError(404, "ResourceNotFoundException") })
	if percent, found, err := client.Weight(t.Context(), byAlias); err != nil || found || percent != 0 {
		t.Errorf("no alias: %d %t, %v", percent, found, err)
	}
}

func TestSetWeightOfAnAlias(t *testing.T) {
	same := byAlias
	same.Candidate.Endpoint = "3"
	for name, tt := range map[string]struct {
		routing rollout.Routing
		answer  string // "" is that there is no alias
		percent int
		version string // "" is that there is no change
		weights map[string]any
	}{
		"a share":              {byAlias, alias("3", ""), 5, "3", map[string]any{"4": 0.05}},
		"another share":        {byAlias, alias("3", `{"4":0.05}`), 10, "3", map[string]any{"4": 0.1}},
		"all":                  {byAlias, alias("3", `{"4":0.5}`), 100, "4", map[string]any{}},
		"nothing":              {byAlias, alias("3", `{"4":0.5}`), 0, "3", map[string]any{}},
		"nothing, after all":   {byAlias, alias("4", ""), 0, "3", map[string]any{}},
		"is so already":        {byAlias, alias("3", `{"4":0.05}`), 5, "", nil},
		"is all already":       {byAlias, alias("4", ""), 100, "", nil},
		"the same version":     {same, alias("3", `{"4":0.5}`), 10, "3", map[string]any{}},
		"made":                 {first(byAlias), "", 100, "4", map[string]any{}},
		"made again":           {byAlias, "", 25, "3", map[string]any{"4": 0.25}},
		"what is not a share":  {byAlias, alias("3", `{"9":0.5}`), 5, "3", map[string]any{"4": 0.05}},
		"the only one remains": {first(byAlias), alias("4", `{"3":0.5}`), 100, "4", map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("lambda", getAlias, tt.answer)
			action, revision := updateAlias, any("r1")
			if tt.answer == "" {
				stub.On("lambda", getAlias, func(awsstub.Call) awsstub.Answer { return restJSONError(404, "ResourceNotFoundException") })
				action, revision = createAlias, nil
			}
			stub.Reply("lambda", action, alias("5", ""))
			if change, err := client.SetWeight(t.Context(), tt.routing, tt.percent); err != nil || change != "" {
				t.Fatalf("%q, %v", change, err)
			}
			calls := stub.Calls("lambda", "")[1:]
			if tt.version == "" {
				if len(calls) != 0 {
					t.Errorf("%d changes", len(calls))
				}
				return
			}
			if len(calls) != 1 || calls[0].Action != action {
				t.Fatalf("%d changes", len(calls))
			}
			var body map[string]any
			if err := json.Unmarshal(calls[0].Body, &body); err != nil {
				t.Fatal(err)
			}
			if body["FunctionVersion"] != tt.version || body["RevisionId"] != revision || !reflect.DeepEqual(body["RoutingConfig"], map[string]any{"AdditionalVersionWeights": tt.weights}) {
				t.Errorf("sent %s", calls[0].Body)
			}
		})
	}
}

func TestVersionsOfAnAlias(t *testing.T) {
	of := func(function, live, candidate string) rollout.Routing {
		return routing(pipeline.Router{LambdaAlias: &pipeline.LambdaAliasRouter{Function: function, Alias: "live"}}, live, candidate)
	}
	const arn = "arn:aws:lambda:eu-west-1:222222222222:function:shop"
	for name, tt := range map[string]struct {
		routing rollout.Routing
		says    string // of an InvalidError
	}{
		"numbers":               {of("shop", "3", "4"), ""},
		"ARNs":                  {of(arn, arn+":3", arn+":4"), ""},
		"another region":        {of("arn:aws:lambda:us-east-1:222222222222:function:shop", "3", "4"), "not in the account 222222222222 and the region eu-west-1"},
		"another account":       {of("arn:aws:lambda:eu-west-1:111111111111:function:shop", "3", "4"), "not in the account"},
		"an ARN that is none":   {of("arn:aws:lambda", "3", "4"), "not in the account"},
		"what is not published": {of("shop", "3", "$LATEST"), "$LATEST"},
		"an alias":              {of("shop", "3", arn+":live"), "the number of a published one"},
		"a live one like that":  {of("shop", "$LATEST", "4"), "$LATEST"},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			for _, path := range []string{getAlias, "GET /2015-03-31/functions/" + arn + "/aliases/live"} {
				stub.Reply("lambda", path, alias("3", `{"4":0.07}`))
			}
			percent, found, err := client.Weight(t.Context(), tt.routing)
			if tt.says != "" {
				if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want %q", err, tt.says)
				}
				return
			}
			if err != nil || !found || percent != 7 {
				t.Errorf("%d %t, %v", percent, found, err)
			}
		})
	}
}

func TestServingVersion(t *testing.T) {
	for answer, want := range map[string]string{alias("9", ""): "9", alias("9", `{}`): "9", alias("9", `{"8":0.5}`): ""} {
		stub, client := start(t)
		stub.Reply("lambda", getAlias, answer)
		if got, found, err := client.Serving(t.Context(), byAlias); err != nil || found != (want != "") || got != want {
			t.Errorf("%s: %q %t, %v", answer, got, found, err)
		}
	}
	stub, client := start(t)
	stub.On("lambda", getAlias, func(awsstub.Call) awsstub.Answer { return restJSONError(404, "ResourceNotFoundException") })
	if got, found, err := client.Serving(t.Context(), byAlias); err != nil || found {
		t.Errorf("no alias: %q %t, %v", got, found, err)
	}
}

func TestErrorsOfAnAlias(t *testing.T) {
	for code, tt := range map[string]struct {
		status int
		kind   string
	}{
		"PreconditionFailedException": {412, fault.ConflictError}, "ResourceConflictException": {409, fault.ConflictError}, "InvalidParameterValueException": {400, fault.InvalidError},
		"TooManyRequestsException": {429, fault.TransientError}, "ServiceException": {500, fault.TransientError}, "AccessDeniedException": {403, fault.PermanentError},
		"ResourceNotFoundException": {404, fault.InvalidError},
	} {
		refuse := func(awsstub.Call) awsstub.Answer { return restJSONError(tt.status, code) }
		stub, client := start(t)
		stub.On("lambda", getAlias, refuse)
		stub.On("lambda", createAlias, refuse)
		_, create := client.SetWeight(t.Context(), first(byAlias), 100)
		stub.Reply("lambda", getAlias, alias("3", ""))
		stub.On("lambda", updateAlias, refuse)
		_, update := client.SetWeight(t.Context(), byAlias, 5)
		for i, err := range []error{create, update} {
			if !fault.Is(err, tt.kind) || !strings.Contains(fmt.Sprint(err), "the alias live of shop") {
				t.Errorf("%s, call %d: %v", code, i, err)
			}
		}
	}
}
