// Command infra is the CDK app: it reads the settings from the context and
// synthesises the stacks.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/evenkeel/evenkeel/infra/settings"
	"github.com/evenkeel/evenkeel/infra/stack"
)

func main() {
	defer jsii.Close()
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run synthesises into CDK_OUTDIR, which the CDK CLI sets, or into cdk.out.
func run(root string) error {
	app, err := newApp(root, os.Getenv("CDK_OUTDIR"))
	if err != nil {
		return err
	}
	if err := addStacks(app, stack.Sources{Assets: "build/lambda", Functions: "functions"}); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}

// newApp makes the app. Without the CDK CLI, which passes the context by an
// environment variable, the context is read from cdk.json.
func newApp(root, out string) (awscdk.App, error) {
	off := false
	props := &awscdk.AppProps{AnalyticsReporting: &off, TreeMetadata: &off, Outdir: &out}
	if out == "" {
		*props.Outdir = "cdk.out"
	}
	if os.Getenv("CDK_CONTEXT_JSON") == "" {
		context, err := readContext(root + "/cdk.json")
		if err != nil {
			return nil, err
		}
		props.Context = &context
	}
	return awscdk.NewApp(props), nil
}

func readContext(path string) (map[string]any, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run it where cdk.json is: %w", err)
	}
	if err != nil {
		return nil, err
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file.Context, nil
}

func addStacks(app awscdk.App, from stack.Sources) error {
	s, err := settings.Read(func(key string) any { return app.Node().TryGetContext(&key) })
	if err != nil {
		return fmt.Errorf("settings (cdk.json or -c key=value):\n%w", err)
	}
	core, alarms, err := stack.Core(app, s, from)
	if err != nil {
		return err
	}
	if s.Operations {
		stack.Operations(app, s, core, alarms)
	}
	_, err = stack.Spoke(app, s, from)
	return err
}
