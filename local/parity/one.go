package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// diffOne prints both sides of one template, with messages.
func diffOne(ctx context.Context, o options, file string) error {
	dir, name := filepath.Split(file)
	if dir == "" {
		dir = "."
	}
	oracle, err := newOracle(ctx, o)
	if err != nil {
		return err
	}
	theirs, err := serve(ctx, []string{name}, oracle.command(dir, "--messages"), theirPatience, nil)
	if err != nil {
		return err
	}
	if reason := theirs[name].Error; reason != "" {
		fmt.Println("cfn-lint gave up:", reason)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	day, err := time.Parse(time.DateOnly, o.date)
	if err != nil {
		return err
	}
	result := validation.ValidateWith(map[string][]byte{name: data}, workOptions(day))
	var ours []finding
	for _, f := range result.Findings {
		ours = append(ours, finding{f.Rule, f.Path, f.Line, f.Message})
	}
	left, right := byKey(name, theirs[name].Findings), byKey(name, ours)
	keys := map[key]bool{}
	for k := range left {
		keys[k] = true
	}
	for k := range right {
		keys[k] = true
	}
	sorted := slices.SortedFunc(maps.Keys(keys), func(a, b key) int {
		return strings.Compare(a.rule+" "+a.path, b.rule+" "+b.path)
	})
	fmt.Println(file)
	for _, k := range sorted {
		if o.selected(k.rule) {
			printPair(k, left, right)
		}
	}
	return nil
}

func printPair(k key, left, right map[key]finding) {
	t, theirs := left[k]
	u, ours := right[k]
	switch {
	case theirs && ours:
		fmt.Printf("  both     %s %s (line %d, ours %d)\n", k.rule, orRoot(k.path), t.line, u.line)
	case theirs:
		fmt.Printf("- missing  %s %s (line %d)\n           cfn-lint: %s\n", k.rule, orRoot(k.path), t.line, t.message)
	default:
		fmt.Printf("+ extra    %s %s (line %d)\n           ours: %s\n", k.rule, orRoot(k.path), u.line, u.message)
	}
}
