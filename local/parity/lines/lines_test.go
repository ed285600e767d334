package lines_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/local/parity/lines"
)

// TestMain makes this program the process that is asked.
func TestMain(m *testing.M) {
	if os.Getenv("LINES_ECHO") == "" {
		os.Exit(m.Run())
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "panic":
			panic("on purpose")
		case "silence":
			time.Sleep(time.Hour)
		}
		fmt.Println("heard " + in.Text())
	}
}

func TestServe(t *testing.T) {
	starts := 0
	command := func(ctx context.Context) *exec.Cmd {
		starts++
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), "LINES_ECHO=1")
		return cmd
	}
	var got []string
	err := lines.Serve(t.Context(), []string{"a", "panic", "b", "silence", "c"}, command, 2*time.Second, func(name, line, failure string) {
		failure, _, _ = strings.Cut(failure, ":")
		got = append(got, strings.TrimSpace(name+" "+strings.TrimSpace(line)+failure))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a heard a", "panic crash", "b heard b", "silence timeout", "c heard c"}
	if !slices.Equal(got, want) || starts != 3 {
		t.Errorf("%d processes said %q, want %q", starts, got, want)
	}
}
