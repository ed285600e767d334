package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/shared/healing/replay"
)

// Entry is a record that can change the state of security groups.
type Entry struct {
	Time   time.Time // eventTime
	Order  int64     // among those of the same second
	Source int64     // what the caller says of where it is from
	Record []byte    // JSON, without what replay does not read
}

// What a record is to a replay.
var (
	ErrOther  = errors.New("no record of a call that changes security groups")
	ErrFailed = errors.New("a record of a call that failed")
)

// keep are the fields that a replay, and whoever asks who it was, reads.
var keep = []string{
	"eventTime", "eventID", "eventName", "eventSource", "awsRegion", "recipientAccountId", "userIdentity", "sourceIPAddress", "userAgent",
	"requestParameters", "responseElements",
}

// NewEntry reads what a record, bare or in its EventBridge envelope, needs to
// take its place. The error is ErrOther or ErrFailed for what a replay passes
// over, and names the field of a record that cannot be used.
func NewEntry(record []byte) (Entry, error) {
	// Nearly all records of an account are of something else: most are told by a
	// look, without decoding them.
	if !bytes.Contains(record, []byte("ec2.amazonaws.com")) {
		return Entry{}, ErrOther
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return Entry{}, ErrOther
	}
	if detail := fields["detail"]; detail != nil {
		envelope := fields
		fields = nil
		if json.Unmarshal(detail, &fields) != nil || fields == nil {
			return Entry{}, errors.New("detail is no object")
		}
		for inner, outer := range map[string]string{"recipientAccountId": "account", "awsRegion": "region", "eventTime": "time"} {
			if fields[inner] == nil && envelope[outer] != nil {
				fields[inner] = envelope[outer]
			}
		}
	}
	name := text(fields["eventName"])
	if text(fields["eventSource"]) != "ec2.amazonaws.com" || !replay.Knows(name) {
		return Entry{}, ErrOther
	}
	if text(fields["errorCode"]) != "" {
		return Entry{}, ErrFailed
	}
	at, err := time.Parse(time.RFC3339, text(fields["eventTime"]))
	if err != nil {
		return Entry{}, errors.New("eventTime is missing or no time")
	}
	kept := map[string]json.RawMessage{}
	for _, key := range keep {
		if value := fields[key]; value != nil {
			kept[key] = value
		}
	}
	trimmed, err := json.Marshal(kept)
	return Entry{Time: at.Truncate(time.Millisecond), Order: order(name), Record: trimmed}, err
}

// order puts records of one second into the only order that makes sense: what
// is made is there before it is used, and goes after. CloudTrail's times are
// whole seconds, and its files are in no order.
// Source: CloudTrail user guide, "CloudTrail log file examples" and "record contents".
func order(name string) int64 {
	switch name {
	case "CreateSecurityGroup", "CreateManagedPrefixList", "CreateNetworkInterface":
		return 0
	case "DeleteSecurityGroup", "DeleteManagedPrefixList", "DeleteNetworkInterface", "TerminateInstances":
		return 2
	}
	return 1
}

func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}
