package response

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

var (
	now   = time.Date(2026, 1, 2, 3, 30, 0, 0, time.UTC)
	shop  = events.StackRef{StackName: "shop-data-prod", Account: "222222222222", Region: "us-east-1"}
	later = now.Add(24 * time.Hour)
)

func different(path string) events.PropertyDifference {
	return events.PropertyDifference{Path: path, Type: "NOT_EQUAL", Expected: "a", Actual: "b"}
}

func modified(kind string, paths ...string) events.DriftedResource {
	r := events.DriftedResource{LogicalID: "Thing", PhysicalID: "thing", ResourceType: kind, Status: "MODIFIED"}
	for _, p := range paths {
		r.Differences = append(r.Differences, different(p))
	}
	return r
}

func by(r events.DriftedResource, class string) events.DriftedResource {
	r.Attribution = &events.Attribution{Class: class}
	return r
}

// everything is a policy that would revert all.
func everything(ignore ...Exception) Policy {
	row := Row{Low: Revert, Medium: Revert, High: Revert, Critical: Revert}
	return Policy{Responses: map[string]Row{"default": row}, Ignore: ignore}
}

func TestSeverityOf(t *testing.T) {
	tests := []struct {
		kind, path string
		want       Severity
	}{
		{"AWS::IAM::Role", "/AssumeRolePolicyDocument/Statement/0/Principal", Critical},
		{"AWS::IAM::Role", "/Policies", Critical},
		{"AWS::IAM::Role", "/Policies/0", Critical},
		{"AWS::IAM::Role", "/Description", Low},
		{"AWS::IAM::Role", "/MaxSessionDuration", Medium},
		{"AWS::S3::BucketPolicy", "/PolicyDocument/Statement/0/Effect", Critical},
		{"AWS::SQS::QueuePolicy", "/PolicyDocument", Critical},
		{"AWS::KMS::Key", "/KeyPolicy/Statement", Critical},
		{"AWS::KMS::Key", "/EnableKeyRotation", High},
		{"AWS::S3::Bucket", "/PublicAccessBlockConfiguration/BlockPublicAcls", Critical},
		{"AWS::S3::Bucket", "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault", High},
		{"AWS::S3::Bucket", "/VersioningConfiguration/Status", High},
		{"AWS::S3::Bucket", "/Tags/0/Value", Low},
		{"AWS::S3::Bucket", "/Tags", Low},
		{"AWS::S3::Bucket", "/LifecycleConfiguration/Rules/0/ExpirationInDays", Medium},
		{"AWS::EC2::SecurityGroup", "/SecurityGroupIngress/0/CidrIp", Critical},
		{"AWS::EC2::SecurityGroup", "/SecurityGroupIngress", Critical},
		{"AWS::EC2::SecurityGroup", "/SecurityGroupEgress/1", High},
		{"AWS::RDS::DBInstance", "/PubliclyAccessible", Critical},
		{"AWS::RDS::DBInstance", "/DeletionProtection", High},
		{"AWS::RDS::DBInstance", "/StorageEncrypted", High},
		{"AWS::DynamoDB::Table", "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", High},
		{"AWS::DynamoDB::Table", "/DeletionProtectionEnabled", High},
		{"AWS::SQS::Queue", "/KmsMasterKeyId", High},
		{"AWS::SQS::Queue", "/VisibilityTimeout", Medium},
		{"AWS::SQS::Queue", "/FifoQueue", High},    // createOnly by its schema
		{"AWS::SSM::Parameter", "/Tags/team", Low}, // tags of a mapping
		{"AWS::Lambda::Permission", "/Principal", Critical},
		{"Custom::Thing", "/Anything", Medium},
		{"AWS::SQS::Queue", "", Medium},
	}
	for _, tt := range tests {
		if got, why := Default().SeverityOf(tt.kind, tt.path); got != tt.want || why == "" {
			t.Errorf("%s%s = %s (%s), want %s", tt.kind, tt.path, got, why, tt.want)
		}
	}
	p := Policy{Severities: []SeverityRule{{Type: "AWS::SQS::*", Property: "/Visibility*", Severity: Critical}}}
	if got, _ := p.SeverityOf("AWS::SQS::Queue", "/VisibilityTimeout"); got != Critical {
		t.Errorf("the document's rule does not come first: %s", got)
	}
}

