package redact

import "regexp"

var (
	// assignment is NAME=value, NAME: value and "name": "value", as programs print
	// their settings.
	assignment = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]*)("?\s*[=:]\s*"?)([^\s",;}]+)`)
	// bare are secrets that show what they are. Source: IAM user guide, "IAM
	// identifiers", unique ID prefixes; GitHub documentation, "About authentication
	// to GitHub", token formats; RFC 6750, section 2.1; RFC 3986, section 3.2.1.
	bare = []*regexp.Regexp{
		regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{12,20}\b`),
		regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_|npm_)[A-Za-z0-9_]{16,}`),
		regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`),
	}
	userinfo = regexp.MustCompile(`(://[^\s/:@]*):[^\s/@]+@`)
)

// Line returns what may be shown of a line of a log.
func Line(text string) string {
	text = assigned(text)
	text = userinfo.ReplaceAllString(text, "$1:"+Hidden+"@")
	for _, pattern := range bare {
		text = pattern.ReplaceAllString(text, Hidden)
	}
	return text
}

// assigned hides the values of assignments. What is assigned may be one itself:
// "refused: password=…".
func assigned(text string) string {
	return assignment.ReplaceAllStringFunc(text, func(found string) string {
		m := assignment.FindStringSubmatch(found)
		if Secret(m[1]) {
			return m[1] + m[2] + Hidden
		}
		return m[1] + m[2] + assigned(m[3])
	})
}
