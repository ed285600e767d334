// Command generate writes the JSON Schema of every fact and the catalogue in
// events/README.md, from the Go types and their comments. It runs in the
// directory events, by `go generate ./events`.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	files, err := Files(".")
	if err != nil {
		log.Fatal(err)
	}
	if err := write(files); err != nil {
		log.Fatal(err)
	}
}

// write replaces the generated files, and removes schemas of facts that are
// gone.
func write(files map[string][]byte) error {
	old, err := filepath.Glob("schemas/*.json")
	if err != nil {
		return err
	}
	for _, name := range old {
		if _, current := files[name]; !current {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("remove the schema of a fact that is gone: %w", err)
			}
		}
	}
	if err := os.MkdirAll("schemas", 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
