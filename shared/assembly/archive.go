package assembly

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/fault"
)

// The limits of an archive. What it says about its own sizes is not believed:
// reading stops at the limit.
const (
	maxEntries   = 50_000
	maxFile      = 128 << 20 // bytes of one file
	maxUnpacked  = 512 << 20 // of all that is read from one archive
	maxAsset     = 128 << 20 // of a packed folder
	maxLinkBytes = 4096
)

// Archive is a zip with a cloud assembly in it: what a build left behind, or
// the source of a commit.
type Archive struct {
	files map[string]*zip.File
	names []string // sorted
	left  int64
}

// Open opens an archive. Its files are read as if they lay in the folder mount,
// "" for the archive's own root. An archive with a path that leads out of it is
// refused. Errors are fault.InvalidError.
func Open(data []byte, mount string) (*Archive, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fault.Invalid("the archive of the cloud assembly cannot be read: %w", err)
	}
	if len(r.File) > maxEntries {
		return nil, fault.Invalid("the archive of the cloud assembly has %d files; the limit is %d", len(r.File), maxEntries)
	}
	a := &Archive{files: map[string]*zip.File{}, left: maxUnpacked}
	for _, entry := range r.File {
		name := strings.TrimSuffix(entry.Name, "/")
		if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
			return nil, fault.Invalid("the archive of the cloud assembly has an unsafe path %q", entry.Name)
		}
		if entry.FileInfo().IsDir() || name == "." {
			continue
		}
		name = path.Join(mount, name)
		if a.files[name] != nil {
			return nil, fault.Invalid("the archive of the cloud assembly has %q twice", entry.Name)
		}
		a.files[name] = entry
		a.names = append(a.names, name)
	}
	slices.Sort(a.names)
	return a, nil
}

// Read returns a file's content; a symbolic link is no file. It is a
// template.ReadFile.
func (a *Archive) Read(name string) ([]byte, error) {
	entry := a.files[name]
	if entry == nil || !entry.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return a.content(entry, maxFile)
}

func (a *Archive) content(entry *zip.File, limit int64) ([]byte, error) {
	limit = min(limit, a.left)
	r, err := entry.Open()
	if err != nil {
		return nil, fault.Invalid("%s in the archive: %w", entry.Name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fault.Invalid("%s in the archive: %w", entry.Name, err)
	}
	if int64(len(data)) > limit {
		return nil, fault.Invalid("%s in the archive inflates to more than %d MiB", entry.Name, limit>>20)
	}
	a.left -= int64(len(data))
	return data, nil
}

// Content returns what is put into S3 for an asset: the file itself, or the
// folder packed. The same files give the same bytes.
func (a *Archive) Content(asset Asset) ([]byte, error) {
	if !asset.Zip {
		data, err := a.Read(asset.Path)
		if err != nil {
			return nil, fault.Invalid("the asset %s cannot be read: %w", asset.Path, err)
		}
		return data, nil
	}
	prefix := asset.Path + "/"
	first, _ := slices.BinarySearch(a.names, prefix)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	packed := 0
	for _, name := range a.names[first:] {
		if !strings.HasPrefix(name, prefix) {
			break
		}
		if err := a.pack(w, a.files[name], strings.TrimPrefix(name, prefix)); err != nil {
			return nil, err
		}
		if packed++; out.Len() > maxAsset {
			return nil, fault.Invalid("the asset %s has more than %d MiB when it is packed", asset.Path, maxAsset>>20)
		}
	}
	if packed == 0 {
		return nil, fault.Invalid("the asset %s is not a folder of the cloud assembly, or an empty one", asset.Path)
	}
	if err := w.Close(); err != nil {
		return nil, fault.Permanent("pack the asset %s: %w", asset.Path, err)
	}
	return out.Bytes(), nil
}

// epoch is the time of every packed file, so that equal folders give equal bytes.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// pack adds a file with its mode. A link is kept as one when it stays inside
// the asset.
func (a *Archive) pack(w *zip.Writer, entry *zip.File, name string) error {
	limit, mode := int64(maxFile), entry.Mode()
	link := mode&fs.ModeSymlink != 0
	switch {
	case link:
		limit, mode = maxLinkBytes, fs.ModeSymlink|0o777
	case mode.IsRegular():
		mode = 0o644 | mode.Perm()&0o111
	default:
		return fault.Invalid("%s in the archive is neither a file nor a link", entry.Name)
	}
	data, err := a.content(entry, limit)
	if err != nil {
		return err
	}
	if link && !inside(path.Dir(name), string(data)) {
		return fault.Invalid("%s in the archive is a link to %q, outside of its asset", entry.Name, data)
	}
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch}
	header.SetMode(mode)
	part, err := w.CreateHeader(header)
	if err == nil {
		_, err = part.Write(data)
	}
	if err != nil {
		return fault.Permanent("pack %s: %w", entry.Name, err)
	}
	return nil
}

func inside(folder, target string) bool {
	joined := path.Join(folder, target)
	return target != "" && !path.IsAbs(target) && joined != ".." && !strings.HasPrefix(joined, "../")
}
