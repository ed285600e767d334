// Package healing closes security groups that open to the world. A CloudTrail
// record only says where to look (Parse); the decision is made on the live
// rules (Policy.Plan), the smallest set of rules is removed after an undo
// record was kept, and a second read confirms it (Service).
package healing

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/fault"
)

// Subject says which groups a record concerns. Everything set means that the
// record does not say: each group of the place must be looked at.
type Subject struct {
	Groups      []string // security group ids, sorted
	PrefixLists []string // ids; the groups that refer to them are concerned, sorted
	Everything  bool
}

// Record is what a CloudTrail record asks for.
type Record struct {
	Place
	Subject
	Trigger events.Trigger
	Skip    string // why there is nothing to do; empty when there is
}

// Parser reads CloudTrail records.
type Parser struct {
	Role string // name of the role that heals; what it did itself is skipped
}

var (
	accountID = regexp.MustCompile(`^[0-9]+$`)
	regionID  = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)
)

// Parse reads a CloudTrail record, bare or in its EventBridge envelope. An
// event that needs no action, or that is none of ours, has a reason in Skip.
// Only input that is no JSON object, or a relevant record that does not say
// where it happened, is an Invalid error.
func (p Parser) Parse(event []byte) (Record, error) {
	envelope, err := cloudtrail.Object(event)
	if err != nil {
		return Record{}, fault.Invalid("event: %w", err)
	}
	record := envelope
	if detail, ok := envelope["detail"].(map[string]any); ok {
		record = detail
	}
	name := cloudtrail.Text(record, "eventName")
	if name == "" || cloudtrail.Text(record, "eventSource") != "ec2.amazonaws.com" {
		return Record{Skip: "not a CloudTrail record of EC2"}, nil
	}
	r := Record{
		Place: Place{
			Account: cmp.Or(cloudtrail.Text(record, "recipientAccountId"), cloudtrail.Text(envelope, "account"), cloudtrail.Text(record, "userIdentity.accountId")),
			Region:  cmp.Or(cloudtrail.Text(record, "awsRegion"), cloudtrail.Text(envelope, "region")),
		},
		Trigger: trigger(record, event),
	}
	if r.Skip = p.skip(r.Place, record); r.Skip != "" {
		return r, nil
	}
	if r.Subject, r.Skip = subject(name, record); r.Skip != "" {
		return r, nil
	}
	if !accountID.MatchString(r.Account) || !regionID.MatchString(r.Region) {
		return Record{}, fault.Invalid("record %s: account %q, region %q: it does not say where it happened", r.Trigger.EventID, r.Account, r.Region)
	}
	return r, nil
}

// skip gives the reasons that hold for every call. The codes of failed EC2
// calls begin with "Client." or "Server.", a dry run "fails" as
// Client.DryRunOperation, and none of them changed anything.
// Source: EC2 API reference, "Error codes"; CloudTrail user guide, "Record contents".
func (p Parser) skip(at Place, record map[string]any) string {
	switch code := cloudtrail.Text(record, "errorCode"); {
	case strings.HasSuffix(code, "DryRunOperation"):
		return "a dry run changes nothing"
	case code != "":
		return "the call failed with " + code + " and changed nothing"
	case p.own(at, record):
		return "done by our own role " + p.Role
	}
	return ""
}

// own reports whether the healing role of the same account made the call.
func (p Parser) own(at Place, record map[string]any) bool {
	if p.Role == "" {
		return false
	}
	for _, path := range []string{"userIdentity.arn", "userIdentity.sessionContext.sessionIssuer.arn"} {
		// arn:aws:sts::<account>:assumed-role/<role>/<session>, arn:aws:iam::<account>:role/<path>/<role>
		part := strings.SplitN(cloudtrail.Text(record, path), ":", 6)
		if len(part) < 6 || part[4] != at.Account {
			continue
		}
		resource := strings.Split(part[5], "/")
		if resource[0] == "assumed-role" && len(resource) > 1 && resource[1] == p.Role {
			return true
		}
		if resource[0] == "role" && resource[len(resource)-1] == p.Role {
			return true
		}
	}
	return false
}

// trigger reads who did what and when. A record without an eventID is known
// by the digest of its bytes, so that it still is handled once.
func trigger(record map[string]any, event []byte) events.Trigger {
	at, err := time.Parse(time.RFC3339, cloudtrail.Text(record, "eventTime"))
	if err != nil {
		at = time.Time{}
	}
	id := cloudtrail.Text(record, "eventID")
	if id == "" {
		sum := sha256.Sum256(event)
		id = "sha256-" + hex.EncodeToString(sum[:16])
	}
	return events.Trigger{
		EventID:   id,
		EventName: cloudtrail.Text(record, "eventName"),
		Principal: cmp.Or(cloudtrail.Text(record, "userIdentity.arn"), cloudtrail.Text(record, "userIdentity.invokedBy"), cloudtrail.Text(record, "userIdentity.type")),
		SourceIP:  cloudtrail.Text(record, "sourceIPAddress"),
		UserAgent: cloudtrail.Text(record, "userAgent"),
		Time:      at,
	}
}

func sortedUnique(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}
