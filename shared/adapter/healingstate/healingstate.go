// Package healingstate keeps the healer's memory in DynamoDB and its settings
// in Parameter Store.
package healingstate

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var (
	_ healing.Records  = (*State)(nil)
	_ healing.Policies = (*State)(nil)
)

// How long items are kept. DynamoDB deletes them some time after.
const (
	keepEvent    = 30 * 24 * time.Hour  // longer than any queue or archive replay delivers again
	keepHeal     = 400 * 24 * time.Hour // an undo stays possible
	keepExposure = 30 * 24 * time.Hour  // what is only observed is reported again after this
	keepCount    = 2 * time.Hour        // actions in an hour
)

// State implements healing.Records and healing.Policies. Items of the state
// table:
//
//	event#<eventID>         heal         done, heals (what attempts began)
//	heal#<healID>           heal         document (the undo record), progress
//	healexception#<group>   <rule key>   document
//	healactions#<group>     <hour>       n
//	healof#<group or rule>  <rule key>   heal (id of the last that closed it), closed
type State struct {
	table  string
	prefix string
	db     *dynamodb.Client
	ssm    *ssm.Client
	now    func() time.Time

	mu     sync.Mutex // guards the cached policy
	policy healing.Policy
	read   time.Time
}

// New returns the state in a DynamoDB table, with settings under a prefix of
// Parameter Store ("/evenkeel").
func New(cfg aws.Config, table, prefix string, now func() time.Time) *State {
	return &State{table: table, prefix: prefix, db: dynamodb.NewFromConfig(cfg), ssm: ssm.NewFromConfig(cfg), now: now}
}

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func key(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

func eventKey(eventID string) item { return key("event#"+eventID, "heal") }

func (s *State) until(d time.Duration) types.AttributeValue { return number(s.now().Add(d).Unix()) }

// update runs one UpdateItem and returns the whole new item.
func (s *State) update(ctx context.Context, doing string, at item, expression string, names map[string]string, values item) (item, error) {
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(s.table), Key: at,
		UpdateExpression:          aws.String(expression),
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: values,
		ReturnValues:              types.ReturnValueAllNew,
	})
	if err != nil {
		return nil, awserr.Classify(doing, err)
	}
	return out.Attributes, nil
}

// Claim implements healing.Records.
func (s *State) Claim(ctx context.Context, eventID string) (healing.Claim, error) {
	now, err := s.update(ctx, "claim event "+eventID, eventKey(eventID),
		"SET #begun = if_not_exists(#begun, :now), #ttl = :ttl",
		map[string]string{"#begun": "begun", "#ttl": "ttl"},
		item{":now": text(s.now().UTC().Format(time.RFC3339Nano)), ":ttl": s.until(keepEvent)})
	if err != nil {
		return healing.Claim{}, err
	}
	var c healing.Claim
	if done, ok := now["done"].(*types.AttributeValueMemberBOOL); ok {
		c.Done = done.Value
	}
	if heals, ok := now["heals"].(*types.AttributeValueMemberSS); ok {
		c.Heals = heals.Value
	}
	return c, nil
}

// Finish implements healing.Records.
func (s *State) Finish(ctx context.Context, eventID string) error {
	_, err := s.update(ctx, "finish event "+eventID, eventKey(eventID), "SET #done = :true, #ttl = :ttl",
		map[string]string{"#done": "done", "#ttl": "ttl"},
		item{":true": &types.AttributeValueMemberBOOL{Value: true}, ":ttl": s.until(keepEvent)})
	return err
}

// Save implements healing.Records. The event's item learns of the heals first:
// a heal that was saved is then always found by a later attempt.
func (s *State) Save(ctx context.Context, eventID string, heals ...healing.Heal) ([]healing.Heal, error) {
	if len(heals) == 0 {
		return nil, nil
	}
	ids := make([]string, len(heals))
	for i, h := range heals {
		ids[i] = h.ID
	}
	_, err := s.update(ctx, "note heals of event "+eventID, eventKey(eventID), "ADD #heals :heals",
		map[string]string{"#heals": "heals"},
		item{":heals": &types.AttributeValueMemberSS{Value: ids}})
	if err != nil {
		return nil, err
	}
	kept := make([]healing.Heal, len(heals))
	faults := make([]error, len(heals))
	var wait sync.WaitGroup
	for some := range slices.Chunk(indexes(len(heals)), saves) {
		for _, i := range some {
			wait.Go(func() { kept[i], faults[i] = s.put(ctx, heals[i], "attribute_not_exists(pk)", nil, nil) })
		}
		wait.Wait()
	}
	return kept, errors.Join(faults...)
}

// saves is how many heals are written at the same time. The group is open
// until all are.
const saves = 10

func indexes(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// Advance implements healing.Records.
func (s *State) Advance(ctx context.Context, h healing.Heal) (healing.Heal, error) {
	if h.Mode == healing.Enforce && h.Stop == nil && h.Step() == healing.StepClosed {
		if err := s.index(ctx, h); err != nil {
			return healing.Heal{}, err
		}
	}
	return s.put(ctx, h, "attribute_not_exists(pk) OR #progress < :progress",
		map[string]string{"#progress": "progress"}, item{":progress": number(int64(h.Step()))})
}

// put writes the heal on a condition; when it does not hold, the kept heal is
// returned instead.
func (s *State) put(ctx context.Context, h healing.Heal, condition string, names map[string]string, values item) (healing.Heal, error) {
	document, err := json.Marshal(h)
	if err != nil {
		return healing.Heal{}, fault.Permanent("encode %s: %w", h.ID, err)
	}
	keep := keepHeal
	if h.Mode == healing.Observe || h.Stop != nil {
		keep = keepExposure
	}
	it := key("heal#"+h.ID, "heal")
	it["document"], it["progress"], it["ttl"] = text(string(document)), number(int64(h.Step())), s.until(keep)
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.table), Item: it, ConditionExpression: aws.String(condition),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if awserr.HasCode(err, "ConditionalCheckFailedException") {
		kept, ok, err := s.Heal(ctx, h.ID)
		if err == nil && !ok {
			err = fault.Transient("%s was deleted while it was written", h.ID)
		}
		return kept, err
	}
	return h, awserr.Classify("keep "+h.ID, err)
}

// Heal implements healing.Records.
func (s *State) Heal(ctx context.Context, id string) (healing.Heal, bool, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table), Key: key("heal#"+id, "heal"), ConsistentRead: aws.Bool(true),
	})
	if err != nil || len(out.Item) == 0 {
		return healing.Heal{}, false, awserr.Classify("read "+id, err)
	}
	var h healing.Heal
	if err := document(out.Item, &h); err != nil {
		return healing.Heal{}, false, fault.Permanent("read %s: %w", id, err)
	}
	return h, true, nil
}

func document(it item, into any) error {
	d, ok := it["document"].(*types.AttributeValueMemberS)
	if !ok {
		return errors.New("the item has no document")
	}
	return json.Unmarshal([]byte(d.Value), into)
}
