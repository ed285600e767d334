package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
)

// maxTemplate is the most bytes of a template behind a TemplateURL.
// Source: CloudFormation user guide, "Understand CloudFormation quotas".
const maxTemplate = 1 << 20

// fetchTemplate reads the object of an S3 address (virtual-hosted, path-style
// or presigned) from the hub's emulator, in the name of the first account that
// has it. Bucket names are global on AWS, where the bucket's policy lets
// another account in; the emulator keeps the buckets of each account apart.
func fetchTemplate(ctx context.Context, client *http.Client, hub, region, address string, accounts ...string) ([]byte, error) {
	path, err := objectPath(address)
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		var body []byte
		if body, err = fetchObject(ctx, client, hub+path, account, region); err == nil {
			return body, nil
		}
	}
	return nil, fmt.Errorf("read the template at %s: %w", path, err)
}

func fetchObject(ctx context.Context, client *http.Client, address, account, region string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20200101/"+region+"/s3/aws4_request, SignedHeaders=host, Signature=0")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxTemplate+1))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("S3 answered %s", response.Status)
	}
	if len(body) > maxTemplate {
		return nil, fmt.Errorf("the template has more than %d bytes", maxTemplate)
	}
	return body, nil
}

// objectPath returns "/<bucket>/<key>" of an S3 address.
func objectPath(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("TemplateURL: %w", err)
	}
	if bucket, ok := virtualHost(u.Hostname()); ok {
		return "/" + bucket + u.EscapedPath(), nil
	}
	if !pathHost.MatchString(u.Hostname()) {
		return "", errors.New("TemplateURL must be a supported URL")
	}
	return u.EscapedPath(), nil
}

var (
	bucketHost = regexp.MustCompile(`^(.+)\.s3(?:[.-][a-z0-9-]+){0,2}\.amazonaws\.com(?:\.cn)?$`)
	// pathHost is S3 asked path-style, or the local endpoint.
	pathHost = regexp.MustCompile(`^(?:s3(?:[.-][a-z0-9-]+){0,2}\.amazonaws\.com(?:\.cn)?|127\.0\.0\.1|localhost|::1)$`)
)

// virtualHost returns the bucket that a host names.
// Source: S3 user guide, "Virtual hosting of general purpose buckets".
func virtualHost(host string) (bucket string, ok bool) {
	m := bucketHost.FindStringSubmatch(host)
	if m == nil {
		return "", false
	}
	return m[1], true
}
