package gateway

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// call is what a request asks for.
type call struct {
	service string // IAM service prefix, for example "states"
	action  string // IAM action without the prefix, for example "StartExecution"; "" when unknown
	form    url.Values
}

// iamPrefixes are the services whose IAM prefix is not their signing name.
// Source: service authorization reference.
var iamPrefixes = map[string]string{
	"cloudcontrolapi": "cloudformation",
	"monitoring":      "cloudwatch",
}

var rpcPath = regexp.MustCompile(`^/service/[^/]+/operation/([A-Za-z0-9]+)$`)

// read tells what a request calls. It knows the protocols of the AWS APIs:
// query (a form), JSON (the X-Amz-Target header), RPC v2 (the path), and the
// REST services that the suite uses (method and path).
func read(r *http.Request, signedService string, body []byte) call {
	c := call{service: signedService}
	if prefix, ok := iamPrefixes[signedService]; ok {
		c.service = prefix
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		c.action = target[strings.LastIndex(target, ".")+1:] // CloudTrail's prefix has dots of its own
		return c
	}
	if m := rpcPath.FindStringSubmatch(r.URL.Path); m != nil {
		c.action = m[1]
		return c
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(body)); err == nil {
			c.form, c.action = form, form.Get("Action")
			return c
		}
	}
	if query := r.URL.Query(); query.Get("Action") != "" {
		c.form, c.action = query, query.Get("Action")
		return c
	}
	switch signedService {
	case "s3":
		c.action = s3Action(r)
	case "lambda":
		c.action = lambdaAction(r)
	case "route53":
		c.action = route53Action(r)
	case "scheduler":
		c.action = restAction(r, "Schedule")
	}
	return c
}

// s3Action is the IAM action of an S3 request.
// Source: S3 user guide, "Required permissions for Amazon S3 API operations".
func s3Action(r *http.Request) string {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket == "" {
		return "ListAllMyBuckets"
	}
	if key == "" {
		switch r.Method {
		case http.MethodPut:
			return "CreateBucket"
		case http.MethodDelete:
			return "DeleteBucket"
		case http.MethodPost:
			return "DeleteObject" // DeleteObjects
		}
		return "ListBucket"
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return "GetObject"
	case http.MethodDelete:
		return "DeleteObject"
	}
	return "PutObject"
}

func lambdaAction(r *http.Request) string {
	if strings.HasSuffix(r.URL.Path, "/invocations") {
		return "InvokeFunction"
	}
	if strings.Contains(r.URL.Path, "/aliases") {
		return restAction(r, "Alias")
	}
	return restAction(r, "Function")
}

// route53Action is the IAM action of a Route 53 request.
func route53Action(r *http.Request) string {
	switch {
	case strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/rrset") && r.Method == http.MethodGet:
		return "ListResourceRecordSets"
	case strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/rrset"):
		return "ChangeResourceRecordSets"
	case strings.Contains(r.URL.Path, "/change/"):
		return "GetChange"
	}
	return restAction(r, "HostedZone")
}

func restAction(r *http.Request, noun string) string {
	switch r.Method {
	case http.MethodPost:
		return "Create" + noun
	case http.MethodPut:
		return "Update" + noun
	case http.MethodDelete:
		return "Delete" + noun
	}
	return "Get" + noun
}

var appID = regexp.MustCompile(`(?:^|\s)app/(\S+)`)

// application is the app id of a user agent (AWS_SDK_UA_APP_ID), or "".
// Source: AWS SDKs and tools reference guide, "Application ID".
func application(userAgent string) string {
	if m := appID.FindStringSubmatch(userAgent); m != nil {
		return m[1]
	}
	return ""
}
