package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// Exit codes of every command.
const (
	exitOK       = 0
	exitFailed   = 1 // it failed, or found errors
	exitUsage    = 2 // wrong arguments
	exitNotFound = 3 // what was named does not exist, or Evenkeel is not installed
	exitRefused  = 4 // a rule forbids it to you
)

// app is what every command needs: where to print, and how.
type app struct {
	in       io.Reader
	out      io.Writer
	err      io.Writer
	getenv   func(string) string
	now      func() time.Time
	terminal bool // standard output is a terminal
	prompt   bool // standard input is a terminal: a person can be asked
	json     bool // --json
	stack    string
	profile  string
	region   string
}

func newApp(in, out, err *os.File, getenv func(string) string) *app {
	return &app{in: in, out: out, err: err, getenv: getenv, now: time.Now, terminal: isTerminal(out), prompt: isTerminal(in)}
}

// isTerminal is true for a terminal only; /dev/null is a character device too.
func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }

// run executes one command line and returns the exit code.
func run(ctx context.Context, a *app, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var coded *codedError
	if !errors.As(err, &coded) {
		coded = &codedError{code: exitFailed, err: err}
	}
	if !coded.silent {
		fmt.Fprintln(a.err, a.red("evenkeel: ")+err.Error())
	}
	return coded.code
}

// codedError is an error with an exit code. A silent one has said what it has
// to say on standard output.
type codedError struct {
	code   int
	silent bool
	err    error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &codedError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &codedError{code: exitNotFound, err: fmt.Errorf(format, args...)}
}

func refused(err error) error { return &codedError{code: exitRefused, err: err} }

// failed ends a command whose output already shows what is wrong.
func failed(reason string) error {
	return &codedError{code: exitFailed, silent: true, err: errors.New(reason)}
}

// print writes value as JSON with --json, and as text otherwise.
func (a *app) print(value any, text func(io.Writer)) error {
	if !a.json {
		text(a.out)
		return nil
	}
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// progress writes a line about long work to standard error.
func (a *app) progress(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}

// confirm asks a person a yes-or-no question. Without a terminal there is
// nobody to ask: the caller has to say --yes.
func (a *app) confirm(question string) (bool, error) {
	if !a.prompt {
		return false, usageError("there is no terminal to ask %q on: say --yes", question)
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer, err := a.lines().ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// ask asks a person for a line of text. Without a terminal the caller has to
// give the flag.
func (a *app) ask(question, flag string) (string, error) {
	if !a.prompt {
		return "", usageError("there is no terminal to ask %q on: say --%s", question, flag)
	}
	fmt.Fprintf(a.err, "%s ", question)
	answer, err := a.lines().ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimSpace(answer), nil
}

// lines reads standard input line by line; a second question must find what the
// first one did not read.
func (a *app) lines() *bufio.Reader {
	if reader, ok := a.in.(*bufio.Reader); ok {
		return reader
	}
	reader := bufio.NewReader(a.in)
	a.in = reader
	return reader
}

// coloured reports whether output may carry colour: only on a terminal, and not
// when NO_COLOR is set (https://no-color.org).
func (a *app) coloured() bool { return a.terminal && !a.json && a.getenv("NO_COLOR") == "" }

func (a *app) red(text string) string    { return a.paint(text, "31") }
func (a *app) green(text string) string  { return a.paint(text, "32") }
func (a *app) yellow(text string) string { return a.paint(text, "33") }
func (a *app) bold(text string) string   { return a.paint(text, "1") }

func (a *app) paint(text, code string) string {
	if !a.coloured() {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// usageArgs turns cobra's complaint about arguments into exit code 2.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError("%w\nusage: %s", err, cmd.UseLine())
		}
		return nil
	}
}
