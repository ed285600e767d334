package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/local/cloudtrail"
)

var (
	roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):role/(?:[\x21-\x7e]*/)?([\w+=,.@-]{1,64})$`)
	// Source: STS API reference, AssumeRole, RoleSessionName.
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

type assumedRole struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	Result  struct {
		AssumedRoleUser struct {
			AssumedRoleID string `xml:"AssumedRoleId"`
			ARN           string `xml:"Arn"`
		}
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      string
		}
	} `xml:"AssumeRoleResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type callerIdentity struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	Result  struct {
		ARN     string `xml:"Arn"`
		UserID  string `xml:"UserId"`
		Account string
	} `xml:"GetCallerIdentityResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type stsError struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Error   struct{ Type, Code, Message string }
	ID      string `xml:"RequestId"`
}

// serveSTS answers the two calls that decide accounts, and reports whether it
// did. Both emulators keep the credentials of AssumeRole in tables of their
// own; only the gateway's table reaches all of them.
func (g *Gateway) serveSTS(w http.ResponseWriter, caller cloudtrail.Identity, form url.Values, requestID string) bool {
	switch form.Get("Action") {
	case "AssumeRole":
		g.assumeRole(w, form, requestID)
	case "GetCallerIdentity":
		answer := callerIdentity{RequestID: requestID}
		answer.Result.ARN, answer.Result.UserID, answer.Result.Account = caller.ARN(), caller.UserID(), caller.Account
		writeXML(w, http.StatusOK, answer)
	default:
		return false
	}
	return true
}

func (g *Gateway) assumeRole(w http.ResponseWriter, form url.Values, requestID string) {
	refuse := func(message string) {
		answer := stsError{ID: requestID}
		answer.Error.Type, answer.Error.Code, answer.Error.Message = "Sender", "ValidationError", message
		writeXML(w, http.StatusBadRequest, answer)
	}
	role := roleARN.FindStringSubmatch(form.Get("RoleArn"))
	if role == nil {
		refuse(fmt.Sprintf("%s is invalid", form.Get("RoleArn")))
		return
	}
	session := form.Get("RoleSessionName")
	if !sessionName.MatchString(session) {
		refuse("1 validation error detected: Value '" + session + "' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*")
		return
	}
	// Source: STS API reference, AssumeRole: DurationSeconds is 900 to 43200, by default 3600.
	seconds := 3600
	if text := form.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 900 || n > 43200 {
			refuse("1 validation error detected: Value '" + text + "' at 'durationSeconds' failed to satisfy constraint")
			return
		}
		seconds = n
	}
	identity := g.accounts.issue(role[1], role[2], session)
	answer := assumedRole{RequestID: requestID}
	answer.Result.AssumedRoleUser.ARN = identity.ARN()
	answer.Result.AssumedRoleUser.AssumedRoleID = identity.UserID()
	answer.Result.Credentials.AccessKeyID = identity.AccessKeyID
	answer.Result.Credentials.SecretAccessKey = rand.Text() + rand.Text()[:14]
	answer.Result.Credentials.SessionToken = base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	answer.Result.Credentials.Expiration = g.now().Add(time.Duration(seconds) * time.Second).UTC().Format(time.RFC3339)
	writeXML(w, http.StatusOK, answer)
}

func writeXML(w http.ResponseWriter, status int, value any) {
	data, err := xml.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}
