package dns_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/evenkeel/evenkeel/local/dns"
)

func weighted(id string, weight int64) types.ResourceRecordSet {
	return types.ResourceRecordSet{
		Name: aws.String("api.example."), Type: types.RRTypeCname, SetIdentifier: aws.String(id), Weight: aws.Int64(weight),
		ResourceRecords: []types.ResourceRecord{{Value: aws.String(id)}},
	}
}

func TestResolve(t *testing.T) {
	alias := types.ResourceRecordSet{Name: aws.String("lb.example."), Type: types.RRTypeA, AliasTarget: &types.AliasTarget{DNSName: aws.String("x.elb")}}
	plain := types.ResourceRecordSet{Name: aws.String("txt.example."), Type: types.RRTypeTxt, ResourceRecords: []types.ResourceRecord{{Value: aws.String("a")}, {Value: aws.String("b")}}}
	for name, tt := range map[string]struct {
		sets       []types.ResourceRecordSet
		question   string
		kind       string
		want       map[string]int // of 10,000 answers, within 300
		unanswered bool
	}{
		"by weight":         {sets: []types.ResourceRecordSet{weighted("blue", 95), weighted("green", 5)}, question: "api.example", kind: "CNAME", want: map[string]int{"blue": 9500, "green": 500}},
		"no weight at all":  {sets: []types.ResourceRecordSet{weighted("blue", 100), weighted("green", 0)}, question: "API.example.", kind: "CNAME", want: map[string]int{"blue": 10000}},
		"all zero: equal":   {sets: []types.ResourceRecordSet{weighted("blue", 0), weighted("green", 0)}, question: "api.example", kind: "CNAME", want: map[string]int{"blue": 5000, "green": 5000}},
		"an alias":          {sets: []types.ResourceRecordSet{alias}, question: "lb.example", kind: "A", want: map[string]int{"x.elb": 10000}},
		"a plain record":    {sets: []types.ResourceRecordSet{plain}, question: "txt.example", kind: "TXT", want: map[string]int{"a": 10000, "b": 10000}},
		"of another type":   {sets: []types.ResourceRecordSet{plain}, question: "txt.example", kind: "A", unanswered: true},
		"of another name":   {sets: []types.ResourceRecordSet{plain}, question: "x.example", kind: "TXT", unanswered: true},
		"nothing to answer": {question: "x.example", kind: "TXT", unanswered: true},
	} {
		t.Run(name, func(t *testing.T) {
			resolver, got := dns.New(tt.sets, 1), map[string]int{}
			for range 10_000 {
				values, ok := resolver.Resolve(tt.question, tt.kind)
				if ok == tt.unanswered {
					t.Fatalf("answered %v", values)
				}
				for _, value := range values {
					got[value]++
				}
			}
			for value, n := range got {
				if want := tt.want[value]; n < want-300 || n > want+300 || want%10_000 == 0 && n != want {
					t.Errorf("%s came %d times, not %d", value, n, want)
				}
			}
			if len(got) > len(tt.want) {
				t.Errorf("answers %v", got)
			}
		})
	}
}
