// Package evenkeel is the root of the module; it holds no code. Read README.md
// for the tour, ARCHITECTURE.md for the design, and deps_test.go for who may
// import whom.
package evenkeel
