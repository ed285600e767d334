package source

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// Limits of one tree. A repository of templates is far below them; one above
// would not fit the function's memory.
const (
	MaxFiles     = 10_000
	MaxFileBytes = 8 << 20  // one file, after decompression
	MaxTreeBytes = 64 << 20 // all files, after decompression
)

// File is one file of a tree. A symbolic link is a file whose content is the
// link's target as text: nothing ever follows it.
type File struct {
	Path       string // slash-separated, relative, clean
	Data       []byte
	Symlink    bool
	Executable bool
}

// Tree is a repository's content at one commit, sorted by path.
type Tree []File

// NewTree sorts the files and refuses paths that could leave the tree and
// trees beyond the limits. The error is fault.InvalidError.
func NewTree(files []File) (Tree, error) {
	t := slices.Clone(Tree(files))
	slices.SortFunc(t, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	total := 0
	for i, f := range t {
		total += len(f.Data)
		switch {
		case !safe(f.Path):
			return nil, fault.Invalid("the tree has an unsafe path %q", f.Path)
		case i > 0 && t[i-1].Path == f.Path:
			return nil, fault.Invalid("the tree has %q twice", f.Path)
		case len(f.Data) > MaxFileBytes:
			return nil, tooLarge(f.Path, MaxFileBytes)
		}
	}
	if len(t) > MaxFiles {
		return nil, fault.Invalid("the tree has %d files; the limit is %d", len(t), MaxFiles)
	}
	if total > MaxTreeBytes {
		return nil, tooLarge("the tree", MaxTreeBytes)
	}
	return t, nil
}

func tooLarge(what string, limit int) error {
	return fault.Invalid("%s is larger than the limit of %d MiB", what, limit>>20)
}

// safe reports whether p stays inside the tree on every file system.
func safe(p string) bool {
	return fs.ValidPath(p) && p != "." && path.Clean(p) == p && !strings.ContainsAny(p, "\\\x00")
}

// File returns a file's content. A symbolic link counts as no file.
func (t Tree) File(name string) ([]byte, bool) {
	i, found := slices.BinarySearchFunc(t, name, func(f File, name string) int { return strings.Compare(f.Path, name) })
	if !found || t[i].Symlink {
		return nil, false
	}
	return t[i].Data, true
}

// Key is where the zip of a commit is kept in the bucket.
func Key(repository, commit string) string {
	return fmt.Sprintf("sources/%s/%s.zip", repository, commit)
}

// zipEpoch is the time of every entry, so that equal trees give equal bytes.
var zipEpoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Zip packs the tree. Equal trees give equal bytes.
func (t Tree) Zip() ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range t {
		header := &zip.FileHeader{Name: f.Path, Method: zip.Deflate, Modified: zipEpoch}
		header.SetMode(0o644)
		switch {
		case f.Symlink:
			header.SetMode(fs.ModeSymlink | 0o777)
		case f.Executable:
			header.SetMode(0o755)
		}
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, fault.Permanent("pack %s: %w", f.Path, err)
		}
		if _, err := entry.Write(f.Data); err != nil {
			return nil, fault.Permanent("pack %s: %w", f.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fault.Permanent("pack the tree: %w", err)
	}
	return out.Bytes(), nil
}

// Unzip reads what Zip wrote, within the limits whatever the archive claims.
func Unzip(data []byte) (Tree, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fault.Permanent("read the source archive: %w", err)
	}
	if len(r.File) > MaxFiles {
		return nil, fault.Invalid("the archive has %d files; the limit is %d", len(r.File), MaxFiles)
	}
	var files []File
	left := int64(MaxTreeBytes)
	for _, entry := range r.File {
		if entry.FileInfo().IsDir() {
			continue
		}
		content, err := read(entry, min(left, MaxFileBytes))
		if err != nil {
			return nil, err
		}
		left -= int64(len(content))
		link := entry.Mode()&fs.ModeSymlink != 0
		files = append(files, File{Path: entry.Name, Data: content, Symlink: link, Executable: !link && entry.Mode().Perm()&0o111 != 0})
	}
	return NewTree(files)
}

func read(entry *zip.File, limit int64) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, fault.Permanent("read %s from the source archive: %w", entry.Name, err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fault.Permanent("read %s from the source archive: %w", entry.Name, err)
	}
	if int64(len(content)) > limit {
		return nil, tooLarge(entry.Name, int(limit))
	}
	return content, nil
}
