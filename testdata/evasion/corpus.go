// Package evasion is the corpus of the healing benchmark, for the program that
// runs it.
package evasion

import "embed"

// Cases has a file for each case.
//
//go:embed *.json
var Cases embed.FS