func TestDecide(t *testing.T) {
	queue := modified("AWS::SQS::Queue", "/VisibilityTimeout")
	gone := events.DriftedResource{LogicalID: "Thing", ResourceType: "AWS::SQS::Queue", Status: "DELETED"}
	undeclared := modified("AWS::SQS::Queue")
	undeclared.Undeclared = []events.PropertyDifference{different("/DelaySeconds")}
	tests := map[string]struct {
		policy   Policy
		resource events.DriftedResource
		response Response
		severity Severity
		why      string
	}{
		"nobody knows who":         {Default(), queue, Notify, Medium, "made by class unknown"},
		"a role's policy":          {Default(), by(modified("AWS::IAM::Role", "/Policies/0"), "person"), Open, Critical, "who may do what"},
		"a service's tag":          {Default(), by(modified("AWS::SQS::Queue", "/Tags/0"), "serviceManaged"), Ignore, Low, "serviceManaged"},
		"the worst counts":         {Default(), by(modified("AWS::IAM::Role", "/Description", "/Policies/0"), "person"), Open, Critical, ""},
		"deleted":                  {Default(), gone, Open, High, "the resource is gone"},
		"not named":                {Default(), modified("AWS::SQS::Queue"), Notify, Medium, ""},
		"wished back":              {everything(), queue, Revert, Medium, ""},
		"undeclared":               {everything(), undeclared, Open, Medium, "no change set brings it back"},
		"one of two is ignored":    {everything(Exception{Property: "/Tags/**", Until: later, Reason: "autotag"}), modified("AWS::SQS::Queue", "/Tags/0", "/VisibilityTimeout"), Open, Medium, "not every difference"},
		"ignored":                  {everything(Exception{Stack: "shop-*", Type: "AWS::SQS::*", LogicalID: "Th?ng", Property: "/Visibility*", Until: later, Reason: "load test"}), queue, Ignore, Medium, "ignored until 2026-01-03: load test"},
		"another stack":            {everything(Exception{Stack: "other-*", Until: later, Reason: "x"}), queue, Revert, Medium, ""},
		"another type":             {everything(Exception{Type: "AWS::SNS::*", Until: later, Reason: "x"}), queue, Revert, Medium, ""},
		"another id":               {everything(Exception{LogicalID: "Other", Until: later, Reason: "x"}), queue, Revert, Medium, ""},
		"another property":         {everything(Exception{Property: "/Delay*", Until: later, Reason: "x"}), queue, Revert, Medium, ""},
		"over":                     {everything(Exception{LogicalID: "Thing", Until: now, Reason: "load test"}), queue, Revert, Medium, `the exception "load test" ended on 2026-01-02`},
		"a part does not hide all": {everything(Exception{Property: "/Policies/0/**", Until: later, Reason: "x"}), modified("AWS::IAM::Role", "/Policies"), Revert, Critical, ""},
		"deleted is not hidden":    {everything(Exception{Stack: "*", Until: later, Reason: "x"}), gone, Revert, High, ""},
		"nor by a property":        {everything(Exception{Property: "**", Deleted: true, Until: later, Reason: "x"}), gone, Revert, High, ""},
		"unless said":              {everything(Exception{Stack: "*", Deleted: true, Until: later, Reason: "x"}), gone, Ignore, High, "ignored until"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := Decide(tt.policy, nil, nil, shop, tt.resource, now)
			if d.Response != tt.response || d.Severity != tt.severity || !strings.Contains(d.Why, tt.why) || d.Why == "" {
				t.Errorf("%+v\nwant %s %s %q", d, tt.response, tt.severity, tt.why)
			}
		})
	}
}

