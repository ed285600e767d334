package sam

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/template"
)

// TestRecorded compares translations with those of the translator itself; see
// testdata/record.py.
func TestRecorded(t *testing.T) {
	expected, err := filepath.Glob("testdata/*.expected.json")
	if err != nil || len(expected) == 0 {
		t.Fatal("no recorded translations", err)
	}
	for _, file := range expected {
		name := strings.TrimSuffix(file, ".expected.json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			source := name + ".yaml"
			if _, err := os.Stat(source); err != nil {
				source = name + ".json"
			}
			root := parse(t, read(t, source))
			before := mustJSON(t, root)
			got, problems := Translate(root, Options{})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var want any
			if err := json.Unmarshal([]byte(read(t, file)), &want); err != nil {
				t.Fatal(err)
			}
			compare(t, "", want, got.Value())
			if mustJSON(t, root) != before {
				t.Error("the translation changed its input")
			}
			positions(t, got.Get("Resources"), "Resources")
		})
	}
}

// positions checks that every node has a place in the text.
func positions(t *testing.T, n *template.Node, path string) {
	t.Helper()
	if n.Line < 1 || n.Column < 1 {
		t.Errorf("%s has no position", path)
		return
	}
	n.Each(func(name string, child *template.Node) { positions(t, child, path+"/"+name) })
}

func compare(t *testing.T, path string, want, got any) {
	t.Helper()
	w, isMap := want.(map[string]any)
	g, both := got.(map[string]any)
	if !isMap || !both {
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s is %s, want %s", path, jsonText(got), jsonText(want))
		}
		return
	}
	for k, v := range w {
		if o, ok := g[k]; ok {
			compare(t, path+"/"+k, v, o)
		} else {
			t.Errorf("%s/%s is missing", path, k)
		}
	}
	for k := range g {
		if _, ok := w[k]; !ok {
			t.Errorf("%s/%s is too much", path, k)
		}
	}
}

