package sam

import (
	"net/url"
	"regexp"
	"strings"
)

// dynamicPath finds dynamic references with a path, which are no place of code.
var dynamicPath = regexp.MustCompile(`\{\{resolve:(ssm|ssm-secure|secretsmanager):[a-zA-Z0-9_.\-/]+(:\d+)?\}\}`)

// s3Location turns an s3:// URI or an object with Bucket, Key and Version into
// an object with the given keys.
func (t *translator) s3Location(id string, v *node, property string, keys [3]string) *node {
	if v.IsMap() {
		if !truthy(v.Get("Bucket")) || !truthy(v.Get("Key")) {
			fail(id, "%s needs Bucket and Key", property)
		}
		return t.location(keys, v.Get("Bucket"), v.Get("Key"), v.Get("Version"))
	}
	if !v.IsString() {
		fail(id, "%s must be an S3 URI or an object", property)
	}
	u, err := url.Parse(v.Text)
	rest, isS3 := strings.CutPrefix(v.Text, "s3://")
	bucket, _, _ := strings.Cut(rest, "/")
	if err != nil || !isS3 || bucket == "" || u.Path == "" {
		fail(id, "%s must be of the form s3://bucket/key", property)
	}
	rest, query, _ := strings.Cut(strings.TrimPrefix(rest, bucket), "?")
	rest, _, _ = strings.Cut(rest, "#")
	query, _, _ = strings.Cut(query, "#")
	var version *node
	if values, _ := url.ParseQuery(query); len(values["versionId"]) == 1 && values["versionId"][0] != "" {
		version = t.str(values["versionId"][0])
	}
	return t.location(keys, t.str(bucket), t.str(strings.TrimLeft(rest, "/")), version)
}

func (t *translator) location(keys [3]string, bucket, key, version *node) *node {
	if keys[0] == "Bucket" {
		return t.ordered(keys[0], bucket, keys[1], key, keys[2], version)
	}
	return t.obj(keys[0], bucket, keys[1], key, keys[2], version)
}

var codeKeys = [3]string{"S3Bucket", "S3Key", "S3ObjectVersion"}

// code is s3Location for functions and layers.
func (t *translator) code(id string, v *node, property string) *node {
	if m := dynamicPath.FindString(v.Str()); strings.Contains(m, "/") {
		fail(id, "%s does not take dynamic references with a path", property)
	}
	return t.s3Location(id, v, property, codeKeys)
}
