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
	// Opened are the ids of the rules that the call itself made or changed,
	// sorted, as far as the record names them.
	Opened []string
}

// Record is what a CloudTrail record asks for.
type Record struct {
	Place
	Subject
	Trigger events.Trigger
	Skip    string // why there is nothing to do; empty when there is

	edit edit
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
// event that needs no action, or that is none of ours, has a reason in Skip. An
// Invalid error names the field that makes the event unusable: it is no JSON
// object, it says that it is a record of EC2 and has none, or it is relevant and
// does not say where it happened. Whatever else a relevant record lacks, or has
// in a shape that nobody knows, makes its Subject everything.
func (p Parser) Parse(event []byte) (Record, error) {
	envelope, err := cloudtrail.Object(event)
	if err != nil {
		return Record{}, fault.Invalid("event: %w", err)
	}
	return p.ParseObject(envelope, event)
}

// ParseObject is Parse of an event that cloudtrail.Object has read.
func (p Parser) ParseObject(envelope map[string]any, event []byte) (Record, error) {
	record, err := recordOf(envelope)
	if err != nil {
		return Record{}, err
	}
	if record == nil {
		return Record{Skip: "not a CloudTrail record of EC2"}, nil
	}
	r := Record{
		Place: Place{
			Account: cmp.Or(cloudtrail.Text(record, "recipientAccountId"), cloudtrail.Text(envelope, "account"), cloudtrail.Text(record, "userIdentity.accountId")),
			Region:  cmp.Or(cloudtrail.Text(record, "awsRegion"), cloudtrail.Text(envelope, "region")),
		},
		Trigger: trigger(envelope, record, event),
	}
	if r.Trigger.EventName == "" {
		return Record{}, fault.Invalid("record %s: eventName is missing or no text", r.Trigger.EventID)
	}
	if r.Skip = p.skip(r.Place, record); r.Skip != "" {
		return r, nil
	}
	if r.Subject, r.Skip = subject(r.Trigger.EventName, record); r.Skip != "" {
		return r, nil
	}
	r.edit = edited(r.Trigger.EventName, record)
	if !accountID.MatchString(r.Account) {
		return Record{}, fault.Invalid("record %s: recipientAccountId %q is no account: it does not say where it happened", r.Trigger.EventID, short(r.Account))
	}
	if !regionID.MatchString(r.Region) {
		return Record{}, fault.Invalid("record %s: awsRegion %q is no region: it does not say where it happened", r.Trigger.EventID, short(r.Region))
	}
	return r, nil
}

// recordOf finds the record of EC2 in an event; nil when it has none.
func recordOf(envelope map[string]any) (map[string]any, error) {
	record, detail := envelope, envelope["detail"]
	if detail != nil {
		record, _ = detail.(map[string]any)
	}
	ours := cloudtrail.Text(envelope, "source") == events.SourceEC2 && cloudtrail.Text(envelope, "detail-type") == events.CloudTrailCall
	source := cloudtrail.Text(record, "eventSource")
	switch {
	case source == "ec2.amazonaws.com":
		return record, nil
	case envelope["Records"] != nil && detail == nil:
		return nil, fault.Invalid("event: Records: it holds several records, which are read one by one")
	case ours && record == nil:
		return nil, fault.Invalid("event %s: detail is no object", short(cloudtrail.Text(envelope, "id")))
	case ours && source == "":
		return nil, fault.Invalid("event %s: detail.eventSource is missing or no text", short(cloudtrail.Text(envelope, "id")))
	}
	return nil, nil
}

// skip gives the reasons that hold for every call. The codes of failed EC2
// calls begin with "Client.", which changed nothing, or "Server.", of which
// nobody knows: a look tells. A dry run "fails" as Client.DryRunOperation.
// Source: EC2 API reference, "Error codes"; CloudTrail user guide, "Record contents".
func (p Parser) skip(at Place, record map[string]any) string {
	switch code := cloudtrail.Text(record, "errorCode"); {
	case strings.HasSuffix(code, "DryRunOperation"):
		return "a dry run changes nothing"
	case code != "" && !strings.HasPrefix(code, "Server."):
		return "the call failed with " + short(code) + " and changed nothing"
	case p.own(at, record):
		return "done by our own role " + p.Role
	}
	return ""
}

// own reports whether the healing role of the same account made the call. Who
// a session belongs to is what its issuer says; the names of sessions, and of
// roles in other accounts, are free to choose.
// Source: CloudTrail user guide, "CloudTrail userIdentity element".
func (p Parser) own(at Place, record map[string]any) bool {
	if p.Role == "" {
		return false
	}
	caller := cloudtrail.Texts(record, "userIdentity.arn")
	issuer := cloudtrail.Texts(record, "userIdentity.sessionContext.sessionIssuer.arn")
	all := slices.Concat(caller, issuer)
	return len(all) > 0 && !slices.ContainsFunc(all, func(arn string) bool { return !p.isRole(at, arn) })
}

// isRole reports whether the ARN is that of the healing role, or of a session
// of it: arn:aws:sts::<account>:assumed-role/<role>/<session>,
// arn:aws:iam::<account>:role/<path>/<role>.
func (p Parser) isRole(at Place, arn string) bool {
	part := strings.SplitN(arn, ":", 6)
	if len(part) < 6 || part[0] != "arn" || part[4] != at.Account {
		return false
	}
	resource := strings.Split(part[5], "/")
	switch {
	case part[2] == "sts" && resource[0] == "assumed-role":
		return len(resource) == 3 && resource[1] == p.Role
	case part[2] == "iam" && resource[0] == "role":
		return len(resource) > 1 && resource[len(resource)-1] == p.Role
	}
	return false
}

// plainEventID is generous: CloudTrail gives out UUIDs.
var plainEventID = regexp.MustCompile(`^[0-9A-Za-z._-]{1,128}$`)

// trigger reads who did what and when. A record without a usable eventID is
// known by the digest of its bytes, so that it still is handled once.
func trigger(envelope, record map[string]any, event []byte) events.Trigger {
	at, err := time.Parse(time.RFC3339, cmp.Or(cloudtrail.Text(record, "eventTime"), cloudtrail.Text(envelope, "time")))
	if err != nil {
		at = time.Time{}
	}
	id := cloudtrail.Text(record, "eventID")
	if !plainEventID.MatchString(id) {
		sum := sha256.Sum256(event)
		id = "sha256-" + hex.EncodeToString(sum[:16])
	}
	return events.Trigger{
		EventID:   id,
		EventName: cloudtrail.Text(record, "eventName"),
		Principal: short(cmp.Or(cloudtrail.Text(record, "userIdentity.arn"), cloudtrail.Text(record, "userIdentity.invokedBy"), cloudtrail.Text(record, "userIdentity.type"))),
		SourceIP:  short(cloudtrail.Text(record, "sourceIPAddress")),
		UserAgent: short(cloudtrail.Text(record, "userAgent")),
		Time:      at,
	}
}

// maxText is the longest text that is taken over, in bytes. CloudTrail itself
// cuts userAgent at 1 KB.
// Source: CloudTrail user guide, "CloudTrail record contents".
const maxText = 1024

func short(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

func sortedUnique(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}
