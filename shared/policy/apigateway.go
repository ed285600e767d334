package policy

import "strings"

var apiRules = []Rule{
	{
		ID: "EK1106", Severity: Low, Title: "Requests to APIs are logged",
		Types: []string{"AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage"},
		FSBP:  []string{"APIGateway.1", "APIGateway.9"}, ControlTower: []string{"CT.APIGATEWAY.PR.1", "CT.APIGATEWAY.PR.4"}, Others: []string{"CKV_AWS_76", "CKV_AWS_95", "AwsSolutions-APIG1"},
		Rationale: "Without a log nobody can say who called what.",
		Fix:       "Set AccessLogSetting (HTTP and WebSocket APIs: AccessLogSettings).",
		Link:      hub + "apigateway-controls.html#apigateway-1",
		Check: byType(map[string]check{
			"AWS::ApiGateway::Stage":   checkRestLogging,
			"AWS::ApiGatewayV2::Stage": present("AccessLogSettings", "requests are not logged"),
		}),
	},
	{
		ID: "EK1107", Severity: Medium, Title: "Methods and routes of APIs ask who calls",
		Types: []string{"AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Route"},
		FSBP:  []string{"APIGateway.8"}, ControlTower: []string{"CT.APIGATEWAY.PR.5"}, Others: []string{"CKV_AWS_59", "AwsSolutions-APIG4"},
		Rationale: "Anybody may call what has no authorization.",
		Fix:       "Set AuthorizationType. Where the backend checks a signature itself, suppress the finding with that reason.",
		Link:      hub + "apigateway-controls.html#apigateway-8",
		Check: byType(map[string]check{
			"AWS::ApiGateway::Method":  checkMethod,
			"AWS::ApiGatewayV2::Route": checkRoute,
		}),
	},
	{
		ID: "EK1108", Severity: Medium, Title: "Domains of APIs refuse TLS before 1.2",
		Types:        []string{"AWS::ApiGateway::DomainName", "AWS::ApiGatewayV2::DomainName"},
		ControlTower: []string{"CT.APIGATEWAY.PR.6"}, Others: []string{"CKV_AWS_206"},
		Rationale: "TLS 1.0 and 1.1 are broken and deprecated (RFC 8996).",
		Fix:       "Set SecurityPolicy to TLS_1_2 or a later one.",
		Link:      aws + "apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",
		Check: byType(map[string]check{
			"AWS::ApiGateway::DomainName":   not("SecurityPolicy", "the domain accepts TLS 1.0", "TLS_1_0"),
			"AWS::ApiGatewayV2::DomainName": not("DomainNameConfigurations/*/SecurityPolicy", "the domain accepts TLS 1.0", "TLS_1_0"),
		}),
	},
	{
		ID: "EK1109", Severity: Medium, Title: "Caches of APIs are encrypted",
		Types: []string{"AWS::ApiGateway::Stage"},
		FSBP:  []string{"APIGateway.5"}, ControlTower: []string{"CT.APIGATEWAY.PR.3"},
		Rationale: "The cache keeps whole answers, with the data of users in them.",
		Fix:       "Set CacheDataEncrypted to true wherever CachingEnabled is.",
		Link:      hub + "apigateway-controls.html#apigateway-5",
		Check: func(r *Resource) {
			r.Each(at("MethodSettings"), func(settings Value) {
				if settings.Known() && settings.Any(at("CachingEnabled"), Value.On) {
					on("CacheDataEncrypted", faultIfMissing, "cached answers are not encrypted")(&Resource{Value: settings})
				}
			})
		},
	},
	{
		ID: "EK1110", Severity: Medium, Title: "GraphQL APIs are not opened by a key alone",
		Types: []string{"AWS::AppSync::GraphQLApi"},
		FSBP:  []string{"AppSync.5"}, ControlTower: []string{"CT.APPSYNC.PR.3"},
		Rationale: "An API key is in every client and says nothing about who calls.",
		Fix:       "Set AuthenticationType to AWS_IAM, AMAZON_COGNITO_USER_POOLS, OPENID_CONNECT or AWS_LAMBDA.",
		Link:      hub + "appsync-controls.html#appsync-5",
		Check:     not("AuthenticationType", "a key that is in every client opens the API", "API_KEY"),
	},
	{
		ID: "EK1111", Severity: Low, Title: "GraphQL APIs log their fields",
		Types: []string{"AWS::AppSync::GraphQLApi"},
		FSBP:  []string{"AppSync.2"}, ControlTower: []string{"CT.APPSYNC.PR.1"}, Others: []string{"CKV_AWS_193", "CKV_AWS_194", "AwsSolutions-ASC3"},
		Rationale: "Without a log nobody can say who read what.",
		Fix:       "Set LogConfig with FieldLogLevel ERROR or more.",
		Link:      hub + "appsync-controls.html#appsync-2",
		Check: func(r *Resource) {
			r.At(at("LogConfig/FieldLogLevel"), func(v Value) bool {
				if v.Absent() || v.Is("NONE") {
					v.Report("requests are not logged")
				}
				return true
			})
		},
	},
}

// checkRestLogging accepts access logs or execution logs.
func checkRestLogging(r *Resource) {
	executionLogs := false
	r.Each(at("MethodSettings"), func(settings Value) {
		executionLogs = executionLogs || settings.state == unknown ||
			settings.Any(at("LoggingLevel"), func(v Value) bool { return !v.Absent() && !v.Is("OFF") })
	})
	if !executionLogs {
		present("AccessLogSetting", "requests are not logged")(r)
	}
}

// checkMethod leaves out preflight requests of browsers, which carry no
// credentials, and methods that ask for a key.
func checkMethod(r *Resource) {
	preflight := r.Any(at("HttpMethod"), func(v Value) bool { return v.Is("OPTIONS") })
	keyed := r.Any(at("ApiKeyRequired"), func(v Value) bool { return v.On() || v.state == unknown })
	if !preflight && !keyed {
		r.At(at("AuthorizationType"), func(v Value) bool {
			if v.Absent() || v.Is("NONE") {
				v.Report("anybody may call the method")
			}
			return true
		})
	}
}

// checkRoute asks of a WebSocket API only the route $connect: the others
// belong to a connection that was let in.
func checkRoute(r *Resource) {
	key, ok := r.single("RouteKey")
	if !ok || strings.HasPrefix(key, "OPTIONS ") || key != "$connect" && key != "$default" && !strings.Contains(key, " ") {
		return
	}
	if key == "$default" && r.ofWebSocket() || r.Any(at("ApiKeyRequired"), func(v Value) bool { return v.On() || v.state == unknown }) {
		return
	}
	r.At(at("AuthorizationType"), func(v Value) bool {
		if v.Absent() || v.Is("NONE") {
			v.Report("anybody may call the route")
		}
		return true
	})
}

func (r *Resource) ofWebSocket() bool {
	found := false
	r.Peers(func(peer *Resource) {
		if peer.Type == "AWS::ApiGatewayV2::Api" && r.RefersTo(at("ApiId"), peer.ID) {
			found = found || peer.Any(at("ProtocolType"), func(v Value) bool { return v.Is("WEBSOCKET") })
		}
	}, "AWS::ApiGatewayV2::Api")
	return found
}
