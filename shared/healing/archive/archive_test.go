package archive_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/healing/archive"
)

// read returns what is in a file: each record with its position, each fault too.
func read(text string) (records, faults []string) {
	archive.Read(strings.NewReader(text), archive.Sink{
		Record: func(at archive.Position, record []byte) { records = append(records, at.String()+" "+string(record)) },
		Bad:    func(at archive.Position, err error) { faults = append(faults, at.String()+": "+err.Error()) },
	})
	return records, faults
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// TestForms reads every form in which records are kept.
func TestForms(t *testing.T) {
	three := []string{`record 1 {"a":1}`, `record 2 {"a":2}`, `record 3 {"a":3}`}
	inLines := []string{`line 1 {"a":1}`, `line 2 {"a":2}`, `line 4 {"a":3}`}
	for name, test := range map[string]struct {
		file            string
		records, faults []string
	}{
		"a log file":               {`{"Records":[{"a":1},{"a":2},{"a":3}]}`, three, nil},
		"with more keys":           {`{"x":{"Records":1},"Records":[{"a":1},{"a":2},{"a":3}],"y":2}`, three, nil},
		"compressed":               {zipped(`{"Records":[{"a":1},{"a":2},{"a":3}]}`), three, nil},
		"two log files in one":     {`{"Records":[{"a":1}]}{"Records":[{"a":2},{"a":3}]}`, three, nil},
		"compressed, in two parts": {zipped(`{"Records":[{"a":1},`) + zipped(`{"a":2},{"a":3}]}`), three, nil},
		"a list":                   {`[{"a":1},{"a":2},{"a":3}]`, three, nil},
		"one record":               {"{\n  \"a\": 1\n}\n", three[:1], nil},
		"one after the other":      {"{\n\"a\":1}\n{\n\"a\":2}\n{\n\"a\":3}", three, nil},
		"a line each":              {"{\"a\":1}\n{\"a\":2}\n\n{\"a\":3}\n", inLines, nil},
		"looked up":                {`{"Events":[{"EventId":"x","CloudTrailEvent":"{\"a\":1}"},{"CloudTrailEvent":"{\"a\":2}"},{"CloudTrailEvent":"{\"a\":3}"}]}`, three, nil},
		"nothing":                  {"", nil, nil},
		"blanks":                   {" \n ", nil, nil},
		"a bad line":               {"{\"a\":1}\n{\"a\":\n\n{\"a\":3}", []string{inLines[0], inLines[2]}, []string{"line 2: it cannot be read: the file ends within it"}},
		"a first line that is bad": {"{\"a\":]}\n{\"a\":1}\n{\"a\":2}", three[:2], []string{"record 1: it cannot be read: it is no JSON"}},
		"an end within a record":   {`{"Records":[{"a":1},{"a":2},{"a`, three[:2], []string{"record 3: it cannot be read: the file ends within it"}},
		"a compressed end": {zipped(strings.Repeat(" ", 9) + `{"Records":[{"a":1}`)[:30], nil,
			[]string{"record 1: it cannot be read: the file ends within it"}},
		"no gzip":           {"\x1f\x8bnot", nil, []string{"the beginning: unexpected EOF"}},
		"text":              {"hello", nil, []string{"record 1: it cannot be read: it is no JSON"}},
		"a number":          {"7", nil, []string{`record 1: it cannot be read: "7" is no object`}},
		"Records is a text": {`{"Records":"x"}`, nil, []string{"record 1: it cannot be read: Records is no list"}},
	} {
		records, faults := read(test.file)
		if !slices.Equal(records, test.records) || !slices.Equal(faults, test.faults) {
			t.Errorf("%s:\nrecords %q\nwant    %q\nfaults %q\nwant   %q", name, records, test.records, faults, test.faults)
		}
	}
}

// TestSecretsStayUnquoted: what is no JSON may be anything.
func TestSecretsStayUnquoted(t *testing.T) {
	for _, text := range []string{"t0ps3cret", `{"a": t0ps3cret`, "{\"a\":1}\n{\"t0ps3cret\": x}"} {
		if _, faults := read(text); len(faults) != 1 || strings.Contains(faults[0], "t0ps3cret") {
			t.Errorf("%q: %q", text, faults)
		}
	}
}

// TestNewEntry keeps what a replay needs, and says why it passes a record over.
func TestNewEntry(t *testing.T) {
	files, err := filepath.Glob("../testdata/cloudtrail/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		var want error
		switch {
		case strings.HasPrefix(name, "error-describe"), name == "read-only", name == "other-source", name == "associate-vpc", name == "endpoint-create":
			want = archive.ErrOther
		case strings.HasPrefix(name, "error-"), name == "dry-run":
			want = archive.ErrFailed
		}
		for form, event := range map[string]string{"bare": string(data), "envelope": `{"source":"aws.ec2","account":"222222222222","detail":` + string(data) + `}`} {
			e, err := archive.NewEntry([]byte(event))
			if !errors.Is(err, want) || err == nil && (e.Time.Year() != 2026 || !json.Valid(e.Record) || bytes.Contains(e.Record, []byte("tlsDetails"))) {
				t.Errorf("%s, %s: %+v, %v, want %v", name, form, e, err, want)
			}
		}
	}
	old := `{"account":"111122223333","region":"us-east-1","time":"2017-05-30T19:50:56Z","detail":{"eventName":"AuthorizeSecurityGroupIngress","eventSource":"ec2.amazonaws.com"}}`
	if e, err := archive.NewEntry([]byte(old)); err != nil || e.Time.Year() != 2017 || !strings.Contains(string(e.Record), `"recipientAccountId":"111122223333"`) || !strings.Contains(string(e.Record), `"awsRegion":"us-east-1"`) {
		t.Errorf("the envelope fills gaps: %s, %v", e.Record, err)
	}
	for event, field := range map[string]string{
		`{"eventName":"AuthorizeSecurityGroupIngress","eventSource":"ec2.amazonaws.com"}`:                         "eventTime",
		`{"eventName":"AuthorizeSecurityGroupIngress","eventSource":"ec2.amazonaws.com","eventTime":"yesterday"}`: "eventTime",
		`{"detail":"ec2.amazonaws.com"}`: "detail",
	} {
		if _, err := archive.NewEntry([]byte(event)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v, want it to name %s", event, err, field)
		}
	}
}

// TestSorter: with and without temporary files the order is the same, and the
// files go.
func TestSorter(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	random := rand.New(rand.NewPCG(1, 2))
	var entries []archive.Entry
	for i := range 5000 {
		entries = append(entries, archive.Entry{
			Time: time.Unix(int64(random.IntN(200)), 0).UTC(), Order: int64(random.IntN(3)), Source: int64(i),
			Record: fmt.Appendf(nil, `{"n":%d,"x":%q}`, i, strings.Repeat("x", random.IntN(100))),
		})
	}
	sorted := func(limit int) (got []archive.Entry, runs int) {
		s := archive.Sorter{Limit: limit}
		for _, e := range entries {
			if err := s.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Each(func(e archive.Entry) error { got = append(got, e); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return got, len(files)
	}
	for i, year := range []int{1, 1600, 9999} { // nobody's clock, but a text can say so
		entries[i].Time = time.Date(year, 1, 2, 3, 4, 5, 6e6, time.UTC)
	}
	inMemory, none := sorted(0)
	spilled, some := sorted(20000)
	if none != 0 || some < 10 {
		t.Errorf("%d and %d files", none, some)
	}
	if !reflect.DeepEqual(inMemory, spilled) || len(spilled) != len(entries) {
		t.Error("the order is another with temporary files")
	}
	if !slices.IsSortedFunc(spilled, func(a, b archive.Entry) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return int(a.Order - b.Order) // the order, and then the number in which it was added
	}) {
		t.Error("it is not sorted")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
	stop := errors.New("stop")
	s := archive.Sorter{Limit: 100}
	defer func() { _ = s.Close() }()
	for _, e := range entries[:10] {
		if err := s.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Each(func(archive.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v, want what stopped it", err)
	}
}
