package drift_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/drift"
)

// Source of what is the same: IAM user guide, "IAM JSON policy elements
// reference" and "Grammar of the IAM JSON policy language".
func TestPolicies(t *testing.T) {
	const base = `{"Version":"2012-10-17","Statement":[%s]}`
	statement := func(s string) string { return fmt.Sprintf(base, s) }
	tests := []struct {
		name, expected, actual string
		same                   bool
	}{
		{"a statement twice", statement(`{"Effect":"Allow","Action":"a:B"}`), statement(`{"Effect":"Allow","Action":"a:B"},{"Effect":"Allow","Action":["A:b"]}`), true},
		{"an action twice", statement(`{"Effect":"Allow","Action":["a:B","a:B"]}`), statement(`{"Effect":"Allow","Action":"a:B"}`), true},
		{"an empty statement id", statement(`{"Sid":"","Effect":"Allow","Action":"a:B"}`), statement(`{"Effect":"Allow","Action":"a:B"}`), true},
		{"everybody", statement(`{"Effect":"Allow","Principal":"*","Action":"a:B"}`), statement(`{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"a:B"}`), true},
		{"an account", statement(`{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"a:B"}`), statement(`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::333333333333:root"]},"Action":"a:B"}`), true},
		{"the case of a boolean condition", statement(`{"Effect":"Deny","Action":"a:B","Condition":{"Bool":{"aws:SecureTransport":"False"}}}`), statement(`{"Effect":"Deny","Action":"a:B","Condition":{"Bool":{"aws:securetransport":false}}}`), true},
		{"a number in a condition", statement(`{"Effect":"Deny","Action":"a:B","Condition":{"NumericLessThan":{"s3:max-keys":10}}}`), statement(`{"Effect":"Deny","Action":"a:B","Condition":{"NumericLessThan":{"s3:max-keys":["10"]}}}`), true},

		{"not an action", statement(`{"Effect":"Allow","Action":"a:B"}`), statement(`{"Effect":"Allow","NotAction":"a:B"}`), false},
		{"not a resource", statement(`{"Effect":"Allow","Action":"a:B","Resource":"r"}`), statement(`{"Effect":"Allow","Action":"a:B","NotResource":"r"}`), false},
		{"not a principal", statement(`{"Effect":"Deny","Action":"a:B","Principal":{"AWS":"333333333333"}}`), statement(`{"Effect":"Deny","Action":"a:B","NotPrincipal":{"AWS":"333333333333"}}`), false},
		{"the case of a resource", statement(`{"Effect":"Allow","Action":"a:B","Resource":"arn:aws:s3:::b/A"}`), statement(`{"Effect":"Allow","Action":"a:B","Resource":"arn:aws:s3:::b/a"}`), false},
		{"a role for its account", statement(`{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"a:B"}`), statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::333333333333:role/root"},"Action":"a:B"}`), false},
		{"everybody of a federation", statement(`{"Effect":"Allow","Principal":"*","Action":"a:B"}`), statement(`{"Effect":"Allow","Principal":{"Federated":"*"},"Action":"a:B"}`), false},
		{"another version", statement(`{"Effect":"Allow","Action":"a:B"}`), `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"a:B"}]}`, false},
		{"a condition less", statement(`{"Effect":"Allow","Action":"a:B","Condition":{"StringEquals":{"k":"v"}}}`), statement(`{"Effect":"Allow","Action":"a:B"}`), false},
		{"the case of a condition's text", statement(`{"Effect":"Allow","Action":"a:B","Condition":{"StringEquals":{"k":"V"}}}`), statement(`{"Effect":"Allow","Action":"a:B","Condition":{"StringEquals":{"k":"v"}}}`), false},
		{"another operator", statement(`{"Effect":"Allow","Action":"a:B","Condition":{"StringEquals":{"k":"v*"}}}`), statement(`{"Effect":"Allow","Action":"a:B","Condition":{"StringLike":{"k":"v*"}}}`), false},
		{"no statement", statement(`{"Effect":"Allow","Action":"a:B"}`), `{"Version":"2012-10-17","Statement":[]}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, pair := range [][2]string{{tt.expected, tt.actual}, {tt.actual, tt.expected}} {
				expected := map[string]any{"PolicyDocument": object(t, pair[0])}
				for _, actual := range []any{object(t, pair[1]), pair[1]} {
					got := drift.Compare(kind("AWS::IAM::ManagedPolicy"), expected, map[string]any{"PolicyDocument": actual})
					if (len(got) == 0) != tt.same {
						t.Errorf("%s and %s: %+v", pair[0], pair[1], got)
					}
				}
			}
		})
	}
}

// TestPoliciesInAnotherForm writes random policies in another form, which is
// the same, and with one text changed, which is not.
func TestPoliciesInAnotherForm(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 3))
		policy := randomPolicy(random)
		other, _ := reformed(random, clone(policy), "").(map[string]any)
		compare := func(actual map[string]any) int {
			return len(drift.Compare(kind("AWS::SQS::QueuePolicy"), map[string]any{"PolicyDocument": policy}, map[string]any{"PolicyDocument": actual}))
		}
		if compare(other) > 0 {
			t.Fatalf("seed %d: %v and %v differ", seed, policy, other)
		}
		leaves := scalars(other, nil)
		path := leaves[random.IntN(len(leaves))]
		change(other, path)
		if compare(other) == 0 {
			t.Fatalf("seed %d: %v and %v, changed at %v, are the same", seed, policy, other, path)
		}
	}
}

func randomPolicy(random *rand.Rand) map[string]any {
	word := func(prefix string) any { return fmt.Sprintf("%s%d", prefix, random.IntN(1_000_000)) }
	some := func(prefix string) any {
		items := []any{}
		for range 1 + random.IntN(3) {
			items = append(items, word(prefix))
		}
		return items
	}
	var statements []any
	for range 1 + random.IntN(4) {
		s := map[string]any{
			"Effect":    []any{"Allow", "Deny"}[random.IntN(2)],
			"Action":    some("svc:Do"),
			"Resource":  some("arn:aws:svc:::r"),
			"Principal": map[string]any{"AWS": []any{"333333333333", word("arn:aws:iam::333333333333:role/r")}, "Service": some("svc")},
		}
		if random.IntN(2) == 0 {
			s["Sid"] = word("S")
			s["Condition"] = map[string]any{"StringEquals": map[string]any{"aws:PrincipalTag/x": some("v")}, "Bool": map[string]any{"aws:SecureTransport": "true"}}
		}
		statements = append(statements, s)
	}
	return map[string]any{"Version": "2012-10-17", "Statement": statements}
}

// reformed shuffles lists, takes one out of a list of one, and changes the case
// of actions and of condition keys.
func reformed(random *rand.Rand, v any, element string) any {
	switch v := v.(type) {
	case []any:
		random.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
		for i := range v {
			v[i] = reformed(random, v[i], element)
		}
		if len(v) == 1 && random.IntN(2) == 0 {
			return v[0]
		}
		return v
	case map[string]any:
		out := map[string]any{}
		for _, name := range sortedNames(v) {
			to := name
			if strings.HasPrefix(name, "aws:") {
				to = strings.ToLower(name)
			}
			out[to] = reformed(random, v[name], name)
		}
		return out
	case string:
		if element == "Action" {
			return strings.ToUpper(v)
		}
		if element == "AWS" && v == "333333333333" {
			return "arn:aws:iam::333333333333:root"
		}
		return v
	}
	return v
}
