package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// match is a finding as cfn-lint writes it with --format json, keys in its
// order. Editors and build actions read this.
type match struct {
	Filename string    `json:"Filename"`
	ID       string    `json:"Id"`
	Level    string    `json:"Level"`
	Location matchPath `json:"Location"`
	Message  string    `json:"Message"`
	ParentID *string   `json:"ParentId"`
	Rule     matchRule `json:"Rule"`
}

type matchPath struct {
	End   matchPoint `json:"End"`
	Path  []any      `json:"Path"`
	Start matchPoint `json:"Start"`
}

type matchPoint struct {
	Column int `json:"ColumnNumber"`
	Line   int `json:"LineNumber"`
}

type matchRule struct {
	Description      string `json:"Description"`
	ID               string `json:"Id"`
	ShortDescription string `json:"ShortDescription"`
	Source           string `json:"Source"`
}

var level = map[validation.Severity]string{validation.Error: "Error", validation.Warning: "Warning", validation.Info: "Informational"}

func (r *Report) json(w io.Writer) error {
	matches := make([]match, 0, len(r.Findings))
	for _, f := range r.Findings {
		rule := r.rule(f)
		endLine, endColumn := end(f)
		matches = append(matches, match{
			Filename: f.File, ID: identity(f), Level: level[f.Severity], Message: message(f),
			Location: matchPath{Start: matchPoint{f.Column, f.Line}, End: matchPoint{endColumn, endLine}, Path: segments(f.Path)},
			Rule:     matchRule{Description: rule.describe(), ID: f.Rule, ShortDescription: rule.Title, Source: rule.Link},
		})
	}
	return encode(w, matches, "    ")
}

// segments splits a path into keys and list indexes; nil without one.
func segments(path string) []any {
	if path == "" {
		return nil
	}
	var parts []any
	for part := range strings.SplitSeq(path, "/") {
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && strconv.Itoa(i) == part {
			parts = append(parts, i)
			continue
		}
		parts = append(parts, part)
	}
	return parts
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
