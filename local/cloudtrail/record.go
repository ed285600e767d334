// Package cloudtrail turns calls to workload accounts into the records that
// CloudTrail delivers to EventBridge as "AWS API Call via CloudTrail" events.
// No emulator emits them. The shapes follow published records: lists become
// {"items": […]}, absent sets become {}, and some newer EC2 calls keep their
// PascalCase request inside one wrapper object.
package cloudtrail

import (
	"encoding/json"
	"strings"
	"time"
)

// DetailType is the detail-type of the events.
const DetailType = "AWS API Call via CloudTrail"

// Call is one finished call to an AWS API.
type Call struct {
	ID        string // unique: becomes eventID
	RequestID string
	Time      time.Time
	Service   string // endpoint prefix: "ec2", "cloudformation", "cloudcontrolapi", "iam"
	Action    string
	Region    string
	Account   string // account that was called
	Identity  Identity
	SourceIP  string
	UserAgent string
	InvokedBy string         // "cloudformation.amazonaws.com" for a call made by that service
	Form      []Parameter    // parameters of a query-protocol call, in order
	JSON      map[string]any // parameters of a JSON-protocol call
	Status    int            // HTTP status
	Response  []byte         // body
}

// Parameter is one parameter of a query-protocol call.
type Parameter struct{ Name, Value string }

// Identity is who called.
type Identity struct {
	AccessKeyID string
	Account     string
	Role        string // name of the assumed role, or ""
	Session     string // name of the role's session
	User        string // name of the user when no role was assumed
	Since       time.Time
}

// ARN is the identity's ARN, as GetCallerIdentity gives it.
func (i Identity) ARN() string {
	if i.Role != "" {
		return "arn:aws:sts::" + i.Account + ":assumed-role/" + i.Role + "/" + i.Session
	}
	return "arn:aws:iam::" + i.Account + ":user/" + i.User
}

// UserID is the identity's unique id.
func (i Identity) UserID() string {
	if i.Role != "" {
		return "AROA" + pad(i.Account+i.Role) + ":" + i.Session
	}
	return "AIDA" + pad(i.Account+i.User)
}

// pad makes 17 characters of an id out of a name.
func pad(name string) string {
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
	return (id + "XXXXXXXXXXXXXXXXX")[:17]
}

// readOnly are the prefixes of actions that change nothing. EventBridge gets
// no events of such calls from CloudTrail unless a rule asks for them.
// Source: EventBridge user guide, "AWS service events delivered via AWS CloudTrail".
var readOnly = []string{"Describe", "Get", "List", "Head", "Search", "Validate", "Estimate", "Simulate", "Lookup", "Detect"}

// Mutating reports whether the action changes something.
func Mutating(action string) bool {
	for _, prefix := range readOnly {
		if strings.HasPrefix(action, prefix) {
			return false
		}
	}
	return action != ""
}

// Record returns the CloudTrail record of a call: the detail of its event.
func Record(c Call) map[string]any {
	record := map[string]any{
		"eventVersion":       "1.10",
		"userIdentity":       userIdentity(c),
		"eventTime":          c.Time.UTC().Format(time.RFC3339),
		"eventSource":        EventSource(c.Service),
		"eventName":          c.Action,
		"awsRegion":          c.Region,
		"sourceIPAddress":    c.SourceIP,
		"userAgent":          c.UserAgent,
		"requestParameters":  bounded(parameters(c)),
		"responseElements":   nil,
		"requestID":          c.RequestID,
		"eventID":            c.ID,
		"readOnly":           !Mutating(c.Action),
		"eventType":          "AwsApiCall",
		"managementEvent":    true,
		"recipientAccountId": c.Account,
		"eventCategory":      "Management",
		"tlsDetails": map[string]any{
			"tlsVersion":               "TLSv1.3",
			"cipherSuite":              "TLS_AES_128_GCM_SHA256",
			"clientProvidedHostHeader": c.Service + "." + c.Region + ".amazonaws.com",
		},
	}
	if c.InvokedBy != "" {
		record["sourceIPAddress"], record["userAgent"] = c.InvokedBy, c.InvokedBy
		delete(record, "tlsDetails")
	}
	if c.Status >= 300 {
		record["errorCode"], record["errorMessage"] = failure(c)
		return record
	}
	record["responseElements"] = bounded(responseElements(c))
	return record
}

// maxField is the most bytes of requestParameters and of responseElements.
// Source: CloudTrail user guide, "Record contents": "When the field size
// exceeds 100 KB, the … content is omitted".
const maxField = 100 << 10

// bounded omits a field that is too large.
func bounded(field any) any {
	if data, err := json.Marshal(field); err == nil && len(data) > maxField {
		return nil
	}
	return field
}

// EventSource is the record's eventSource, for example "ec2.amazonaws.com".
func EventSource(service string) string {
	if service == "cloudcontrolapi" {
		return "cloudcontrolapi.amazonaws.com"
	}
	return service + ".amazonaws.com"
}

// Source is the event's source on the bus, for example "aws.ec2".
func Source(service string) string { return "aws." + service }

func userIdentity(c Call) map[string]any {
	i := c.Identity
	identity := map[string]any{
		"type":        "IAMUser",
		"principalId": i.UserID(),
		"arn":         i.ARN(),
		"accountId":   i.Account,
		"accessKeyId": i.AccessKeyID,
	}
	if i.Role == "" {
		identity["userName"] = i.User
	} else {
		principal, _, _ := strings.Cut(i.UserID(), ":")
		identity["type"] = "AssumedRole"
		identity["sessionContext"] = map[string]any{
			"sessionIssuer": map[string]any{
				"type": "Role", "principalId": principal, "accountId": i.Account, "userName": i.Role,
				"arn": "arn:aws:iam::" + i.Account + ":role/" + i.Role,
			},
			"attributes": map[string]any{
				"creationDate": i.Since.UTC().Format(time.RFC3339), "mfaAuthenticated": "false",
			},
		}
	}
	if c.InvokedBy != "" {
		identity["invokedBy"] = c.InvokedBy
	}
	return identity
}
