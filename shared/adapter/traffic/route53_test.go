package traffic_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

const (
	listSets   = "GET /2013-04-01/hostedzone/Z1/rrset"
	changeSets = "POST /2013-04-01/hostedzone/Z1/rrset"
	getChange  = "GET /2013-04-01/change/C1"
)

var cname = routing(pipeline.Router{Route53: &pipeline.Route53Router{
	Zone: "Z1", Name: "api.example.com", Type: "CNAME", TTL: pipeline.Duration(time.Minute),
}}, "blue.example.net", "green.example.net")

// set is one in the answer of ListResourceRecordSets.
func set(name, kind, id, weight, value string) string {
	text := "<ResourceRecordSet><Name>" + name + "</Name><Type>" + kind + "</Type>"
	if id != "" {
		text += "<SetIdentifier>" + id + "</SetIdentifier>"
	}
	if weight != "" {
		text += "<Weight>" + weight + "</Weight>"
	}
	if zone, dns, ok := strings.Cut(value, "@"); ok {
		return text + "<AliasTarget><HostedZoneId>" + zone + "</HostedZoneId><DNSName>" + dns + "</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>"
	}
	return text + "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>" + value + "</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
}

func ours(side, weight string) string {
	return set("api.example.com.", "CNAME", "evenkeel-"+side, weight, side+".example.net")
}

// sets is the answer; next is where the following page begins.
func sets(next string, list ...string) string {
	more := "<IsTruncated>false</IsTruncated>"
	if next != "" {
		more = "<IsTruncated>true</IsTruncated><NextRecordName>" + next + "</NextRecordName><NextRecordType>CNAME</NextRecordType>"
	}
	return `<?xml version="1.0"?><ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ResourceRecordSets>` +
		strings.Join(list, "") + "</ResourceRecordSets>" + more + "<MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
}

func change(status string) string {
	return `<?xml version="1.0"?><ChangeResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeInfo><Id>/change/C1</Id><Status>` +
		status + `</Status><SubmittedAt>2026-06-15T10:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>`
}

func restError(status int, code, message string) awsstub.Answer {
	return awsstub.Answer{Status: status, Body: `<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>` +
		code + "</Code><Message>" + message + "</Message></Error><RequestId>r</RequestId></ErrorResponse>"}
}

