package validation

import (
	"encoding/base64"

	"github.com/evenkeel/evenkeel/shared/template"
)

// appendMetadata adds the suppressions in the Metadata of a resource:
//
//	cfn-lint:  {config: {ignore_checks: [E3012]}}        exact ids
//	guard:     {SuppressedRules: [S3_BUCKET_LOGGING_ENABLED, {S3_BUCKET_NO_PUBLIC_RW_ACL: reason}]}
//	cfn_nag:   {rules_to_suppress: [{id: W35, reason: …}]}
//	cdk_nag:   {rules_to_suppress: [{id: AwsSolutions-S1, reason: …}]}
//	checkov:   {skip: [{id: CKV_AWS_18, comment: …}]}
//
// Sources: cfn-lint README, "Metadata"; CloudFormation Guard rules registry,
// "Suppressing rules"; cfn_nag README, "Per-Resource Rule Suppression"; cdk-nag
// README, "Suppressing a Rule"; checkov documentation, "Suppressing and skipping".
func appendMetadata(own []suppression, metadata *template.Node, resource string) []suppression {
	path := "Resources/" + resource + "/Metadata"
	for _, tool := range metadata.Entries {
		switch tool.Key {
		case "cfn-lint":
			own = appendIDs(own, tool.Value.Get("config").Entry("ignore_checks"), ByMetadata, resource, path)
		case "guard":
			own = appendGuard(own, tool.Value.Entry("SuppressedRules"), resource, path)
		case "cfn_nag":
			own = appendReasons(own, tool.Value.Get("rules_to_suppress"), ByCfnNag, resource, path)
		case "checkov", "bridgecrew":
			own = appendReasons(own, tool.Value.Get("skip"), ByCheckov, resource, path)
		}
	}
	return appendCDKNag(own, metadata, resource, path)
}

// appendCDKNag adds what cdk-nag writes, for a resource or for a whole stack.
// A suppression of only some findings of a rule (applies_to) counts for all
// those that the rule has in the resource.
func appendCDKNag(own []suppression, metadata *template.Node, resource, path string) []suppression {
	return appendReasons(own, metadata.Get("cdk_nag").Get("rules_to_suppress"), ByCDKNag, resource, path)
}

func appendIDs(own []suppression, e *template.Entry, by, resource, path string) []suppression {
	if e == nil || !e.Value.IsList() {
		return own
	}
	ids := e.Value.Strings()
	if len(ids) == 0 {
		return own
	}
	return append(own, suppression{
		Suppression: Suppression{By: by, Line: e.Line}, column: e.Column, ids: ids, resource: resource, path: path,
	})
}

// appendGuard reads names, and names with a reason.
func appendGuard(own []suppression, e *template.Entry, resource, path string) []suppression {
	own = appendIDs(own, e, ByGuard, resource, path)
	if e == nil {
		return own
	}
	for _, item := range e.Value.Items {
		for _, named := range item.Entries {
			own = append(own, suppression{
				Suppression: Suppression{By: ByGuard, Reason: named.Value.Str(), Line: named.Line}, column: named.Column,
				ids: []string{named.Key}, resource: resource, path: path,
			})
		}
	}
	return own
}

func appendReasons(own []suppression, list *template.Node, by, resource, path string) []suppression {
	if !list.IsList() {
		return own
	}
	for _, item := range list.Items {
		id := item.Get("id").Str()
		if id == "" {
			continue
		}
		own = append(own, suppression{
			Suppression: Suppression{By: by, Reason: reasonOf(item), Until: untilOf(item), Line: item.Line}, column: item.Column,
			ids: []string{id}, resource: resource, path: path,
		})
	}
	return own
}

func reasonOf(item *template.Node) string {
	reason := item.Get("reason").Str()
	if reason == "" {
		reason = item.Get("comment").Str() // checkov
	}
	// cdk-nag encodes reasons outside of the character set of the template.
	if setTrue(item.Get("is_reason_encoded")) {
		if text, err := base64.StdEncoding.DecodeString(reason); err == nil {
			return string(text)
		}
	}
	return reason
}

// untilOf reads our own addition to the others' forms.
func untilOf(item *template.Node) string {
	if n := item.Get("until"); n != nil && isDate(n.Text) {
		return n.Text
	}
	return ""
}
