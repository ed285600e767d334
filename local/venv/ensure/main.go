// Command ensure makes the Python environment of the local cloud, so that the
// tests that use it find it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/evenkeel/evenkeel/local/venv"
)

func main() {
	if _, err := venv.Ensure(context.Background(), ".", func(line string) { fmt.Println("  " + line) }); err != nil {
		fmt.Fprintln(os.Stderr, "venv:", err)
		os.Exit(1)
	}
}
