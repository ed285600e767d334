package response

import (
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/schema"
)

// The statuses of a drifted resource that severities and exceptions tell apart.
// Source: CloudFormation API reference, StackResourceDrift.
const statusDeleted = "DELETED"

// gone is why a deleted resource is as severe as it is.
const gone = "the resource is gone"

// builtin are the severities without a document, asked in order. A policy
// document says who may do what; a public access block, a security group or an
// address decides who can reach it; encryption, deletion protection and backups
// are missed when it is too late. None of them is a tag.
// Source: AWS Foundational Security Best Practices standard, controls IAM.1,
// S3.1–S3.8, EC2.18, RDS.2, KMS.3, CloudTrail.1, DynamoDB.2, RDS.8.
var builtin = sync.OnceValue(func() []rule {
	var out []rule
	add := func(severity Severity, why, kind string, properties ...string) {
		for _, p := range properties {
			out = append(out, newRule(SeverityRule{Type: kind, Property: p, Severity: severity, Why: why}))
		}
	}
	const (
		policies   = "it decides who may do what"
		exposure   = "it decides who can reach the resource"
		encryption = "it decides how data is encrypted"
		protection = "it protects against loss"
		audit      = "it decides what is recorded"
	)
	add(Critical, policies, "AWS::IAM::*", "/AssumeRolePolicyDocument/**", "/PolicyDocument/**", "/Policies/**", "/ManagedPolicyArns/**", "/PermissionsBoundary", "/Groups/**", "/Users/**", "/Roles/**")
	add(Critical, policies, "", "**/PolicyDocument/**", "**/AssumeRolePolicyDocument/**", "**/KeyPolicy/**", "**/ResourcePolicy/**", "**/AccessPolicies/**", "**/RepositoryPolicyText/**", "**/FileSystemPolicy/**", "**/BucketPolicy/**")
	add(Critical, policies, "AWS::Lambda::Permission", "/**")
	add(Critical, policies, "AWS::Lambda::LayerVersionPermission", "/**")
	add(Critical, exposure, "", "**/PublicAccessBlockConfiguration/**", "**/PubliclyAccessible", "**/MapPublicIpOnLaunch", "**/BlockPublicAcls", "**/BlockPublicPolicy", "**/RestrictPublicBuckets", "**/IgnorePublicAcls", "**/AccessControl")
	add(Critical, exposure, "", "**/SecurityGroupIngress/**", "**/CidrIp", "**/CidrIpv6")
	add(Critical, exposure, "AWS::EC2::SecurityGroupIngress", "/**")
	add(Critical, exposure, "AWS::Lambda::Url", "/AuthType")
	add(High, exposure, "", "**/SecurityGroupEgress/**", "**/SecurityGroupIds/**", "**/SecurityGroups/**", "**/VpcSecurityGroupIds/**", "**/Scheme", "**/CorsConfiguration/**", "**/AuthorizationType", "**/SslPolicy", "**/MinimumProtocolVersion")
	add(High, exposure, "AWS::EC2::SecurityGroupEgress", "/**")
	add(High, exposure, "AWS::EC2::NetworkAclEntry", "/**")
	add(High, exposure, "AWS::EC2::Route", "/**")
	add(Critical, audit, "AWS::CloudTrail::Trail", "/IsLogging", "/EventSelectors/**")
	add(High, encryption, "", "**/*Encrypt*/**", "**/*Kms*/**", "**/*KMS*/**", "**/EnableKeyRotation")
	add(High, protection, "", "**/*DeletionProtection*/**", "**/EnableTerminationProtection", "**/TerminationProtection", "**/BackupRetentionPeriod", "**/PointInTimeRecovery*/**", "**/VersioningConfiguration/**", "**/ObjectLock*/**", "**/MultiAZ")
	add(Medium, audit, "", "**/*Logging*/**", "**/RetentionInDays")
	add(Low, "it describes the resource and changes nothing", "", "/Description", "/Tags/**")
	return out
})

// rule is a SeverityRule whose property is taken apart.
type rule struct {
	SeverityRule
	parts []string // of Property
}

func newRule(r SeverityRule) rule { return rule{r, pointer(r.Property)} }

// names reports whether the rule is about a place of a resource, or about
// something in it.
func (r rule) names(kind string, at []string) bool {
	return matchName(r.Type, kind) && (r.Property == "" || covers(r.parts, at, true))
}

// SeverityOf rates one difference of a resource, given by its JSON pointer; the
// empty one is the whole resource. What no rule names is rated by the
// provider schema: tags are low, what only a replacement can change is high,
// and all else medium.
func (p Policy) SeverityOf(kind, at string) (Severity, string) {
	place := pointer(at)
	for _, r := range p.Severities {
		if newRule(r).names(kind, place) {
			return r.Severity, because(r.Why, "a rule of the policy says so")
		}
	}
	for _, r := range builtin() {
		if r.names(kind, place) {
			return r.Severity, r.Why
		}
	}
	if typ, ok := schema.Load(kind); ok {
		under := func(property string) bool { return within(strings.TrimPrefix(property, "/properties"), at) }
		if typ.Tagging.TagProperty != "" && under(typ.Tagging.TagProperty) {
			return Low, "it is a tag"
		}
		for _, property := range typ.CreateOnly {
			if under(property) {
				return High, "only a replacement changes it"
			}
		}
	}
	return Medium, "nothing says otherwise"
}

// within reports whether a JSON pointer is a property or a part of it. Items
// of lists are * in a schema.
func within(property, at string) bool {
	return covers(append(pointer(property), "**"), pointer(at), false)
}

// deletedSeverity rates a resource that is gone: at least high, and what the
// policy says of the whole resource if that is more.
func (p Policy) deletedSeverity(kind string) (Severity, string) {
	if s, why := p.SeverityOf(kind, ""); s.AtLeast(High) {
		return s, why
	}
	return High, gone
}

func because(why, otherwise string) string {
	if why == "" {
		return otherwise
	}
	return why
}

// worst is the highest severity of a list, or "" of none.
func worst(severities ...Severity) Severity {
	var out Severity
	for _, s := range severities {
		if s.AtLeast(out) && s != "" {
			out = s
		}
	}
	return out
}

// parts lists the differences of a resource that are decided on: those of
// declared properties, then the undeclared ones. A deleted resource, and one
// whose differences are not named, is one difference as a whole.
func parts(r events.DriftedResource) (all []events.PropertyDifference, declared int) {
	all = append(all, r.Differences...)
	declared = len(all)
	if r.Status != statusDeleted {
		all = append(all, r.Undeclared...)
	}
	if len(all) == 0 || r.Status == statusDeleted {
		return []events.PropertyDifference{{}}, 1
	}
	return all, declared
}
