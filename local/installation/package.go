package installation

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
)

// Package is a deployment package and where the template looks for it.
type Package struct {
	Bucket, Key string
	Data        []byte
}

// packages zips the folder behind each function's code. With the golden
// template a key is "<function>.zip"; with a fresh synthesis the asset
// manifest beside the template names the folder of each key.
func packages(opts Options, template document) ([]Package, error) {
	assets, err := template.functions(opts.Account, opts.Region)
	if err != nil {
		return nil, err
	}
	folders, err := manifest(opts.Template)
	if err != nil {
		return nil, err
	}
	out := make([]Package, len(assets))
	faults := make([]error, len(assets))
	var work sync.WaitGroup
	for i, a := range assets {
		work.Go(func() {
			folder, ok := folders[a.key]
			if !ok {
				folder = filepath.Join(opts.Builds, strings.TrimSuffix(filepath.Base(a.key), ".zip"))
			}
			data, err := Zip(folder)
			out[i], faults[i] = Package{Bucket: a.bucket, Key: a.key, Data: data}, err
		})
	}
	work.Wait()
	for i, err := range faults {
		if err != nil {
			return nil, fmt.Errorf("package the code %s: %w", assets[i].key, err)
		}
	}
	return out, nil
}

// manifest reads the CDK's asset manifest of a template, if there is one:
// object key → folder.
func manifest(template string) (map[string]string, error) {
	name, ok := strings.CutSuffix(template, ".template.json")
	data, err := os.ReadFile(name + ".assets.json")
	if !ok || os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m struct {
		Files map[string]struct {
			Source       struct{ Path string }
			Destinations map[string]struct{ ObjectKey string }
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("asset manifest %s.assets.json: %w", name, err)
	}
	folders := map[string]string{}
	for _, file := range m.Files {
		path := file.Source.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(template), path)
		}
		for _, destination := range file.Destinations {
			folders[destination.ObjectKey] = path
		}
	}
	return folders, nil
}

// epoch is the time of every file in a package: the same files always give the
// same bytes.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Zip packs the files of a folder as a Lambda deployment package, in the order
// of their names, executable as they are on disk.
func Zip(folder string) ([]byte, error) {
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return add(archive, folder, path)
	})
	if err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

func add(archive *zip.Writer, folder, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(folder, path)
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate, Modified: epoch}
	header.SetMode(0o644 | info.Mode().Perm()&0o111)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// fingerprint identifies the template and the packages.
func (d *deployment) fingerprint() string {
	sum := sha256.New()
	sum.Write(d.body)
	for _, p := range d.packages {
		_, _ = fmt.Fprintf(sum, "\n%s %x", p.Key, sha256.Sum256(p.Data))
	}
	return hex.EncodeToString(sum.Sum(nil))[:32]
}
