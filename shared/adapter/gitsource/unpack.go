package gitsource

import (
	"bytes"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
)

// Bounds of a packfile, checked before it is inflated into memory. With
// history there are more objects than files.
const (
	maxObjects  = 200_000
	maxInflated = 4 * source.MaxTreeBytes
)

// unpack inflates a packfile into memory.
func unpack(pack []byte) (storer.EncodedObjectStorer, error) {
	if err := measure(pack); err != nil {
		return nil, err
	}
	objects := memory.NewStorage()
	parser, err := packfile.NewParserWithStorage(packfile.NewScanner(bytes.NewReader(pack)), objects)
	if err != nil {
		return nil, err
	}
	_, err = parser.Parse()
	return objects, err
}

// measure adds up the sizes to which a packfile would inflate. The scanner
// refuses an object that is longer than its header says.
func measure(pack []byte) error {
	scanner := packfile.NewScanner(bytes.NewReader(pack))
	_, count, err := scanner.Header()
	if err != nil {
		return err
	}
	if count > maxObjects {
		return fault.Invalid("the commit has %d objects; the limit is %d", count, maxObjects)
	}
	total := int64(0)
	for range count {
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return err
		}
		size := &deltaHead{}
		if _, _, err := scanner.NextObject(size); err != nil {
			return err
		}
		total += header.Length
		if header.Type.IsDelta() {
			total += size.target()
		}
		if header.Length > maxInflated || total > maxInflated {
			return fault.Invalid("the commit inflates to more than %d MiB", maxInflated>>20)
		}
	}
	return nil
}

// deltaHead keeps the first bytes of a delta, which tell the size of its result.
type deltaHead struct{ head []byte }

// Write implements io.Writer.
func (m *deltaHead) Write(p []byte) (int, error) {
	if room := 20 - len(m.head); room > 0 {
		m.head = append(m.head, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// target is the size of a delta's result: the second of two little-endian
// numbers of 7 bits a byte. One that makes no sense is as large as can be.
// Source: gitformat-pack(5), "Deltified representation".
func (m *deltaHead) target() int64 {
	rest := m.head
	var size int64
	for range 2 {
		size = 0
		for shift := 0; ; shift += 7 {
			if len(rest) == 0 || shift > 56 {
				return maxInflated + 1
			}
			b := rest[0]
			rest = rest[1:]
			size |= int64(b&0x7f) << shift
			if b&0x80 == 0 {
				break
			}
		}
	}
	return size
}

// walk lists the files of a commit. Submodules are left out; a symbolic link
// is a file that holds its target.
func walk(objects storer.EncodedObjectStorer, commit plumbing.Hash) ([]source.File, error) {
	c, err := object.GetCommit(objects, commit)
	if err != nil {
		return nil, err
	}
	root, err := c.Tree()
	if err != nil {
		return nil, err
	}
	w := &walker{objects: objects}
	err = w.directory(root, "", 0)
	return w.files, err
}

// maxDepth bounds the recursion; no repository of templates is that deep.
const maxDepth = 64

type walker struct {
	objects storer.EncodedObjectStorer
	files   []source.File
	bytes   int64
	visited int
}

func (w *walker) directory(t *object.Tree, prefix string, depth int) error {
	if depth > maxDepth {
		return fault.Invalid("%s is nested deeper than %d directories", prefix, maxDepth)
	}
	for _, e := range t.Entries {
		// The same directory may stand in a tree many times over, so that a few
		// objects describe more files than memory holds.
		if w.visited++; w.visited > 2*source.MaxFiles {
			return fault.Invalid("the tree has more than %d entries", 2*source.MaxFiles)
		}
		name := prefix + e.Name
		switch e.Mode {
		case filemode.Dir:
			sub, err := object.GetTree(w.objects, e.Hash)
			if err != nil {
				return err
			}
			if err := w.directory(sub, name+"/", depth+1); err != nil {
				return err
			}
		case filemode.Regular, filemode.Deprecated, filemode.Executable, filemode.Symlink:
			data, err := w.blob(e.Hash)
			if err != nil {
				return err
			}
			w.files = append(w.files, source.File{Path: name, Data: data, Symlink: e.Mode == filemode.Symlink, Executable: e.Mode == filemode.Executable})
		}
	}
	return nil
}

func (w *walker) blob(id plumbing.Hash) ([]byte, error) {
	b, err := object.GetBlob(w.objects, id)
	if err != nil {
		return nil, err
	}
	if w.bytes += b.Size; w.bytes > source.MaxTreeBytes {
		return nil, fault.Invalid("the tree is larger than %d MiB", source.MaxTreeBytes>>20)
	}
	r, err := b.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
