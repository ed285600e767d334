package cloud_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/local/cloudtest"
)

func TestUp(t *testing.T) {
	c := cloudtest.Up(t)
	t.Log(c.State.Exports())
}