func TestWeightOfRecords(t *testing.T) {
	another := set("api.example.com.", "CNAME", "", "", "somewhere.example.net")
	for name, tt := range map[string]struct {
		routing rollout.Routing
		pages   []string
		percent int
		found   bool
		says    string // of an InvalidError
	}{
		"no records":                  {routing: cname, pages: []string{sets("")}},
		"only those of other names":   {routing: cname, pages: []string{sets("", set("apo.example.com.", "CNAME", "x", "1", "y"))}},
		"only those of other types":   {routing: cname, pages: []string{sets("", set("api.example.com.", "TXT", "x", "1", "y"))}},
		"both sides":                  {routing: cname, pages: []string{sets("", ours("blue", "75"), ours("green", "25"))}, percent: 25, found: true},
		"over two pages":              {routing: cname, pages: []string{sets("api.example.com.", ours("blue", "90")), sets("", ours("green", "10"))}, percent: 10, found: true},
		"other numbers, whole":        {routing: cname, pages: []string{sets("", ours("blue", "3"), ours("green", "1"))}, percent: 25, found: true},
		"the live side alone":         {routing: cname, pages: []string{sets("", ours("blue", "100"))}, found: true},
		"the first":                   {routing: first(cname), pages: []string{sets("", ours("green", "100"))}, percent: 100, found: true},
		"upper case":                  {routing: cname, pages: []string{sets("", set("API.example.com.", "CNAME", "evenkeel-green", "1", "Green.example.net."))}, percent: 100, found: true},
		"an old value without weight": {routing: cname, pages: []string{sets("", ours("blue", "100"), set("api.example.com.", "CNAME", "evenkeel-green", "0", "old.example.net"))}, found: true},

		"a plain record of the live": {routing: cname, pages: []string{sets("", set("api.example.com.", "CNAME", "", "", "Blue.example.net."))}, found: true},

		"a record without weights": {routing: cname, pages: []string{sets("", another)}, says: "without an identifier (no weight, somewhere.example.net), which is not of a rollout: delete it, let it lead to the live side (blue.example.net)"},
		"a plain record, no live":  {routing: first(cname), pages: []string{sets("", set("api.example.com.", "CNAME", "", "", "blue.example.net"))}, says: "live side (there is none)"},
		"a set of somebody else":   {routing: cname, pages: []string{sets("", ours("blue", "100"), set("api.example.com.", "CNAME", "theirs", "7", "x"))}, says: "theirs (weight 7, x)"},
		"a side that is none":      {routing: cname, pages: []string{sets("", ours("red", "100"))}, says: "evenkeel-red"},
		"another target":           {routing: cname, pages: []string{sets("", ours("blue", "50"), set("api.example.com.", "CNAME", "evenkeel-green", "50", "evil.example.net"))}, says: "evil.example.net"},
		"a live side unknown":      {routing: first(cname), pages: []string{sets("", ours("blue", "100"))}, says: "side blue (there is none)"},
		"no whole percentage":      {routing: cname, pages: []string{sets("", ours("blue", "2"), ours("green", "1"))}, says: "no percentages"},
		"all zero":                 {routing: cname, pages: []string{sets("", ours("blue", "0"), ours("green", "0"))}, says: "no percentages"},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("route53", listSets, tt.pages...)
			percent, found, err := client.Weight(t.Context(), tt.routing)
			if tt.says != "" {
				if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "api.example.com CNAME in the zone Z1") {
					t.Errorf("got %v, want %q", err, tt.says)
				}
				return
			}
			if err != nil || percent != tt.percent || found != tt.found {
				t.Errorf("got %d %t, %v", percent, found, err)
			}
			calls := stub.Calls("route53", listSets)
			if form := calls[0].Form; len(calls) != len(tt.pages) || calls[0].Account != "222222222222" || form.Get("name") != "api.example.com" || form.Get("type") != "CNAME" {
				t.Errorf("%d calls, the first %v", len(calls), calls[0].Form)
			}
		})
	}
}

// upserted is a change in the body of ChangeResourceRecordSets.
func upserted(name, kind, id, rest, weight string) string {
	return "<Change><Action>UPSERT</Action><ResourceRecordSet>" + rest[:strings.Index(rest, "|")] + "<Name>" + name + "</Name>" + rest[strings.Index(rest, "|")+1:] +
		"<SetIdentifier>" + id + "</SetIdentifier>" + ttl(rest) + "<Type>" + kind + "</Type><Weight>" + weight + "</Weight></ResourceRecordSet></Change>"
}

func ttl(rest string) string {
	if strings.Contains(rest, "AliasTarget") {
		return ""
	}
	return "<TTL>60</TTL>"
}

func plain(value string) string {
	return "|<ResourceRecords><ResourceRecord><Value>" + value + "</Value></ResourceRecord></ResourceRecords>"
}

