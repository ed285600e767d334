package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/config"
)

func TestAllFaultsAtOnce(t *testing.T) {
	env := map[string]string{config.Bus: "", "WAIT": "soon"}
	r := config.FromEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	r.String(config.Bus)
	r.String(config.Bucket)
	r.Duration("WAIT", time.Second)
	err := r.Err()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{config.Bus, config.Bucket, "WAIT"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestValues(t *testing.T) {
	env := map[string]string{config.Bus: "evenkeel", "WAIT": "90s"}
	r := config.FromEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if r.String(config.Bus) != "evenkeel" || r.Duration("WAIT", 0) != 90*time.Second || r.Duration("OTHER", time.Minute) != time.Minute {
		t.Error("wrong values")
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
}
