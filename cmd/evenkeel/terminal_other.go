//go:build !validator && !linux && !darwin

package main

import "os"

// terminalWidth is known on Linux and macOS; elsewhere COLUMNS says it.
func terminalWidth(*os.File) int { return 0 }
