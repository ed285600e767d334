//go:build !validator

package main

import (
	"os"
	"strconv"
)

// unlimited is the width of what is no terminal: each text in a line of its
// own, for whoever searches in it.
const unlimited = 1 << 20

// columns is the width that texts are folded to: what COLUMNS says or the
// terminal has. Only a terminal has a width.
func (a *app) columns() int {
	if !a.terminal || a.json {
		return unlimited
	}
	if n, err := strconv.Atoi(a.getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := a.out.(*os.File); ok {
		if n := terminalWidth(f); n > 0 {
			return n
		}
	}
	return unlimited
}
