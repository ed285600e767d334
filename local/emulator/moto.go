package emulator

import (
	"cmp"
	"context"
	"embed"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/local/process"
)

// motoLauncher is Python; local/ec2.md says what it changes.
//
//go:embed moto/*.py
var motoLauncher embed.FS

// Network is what EC2 of the workload accounts allows, and how slow it is.
type Network struct {
	RulesPerGroup   int           // quota of rules in a security group; 0 is AWS's default, 60
	PrefixListDelay time.Duration // how long a change of a managed prefix list takes; 0 is at once
}

// motoReady finds the port that moto server chose.
var motoReady = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// StartMoto starts moto server on a port that it chooses and waits until it
// answers.
func StartMoto(ctx context.Context, s Settings) (*Emulator, error) {
	scripts := filepath.Join(s.State, "moto")
	if err := os.RemoveAll(scripts); err != nil {
		return nil, err
	}
	if err := os.CopyFS(s.State, motoLauncher); err != nil {
		return nil, err
	}
	return startMoto(ctx, s, filepath.Join(scripts, "launcher.py"), []string{
		"EVENKEEL_EC2_RULES_PER_GROUP=" + strconv.Itoa(cmp.Or(s.Network.RulesPerGroup, rulesPerGroup)),
		"EVENKEEL_EC2_PREFIX_LIST_SECONDS=" + strconv.FormatFloat(s.Network.PrefixListDelay.Seconds(), 'f', -1, 64),
	})
}

// rulesPerGroup is the default quota.
// Source: VPC user guide, "Amazon VPC quotas", inbound or outbound rules per security group.
const rulesPerGroup = 60

func startMoto(ctx context.Context, s Settings, script string, environment []string) (*Emulator, error) {
	temporary, err := prepare(s)
	if err != nil {
		return nil, err
	}
	log := filepath.Join(s.Logs, "moto.log")
	before := int64(0) // the log of an earlier run stays
	if info, err := os.Stat(log); err == nil {
		before = info.Size()
	}
	spec := process.Spec{
		Name: "moto", Path: s.Env.Python(), Args: []string{script, "-H", loopback, "-p", "0"},
		Env: append(environment, common(temporary)...), Dir: s.State, Log: log,
	}
	return start(ctx, s, spec, func(ctx context.Context, _ *process.Process) string {
		data, err := os.ReadFile(log)
		if err != nil || int64(len(data)) < before {
			return ""
		}
		m := motoReady.FindSubmatch(data[before:])
		if m == nil || !Healthy(ctx, string(m[1])+"/moto-api/") {
			return ""
		}
		return string(m[1])
	})
}
