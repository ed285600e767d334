package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/validation"
)

// The report of a test run as Jenkins, GitLab and surefire read it: a suite a
// file, a case a finding; a file without findings has one case that passes.
// Sources: Maven surefire-test-report.xsd; Jenkins xUnit plug-in, junit-10.xsd.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Skipped *junitSkipped `xml:"skipped"`
	Failure *junitFailure `xml:"failure"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func (r *Report) junit(w io.Writer) error {
	all := junitSuites{Name: "evenkeel validate", Time: "0"}
	for _, file := range r.named() {
		suite := junitSuite{Name: legal(file), Time: "0"}
		for _, f := range r.Findings {
			if f.File == file {
				suite.add(r, f)
			}
		}
		for _, f := range r.Suppressed {
			if f.File == file {
				suite.add(r, f)
			}
		}
		all.add(suite)
	}
	if clean := r.Files - len(all.Suites); clean > 0 {
		passed := junitSuite{Name: "templates without findings", Time: "0"}
		for i := range clean {
			passed.Cases = append(passed.Cases, junitCase{Name: fmt.Sprintf("template %d of %d", i+1, clean), Class: "evenkeel.validate", Time: "0"})
		}
		passed.Tests = clean
		all.add(passed)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// named lists the files that the report has something to say about.
func (r *Report) named() []string {
	var files []string
	for _, list := range [][]validation.Finding{r.Findings, r.Suppressed} {
		for _, f := range list {
			files = append(files, f.File)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

func (s *junitSuites) add(suite junitSuite) {
	s.Suites = append(s.Suites, suite)
	s.Tests += suite.Tests
	s.Failures += suite.Failures
}

func (s *junitSuite) add(r *Report, f validation.Finding) {
	c := junitCase{Name: f.Rule + " " + r.rule(f).Title, Class: legal(f.File), Time: "0"}
	if f.Path != "" {
		c.Name += " at " + legal(f.Path)
	}
	at := fmt.Sprintf("%s at %s:%d:%d", message(f), f.File, f.Line, f.Column)
	s.Tests++
	if f.Suppression != nil {
		s.Skipped++
		c.Skipped = &junitSkipped{Message: legal(message(f) + " [" + why(f.Suppression) + "]")}
	} else {
		s.Failures++
		c.Failure = &junitFailure{Message: legal(at), Type: string(f.Severity), Text: legal(at)}
	}
	s.Cases = append(s.Cases, c)
}

// legal replaces the control characters that neither XML 1.0 nor a terminal
// should be given.
func legal(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f || 0x80 <= c && c < 0xa0 {
			return '�'
		}
		return c
	}, text)
}
