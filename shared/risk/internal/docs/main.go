// Command docs writes docs/risk.md.
package main

import (
	"fmt"
	"os"

	"github.com/evenkeel/evenkeel/shared/risk/internal/corpus"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs file")
		os.Exit(2)
	}
	cases, err := corpus.Load("../../testdata/changesets")
	if err == nil {
		var text string
		if text, err = document(cases); err == nil {
			err = os.WriteFile(os.Args[1], []byte(text), 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
