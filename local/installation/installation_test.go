package installation_test

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/installation"
)

func TestDeployTakesEveryTypeOfTheSuite(t *testing.T) {
	c := cloudtest.Up(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	outputs, err := installation.Deploy(ctx, installation.Options{
		Endpoint: c.State.Endpoint, Account: c.State.Hub, Region: c.State.Region,
		Template: "testdata/types.template.json", Builds: cloudtest.Probe(t), Progress: func(line string) { t.Log(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(outputs)
}
