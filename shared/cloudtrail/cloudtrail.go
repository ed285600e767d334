// Package cloudtrail reads into CloudTrail records, whose shapes differ by
// service and by protocol.
// Source: CloudTrail user guide, "CloudTrail record contents".
package cloudtrail

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Object reads the one JSON object that data is. The error quotes nothing of it.
func Object(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // account ids are numbers in some records
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		// The decoder's own message may quote what it read.
		return nil, errors.New("it is no JSON object")
	}
	if o == nil {
		return nil, errors.New("null is no object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return o, nil
}

// Texts collects the strings and numbers at a dotted path, through every
// element of a list on the way: CloudTrail writes one element as an object and
// several as a list.
func Texts(v any, path string) []string {
	switch v := v.(type) {
	case []any:
		var found []string
		for _, element := range v {
			found = append(found, Texts(element, path)...)
		}
		return found
	case map[string]any:
		if path == "" {
			return nil
		}
		key, rest, _ := strings.Cut(path, ".")
		return Texts(v[key], rest)
	case string:
		if path == "" && v != "" {
			return []string{v}
		}
	case json.Number:
		if path == "" {
			return []string{v.String()}
		}
	}
	return nil
}

// Text is the first value at the path, or "".
func Text(v any, path string) string { return cmp.Or(Texts(v, path)...) }
