package validation

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The comments that suppress. Ours covers the entry on its line or, alone on a
// line, the one below; those of checkov and trivy have the reach that these
// tools give them.
//
//	BucketName: site # evenkeel:ignore EK1003,EK1004 until=2027-01-31 a public site
//	# checkov:skip=CKV_AWS_18:no logs of logs      anywhere in the resource
//	# trivy:ignore:AVD-AWS-0089                    on or above a line
//
// Sources: checkov documentation, "Suppressing and skipping policies"; trivy
// documentation, "Filtering: by inline comments".
var (
	ownComment     = regexp.MustCompile(`#\s*evenkeel:ignore[ \t]+([A-Za-z][\w.*-]*(?:,[A-Za-z][\w.*-]*)*)([^\n]*)`)
	checkovComment = regexp.MustCompile(`#.*?(?:checkov|bridgecrew|cortex):skip= *([A-Za-z_\d-]+(?:,[A-Za-z_\d-]+)*)(?::([^\n]*))?`)
	trivyComment   = regexp.MustCompile(`#\s*(?:trivy|tfsec):ignore:([A-Za-z][\w-]*)(?:[ \t]+([^\n]*))?`)
	untilWord      = regexp.MustCompile(`(?:^|\s)until=(\S+)`)
)

// maxComments bounds the comments of one template that are read: each costs a
// look at every finding.
const maxComments = 1000

// markers tell whether a text can hold such a comment, before it is split into
// lines.
var markers = [][]byte{[]byte("evenkeel:ignore"), []byte(":skip="), []byte(":ignore:")}

// appendComments adds the suppressions in the comments of a YAML text.
func appendComments(own []suppression, source []byte) []suppression {
	if !slices.ContainsFunc(markers, func(m []byte) bool { return bytes.Contains(source, m) }) {
		return own
	}
	lines := newOutline(source)
	resources := lines.resources()
	limit := len(own) + maxComments
	for i, l := range lines {
		if l.comment < 0 || len(own) >= limit {
			continue
		}
		text := l.text[l.comment:]
		if m := ownComment.FindStringSubmatch(text); m != nil {
			reason, until := m[2], ""
			if u := untilWord.FindStringSubmatch(reason); u != nil && isDate(u[1]) {
				until, reason = u[1], strings.Replace(reason, u[0], "", 1)
			}
			own = append(own, lines.suppression(i, m[1], reason, until, lines.target(i)))
		}
		if m := checkovComment.FindStringSubmatch(text); m != nil {
			covered := span{i + 1, i + 1}
			if at := resources[i]; at >= 0 {
				covered = span{at + 1, lines.end(at)}
			}
			own = append(own, lines.suppression(i, m[1], m[2], "", covered))
		}
		if m := trivyComment.FindStringSubmatch(text); m != nil {
			own = append(own, lines.suppression(i, m[1], m[2], "", lines.target(i)))
		}
	}
	return own
}

func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// outline is a YAML text by lines, as far as indentation tells its structure.
type outline []line

type line struct {
	text    string
	indent  int // of the first character, -1 on a blank line or inside of a block of text
	comment int // where a comment begins, -1 if none does
	alone   bool
}

var blockText = regexp.MustCompile(`(?:^|[:\-]|![\w:]+)[ \t]+[|>][+\-0-9]*[ \t]*$`)

func newOutline(source []byte) outline {
	var lines outline
	block := -1 // indentation of the line whose block of text goes on
	for raw := range bytes.Lines(source) {
		l := line{text: strings.TrimRight(string(raw), "\r\n"), comment: -1}
		l.indent = len(l.text) - len(strings.TrimLeft(l.text, " "))
		switch {
		case strings.TrimSpace(l.text) == "":
			l.indent = -1
		case block >= 0 && l.indent > block:
			l.indent = -1
		default:
			block = -1
			l.comment = commentIn(l.text)
			l.alone = l.comment == l.indent
			if code := strings.TrimRight(l.code(), " \t"); blockText.MatchString(code) {
				block = l.indent
			}
		}
		lines = append(lines, l)
	}
	return lines
}

func (l line) code() string {
	if l.comment < 0 {
		return l.text
	}
	return l.text[:l.comment]
}

// commentIn returns where a comment begins: at a # after white space that is in
// no quotes.
func commentIn(text string) int {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [{,:\t", text[i-1]) >= 0):
			quote = c
		case c == '#' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t'):
			return i
		}
	}
	return -1
}

// span is a range of lines, from 1, both included.
type span struct{ from, to int }

func (o outline) suppression(i int, ids, reason, until string, covered span) suppression {
	return suppression{
		Suppression: Suppression{By: ByComment, Reason: strings.TrimSpace(reason), Until: until, Line: i + 1}, column: o[i].comment + 1,
		ids: strings.Split(ids, ","), from: covered.from, to: covered.to,
	}
}

// target returns the lines of the entry that the comment on line i is for:
// that of its own line, or of the first one below.
func (o outline) target(i int) span {
	at := i
	for at < len(o) && (o[at].indent < 0 || o[at].alone) {
		at++
	}
	if at == len(o) {
		return span{i + 1, i + 1}
	}
	return span{at + 1, o.end(at)}
}

// end returns the last line of the entry that begins on line at: those that
// are indented deeper, and a list on the key's own level.
func (o outline) end(at int) int {
	last := at
	item := strings.HasPrefix(strings.TrimSpace(o[at].text), "- ")
	for i := at + 1; i < len(o); i++ {
		switch l := o[i]; {
		case l.indent < 0 || l.alone:
			continue
		case l.indent > o[at].indent, !item && l.indent == o[at].indent && strings.HasPrefix(strings.TrimSpace(l.text), "-"):
			last = i
		default:
			return last + 1
		}
	}
	return last + 1
}

// resources returns, for every line, the index of the first line of the
// resource that it belongs to: the entry one level below the section
// Resources. A comment belongs to the entry that follows it on its level, or
// else to the one that it stands in. -1 is outside of the resources.
func (o outline) resources() []int {
	starts := make([]int, len(o))
	inside, level, start, pending := false, -1, -1, 0
	for at, l := range o {
		if l.indent < 0 || l.alone {
			continue
		}
		switch {
		case l.indent == 0:
			inside, level, start = strings.HasPrefix(l.text, "Resources:"), -1, -1
		case inside && (level < 0 || l.indent == level):
			level, start = l.indent, at
		}
		for ; pending <= at; pending++ {
			starts[pending] = start
			if c := o[pending]; c.alone && start == at && c.indent > level {
				starts[pending] = before(starts, pending) // indented into the resource above
			}
		}
	}
	for ; pending < len(o); pending++ {
		starts[pending] = start
	}
	return starts
}

func before(starts []int, i int) int {
	if i == 0 {
		return -1
	}
	return starts[i-1]
}
