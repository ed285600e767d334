package sam

// functionURL makes the URL of a function and, if it is public, the permissions.
func (f *function) functionURL() []*resource {
	config := f.p("FunctionUrlConfig")
	if !truthy(config) {
		return nil
	}
	auth := config.Get("AuthType")
	if !isIntrinsic(config) {
		if !isIntrinsic(auth) && auth.Str() != "AWS_IAM" && auth.Str() != "NONE" {
			fail(f.id, "FunctionUrlConfig.AuthType must be AWS_IAM or NONE")
		}
		f.checkURLCors(config.Get("Cors"))
	}
	attrs := f.passthrough(f.attrs)
	target := f.ref(f.target().id)
	url := f.translator.resource(f.id+"Url", "AWS::Lambda::Url", attrs, "TargetFunctionArn", target, "AuthType", get(config, "AuthType"),
		"Cors", truthyOr(config, "Cors", nil), "InvokeMode", get(config, "InvokeMode"))
	if auth.Str() != "NONE" {
		return []*resource{url}
	}
	return []*resource{url,
		f.translator.resource(f.id+"UrlPublicPermissions", "AWS::Lambda::Permission", attrs, "Action", "lambda:InvokeFunctionUrl",
			"FunctionName", target, "Principal", "*", "FunctionUrlAuthType", auth),
		f.translator.resource(f.id+"URLInvokeAllowPublicAccess", "AWS::Lambda::Permission", attrs, "Action", "lambda:InvokeFunction",
			"FunctionName", target, "Principal", "*", "InvokedViaFunctionUrl", true)}
}

func (f *function) checkURLCors(c *node) {
	if !truthy(c) || isIntrinsic(c) {
		return
	}
	for _, e := range expectMap(c, f.id, "FunctionUrlConfig.Cors").Entries {
		ok := isIntrinsic(e.Value)
		switch e.Key {
		case "AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders":
			ok = ok || e.Value.IsList()
		case "AllowCredentials":
			ok = ok || isBool(e.Value)
		case "MaxAge":
			ok = ok || isInt(e.Value)
		default:
			ok = false
		}
		if !ok {
			fail(f.id, "FunctionUrlConfig.Cors.%s is unknown or of the wrong type", e.Key)
		}
	}
}

func (f *function) checkTenancy() {
	if !truthy(f.p("TenancyConfig")) {
		return
	}
	for _, k := range []string{"ProvisionedConcurrencyConfig", "FunctionUrlConfig", "SnapStart"} {
		if truthy(f.p(k)) {
			fail(f.id, "%s does not go with TenancyConfig", k)
		}
	}
	if events := f.p("Events"); events != nil {
		for _, e := range events.Entries {
			if typ := e.Value.Get("Type").Str(); typ != "Api" && typ != "HttpApi" {
				fail(f.id, "event source %s does not go with TenancyConfig", typ)
			}
		}
	}
}
