package healingstate

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// Policy implements healing.Policies: the parameter <prefix>/healing/policy. A
// document that is no policy is an Invalid error, because healing by another
// policy than the one meant would hide it.
func (s *State) Policy(ctx context.Context, maxAge time.Duration) (healing.Policy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.read.IsZero() && s.now().Sub(s.read) < maxAge {
		return s.policy, nil
	}
	value, ok, err := s.parameter(ctx, "/healing/policy")
	if err != nil {
		return healing.Policy{}, err
	}
	policy := healing.DefaultPolicy()
	if ok {
		if policy, err = healing.DecodePolicy([]byte(value)); err != nil {
			return healing.Policy{}, err
		}
	}
	s.policy, s.read = policy, s.now()
	return policy, nil
}

// Places returns where a sweep looks: the parameter <prefix>/accounts, a JSON
// list of {"account", "region"}. Without it the list is empty.
func (s *State) Places(ctx context.Context) ([]healing.Place, error) {
	value, ok, err := s.parameter(ctx, "/accounts")
	if err != nil || !ok {
		return nil, err
	}
	var places []healing.Place
	if err := json.Unmarshal([]byte(value), &places); err != nil {
		return nil, fault.Invalid(`parameter %s/accounts: %w; want [{"account":"…","region":"…"}]`, s.prefix, err)
	}
	for _, p := range places {
		if p.Account == "" || p.Region == "" {
			return nil, fault.Invalid("parameter %s/accounts: each element needs account and region", s.prefix)
		}
	}
	return places, nil
}

func (s *State) parameter(ctx context.Context, name string) (value string, ok bool, err error) {
	name = s.prefix + name
	out, err := s.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return "", false, nil
	}
	if err != nil {
		return "", false, awserr.Classify("read parameter "+name, err)
	}
	return aws.ToString(out.Parameter.Value), true, nil
}

// Exceptions implements healing.Policies.
func (s *State) Exceptions(ctx context.Context, group string) ([]healing.Exception, error) {
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: aws.String(s.table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text("healexception#" + group)},
	})
	var list []healing.Exception
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the exceptions of "+group, err)
		}
		if list, err = exceptions(list, page.Items); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// AllExceptions returns the recorded exceptions of every group, expired ones
// too until DynamoDB deletes them. It reads the whole table: it is for a person,
// not for the healer.
func (s *State) AllExceptions(ctx context.Context) ([]healing.Exception, error) {
	pages := dynamodb.NewScanPaginator(s.db, &dynamodb.ScanInput{
		TableName: aws.String(s.table), FilterExpression: aws.String("begins_with(pk, :pk)"),
		ExpressionAttributeValues: item{":pk": text("healexception#")},
	})
	var list []healing.Exception
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("read the exceptions", err)
		}
		if list, err = exceptions(list, page.Items); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func exceptions(list []healing.Exception, items []item) ([]healing.Exception, error) {
	for _, it := range items {
		var e healing.Exception
		if err := document(it, &e); err != nil {
			return nil, fault.Permanent("read an exception: %w", err)
		}
		list = append(list, e)
	}
	return list, nil
}

// Except implements healing.Policies.
func (s *State) Except(ctx context.Context, exceptions ...healing.Exception) error {
	for _, e := range exceptions {
		document, err := json.Marshal(e)
		if err != nil {
			return fault.Permanent("encode an exception of %s: %w", e.Group, err)
		}
		it := key("healexception#"+e.Group, e.Rule)
		it["document"], it["ttl"] = text(string(document)), number(e.Expires.Unix())
		if _, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: it}); err != nil {
			return awserr.Classify("record an exception of "+e.Group, err)
		}
	}
	return nil
}

// Spend implements healing.Policies.
func (s *State) Spend(ctx context.Context, group string, hour time.Time, actions int) (int, error) {
	doing := "count the actions on " + group
	now, err := s.update(ctx, doing, key("healactions#"+group, hour.UTC().Format(time.RFC3339)),
		"SET #ttl = :ttl ADD #n :actions", map[string]string{"#ttl": "ttl", "#n": "n"},
		item{":ttl": number(hour.Add(keepCount).Unix()), ":actions": number(int64(actions))})
	if err != nil {
		return 0, err
	}
	n, ok := now["n"].(*types.AttributeValueMemberN)
	if !ok {
		return 0, fault.Permanent("%s: the answer has no count", doing)
	}
	count, err := strconv.Atoi(n.Value)
	if err != nil {
		return 0, fault.Permanent("%s: %w", doing, err)
	}
	return count, nil
}
