package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/process"
)

// Folder is where a local cloud keeps its state and logs, under the project.
const Folder = ".evenkeel"

// State describes a running local cloud. It is written to
// .evenkeel/state.json, so that other commands find the cloud.
type State struct {
	Endpoint   string    `json:"endpoint"` // "http://127.0.0.1:<port>"
	Region     string    `json:"region"`
	Hub        string    `json:"hub"`        // account id of the hub
	Root       string    `json:"root"`       // absolute path of the project
	Logs       string    `json:"logs"`       // absolute path of the logs
	Supervisor string    `json:"supervisor"` // identity of the supervising process
	Processes  []Child   `json:"processes"`
	Started    time.Time `json:"started"`
	Ready      bool      `json:"ready"` // everything is healthy
}

// Child is a process that the cloud started.
type Child struct {
	Name     string `json:"name"`
	Pid      int    `json:"pid"`
	Identity string `json:"identity"` // pid and start time, see process.Identity
	Endpoint string `json:"endpoint"`
	Log      string `json:"log"`
}

// settle notes where an emulator serves, and forgets attempts to start it that
// failed.
func (s *State) settle(e *emulator.Emulator) {
	s.Processes = slices.DeleteFunc(s.Processes, func(c Child) bool { return c.Name == e.Name && c.Pid != e.Pid })
	for i := range s.Processes {
		if s.Processes[i].Name == e.Name {
			s.Processes[i].Endpoint = e.Endpoint
		}
	}
}

// Env returns the environment variables by which any AWS client speaks to the
// hub account of the cloud.
func (s State) Env() map[string]string { return s.EnvOf(s.Hub) }

// EnvOf returns the environment variables for a client in an account: a
// 12-digit access key selects the account.
func (s State) EnvOf(account string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL":          s.Endpoint,
		"AWS_ACCESS_KEY_ID":         account,
		"AWS_SECRET_ACCESS_KEY":     "local",
		"AWS_REGION":                s.Region,
		"AWS_DEFAULT_REGION":        s.Region,
		"AWS_EC2_METADATA_DISABLED": "true",
	}
}

// Exports are the variables as lines for a shell, sorted.
func (s State) Exports() string {
	var lines []string
	for name, value := range s.Env() {
		lines = append(lines, "export "+name+"="+value)
	}
	// Variables of a real session would win over or mix with these.
	lines = append(lines, "unset AWS_PROFILE AWS_SESSION_TOKEN")
	sort.Strings(lines)
	return strings.Join(lines, "\n") + "\n"
}

func statePath(root string) string { return filepath.Join(root, Folder, "state.json") }

// errNotUp says that there is no state file.
var errNotUp = errors.New("the local cloud is not up")

func readState(root string) (State, error) {
	data, err := os.ReadFile(statePath(root))
	if errors.Is(err, os.ErrNotExist) {
		return State{}, errNotUp
	}
	if err != nil {
		return State{}, err
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fmt.Errorf("%s is damaged: %w", statePath(root), err)
	}
	return s, nil
}

// writeState replaces the state file in one step.
func writeState(s State) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := statePath(s.Root)
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// clean ends what a crashed cloud left running and removes its state file.
func clean(root string, progress func(string)) error {
	s, err := readState(root)
	if errors.Is(err, errNotUp) {
		return nil
	}
	if err != nil {
		progress(err.Error())
		return os.Remove(statePath(root))
	}
	for _, child := range s.Processes {
		if process.Kill(child.Identity, syscall.SIGKILL) {
			progress(fmt.Sprintf("ended %s (pid %d), left by a cloud that crashed", child.Name, child.Pid))
		}
	}
	return os.Remove(statePath(root))
}
