package healing_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

const shapes = "testdata/cloudtrail"

// TestParseShapesOfCalls reads a record of every call and every shape that
// CloudTrail is known to write it in, as bare records. Each file has a row.
func TestParseShapesOfCalls(t *testing.T) {
	const one, two = "sg-0a11a11a11a11a001", "sg-0a11a11a11a11a002"
	in := healing.Subject{Groups: []string{one}}
	both := healing.Subject{Groups: []string{one, two}}
	list := healing.Subject{PrefixLists: []string{"pl-0a11a11a11a11a001"}}
	everywhere := healing.Subject{Everything: true}
	rows := map[string]struct {
		subject healing.Subject
		skip    string
	}{
		"authorize-nested":                    {subject: in},
		"authorize-both-families-no-rule-set": {subject: in},
		"authorize-every-protocol":            {subject: in},
		"authorize-with-description":          {subject: in},
		"authorize-referenced-group":          {subject: in},
		"authorize-prefix-list":               {subject: in},
		"authorize-flat":                      {subject: in},
		"authorize-flat-as-typed":             {subject: in},
		"authorize-by-cloudformation":         {subject: in},
		"authorize-by-name-in-default-vpc":    {subject: in},
		"authorize-by-name-no-rule-set":       {subject: everywhere},
		"authorize-request-null":              {subject: everywhere},
		"authorize-request-omitted":           {subject: everywhere},
		"authorize-classic":                   {subject: in},
		"authorize-egress":                    {skip: "egress rules let nobody in"},
		"modify-one":                          {subject: in},
		"modify-several":                      {subject: in},
		"modify-camel-case":                   {subject: in},
		"modify-camel-case-wrapped":           {subject: in},
		"descriptions":                        {skip: "only descriptions change"},
		"create-group":                        {subject: in},
		"delete-group":                        {skip: "a deleted group admits nobody"},
		"associate-vpc":                       {subject: in},
		"revoke-nested":                       {skip: "a revoke closes"},
		"revoke-flat":                         {skip: "a revoke closes"},
		"revoke-by-id":                        {skip: "a revoke closes"},
		"prefix-list-create":                  {subject: list},
		"prefix-list-add":                     {subject: list},
		"prefix-list-add-and-remove":          {subject: list},
		"prefix-list-restore":                 {subject: list},
		"prefix-list-delete":                  {skip: "a prefix list in use cannot be deleted"},
		"interface-groups":                    {subject: both},
		"interface-description":               {skip: "ModifyNetworkInterfaceAttribute names no security group"},
		"interface-create":                    {subject: in},
		"instance-groups":                     {subject: in},
		"instance-type":                       {skip: "ModifyInstanceAttribute names no security group"},
		"run-with-groups":                     {subject: in},
		"run-with-interface":                  {subject: in},
		"run-with-existing-interface":         {subject: in},
		"run-launch-template":                 {subject: both},
		"run-response-omitted":                {subject: everywhere},
		"endpoint-create":                     {subject: in},
		"tags":                                {subject: in},
		"tags-of-an-instance":                 {skip: "DeleteTags names no security group"},
		"error-unauthorized":                  {skip: "the call failed with Client.UnauthorizedOperation and changed nothing"},
		"error-duplicate":                     {skip: "the call failed with Client.InvalidPermission.Duplicate and changed nothing"},
		"error-server":                        {subject: in}, // who knows,
		"dry-run":                             {skip: "a dry run changes nothing"},
		"error-describe":                      {skip: "the call failed with Client.InvalidGroup.NotFound and changed nothing"},
		"read-only":                           {skip: "DescribeSecurityGroupRules only reads"},
		"own-role":                            {skip: "done by our own role evenkeel-heal"},
		"other-source":                        {skip: "not a CloudTrail record of EC2"},
	}
	files, err := filepath.Glob(filepath.Join(shapes, "*.json"))
	if err != nil || len(files) != len(rows) {
		t.Fatalf("%d files and %d rows (%v)", len(files), len(rows), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			row, ok := rows[name]
			if !ok {
				t.Fatal("the file has no row")
			}
			got := parsed(t, readFile(t, file))
			checkSubject(t, got, row.subject, readFile(t, file))
			if got.Skip != row.skip {
				t.Errorf("skip %q, want %q", got.Skip, row.skip)
			}
			if row.skip == "" && got.Place != (healing.Place{Account: "222222222222", Region: "eu-west-1"}) {
				t.Errorf("place %+v", got.Place)
			}
		})
	}
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parsed(t testing.TB, event []byte) healing.Record {
	t.Helper()
	got, err := parser.Parse(event)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestNothingRelevantIsDropped: wherever a relevant record has something that
// nobody expects, every group is looked at.
func TestNothingRelevantIsDropped(t *testing.T) {
	nested := any("sg-1")
	for range 9000 {
		nested = []any{nested}
	}
	many := make([]any, 0, 5000)
	for i := range 5000 {
		many = append(many, m{"groupId": "sg-" + string(rune('a'+i%26)) + strings.Repeat("0", i%40)})
	}
	for name, fields := range map[string]m{
		"a number for the group":          {"requestParameters": m{"groupId": 7}},
		"true for the group":              {"requestParameters": m{"groupId": true}},
		"an object for the group":         {"requestParameters": m{"groupId": m{"id": "sg-1"}}},
		"another resource":                {"requestParameters": m{"groupId": "i-1"}},
		"odd characters":                  {"requestParameters": m{"groupId": "sg-1\x00'; drop"}},
		"a very long id":                  {"requestParameters": m{"groupId": "sg-" + strings.Repeat("a", 4096)}},
		"a text for the parameters":       {"requestParameters": "groupId=sg-1"},
		"a list for the parameters":       {"requestParameters": []any{}},
		"one of two cannot be read":       {"requestParameters": m{"groupId": []any{"sg-1", 7}}},
		"a name and a text for the rules": {"requestParameters": m{"groupName": "default"}, "responseElements": "true"},
		"a text for the groups of an interface": {"eventName": "ModifyNetworkInterfaceAttribute",
			"requestParameters": m{"networkInterfaceId": "eni-1", "groupSet": "sg-1"}},
		"an interface change without parameters": {"eventName": "ModifyNetworkInterfaceAttribute", "requestParameters": nil},
		"an interface without a response":        {"eventName": "CreateNetworkInterface", "requestParameters": m{"groupSet": m{}}},
		"instances without a response":           {"eventName": "RunInstances", "requestParameters": m{"imageId": "ami-1"}, "responseElements": nil},
		"the groups of an instance by attribute": {"eventName": "ModifyInstanceAttribute", "requestParameters": m{"instanceId": "i-1", "attribute": "groupSet", "value": "x"}},
		"a prefix list that is a number":         {"eventName": "ModifyManagedPrefixList", "requestParameters": m{"ModifyManagedPrefixListRequest": m{"PrefixListId": 4}}},
		"a new prefix list without a response":   {"eventName": "CreateManagedPrefixList", "requestParameters": m{}},
		"a group for a prefix list":              {"eventName": "ModifyManagedPrefixList", "requestParameters": m{"ModifyManagedPrefixListRequest": m{"PrefixListId": "sg-1"}}},
		"tags without parameters":                {"eventName": "CreateTags", "requestParameters": m{"omitted": true}},
		"more groups than a filter takes":        {"eventName": "ModifyInstanceAttribute", "requestParameters": m{"groupSet": m{"items": many}}},
	} {
		if got := parsed(t, record(t, fields)); !reflect.DeepEqual(got.Subject, healing.Subject{Everything: true}) || got.Skip != "" {
			t.Errorf("%s: subject %+v, skip %q", name, got.Subject, got.Skip)
		}
	}
	if got := parsed(t, record(t, m{"requestParameters": m{"groupId": nested}})); !reflect.DeepEqual(got.Subject, healing.Subject{Groups: []string{"sg-1"}}) {
		t.Errorf("in 9,000 lists: %+v", got.Subject)
	}
}

// TestInvalidNamesTheField: what makes a record unusable is named, at whatever
// length it stands there.
func TestInvalidNamesTheField(t *testing.T) {
	envelope := func(fields m) string {
		e := m{"source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail", "id": "e-1"}
		for name, value := range fields {
			e[name] = value
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, test := range map[string]struct{ event, field string }{
		"no account":         {string(record(t, m{"recipientAccountId": nil})), "recipientAccountId"},
		"an odd account":     {string(record(t, m{"recipientAccountId": strings.Repeat("9a", 100000)})), "recipientAccountId"},
		"no region":          {string(record(t, m{"awsRegion": m{}})), "awsRegion"},
		"no name":            {string(record(t, m{"eventName": nil})), "eventName"},
		"a name that is one": {string(record(t, m{"eventName": true})), "eventName"},
		"a text for detail":  {envelope(m{"detail": "x"}), "detail is no object"},
		"a list for detail":  {envelope(m{"detail": []any{m{}}}), "detail is no object"},
		"no source":          {envelope(m{"detail": m{"eventName": "AuthorizeSecurityGroupIngress"}}), "detail.eventSource"},
		"an odd source":      {envelope(m{"detail": m{"eventSource": m{}}}), "detail.eventSource"},
		"no detail":          {envelope(nil), "detail.eventSource"},
		"a log file":         {`{"Records":[{"eventSource":"ec2.amazonaws.com"}]}`, "Records"},
	} {
		_, err := parser.Parse([]byte(test.event))
		if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), test.field) || len(err.Error()) > 5000 {
			t.Errorf("%s: %.200v, want an InvalidError that names %s", name, err, test.field)
		}
	}
}

// TestOwnRoleIsExact: only a session of the role in this very account is ours.
func TestOwnRoleIsExact(t *testing.T) {
	const ours, session = "arn:aws:iam::222222222222:role/evenkeel-heal", "arn:aws:sts::222222222222:assumed-role/evenkeel-heal/evenkeel"
	for name, test := range map[string]struct {
		caller, issuer any
		own            bool
	}{
		"session and issuer":           {session, ours, true},
		"session":                      {session, nil, true},
		"issuer":                       {nil, ours, true},
		"in a path":                    {session, "arn:aws:iam::222222222222:role/path/evenkeel-heal", true},
		"in another partition":         {"arn:aws-cn:sts::222222222222:assumed-role/evenkeel-heal/x", nil, true},
		"the issuer is another":        {session, "arn:aws:iam::222222222222:role/developer", false},
		"the session is another":       {"arn:aws:sts::222222222222:assumed-role/developer/evenkeel-heal", ours, false},
		"another account":              {"arn:aws:sts::999999999999:assumed-role/evenkeel-heal/x", nil, false},
		"another account's issuer":     {session, "arn:aws:iam::999999999999:role/evenkeel-heal", false},
		"a longer name":                {"arn:aws:sts::222222222222:assumed-role/evenkeel-heal2/x", nil, false},
		"another case":                 {"arn:aws:sts::222222222222:assumed-role/Evenkeel-Heal/x", nil, false},
		"a user of the name":           {"arn:aws:iam::222222222222:user/evenkeel-heal", nil, false},
		"a user in a path of the name": {"arn:aws:iam::222222222222:user/role/evenkeel-heal", nil, false},
		"one of two":                   {[]any{session, "arn:aws:iam::222222222222:user/mallory"}, nil, false},
		"nobody":                       {nil, nil, false},
		"no text":                      {m{"arn": session}, 7, false},
	} {
		got := parsed(t, record(t, m{"requestParameters": m{"groupId": "sg-1"},
			"userIdentity": m{"arn": test.caller, "sessionContext": m{"sessionIssuer": m{"arn": test.issuer}}}}))
		if (got.Skip != "") != test.own {
			t.Errorf("%s: skip %q, want it to be ours: %v", name, got.Skip, test.own)
		}
	}
	if got, err := (healing.Parser{}).Parse(record(t, m{"requestParameters": m{"groupId": "sg-1"}, "userIdentity": m{"arn": session}})); err != nil || got.Skip != "" {
		t.Errorf("without a role nothing is ours: %q, %v", got.Skip, err)
	}
}

// TestTriggerIsBounded: texts of a record go into keys, facts and logs.
func TestTriggerIsBounded(t *testing.T) {
	long := strings.Repeat("é", 100000)
	got := parsed(t, record(t, m{"requestParameters": m{"groupId": "sg-1"}, "eventID": long, "userAgent": long,
		"sourceIPAddress": long, "userIdentity": m{"arn": long}, "eventTime": "yesterday"})).Trigger
	for name, text := range map[string]string{"principal": got.Principal, "user agent": got.UserAgent, "source": got.SourceIP, "id": got.EventID} {
		if len(text) > 1024 || text == "" || !json.Valid([]byte(`"`+text+`"`)) {
			t.Errorf("%s has %d bytes: %.20q…", name, len(text), text)
		}
	}
	if !strings.HasPrefix(got.EventID, "sha256-") || !got.Time.IsZero() {
		t.Errorf("id %q, time %v", got.EventID, got.Time)
	}
}

// FuzzRelevant changes the parameters of calls that always concern something:
// whatever is in them, the record is looked at.
func FuzzRelevant(f *testing.F) {
	names := []string{"AuthorizeSecurityGroupIngress", "AuthorizeIngress", "ModifySecurityGroupRules", "CreateSecurityGroup", "AssociateSecurityGroupVpc",
		"ModifyManagedPrefixList", "RestoreManagedPrefixListVersion", "CreateManagedPrefixList"}
	files, err := filepath.Glob(filepath.Join(shapes, "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no shapes: %v", err)
	}
	for i, file := range files {
		var r struct{ RequestParameters, ResponseElements json.RawMessage }
		if err := json.Unmarshal(readFile(f, file), &r); err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), string(r.RequestParameters), string(r.ResponseElements))
	}
	f.Add(byte(0), `{"groupId":{"content":"sg-1"}}`, `{"securityGroupRuleSet":[[[{"items":[null,7,{"groupId":""}]}]]]}`)
	f.Fuzz(func(t *testing.T, call byte, parameters, elements string) {
		event := []byte(`{"eventSource":"ec2.amazonaws.com","eventName":"` + names[int(call)%len(names)] +
			`","eventID":"id","awsRegion":"eu-west-1","recipientAccountId":"222222222222","requestParameters":` + parameters + `,"responseElements":` + elements + `}`)
		if !json.Valid([]byte(parameters)) || !json.Valid([]byte(elements)) {
			return
		}
		got, err := parser.Parse(event)
		if err != nil || got.Skip != "" || !got.Everything && len(got.Groups)+len(got.PrefixLists) == 0 {
			t.Errorf("%s: %+v, %v", event, got, err)
		}
		for _, id := range append(got.Groups, got.PrefixLists...) {
			if !strings.HasPrefix(id, "sg-") && !strings.HasPrefix(id, "pl-") || len(id) > 80 || strings.ContainsAny(id, "/ '\"\x00") {
				t.Errorf("id %q", id)
			}
		}
	})
}