func TestSetWeightOfRecords(t *testing.T) {
	alias := routing(pipeline.Router{Route53: &pipeline.Route53Router{Zone: "Z1", Name: "api.example.com", Type: "A", AliasName: "x", AliasZone: "y"}}, "blue-1.elb.amazonaws.com", "green-1.elb.amazonaws.com")
	alias.Live.AliasZone, alias.Candidate.AliasZone = "Z32O12XQLNTSW2", "Z32O12XQLNTSW2"
	text := routing(pipeline.Router{Route53: &pipeline.Route53Router{Zone: "Z1", Name: "api.example.com", Type: "TXT", TTL: cname.Router.Route53.TTL}}, "blue", `a "green" one`)
	target := func(side string) string {
		return "<AliasTarget><DNSName>" + side + "-1.elb.amazonaws.com</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth><HostedZoneId>Z32O12XQLNTSW2</HostedZoneId></AliasTarget>|"
	}
	for name, tt := range map[string]struct {
		routing rollout.Routing
		percent int
		want    string
	}{
		"a share": {cname, 5, upserted("api.example.com", "CNAME", "evenkeel-green", plain("green.example.net"), "5") + upserted("api.example.com", "CNAME", "evenkeel-blue", plain("blue.example.net"), "95")},
		"all":     {cname, 100, upserted("api.example.com", "CNAME", "evenkeel-green", plain("green.example.net"), "100") + upserted("api.example.com", "CNAME", "evenkeel-blue", plain("blue.example.net"), "0")},
		"nothing": {cname, 0, upserted("api.example.com", "CNAME", "evenkeel-green", plain("green.example.net"), "0") + upserted("api.example.com", "CNAME", "evenkeel-blue", plain("blue.example.net"), "100")},
		"aliases": {alias, 25, upserted("api.example.com", "A", "evenkeel-green", target("green"), "25") + upserted("api.example.com", "A", "evenkeel-blue", target("blue"), "75")},
		"texts":   {text, 50, upserted("api.example.com", "TXT", "evenkeel-green", plain("&#34;a \\&#34;green\\&#34; one&#34;"), "50") + upserted("api.example.com", "TXT", "evenkeel-blue", plain("&#34;blue&#34;"), "50")},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("route53", listSets, sets("", ours("blue", "60"), ours("green", "40")))
			stub.Reply("route53", changeSets, change("PENDING"))
			id, err := client.SetWeight(t.Context(), tt.routing, tt.percent)
			if err != nil || id != "/change/C1" {
				t.Errorf("%q, %v", id, err)
			}
			calls := stub.Calls("route53", changeSets)
			if len(calls) != 1 {
				t.Fatalf("%d calls", len(calls))
			}
			if body := string(calls[0].Body); !strings.Contains(body, "<Changes>"+tt.want+"</Changes>") {
				t.Errorf("sent\n%s\nwant\n%s", body, tt.want)
			}
		})
	}
}

// Without a live side the set of the other one is deleted in the same batch, as
// it stands; what is not ours stays.
func TestSetWeightOfTheOnlySide(t *testing.T) {
	stub, client := start(t)
	stub.Reply("route53", listSets, sets("", ours("blue", "0"), ours("green", "100"), set("api.example.com.", "CNAME", "theirs", "0", "x")))
	stub.Reply("route53", changeSets, change("PENDING"))
	if _, err := client.SetWeight(t.Context(), first(cname), 100); err != nil {
		t.Fatal(err)
	}
	body := string(stub.Calls("route53", changeSets)[0].Body)
	want := "<Change><Action>DELETE</Action><ResourceRecordSet><Name>api.example.com.</Name><ResourceRecords><ResourceRecord><Value>blue.example.net</Value></ResourceRecord></ResourceRecords>" +
		"<SetIdentifier>evenkeel-blue</SetIdentifier><TTL>60</TTL><Type>CNAME</Type><Weight>0</Weight></ResourceRecordSet></Change>"
	if !strings.Contains(body, want) || strings.Count(body, "<Change>") != 2 || strings.Contains(body, "theirs") || !strings.Contains(body, "<Weight>100</Weight>") {
		t.Error(body)
	}
}

// A plain record of the live side gives way to the two sets in one batch.
func TestSetWeightAdoptsAPlainRecord(t *testing.T) {
	stub, client := start(t)
	stub.Reply("route53", listSets, sets("", set("api.example.com.", "CNAME", "", "", "blue.example.net")))
	stub.Reply("route53", changeSets, change("PENDING"))
	if _, err := client.SetWeight(t.Context(), cname, 5); err != nil {
		t.Fatal(err)
	}
	body := string(stub.Calls("route53", changeSets)[0].Body)
	want := "<Changes><Change><Action>DELETE</Action><ResourceRecordSet><Name>api.example.com.</Name><ResourceRecords><ResourceRecord><Value>blue.example.net</Value></ResourceRecord></ResourceRecords>" +
		"<TTL>60</TTL><Type>CNAME</Type></ResourceRecordSet></Change>"
	if !strings.Contains(body, want) || strings.Count(body, "UPSERT") != 2 || strings.Count(body, "DELETE") != 1 {
		t.Error(body)
	}
}

