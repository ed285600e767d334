package cloud

import "testing"

// The forms of an S3 address. Source: S3 user guide, "Virtual hosting of
// general purpose buckets".
func TestObjectPath(t *testing.T) {
	for address, want := range map[string]string{
		"https://b.s3.us-east-1.amazonaws.com/plans/a%20b.json":        "/b/plans/a%20b.json",
		"https://b.s3.amazonaws.com/k":                                 "/b/k",
		"https://b.with.dots.s3-eu-west-1.amazonaws.com/k":             "/b.with.dots/k",
		"https://b.s3.dualstack.eu-west-1.amazonaws.com/k":             "/b/k",
		"https://b.s3.cn-north-1.amazonaws.com.cn/k":                   "/b/k",
		"https://s3.us-east-1.amazonaws.com/b/k":                       "/b/k",
		"http://127.0.0.1:4566/b/k?X-Amz-Signature=0":                  "/b/k",
		"https://b.s3.us-east-1.amazonaws.com/k?X-Amz-Credential=AKIA": "/b/k",
	} {
		if got, err := objectPath(address); got != want || err != nil {
			t.Errorf("objectPath(%s) is %s (%v)", address, got, err)
		}
	}
	for _, address := range []string{"http://%zz", "https://example.com/b/k", "https://s3.amazonaws.com.example.com/b/k"} {
		if _, err := objectPath(address); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
}