func TestDecideAccepted(t *testing.T) {
	r := modified("AWS::SQS::Queue", "/VisibilityTimeout", "/Tags/0")
	accept := func(path string, until time.Time) []Accepted {
		digest, ok := LiveDigest(r, path)
		if !ok {
			t.Fatalf("nothing at %q", path)
		}
		return []Accepted{{LogicalID: "Thing", Path: path, Digest: digest, By: "kim", Reason: "load test", Until: until}}
	}
	decide := func(accepted []Accepted, r events.DriftedResource) Decision {
		return Decide(everything(), accepted, nil, shop, r, now)
	}
	if d := decide(accept("", time.Time{}), r); d.Response != Ignore || d.Why != "accepted by kim: load test" || len(d.Kept()) != 2 {
		t.Errorf("%+v", d)
	}
	if d := decide(accept("/VisibilityTimeout", later), r); d.Response != Open || len(d.Kept()) != 1 || d.Severity != Low {
		t.Errorf("%+v", d)
	}
	if d := decide(accept("", now), r); d.Response != Revert || !strings.Contains(d.Why, "which is over") {
		t.Errorf("%+v", d)
	}
	changed := modified("AWS::SQS::Queue", "/VisibilityTimeout", "/Tags/0")
	changed.Differences[0].Actual = "c"
	if d := decide(accept("/VisibilityTimeout", time.Time{}), changed); d.Response != Revert || !strings.Contains(d.Why, "changed since") {
		t.Errorf("%+v", d)
	}
	expected := modified("AWS::SQS::Queue", "/VisibilityTimeout", "/Tags/0")
	expected.Differences[0].Expected = "c" // the template, not what is live
	if d := decide(accept("", time.Time{}), expected); d.Response != Ignore {
		t.Errorf("%+v", d)
	}
	replaced := r
	replaced.PhysicalID = "another"
	if d := decide(accept("", time.Time{}), replaced); d.Response != Revert {
		t.Errorf("%+v", d)
	}
	gone := r
	gone.Status, gone.Differences = "DELETED", nil
	if d := decide(accept("", time.Time{}), gone); d.Response != Revert {
		t.Errorf("%+v", d)
	}
	if _, ok := LiveDigest(r, "/DelaySeconds"); ok {
		t.Error("accepted what has not drifted")
	}
	if _, ok := LiveDigest(gone, "/VisibilityTimeout"); ok {
		t.Error("accepted a property of what is gone")
	}
}

func TestExpired(t *testing.T) {
	p := everything(Exception{Stack: "a", Until: now}, Exception{Stack: "b", Until: later})
	if got := p.Expired(now); len(got) != 1 || got[0].Stack != "a" {
		t.Errorf("%+v", got)
	}
}

// FuzzDecide: another exception never raises a response, one that is over
// changes nothing, more drift is never less severe, and nothing hides a deleted
// resource without saying so.
func FuzzDecide(f *testing.F) {
	f.Add("AWS::IAM::Role", "/Policies/0", "/Tags/0", "person", "*", "/Tags/**", false, uint8(3))
	f.Add("AWS::SQS::Queue", "/VisibilityTimeout", "", "", "shop-*", "", true, uint8(0))
	f.Fuzz(func(t *testing.T, kind, first, second, class, stack, property string, deleted bool, word uint8) {
		base := Policy{Responses: map[string]Row{class: {Low: Responses()[word%4], High: Responses()[word/4%4]}, "default": {Medium: Revert}}}
		e := Exception{Stack: stack, Property: property, Deleted: deleted, Reason: "r", Until: later}
		with, over := base, base
		with.Ignore = []Exception{e}
		e.Until = now
		over.Ignore = []Exception{e}
		one, two := by(modified(kind, first), class), by(modified(kind, first, second), class)
		gone := one
		gone.Status = "DELETED"
		for _, r := range []events.DriftedResource{one, two, gone} {
			plain := Decide(base, nil, nil, shop, r, now)
			if got := Decide(with, nil, nil, shop, r, now); got.Response.rank() > plain.Response.rank() {
				t.Errorf("an exception raised %s to %s", plain.Response, got.Response)
			}
			got := Decide(over, nil, nil, shop, r, now)
			if got.Response != plain.Response || got.Severity != plain.Severity || len(got.Kept()) != len(plain.Kept()) {
				t.Errorf("an exception that is over changed %+v to %+v", plain, got)
			}
			if plain.Response.rank() < 0 || plain.Severity.rank() < 0 || plain.Why == "" {
				t.Errorf("%+v", plain)
			}
			for _, part := range plain.Parts {
				if part.Response != Ignore && !plain.Severity.AtLeast(part.Severity) {
					t.Errorf("%s is less than its part %s", plain.Severity, part.Severity)
				}
			}
		}
		if !deleted && Decide(with, nil, nil, shop, gone, now).Response != Decide(base, nil, nil, shop, gone, now).Response {
			t.Error("an exception that does not say so hid a deleted resource")
		}
		all := Policy{Responses: map[string]Row{"default": {Low: Open, Medium: Open, High: Open, Critical: Open}}}
		one.Attribution, two.Attribution = nil, nil
		if !Decide(all, nil, nil, shop, two, now).Severity.AtLeast(Decide(all, nil, nil, shop, one, now).Severity) {
			t.Error("more drift is less severe")
		}
	})
}