func TestServingRecords(t *testing.T) {
	for name, tt := range map[string]struct {
		sets string
		want string // "" is that none is found
	}{
		"none":           {sets(""), ""},
		"a plain one":    {sets("", set("api.example.com.", "CNAME", "", "", "x.example.net")), "x.example.net"},
		"an alias":       {sets("", set("api.example.com.", "CNAME", "", "", "Z9@x.elb.amazonaws.com.")), "x.elb.amazonaws.com"},
		"a text":         {sets("", set("api.example.com.", "CNAME", "", "", "&quot;blue&quot;")), "blue"},
		"one of two":     {sets("", ours("blue", "0"), ours("green", "100")), "green.example.net"},
		"two":            {sets("", ours("blue", "50"), ours("green", "50")), ""},
		"several values": {sets("", set("api.example.com.", "CNAME", "", "", "a</Value></ResourceRecord><ResourceRecord><Value>b")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			stub, client := start(t)
			stub.Reply("route53", listSets, tt.sets)
			if got, found, err := client.Serving(t.Context(), cname); err != nil || found != (tt.want != "") || got != tt.want {
				t.Errorf("%q %t, %v", got, found, err)
			}
		})
	}
}

func TestSettledRecords(t *testing.T) {
	for status, want := range map[string]bool{"PENDING": false, "INSYNC": true} {
		stub, client := start(t)
		stub.Reply("route53", getChange, strings.ReplaceAll(change(status), "ChangeResourceRecordSetsResponse", "GetChangeResponse"))
		if got, err := client.Settled(t.Context(), cname, "/change/C1"); err != nil || got != want {
			t.Errorf("%s: %t, %v", status, got, err)
		}
	}
	stub, client := start(t)
	stub.On("route53", getChange, func(awsstub.Call) awsstub.Answer { return restError(404, "NoSuchChange", "gone") })
	if got, err := client.Settled(t.Context(), cname, "/change/C1"); err != nil || !got {
		t.Errorf("an old change: %t, %v", got, err)
	}
	if got, err := client.Settled(t.Context(), cname, ""); err != nil || !got {
		t.Errorf("no change: %t, %v", got, err)
	}
}

func TestErrorsOfRecords(t *testing.T) {
	for code, tt := range map[string]struct {
		status int
		kind   string
	}{
		"NoSuchHostedZone": {404, fault.InvalidError}, "InvalidChangeBatch": {400, fault.InvalidError}, "InvalidInput": {400, fault.InvalidError},
		"PriorRequestNotComplete": {400, fault.TransientError}, "Throttling": {400, fault.TransientError}, "InternalFailure": {500, fault.TransientError},
		"AccessDenied": {403, fault.PermanentError},
	} {
		stub, client := start(t)
		for _, action := range []string{listSets, changeSets, getChange} {
			stub.On("route53", action, func(awsstub.Call) awsstub.Answer { return restError(tt.status, code, "no such luck") })
		}
		_, _, weigh := client.Weight(t.Context(), cname)
		_, set := client.SetWeight(t.Context(), cname, 5)
		_, only := client.SetWeight(t.Context(), first(cname), 100)
		_, settled := client.Settled(t.Context(), cname, "/change/C1")
		for i, err := range []error{weigh, set, only, settled} {
			if !fault.Is(err, tt.kind) || !strings.Contains(fmt.Sprint(err), "api.example.com") {
				t.Errorf("%s, call %d: %v", code, i, err)
			}
		}
	}
}