func jsonText(v any) string { b, _ := json.Marshal(v); return string(b) }

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func parse(t *testing.T, text string) *template.Node {
	t.Helper()
	root, err := template.ParseNode("t", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func mustJSON(t *testing.T, n *template.Node) string {
	t.Helper()
	b, err := json.Marshal(n.Value())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const aFunction = `
  F:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: a.b, CodeUri: ., `

// TestInvalid has a template for each kind of fault; the translator refuses all of them.
func TestInvalid(t *testing.T) {
	for name, text := range map[string]string{
		"no resources":         "Resources: {}",
		"resource is a string": "Resources: {A: x}",
		"properties":           "Resources: {A: {Type: 'AWS::Serverless::SimpleTable', Properties: []}}",
		"unknown property":     "Resources: {A: {Type: 'AWS::Serverless::SimpleTable', Properties: {Foo: 1}}}",
		"missing property":     "Resources: {A: {Type: 'AWS::Serverless::Api'}}",
		"wrong type":           "Resources:" + aFunction + "Tags: [a]}",
		"logical id":           "Resources: {A-B: {Type: 'AWS::Serverless::SimpleTable'}}",
		"globals section":      "Globals: {Table: {}}\nResources: {A: {Type: 'AWS::Serverless::SimpleTable'}}",
		"globals property":     "Globals: {Function: {Role: x}}\nResources: {A: {Type: 'AWS::Serverless::SimpleTable'}}",
		"ignored global":       "Globals: {SimpleTable: {}}\nResources: {A: {Type: 'AWS::Serverless::SimpleTable', IgnoreGlobals: [x]}}",
		"no handler":           "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Runtime: x}}}",
		"event type":           "Resources:" + aFunction + "Events: {E: {Type: Foo}}}",
		"event property":       "Resources:" + aFunction + "Events: {E: {Type: SQS, Properties: {Queue: a, Foo: 1}}}}",
		"other bucket":         "Resources:" + aFunction + "Events: {E: {Type: S3, Properties: {Bucket: name, Events: x}}}}",
		"other api":            "Resources:" + aFunction + "Events: {E: {Type: Api, Properties: {Path: /, Method: get, RestApiId: !Ref No}}}}",
		"path twice":           "Resources:" + aFunction + "Events: {E: {Type: Api, Properties: {Path: /, Method: get}}, D: {Type: Api, Properties: {Path: /, Method: GET}}}}",
		"policy":               "Resources:" + aFunction + "Policies: [{Foo: {}}]}",
		"policy parameter":     "Resources:" + aFunction + "Policies: [{SQSPollerPolicy: {}}]}",
		"dead letters":         "Resources:" + aFunction + "DeadLetterQueue: {Type: Foo, TargetArn: a}}",
		"alias":                "Resources:" + aFunction + "AutoPublishAlias: '12'}",
		"deployment":           "Resources:" + aFunction + "DeploymentPreference: {Type: AllAtOnce}}",
		"concurrency":          "Resources:" + aFunction + "ProvisionedConcurrencyConfig: {}, FunctionUrlConfig: {AuthType: X}}",
		"cors":                 "Resources: {A: {Type: 'AWS::Serverless::Api', Properties: {StageName: s, Cors: {Foo: 1}}}}",
		"authorizer":           "Resources: {A: {Type: 'AWS::Serverless::Api', Properties: {StageName: s, Auth: {DefaultAuthorizer: x, Authorizers: {y: {UserPoolArn: p}}}}}}",
		"http api":             "Resources: {A: {Type: 'AWS::Serverless::HttpApi', Properties: {DefinitionBody: {a: b}, CorsConfiguration: true}}}",
		"domain":               "Resources: {A: {Type: 'AWS::Serverless::Api', Properties: {StageName: s, Domain: {DomainName: d}}}}",
		"state machine":        "Resources: {S: {Type: 'AWS::Serverless::StateMachine', Properties: {}}}",
		"layer":                "Resources: {L: {Type: 'AWS::Serverless::LayerVersion', Properties: {ContentUri: ., RetentionPolicy: Snapshot}}}",
		"connector":            "Resources: {C: {Type: 'AWS::Serverless::Connector', Properties: {Source: {Id: X}, Destination: {Id: Y}, Permissions: [Read]}}}",
		"web socket":           "Resources: {W: {Type: 'AWS::Serverless::WebSocketApi', Properties: {RouteSelectionExpression: r, Routes: {a-b: {FunctionArn: x}}}}}",
		"graph":                "Resources: {G: {Type: 'AWS::Serverless::GraphQLApi', Properties: {SchemaInline: s, Auth: {Type: FOO}}}}",
		"same id":              "Resources:" + aFunction + "Events: {E: {Type: Schedule, Properties: {Schedule: s}}}}\n  FE: {Type: 'AWS::SNS::Topic'}",
		"mappings":             "Mappings:\nResources:" + aFunction + "}",
		"endless parameter":    "Parameters: {P: {Default: {a: {Ref: P}}}}\nResources:" + aFunction + "Tracing: !Ref P}",
	} {
		t.Run(name, func(t *testing.T) {
			out, problems := Translate(parse(t, "Transform: "+Name+"\n"+text), Options{})
			if len(problems) == 0 || out != nil {
				t.Fatalf("%s: translated to %v", text, mustJSON(t, out))
			}
			for _, p := range problems {
				if p.Message == "" || p.Line < 1 || len(p.Path) > 0 {
					t.Errorf("problem %+v", p)
				}
			}
		})
	}
}

func TestNeeded(t *testing.T) {
	for text, want := range map[string]bool{
		"Transform: AWS::Serverless-2016-10-31":           true,
		"Transform: [A, AWS::Serverless-2016-10-31]":      true,
		"Transform: AWS::LanguageExtensions":              false,
		"Transform: {Name: AWS::Serverless-2016-10-31}":   false,
		"Resources: {Transform: AWS::Serverless-2016-10}": false,
	} {
		if Needed(parse(t, text)) != want {
			t.Errorf("Needed(%s) is not %v", text, want)
		}
	}
}

func TestOptions(t *testing.T) {
	text := "Transform: [AWS::LanguageExtensions, " + Name + "]\nResources:" + aFunction + "Tracing: Active}\n" +
		"  A: {Type: 'AWS::Serverless::Api', Properties: {StageName: s, AlwaysDeploy: true}}"
	clock := func() time.Time { return time.Unix(13, 0) }
	out, problems := Translate(parse(t, text), Options{Region: "us-gov-west-1", Now: clock})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := jsonText(out.Get("Transform").Value()); got != `["AWS::LanguageExtensions"]` {
		t.Errorf("Transform is %s", got)
	}
	arns := jsonText(out.Get("Resources").Get("FRole").Get("Properties").Get("ManagedPolicyArns").Value())
	if !strings.Contains(arns, "arn:aws-us-gov:iam::aws:policy/AWSXRayDaemonWriteAccess") {
		t.Errorf("policies %s", arns)
	}
	if out.Get("Resources").Get("ADeploymentbd307a3ec3") == nil {
		t.Errorf("resources %v", out.Get("Resources").Value())
	}
	rest := out.Get("Resources").Get("A").Get("Properties")
	if got := jsonText(rest.Get("EndpointConfiguration").Value()); got != `{"Types":["REGIONAL"]}` {
		t.Errorf("EndpointConfiguration %s", got)
	}
}

// TestShares checks that nodes outside SAM resources are the same nodes.
func TestShares(t *testing.T) {
	root := parse(t, "Transform: "+Name+"\nMappings: {M: {A: {B: c}}}\nResources:"+aFunction+"}\n  T: {Type: 'AWS::SNS::Topic'}")
	out, problems := Translate(root, Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if out.Get("Mappings") != root.Get("Mappings") || out.Get("Resources").Get("T") != root.Get("Resources").Get("T") {
		t.Error("untouched nodes are copied")
	}
	if e := out.Get("Resources").Entry("FRole"); e.Line != root.Get("Resources").Entry("F").Line {
		t.Errorf("FRole is at line %d", e.Line)
	}
}

// TestLarge checks that time grows with the size of the template only.
func TestLarge(t *testing.T) {
	var w strings.Builder
	w.WriteString("Transform: " + Name + "\nResources:\n")
	for i := range 450 {
		id := "F" + strings.Repeat("x", i/26) + string(rune('a'+i%26))
		w.WriteString("  " + id + ": {Type: 'AWS::Serverless::Function', Properties: {Runtime: r, Handler: h, CodeUri: ., " +
			"Events: {E: {Type: Api, Properties: {Path: /" + id + ", Method: get, Auth: {ApiKeyRequired: true}}}}}}\n")
	}
	root := parse(t, w.String())
	start := time.Now()
	out, problems := Translate(root, Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("translation took %v", d)
	}
	if n := len(out.Get("Resources").Entries); n != 450*3+3 {
		t.Errorf("%d resources", n)
	}
}
