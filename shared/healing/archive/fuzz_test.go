package archive_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/evenkeel/evenkeel/shared/healing/archive"
)

// FuzzRead: whatever a file holds, reading it ends, and what is handed out can
// take its place or says why not.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		`{"Records":[{"a":1},{"a":2}]}`, "{\"a\":1}\n{\"a\":\n{\"a\":3}", `[{"a":1},[],7]`, `{"Events":[{"CloudTrailEvent":"{}"}]}`, "{\"a\":]}\n[\n{",
		`{"eventName":"AuthorizeSecurityGroupIngress","eventSource":"ec2.amazonaws.com","eventTime":"2026-11-02T09:14:07Z"}`, zipped(`{"Records":[{}]}`),
		`{"detail":{"eventSource":"ec2.amazonaws.com","eventName":"RunInstances"},"time":"2026-11-02T09:14:07Z"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		seen := 0
		archive.Read(bytes.NewReader(data), archive.Sink{
			Record: func(at archive.Position, record []byte) {
				if seen++; at == 0 || seen > 1<<16 {
					t.Fatalf("%d records, position %s", seen, at)
				}
				e, err := archive.NewEntry(record)
				if err == nil && (e.Time.IsZero() && !bytes.Contains(record, []byte("0001-01-01")) || !json.Valid(e.Record)) {
					t.Errorf("%s: %+v", record, e)
				}
			},
			Bad: func(_ archive.Position, err error) {
				if seen++; seen > 1<<16 || err == nil {
					t.Fatalf("%d faults, the last %v", seen, err)
				}
			},
		})
	})
}
