package policy

import "strings"

var lambdaRules = []Rule{
	{
		ID: "EK1014", Severity: High, Title: "Function URLs ask for credentials",
		Types:        []string{"AWS::Lambda::Url"},
		ControlTower: []string{"CT.LAMBDA.PR.5"}, Others: []string{"CKV_AWS_258"},
		Rationale: "With AuthType NONE anybody can call the function, and make it cost.",
		Fix:       "Set AuthType to AWS_IAM. Only a function that checks a signature itself, such as a webhook's, may stay open: suppress the finding there with that reason.",
		Link:      aws + "lambda/latest/dg/urls-auth.html",
		Check:     not("AuthType", "anybody can call the function", "NONE"),
	},
	{
		ID: "EK1101", Severity: Critical, Title: "Functions name who may call them",
		Types: []string{"AWS::Lambda::Permission"},
		FSBP:  []string{"Lambda.1"}, ControlTower: []string{"CT.LAMBDA.PR.2"},
		Rationale: "A permission for the principal * lets every AWS account call the function.",
		Fix:       "Name the account or service in Principal, or set SourceArn, SourceAccount or PrincipalOrgID.",
		Link:      hub + "lambda-controls.html#lambda-1",
		// A permission of a function URL is judged with the URL (EK1014).
		Check: unless(not("Principal", "every AWS account may call the function", "*"), "SourceArn", "SourceAccount", "PrincipalOrgID", "FunctionUrlAuthType"),
	},
	{
		ID: "EK1102", Severity: Medium, Title: "Services that call functions are limited to a source",
		Types:     []string{"AWS::Lambda::Permission"},
		Others:    []string{"CKV_AWS_364"},
		Rationale: "Without a source the service calls the function also on behalf of other accounts (the confused deputy).",
		Fix:       "Set SourceArn or SourceAccount.",
		Link:      aws + "IAM/latest/UserGuide/confused-deputy.html",
		Check:     checkConfusedDeputy,
	},
	{
		ID: "EK1104", Severity: Low, Title: "Function URLs answer browsers of named sites",
		Types:        []string{"AWS::Lambda::Url"},
		ControlTower: []string{"CT.LAMBDA.PR.6"},
		Rationale:    "With the origin * any web page may call the function from its visitors' browsers.",
		Fix:          "List the sites in Cors.AllowOrigins.",
		Link:         aws + "lambda/latest/dg/urls-configuration.html",
		Check:        not("Cors/AllowOrigins", "any web page may call the function from a browser", "*"),
	},
	{
		ID: "EK1105", Severity: High, Title: "Layers are shared with named accounts",
		Types:        []string{"AWS::Lambda::LayerVersionPermission"},
		ControlTower: []string{"CT.LAMBDA.PR.4"},
		Rationale:    "Every AWS account can download the layer and what it contains.",
		Fix:          "Name the account in Principal, or set OrganizationId.",
		Link:         aws + "lambda/latest/dg/permissions-layer-cross-account.html",
		Check:        unless(not("Principal", "every AWS account can download the layer", "*"), "OrganizationId"),
	},
}

// deputies are the services that act for whoever asks them to, across accounts.
var deputies = []string{"s3", "sns", "events", "logs", "config", "ses", "iot", "codecommit", "cloudwatch", "lambda.alarms.cloudwatch", "cognito-idp"}

func checkConfusedDeputy(r *Resource) {
	if r.Has("SourceArn") || r.Has("SourceAccount") || r.Has("EventSourceToken") {
		return
	}
	r.At(at("Principal"), func(v Value) bool {
		text, _ := v.Text()
		for _, service := range deputies {
			if text == service+".amazonaws.com" {
				v.Report(strings.ToUpper(service[:1]) + service[1:] + " may call the function on behalf of any account")
			}
		}
		return true
	})
}
