package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/evenkeel/evenkeel/shared/healing/benchmark"
)

func TestHealBenchmark(t *testing.T) {
	c := newCLI(t)
	c.run("heal", "benchmark", "--only", "halves,web-ports", "--verbose").want(0, "passed  must-fire  halves", "passed  must-be-silent  web-ports", "1 of   1 passed, fired in 1", "1 of   1 passed, fired in 0")
	c.run("heal", "benchmark", "--only", "halves", "--only", "no-such-case").want(3, `no case "no-such-case"`)
	c.run("heal", "benchmark", "--dir", filepath.Join(c.home, "../../testdata/evasion"), "--only", "halves").want(0, "1 of   1")
	c.run("heal", "benchmark", "--dir", filepath.Join(c.home, "../../testdata/events")).want(2, "the cases cannot be used", "SecurityGroupHealed.v1.json")
	c.run("heal", "benchmark", "--dir", t.TempDir()).want(2, "no cases")
}

// TestHealBenchmarkOfAnotherTool: the protocol, and what goes wrong with it.
func TestHealBenchmarkOfAnotherTool(t *testing.T) {
	c := newCLI(t)
	ask := func(command string, more ...string) *cli {
		return c.run(append([]string{"heal", "benchmark", "--only", "halves", "--command", command}, more...)...)
	}
	ask(`echo '{"action":"close","rules":["sgr-0bad0000000000002","sgr-0bad0000000000001"]}'`).want(0, "1 of   1 passed")
	ask(`grep -q '"id":"halves"' && echo '{"action":"close","rules":["sgr-0bad0000000000001"]}'`).want(1, "rule sgr-0bad0000000000002 was passed over")
	ask(`echo '{"action":"none"}'`).want(1, "action none, want close", "fired in 0")
	ask(`echo '{"action":"close","rules":[],"why":1}'`).want(1, "unknown field")
	ask(`echo '{"action":"perhaps"}'`).want(1, `action is "perhaps"`)
	ask(`echo '{"action":"none"}{}'`).want(1, "something follows")
	ask(`echo boom >&2; exit 3`).want(1, "exit status 3", "boom")
	ask(`sleep 20`, "--timeout", "50ms").want(1, "longer than 50ms")
	c.run("heal", "benchmark", "--only", "throttled,halves", "--command", `echo '{"action":"none"}'`).want(1, "1 case left out")

	c.run("--json", "heal", "benchmark", "--only", "office", "--command", `echo '{"action":"none"}'`)
	var report benchmarkReport
	if err := json.Unmarshal(c.out.Bytes(), &report); err != nil || c.code != 0 || report.Score.MustBeSilent != (benchmark.Count{Cases: 1, Passed: 1}) || len(report.Verdicts) != 1 {
		t.Errorf("code %d, %v: %s", c.code, err, c.out.String())
	}
}
