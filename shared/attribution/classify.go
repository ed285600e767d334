package attribution

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/events"
)

// The classes of who made a change.
const (
	ClassOwnDeployment  = "ownDeployment"  // the deployment of the stack itself
	ClassOtherStack     = "otherStack"     // CloudFormation, for another stack
	ClassServiceManaged = "serviceManaged" // an AWS service, for its own reasons
	ClassHealer         = "healer"         // Evenkeel's healing of security groups
	ClassBreakGlass     = "breakGlass"     // a person with an emergency role, or a ticket
	ClassPerson         = "person"         // a person in the usual way
	ClassUnknown        = "unknown"
)

// Classifier knows the roles of an installation. Patterns are those of
// path.Match, over names in lower case.
type Classifier struct {
	Own     []string // names of the roles that Evenkeel deploys with, patterns
	Healer  string   // name of the role that heals
	Roles   []string // names of break-glass roles, patterns
	Tags    []string // keys of session tags that mean break glass, patterns
	Session []string // names of sessions that mean break glass, patterns; whoever assumes a role chooses the name
}

// Default is the classifier of an installation that says nothing else: the
// roles of the spoke stack, and what break-glass roles are called most often.
// Names of sessions prove nothing by default.
func Default() Classifier {
	return Classifier{
		Own: []string{"evenkeel-deploy", "evenkeel-deploy-*", "evenkeel-drift", "evenkeel-execution", "evenkeel-rollout"}, Healer: "evenkeel-heal",
		Roles: []string{"*breakglass*", "*break-glass*", "*break_glass*", "*emergency*", "*firecall*"}, Tags: []string{"ticket", "incident"},
	}
}

// instance is the session name of the role of an EC2 instance.
// Source: IAM user guide, "Using an IAM role to grant permissions to
// applications running on Amazon EC2 instances".
var instance = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// Classify says what kind of caller made a write in the account of the stack,
// and why in one sentence. It believes what AWS put into the record, never what
// a caller can choose: a user agent says nothing, and a role counts as one of
// ours only in the stack's own account.
func (c Classifier) Classify(stack events.StackRef, w Write) (class, why string) {
	role, own := w.role(stack.Account)
	service := w.service()
	switch {
	case own && role == c.Healer && c.Healer != "":
		return ClassHealer, "the role " + role + " heals security groups"
	case strings.Contains(w.Issuer, ":role/aws-service-role/"):
		return ClassServiceManaged, "the role " + role + " is linked to a service and used by that service alone"
	case byCloudFormation(w) && own && matches(c.Own, role):
		return ClassOwnDeployment, "CloudFormation called with the role " + role + ", with which this stack is deployed; another stack that is deployed with it looks the same"
	case byCloudFormation(w):
		return ClassOtherStack, "CloudFormation called with " + printed(w) + ", with whom this stack is not deployed"
	case own && matches(c.Own, role):
		return ClassOwnDeployment, "the role " + role + " is Evenkeel's own"
	case service != "", w.Kind == "AWSService":
		return ClassServiceManaged, cmp.Or(service, w.Principal) + " called, on behalf of " + printed(w)
	case own && matches(c.Roles, role):
		return ClassBreakGlass, "the role " + role + " is for emergencies"
	}
	for _, key := range sortedKeys(w.Tags) {
		if matches(c.Tags, key) {
			return ClassBreakGlass, fmt.Sprintf("the session is tagged %s=%s", key, w.Tags[key])
		}
	}
	if w.Session != "" && matches(c.Session, w.Session) {
		return ClassBreakGlass, "the session is called " + w.Session
	}
	return w.person(role)
}

// person tells people from what cannot be told.
func (w Write) person(role string) (class, why string) {
	switch w.Kind {
	case "Root":
		return ClassPerson, "the root user of the account"
	case "IAMUser":
		return ClassPerson, "an IAM user"
	case "IdentityCenterUser":
		return ClassPerson, "a user of Identity Center"
	case "SAMLUser", "WebIdentityUser", "FederatedUser":
		return ClassPerson, "a federated user"
	}
	switch {
	case instance.MatchString(w.Session):
		return ClassUnknown, "the role " + role + " of the instance " + w.Session + "; who used the instance, the record does not say"
	case strings.HasPrefix(role, "AWSReservedSSO_") && w.Session != "":
		return ClassPerson, "the user " + w.Session + " of Identity Center"
	case role != "" && w.Session != "":
		return ClassPerson, "the session " + w.Session + " of the role " + role
	}
	return ClassUnknown, "the record does not say who called"
}

// role is the name of the role that called, and whether it is one of the
// account.
func (w Write) role(account string) (name string, here bool) {
	for _, arn := range []string{w.Issuer, w.Principal} {
		// arn:aws:sts::<account>:assumed-role/<role>/<session>, arn:aws:iam::<account>:role/<path>/<role>
		part := strings.SplitN(arn, ":", 6)
		if len(part) < 6 {
			continue
		}
		resource := strings.Split(part[5], "/")
		switch {
		case resource[0] == "assumed-role" && len(resource) > 1:
			return resource[1], part[4] == account
		case resource[0] == "role" && len(resource) > 1:
			return resource[len(resource)-1], part[4] == account
		}
	}
	return "", false
}

// service is the AWS service that called on behalf of the principal, or "". A
// client can choose its user agent; invokedBy and a source address that is a
// service's name are AWS's.
// Source: CloudTrail user guide, "CloudTrail record contents", sourceIPAddress
// and userIdentity invokedBy.
func (w Write) service() string {
	for _, name := range []string{w.InvokedBy, w.SourceIP} {
		if strings.HasSuffix(name, ".amazonaws.com") && name != cloudControl {
			return name
		}
	}
	return ""
}

func byCloudFormation(w Write) bool { return w.service() == "cloudformation.amazonaws.com" }

func printed(w Write) string {
	return cmp.Or(w.Principal, "somebody whom the record does not name")
}

// matches reports whether one of the patterns matches the name. A pattern that
// is none matches nothing.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(name))
		return err == nil && ok
	})
}
