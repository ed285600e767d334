package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/config"
)

func TestAllFaultsAtOnce(t *testing.T) {
	env := map[string]string{config.Bus: "", "WAIT": "soon", config.Loopback: "yes"}
	r := config.FromEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	r.String(config.Bus)
	r.String(config.Bucket)
	r.Duration("WAIT", time.Second)
	r.Allowed(config.Loopback)
	err := r.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{config.Bus, config.Bucket, "WAIT", config.Loopback} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestValues(t *testing.T) {
	env := map[string]string{config.Bus: "evenkeel", "WAIT": "90s", config.Loopback: "allow", "NAMES": "a, b,,"}
	r := config.FromEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if r.String(config.Bus) != "evenkeel" || r.Duration("WAIT", 0) != 90*time.Second || r.Duration("OTHER", time.Minute) != time.Minute ||
		!r.Allowed(config.Loopback) || r.Allowed("OTHER") {
		t.Error("wrong values")
	}
	if got := r.List("NAMES", nil); !slices.Equal(got, []string{"a", "b"}) || !slices.Equal(r.List("OTHER", got[:1]), []string{"a"}) {
		t.Errorf("wrong list %v", got)
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
}
