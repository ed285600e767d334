package healing_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

const samples = "../../testdata/events"

var parser = healing.Parser{Role: "evenkeel-heal"}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, "cloudtrail-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// detail strips the EventBridge envelope.
func detail(t testing.TB, event []byte) []byte {
	t.Helper()
	var envelope struct{ Detail json.RawMessage }
	if err := json.Unmarshal(event, &envelope); err != nil {
		t.Fatal(err)
	}
	return envelope.Detail
}

// checkSubject compares what a record concerns. What it opened are all rules
// that it names anywhere, if it is not skipped: no call that is looked at names
// another.
func checkSubject(t *testing.T, got healing.Record, want healing.Subject, event []byte) {
	t.Helper()
	if got.Skip == "" {
		want.Opened = slices.Compact(slices.Sorted(slices.Values(ruleIDs.FindAllString(string(event), -1))))
	}
	if !reflect.DeepEqual(got.Subject, want) {
		t.Errorf("subject %+v, want %+v", got.Subject, want)
	}
}

var ruleIDs = regexp.MustCompile(`sgr-[0-9a-z]+`)

const group = "sg-0e0e0e0e0e0e0e001"

func TestParseSamples(t *testing.T) {
	inGroup := healing.Subject{Groups: []string{group}}
	tests := []struct {
		sample  string
		subject healing.Subject
		skip    string
	}{
		{sample: "nested-ipv4", subject: inGroup},
		{sample: "nested-ipv6", subject: inGroup},
		{sample: "range-20-25", subject: inGroup},
		{sample: "flat-form", subject: inGroup},
		{sample: "minus1-both-families", subject: inGroup},
		{sample: "modify-rules-object", subject: inGroup},
		{sample: "modify-rules-array", subject: inGroup},
		{sample: "prefix-list-edited", subject: healing.Subject{PrefixLists: []string{"pl-0e0e0e0e0e0e0e001"}}},
		{sample: "cloudformation-no-group-id", subject: inGroup}, // named by responseElements
		{sample: "request-omitted", subject: healing.Subject{Everything: true}},
		{sample: "error-call", skip: "the call failed with Client.UnauthorizedOperation"},
		{sample: "dry-run", skip: "a dry run"},
		{sample: "revoke", skip: "a revoke closes"},
		{sample: "own-role", skip: "done by our own role evenkeel-heal"},
		{sample: "egress", skip: "egress rules"},
	}
	covered := map[string]bool{}
	for _, tt := range tests {
		covered["cloudtrail-"+tt.sample+".json"] = true
		for form, event := range map[string][]byte{"envelope": sample(t, tt.sample), "bare": detail(t, sample(t, tt.sample))} {
			t.Run(tt.sample+"/"+form, func(t *testing.T) {
				got, err := parser.Parse(event)
				if err != nil {
					t.Fatal(err)
				}
				checkSubject(t, got, tt.subject, event)
				if !strings.HasPrefix(got.Skip, tt.skip) || tt.skip == "" && got.Skip != "" {
					t.Errorf("skip %q, want %q", got.Skip, tt.skip)
				}
				if got.Place != (healing.Place{Account: "222222222222", Region: "us-east-1"}) {
					t.Errorf("place %+v", got.Place)
				}
				if !strings.HasPrefix(got.Trigger.EventID, "e7e7e7e7-") || got.Trigger.Principal == "" ||
					got.Trigger.UserAgent == "" || got.Trigger.SourceIP == "" || got.Trigger.Time.Year() != 2026 {
					t.Errorf("trigger %+v", got.Trigger)
				}
			})
		}
	}
	files, err := filepath.Glob(filepath.Join(samples, "cloudtrail-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !covered[filepath.Base(f)] {
			t.Errorf("%s has no row in this table", f)
		}
	}
}

