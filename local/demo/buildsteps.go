package demo

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/evenkeel/evenkeel/events"
)

const (
	appName      = "acme/app"
	appBucket    = "cdk-hnb659fds-assets-" + testAccount + "-us-east-1"
	appParameter = "/evenkeel-build/app/key"
	appKey       = "a key that no log may show"
	buildTitle   = "A CDK app is built, and its cloud assembly deployed"
)

// Builds is what the end-to-end test plays of cloud assemblies.
func Builds() []Group { return []Group{buildGroup(), buildFailsGroup()} }

func buildGroup() Group {
	var published events.AssetsPublished
	return Group{buildTitle, []string{deployTitle}, []Step{
		{Want: "the workload account has the CDK's bootstrap resources, and the hub a key for builds", Run: bootstrap},
		{Want: "an app with a large template beside it is pushed", Run: pushApp},
		{Want: "the run starts", Run: runStarts},
		{Want: "its commands ran, and left a cloud assembly", Run: func(ctx context.Context, w *World) (string, error) {
			b, err := awaitFact(ctx, w, w.subject(), func(events.SourceBuilt) bool { return true })
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%s, SHA-256 %.12s", b.BuildID, b.Digest), expect("characters of the digest", len(b.Digest), 64)
		}},
		{Want: "its templates are validated", Run: templatesValidated},
		{Want: "its asset is published before the stack is planned", Run: func(ctx context.Context, w *World) (string, error) {
			var err error
			published, err = awaitFact(ctx, w, w.subject(), func(events.AssetsPublished) bool { return true })
			if err != nil {
				return "", err
			}
			return strings.Join(published.Objects, ", "), firstError(expect("assets", published.Assets, 1), expect("uploaded", published.Uploaded, 1))
		}},
		{Want: "the run ends Succeeded", Run: ends(events.OutcomeSucceeded)},
		{Want: "the object in the workload bucket is the packed folder, with its modes", Run: func(ctx context.Context, w *World) (string, error) {
			return w.layer(ctx, strings.TrimPrefix(published.Objects[0], appBucket+"/"))
		}},
		{Want: "the stack of the assembly exists under the name that the app gave it", Run: func(ctx context.Context, w *World) (string, error) {
			site, err := w.describe(ctx, testAccount, "Site-test")
			if err != nil {
				return "", err
			}
			return site.outputs["Code"], expect("BootstrapVersion", site.parameters["BootstrapVersion"], "/cdk-bootstrap/hnb659fds/version")
		}},
		{Want: "the template of more than 51,200 bytes went by S3", Run: func(ctx context.Context, w *World) (string, error) {
			if _, err := w.describe(ctx, testAccount, "app-wide-test"); err != nil {
				return "", err
			}
			data, err := w.object(ctx, w.Cloud.State.Hub, w.Outputs["Bucket"], "plans/"+w.runID+"/test/wide.template")
			if err != nil {
				return "", err
			}
			if len(data) <= 51_200 {
				return "", fmt.Errorf("it has %d bytes only", len(data))
			}
			return fmt.Sprintf("%d bytes", len(data)), nil
		}},
		{Want: "the same app again publishes nothing and changes nothing", Run: func(ctx context.Context, w *World) (string, error) {
			if _, err := w.push(ctx, "The same again"); err != nil {
				return "", err
			}
			if _, err := runStarts(ctx, w); err != nil {
				return "", err
			}
			p, err := awaitFact(ctx, w, w.subject(), func(events.AssetsPublished) bool { return true })
			if err != nil {
				return "", err
			}
			seen, err := succeedsUnchanged(ctx, w)
			return seen, firstError(err, expect("uploaded", p.Uploaded, 0))
		}},
	}}
}

func buildFailsGroup() Group {
	return Group{"A build that fails rejects the push", []string{buildTitle}, []Step{
		{Want: "a push breaks the app", Run: func(ctx context.Context, w *World) (string, error) {
			if err := w.shop.Edit("synth.sh", "rm -rf cdk.out\n", "rm -rf cdk.out\necho \"key is $API_KEY\"\necho \"Error: Cannot find module './site'\" >&2\nexit 3\n"); err != nil {
				return "", err
			}
			return w.push(ctx, "Break the app")
		}},
		{Want: "the run starts", Run: runStarts},
		{Want: "it ends Rejected with the phase and the last lines of the log, and no secret", Run: func(ctx context.Context, w *World) (string, error) {
			end, err := w.finished(ctx)
			if err != nil {
				return "", err
			}
			if strings.Contains(end.Reason, appKey) {
				return "", errors.New("the reason shows the value of a secret parameter")
			}
			for _, want := range []string{"phase BUILD", "exit status 3", "Error: Cannot find module './site'", "key is "} {
				if !strings.Contains(end.Reason, want) {
					return "", fmt.Errorf("the reason does not say %q: %s", want, end.Reason)
				}
			}
			return end.Reason, expect("the outcome", end.Outcome, events.OutcomeRejected)
		}},
		{Want: "the failure is in the ledger", Run: func(ctx context.Context, w *World) (string, error) {
			f, err := awaitFact(ctx, w, w.subject(), func(events.BuildFailed) bool { return true })
			return fmt.Sprintf("%s in %s, %d lines", f.Status, f.Phase, len(f.Log)), err
		}},
	}}
}

// bootstrap makes what `cdk bootstrap` makes in the workload account, as far as
// it is used, and the parameter that the build reads.
func bootstrap(ctx context.Context, w *World) (string, error) {
	if _, err := w.s3(testAccount).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(appBucket)}); err != nil {
		return "", err
	}
	for account, parameter := range map[string]ssm.PutParameterInput{
		testAccount:       {Name: aws.String("/cdk-bootstrap/hnb659fds/version"), Value: aws.String("30"), Type: types.ParameterTypeString},
		w.Cloud.State.Hub: {Name: aws.String(appParameter), Value: aws.String(appKey), Type: types.ParameterTypeSecureString},
	} {
		parameter.Overwrite = aws.Bool(true)
		if _, err := ssm.NewFromConfig(w.account(account)).PutParameter(ctx, &parameter); err != nil {
			return "", err
		}
	}
	return appBucket, nil
}

func pushApp(ctx context.Context, w *World) (string, error) {
	if err := w.adopt(ctx, appName, "app"); err != nil {
		return "", err
	}
	wide := "Resources:\n  Wide:\n    Type: AWS::SQS::Queue\n    Properties: {SqsManagedSseEnabled: true}\n" + strings.Repeat("# a line that makes the template larger than a request may carry\n", 900)
	folder := filepath.Join(w.shop.dir, "templates")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "wide.yaml"), []byte(wide), 0o600); err != nil {
		return "", err
	}
	return w.push(ctx, "An app")
}

func (w *World) s3(account string) *s3.Client {
	return s3.NewFromConfig(w.account(account), func(o *s3.Options) { o.UsePathStyle = true })
}

func (w *World) object(ctx context.Context, account, bucket, key string) ([]byte, error) {
	out, err := w.s3(account).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

// layer reads the published asset.
func (w *World) layer(ctx context.Context, key string) (string, error) {
	data, err := w.object(ctx, testAccount, appBucket, key)
	if err != nil {
		return "", err
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", err
	}
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name+" "+f.Mode().String())
	}
	return key, expect("its files", strings.Join(names, ", "), "nodejs/index.js -rw-r--r--, run -rwxr-xr-x")
}
