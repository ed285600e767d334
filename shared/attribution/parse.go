package attribution

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/redact"
)

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	regionID  = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)
	sourceID  = regexp.MustCompile(`^[a-z0-9.-]{1,100}\.amazonaws\.com$`)
	callID    = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)
	eventID   = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	// apiVersion ends the event names of services with versioned APIs:
	// UpdateFunctionConfiguration20150331v2, CreateDistribution2020_05_31.
	// Source: Lambda developer guide, "Logging AWS Lambda API calls using AWS
	// CloudTrail"; CloudFront developer guide, the same page.
	apiVersion = regexp.MustCompile(`20[0-9]{2}_?[0-9]{2}_?[0-9]{2}(v[0-9]+)?$`)
	// reading begins the names of calls that change nothing, for records without
	// readOnly (event versions before 1.06).
	reading = regexp.MustCompile(`^(Describe|Get|List|Head|Search|Lookup|BatchGet|Select|Query|Scan|Simulate|Validate|Estimate|Detect|Filter|Test)([A-Z]|$)`)
)

// Parse reads a CloudTrail record, bare or in its EventBridge envelope. For an
// event that says of no change, skip is the reason and the Write is empty. Only
// input that is no JSON object, and a record of a change that does not say
// where, when or by which event id, are Invalid errors.
// Source: CloudTrail user guide, "CloudTrail record contents for management,
// data, and network activity events".
func Parse(event []byte) (w Write, skip string, err error) {
	if len(event) > maxEvent {
		return Write{}, "", fault.Invalid("event: %d bytes, at most %d are read", len(event), maxEvent)
	}
	envelope, err := cloudtrail.Object(event)
	if err != nil {
		return Write{}, "", fault.Invalid("event: %w", err)
	}
	record := envelope
	if detail, ok := envelope["detail"].(map[string]any); ok {
		record = detail
	}
	source, name := cloudtrail.Text(record, "eventSource"), cloudtrail.Text(record, "eventName")
	if !sourceID.MatchString(source) || !callID.MatchString(name) {
		return Write{}, "not a CloudTrail record of an AWS API", nil
	}
	if skip := nothing(record, name); skip != "" {
		return Write{}, skip, nil
	}
	w = Write{
		Account:     cmp.Or(cloudtrail.Text(record, "recipientAccountId"), cloudtrail.Text(envelope, "account"), cloudtrail.Text(record, "userIdentity.accountId")),
		Region:      cmp.Or(cloudtrail.Text(record, "awsRegion"), cloudtrail.Text(envelope, "region")),
		EventID:     cloudtrail.Text(record, "eventID"),
		EventSource: source, EventName: apiVersion.ReplaceAllString(name, ""),
		SourceIP:  bounded(cloudtrail.Text(record, "sourceIPAddress"), maxText),
		UserAgent: bounded(redact.Line(cloudtrail.Text(record, "userAgent")), maxText),
	}
	w.Time, err = time.Parse(time.RFC3339, cloudtrail.Text(record, "eventTime"))
	if err != nil || !accountID.MatchString(w.Account) || !regionID.MatchString(w.Region) || !eventID.MatchString(w.EventID) {
		return Write{}, "", fault.Invalid("record %q of %s: account %q, region %q, time %q: it does not say which change it is",
			bounded(w.EventID, 64), name, bounded(w.Account, 20), bounded(w.Region, 30), bounded(cloudtrail.Text(record, "eventTime"), 40))
	}
	w.Time = w.Time.UTC()
	w.identify(record)
	w.subject(record)
	return w, "", nil
}

// nothing says why a record tells of no change, or is empty. A dry run of EC2
// fails as Client.DryRunOperation. Data events are about what is in a resource.
// Source: EC2 API reference, "Error codes"; CloudTrail user guide, "Record
// contents", managementEvent and readOnly.
func nothing(record map[string]any, name string) string {
	code := cloudtrail.Text(record, "errorCode")
	readOnly, said := record["readOnly"].(bool)
	management, told := record["managementEvent"].(bool)
	switch {
	case strings.HasSuffix(code, "DryRunOperation"):
		return "a dry run changes nothing"
	case code != "":
		return "the call failed with " + bounded(code, 64) + " and changed nothing"
	case flag(record["requestParameters"], "dryRun", "DryRun"):
		return "a dry run changes nothing"
	case readOnly, !said && reading.MatchString(name):
		return "the call only reads"
	case told && !management:
		return "a data event: the resource's settings are as before"
	}
	return ""
}

// identify reads who called.
// Source: CloudTrail user guide, "CloudTrail userIdentity element".
func (w *Write) identify(record map[string]any) {
	w.Kind = bounded(cloudtrail.Text(record, "userIdentity.type"), 64)
	w.InvokedBy = bounded(cloudtrail.Text(record, "userIdentity.invokedBy"), maxText)
	w.Issuer = bounded(cloudtrail.Text(record, "userIdentity.sessionContext.sessionIssuer.arn"), maxName)
	w.MFA = cloudtrail.Text(record, "userIdentity.sessionContext.attributes.mfaAuthenticated") == "true" ||
		flag(record, "userIdentity.sessionContext.attributes.mfaAuthenticated")
	w.Principal = bounded(cmp.Or(
		cloudtrail.Text(record, "userIdentity.arn"), cloudtrail.Text(record, "userIdentity.onBehalfOf.userId"), cloudtrail.Text(record, "userIdentity.userName"),
		cloudtrail.Text(record, "userIdentity.invokedBy"), cloudtrail.Text(record, "userIdentity.principalId"), w.Kind), maxName)
	if arn := strings.SplitN(w.Principal, ":", 6); len(arn) == 6 {
		if path := strings.SplitN(arn[5], "/", 3); path[0] == "assumed-role" && len(path) == 3 {
			w.Session = bounded(path[2], maxText)
		}
	}
	w.tag(record)
}

// tag reads the tags of the session. Records have them only when the trail
// enriches its events; the source identity is in every record of its session,
// and an identity provider may set it to key=value.
// Source: CloudTrail user guide, "Enrich CloudTrail events by adding resource
// tag keys and IAM global condition keys"; IAM user guide, "Monitor and control
// actions taken with assumed roles" (source identity).
func (w *Write) tag(record map[string]any) {
	tags := map[string]string{}
	keep := func(key string, value any) {
		if v, ok := value.(string); ok && key != "" && !redact.Secret(key) {
			tags[bounded(key, maxText)] = bounded(redact.Line(v), maxText)
		}
	}
	conditions, _ := at(record, "eventContext.requestContext").(map[string]any)
	for name, value := range conditions {
		if key, ok := strings.CutPrefix(name, "aws:PrincipalTag/"); ok {
			keep(key, value)
		}
	}
	principal, _ := at(record, "eventContext.tagContext.principalTags").(map[string]any)
	for key, value := range principal {
		keep(key, value)
	}
	if key, value, ok := strings.Cut(cloudtrail.Text(record, "userIdentity.sessionContext.sourceIdentity"), "="); ok {
		keep(key, value)
	}
	if len(tags) == 0 {
		return
	}
	for i, key := range sortedKeys(tags) {
		if i >= maxTags {
			delete(tags, key)
		}
	}
	w.Tags = tags
}

// at is the value at a dotted path of objects, or nil.
func at(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[key]
	}
	return v
}

// flag reports whether one of the paths holds true.
func flag(v any, paths ...string) bool {
	return slices.ContainsFunc(paths, func(path string) bool { yes, _ := at(v, path).(bool); return yes })
}