// record writes a bare record; the fields win over the usual ones.
func record(t testing.TB, fields map[string]any) []byte {
	t.Helper()
	r := map[string]any{
		"eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupIngress", "eventID": "id-1",
		"eventTime": "2026-11-02T09:14:07Z", "awsRegion": "eu-west-1", "recipientAccountId": "222222222222",
	}
	for name, value := range fields {
		r[name] = value
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type m = map[string]any

func TestParseShapes(t *testing.T) {
	tests := []struct {
		name    string
		fields  m
		subject healing.Subject
		skip    string
	}{
		{"the group that a rule refers to is not the subject", m{"requestParameters": m{"groupId": "sg-1", "ipPermissions": m{"items": []any{
			m{"groups": m{"items": []any{m{"groupId": "sg-2"}}}}}}}}, healing.Subject{Groups: []string{"sg-1"}}, ""},
		{"a group by name is found in the response", m{"requestParameters": m{"groupName": "default"}, "responseElements": m{
			"securityGroupRuleSet": m{"items": []any{m{"groupId": "sg-3"}, m{"groupId": "sg-3"}}}}}, healing.Subject{Groups: []string{"sg-3"}}, ""},
		{"a group by name only means looking everywhere", m{"requestParameters": m{"groupName": "default"}}, healing.Subject{Everything: true}, ""},
		{"a new group", m{"eventName": "CreateSecurityGroup", "responseElements": m{"groupId": "sg-4"}}, healing.Subject{Groups: []string{"sg-4"}}, ""},
		{"a restored prefix list", m{"eventName": "RestoreManagedPrefixListVersion", "requestParameters": m{
			"RestoreManagedPrefixListVersionRequest": m{"PrefixListId": "pl-1"}}}, healing.Subject{PrefixLists: []string{"pl-1"}}, ""},
		{"a new prefix list", m{"eventName": "CreateManagedPrefixList", "responseElements": m{
			"CreateManagedPrefixListResponse": m{"prefixList": m{"prefixListId": "pl-2"}}}}, healing.Subject{PrefixLists: []string{"pl-2"}}, ""},
		{"an interface gets groups", m{"eventName": "ModifyNetworkInterfaceAttribute", "requestParameters": m{
			"groupSet": m{"items": []any{m{"groupId": "sg-6"}, m{"groupId": "sg-5"}}}}}, healing.Subject{Groups: []string{"sg-5", "sg-6"}}, ""},
		{"an interface changes otherwise", m{"eventName": "ModifyNetworkInterfaceAttribute", "requestParameters": m{"sourceDestCheck": true}},
			healing.Subject{}, "ModifyNetworkInterfaceAttribute names no security group"},
		{"an instance starts", m{"eventName": "RunInstances", "requestParameters": m{}, "responseElements": m{"instancesSet": m{"items": []any{
			m{"groupSet": m{"items": []any{m{"groupId": "sg-7"}}}}}}}}, healing.Subject{Groups: []string{"sg-7"}}, ""},
		{"descriptions", m{"eventName": "UpdateSecurityGroupRuleDescriptionsIngress", "requestParameters": m{"groupId": "sg-1"}},
			healing.Subject{}, "only descriptions change"},
		{"an unknown call", m{"eventName": "TerminateInstances"}, healing.Subject{}, "TerminateInstances does not open"},
		{"another service", m{"eventSource": "rds.amazonaws.com"}, healing.Subject{}, "not a CloudTrail record of EC2"},
		{"null error code is no error", m{"errorCode": nil, "requestParameters": m{"groupId": "sg-1"}}, healing.Subject{Groups: []string{"sg-1"}}, ""},
		{"our role by its issuer", m{"userIdentity": m{"sessionContext": m{"sessionIssuer": m{
			"arn": "arn:aws:iam::222222222222:role/path/evenkeel-heal"}}}, "requestParameters": m{"groupId": "sg-1"}}, healing.Subject{}, "done by our own role"},
		{"a role of our name in another account", m{"userIdentity": m{"arn": "arn:aws:sts::999999999999:assumed-role/evenkeel-heal/x"},
			"requestParameters": m{"groupId": "sg-1"}}, healing.Subject{Groups: []string{"sg-1"}}, ""},
		{"a session that only bears our name", m{"userIdentity": m{"arn": "arn:aws:sts::222222222222:assumed-role/developer/evenkeel-heal"},
			"requestParameters": m{"groupId": "sg-1"}}, healing.Subject{Groups: []string{"sg-1"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parser.Parse(record(t, tt.fields))
			if err != nil {
				t.Fatal(err)
			}
			checkSubject(t, got, tt.subject, record(t, tt.fields))
			if !strings.HasPrefix(got.Skip, tt.skip) || tt.skip == "" && got.Skip != "" {
				t.Errorf("skip %q, want %q", got.Skip, tt.skip)
			}
		})
	}
}

func TestParseEnvelopeFillsGaps(t *testing.T) {
	// Older records have no recipientAccountId, and some archives keep the account as a number.
	got, err := parser.Parse([]byte(`{"account":222222222222,"region":"eu-west-1","detail":{"eventSource":"ec2.amazonaws.com",
		"eventName":"AuthorizeSecurityGroupIngress","requestParameters":{"groupId":"sg-1"}}}`))
	if err != nil || got.Place != (healing.Place{Account: "222222222222", Region: "eu-west-1"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if !strings.HasPrefix(got.Trigger.EventID, "sha256-") {
		t.Errorf("a record without an id is known by its digest, got %q", got.Trigger.EventID)
	}
}

func TestParsePoison(t *testing.T) {
	for name, event := range map[string]string{
		"no JSON":     `{"detail":`,
		"a list":      `[]`,
		"null":        `null`,
		"trailing":    `{} {}`,
		"no place":    string(record(t, m{"recipientAccountId": nil, "requestParameters": m{"groupId": "sg-1"}})),
		"odd account": string(record(t, m{"recipientAccountId": "1/../2", "requestParameters": m{"groupId": "sg-1"}})),
		"odd region":  string(record(t, m{"awsRegion": "evil.example/", "requestParameters": m{"groupId": "sg-1"}})),
	} {
		if _, err := parser.Parse([]byte(event)); !fault.Is(err, fault.InvalidError) {
			t.Errorf("%s: error %v, want an InvalidError", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(samples, "cloudtrail-*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(detail(f, data))
	}
	shaped, err := filepath.Glob(filepath.Join(shapes, "*.json"))
	if err != nil || len(shaped) == 0 {
		f.Fatalf("no shapes: %v", err)
	}
	for _, file := range shaped {
		f.Add(readFile(f, file))
	}
	f.Add([]byte(`{"action":"sweep"}`))
	f.Add([]byte(`{"detail":{"eventSource":"ec2.amazonaws.com","eventName":"CreateSecurityGroup","responseElements":[]}}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		r, err := parser.Parse(event)
		concerns := r.Everything || len(r.Groups)+len(r.PrefixLists) > 0
		switch {
		case err != nil:
			if !fault.Is(err, fault.InvalidError) || !reflect.DeepEqual(r, healing.Record{}) {
				t.Errorf("error %v with %+v", err, r)
			}
		case concerns == (r.Skip != ""):
			t.Errorf("a record either concerns something or is skipped: %+v", r)
		case concerns && (r.Account == "" || r.Region == "" || r.Trigger.EventID == ""):
			t.Errorf("incomplete: %+v", r)
		}
	})
}
