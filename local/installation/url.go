package installation

import (
	"net/url"
	"strings"
)

// LocalURL returns the address under which the local cloud serves a Function
// URL, whose host only exists on AWS: <endpoint>/_aws/lambda-url/<id>/<path>.
// Another address is returned as it is.
func LocalURL(endpoint, functionURL string) string {
	u, err := url.Parse(functionURL)
	if err != nil {
		return functionURL
	}
	id, rest, ok := strings.Cut(u.Hostname(), ".")
	if !ok || !strings.HasPrefix(rest, "lambda-url.") {
		return functionURL
	}
	return strings.TrimSuffix(endpoint, "/") + "/_aws/lambda-url/" + id + "/" + strings.TrimPrefix(u.Path, "/")
}
