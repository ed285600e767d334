//go:build validator

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// suiteProgram stands beside this program and has every command. It takes twice
// as long to start: the AWS SDK builds its tables before main begins.
const suiteProgram = "evenkeel-suite"

// own are the commands that need nothing of AWS; fromCobra, what every program has.
var (
	own       = []string{"validate", "schema", "policy"}
	fromCobra = []string{"help", "completion", "__complete", "__completeNoDesc"}
)

// suiteCommands are in the other program.
func suiteCommands(*app) []*cobra.Command { return nil }

// handOver replaces this process by the suite's program for every command line
// that does not begin with one of its own commands: help and completion of all
// commands are there too. It returns nil when this program goes on, which it
// does without the other one for help alone.
func handOver(args []string) error {
	if len(args) > 0 && slices.Contains(own, args[0]) {
		return nil
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return fmt.Errorf("look for %s beside this program: %w", suiteProgram, err)
	}
	suite := filepath.Join(filepath.Dir(self), suiteProgram)
	err = syscall.Exec(suite, append([]string{"evenkeel"}, args...), os.Environ())
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("start %s: %w", suite, err)
	case len(args) == 0 || strings.HasPrefix(args[0], "-") || slices.Contains(fromCobra, args[0]):
		return nil
	default:
		return fmt.Errorf("%q is no command of the validator (%s), and %s with the other commands is not beside it; `make build` makes both",
			args[0], strings.Join(own, ", "), suiteProgram)
	}
}
