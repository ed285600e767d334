package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// file of a corpus.
type file struct {
	path string
	size int
}

// corpus holds templates, the small ones first.
type corpus struct {
	dir   string
	files []file
	bytes int
}

// readCorpus finds the templates below a directory, leaving out what only looks
// like one by its extension.
func readCorpus(dir string) (corpus, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return corpus{}, err
	}
	c := corpus{dir: dir}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json", ".template"}, strings.ToLower(filepath.Ext(path))) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || !validation.LooksLikeTemplate(data) {
			return err
		}
		c.files = append(c.files, file{path, len(data)})
		c.bytes += len(data)
		return nil
	})
	if err == nil && len(c.files) == 0 {
		err = errors.New("no templates in " + dir)
	}
	slices.SortFunc(c.files, func(a, b file) int { return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.path, b.path)) })
	return c, err
}

// sample returns n files of all sizes, evenly spaced; one is the median.
func (c corpus) sample(n int) []file {
	if n >= len(c.files) {
		return c.files
	}
	picked := make([]file, n)
	for i := range picked {
		picked[i] = c.files[(2*i+1)*len(c.files)/(2*n)]
	}
	return picked
}

// relative names files as seen from the corpus.
func (c corpus) relative(files []file) []string {
	names := make([]string, len(files))
	for i, f := range files {
		name, err := filepath.Rel(c.dir, f.path)
		if err != nil {
			name = f.path
		}
		names[i] = name
	}
	return names
}

func sum(files []file) int {
	total := 0
	for _, f := range files {
		total += f.size
	}
	return total
}

// amount of bytes for people.
func amount(bytes int) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d B", bytes)
}
