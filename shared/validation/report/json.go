package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/shared/validation"
)

var level = map[validation.Severity]string{validation.Error: "Error", validation.Warning: "Warning", validation.Info: "Informational"}

// json writes cfn-lint's list of matches (--format json), its keys in its
// order; editors and build actions read it. The shape is fixed, and a run over
// many templates has thousands of matches, so it is written without reflection.
func (r *Report) json(w io.Writer) error {
	if len(r.Findings) == 0 {
		_, err := io.WriteString(w, "[]\n")
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	line := make([]byte, 0, 4<<10)
	for i, f := range r.Findings {
		separator := "[\n"
		if i > 0 {
			separator = ",\n"
		}
		line = r.appendMatch(append(line[:0], separator...), f)
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	if _, err := out.WriteString("\n]\n"); err != nil {
		return err
	}
	return out.Flush()
}

func (r *Report) appendMatch(b []byte, f validation.Finding) []byte {
	rule := r.rule(f)
	endLine, endColumn := end(f)
	b = append(b, "    {\n        \"Filename\": "...)
	b = appendString(b, f.File)
	b = append(b, ",\n        \"Id\": "...)
	b = appendString(b, identity(f))
	b = append(b, ",\n        \"Level\": "...)
	b = appendString(b, level[f.Severity])
	b = append(b, ",\n        \"Location\": {\n            \"End\": "...)
	b = appendPoint(b, endLine, endColumn)
	b = append(b, ",\n            \"Path\": "...)
	b = appendPath(b, f.Path)
	b = append(b, ",\n            \"Start\": "...)
	b = appendPoint(b, f.Line, f.Column)
	b = append(b, "\n        },\n        \"Message\": "...)
	b = appendString(b, message(f))
	b = append(b, ",\n        \"ParentId\": null,\n        \"Rule\": {\n            \"Description\": "...)
	b = appendString(b, rule.describe())
	b = append(b, ",\n            \"Id\": "...)
	b = appendString(b, f.Rule)
	b = append(b, ",\n            \"ShortDescription\": "...)
	b = appendString(b, rule.Title)
	b = append(b, ",\n            \"Source\": "...)
	b = appendString(b, rule.Link)
	return append(b, "\n        }\n    }"...)
}

func appendPoint(b []byte, line, column int) []byte {
	b = append(b, "{\n                \"ColumnNumber\": "...)
	b = strconv.AppendInt(b, int64(column), 10)
	b = append(b, ",\n                \"LineNumber\": "...)
	b = strconv.AppendInt(b, int64(line), 10)
	return append(b, "\n            }"...)
}

// appendPath writes a path as a list of keys and list indexes, null without one.
func appendPath(b []byte, path string) []byte {
	if path == "" {
		return append(b, "null"...)
	}
	separator := "[\n                "
	for part := range strings.SplitSeq(path, "/") {
		b = append(b, separator...)
		separator = ",\n                "
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && strconv.Itoa(i) == part {
			b = append(b, part...)
			continue
		}
		b = appendString(b, part)
	}
	return append(b, "\n            ]"...)
}

// appendString writes a JSON string. What needs no escape is copied.
func appendString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			var escaped bytes.Buffer
			if err := encode(&escaped, text, ""); err != nil {
				return append(b, `""`...) // a string always encodes, and a buffer takes it
			}
			return append(b, bytes.TrimRight(escaped.Bytes(), "\n")...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// identity names a finding: equal findings have the same one. It has the form
// of a UUID (RFC 9562, version 8: the bits are a hash's).
func identity(f validation.Finding) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d:%d\n%s\n%s\n%s", f.File, f.Line, f.Column, f.Rule, f.Path, f.Message))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	text := hex.EncodeToString(sum[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

func encode(w io.Writer, v any, indent string) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(v)
}
