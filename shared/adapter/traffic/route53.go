package traffic

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// setPrefix begins the set identifiers of our record sets; the name of the side
// ends them.
const setPrefix = "evenkeel-"

// records are the weighted record sets of one name and type.
type records struct {
	client *route53.Client
	config pipeline.Route53Router
}

func newRecords(config aws.Config, router pipeline.Route53Router) records {
	return records{route53.NewFromConfig(config), router}
}

func (s records) weight(ctx context.Context, r rollout.Routing) (int, bool, error) {
	sets, err := s.list(ctx)
	if err != nil {
		return 0, false, err
	}
	weights := map[string]int64{}
	for _, set := range sets {
		if s.plain(set, r.Live) {
			weights[r.Live.Name]++ // it becomes one of the two
			continue
		}
		name := strings.TrimPrefix(aws.ToString(set.SetIdentifier), setPrefix)
		if set.Weight == nil || setPrefix+name != aws.ToString(set.SetIdentifier) || name != rollout.Blue && name != rollout.Green {
			return 0, false, fault.Invalid("%s has the record set %s, which is not of a rollout: delete it, let it lead to the live side (%s), or give the rollout another name", s, describe(set), orNone(r.Live.Endpoint, "there is none"))
		}
		side := r.Candidate
		if name != side.Name {
			side = r.Live
		}
		if *set.Weight > 0 && !s.leads(set, side) {
			return 0, false, fault.Invalid("%s has the record set %s, which does not lead to the side %s (%s): set it back, or abort the rollout", s, describe(set), name, orNone(side.Endpoint, "there is none"))
		}
		weights[name] += *set.Weight
	}
	if len(sets) == 0 {
		return 0, false, nil
	}
	candidate, rest := weights[r.Candidate.Name], int64(0)
	for name, weight := range weights {
		if name != r.Candidate.Name {
			rest += weight
		}
	}
	percent, ok := rollout.Percent(candidate, rest)
	if !ok {
		return 0, false, fault.Invalid("%s has the weights %s %d and the other side %d, which are no percentages: set them back, or abort the rollout", s, r.Candidate.Name, candidate, rest)
	}
	return percent, true, nil
}

// set changes both record sets in one batch, which Route 53 takes or refuses as
// a whole. A plain record of the live side gives way to them in the same batch.
// Both weights are never 0: each side would then get the same.
// Source: Route 53 developer guide, "Values specific for weighted records";
// API reference, ChangeResourceRecordSets (change batches are transactional).
func (s records) set(ctx context.Context, r rollout.Routing, percent int) (string, error) {
	sets, err := s.list(ctx)
	if err != nil {
		return "", err
	}
	// A deletion names the whole set as it is.
	// Source: Route 53 API reference, Change, Action DELETE.
	var changes []types.Change
	for _, set := range sets {
		id := aws.ToString(set.SetIdentifier)
		if s.plain(set, r.Live) || alone(r) && strings.HasPrefix(id, setPrefix) && id != setPrefix+r.Candidate.Name {
			changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &set})
		}
	}
	candidate, live := rollout.Weights(percent)
	changes = append(changes, s.upsert(r.Candidate, candidate))
	if !alone(r) {
		changes = append(changes, s.upsert(r.Live, live))
	}
	out, err := s.client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(s.config.Zone), ChangeBatch: &types.ChangeBatch{Changes: changes, Comment: aws.String("evenkeel rollout of " + r.Target.StackName)},
	})
	if err != nil {
		return "", s.fault("change the record sets of "+s.String(), err)
	}
	return aws.ToString(out.ChangeInfo.Id), nil
}

// settled asks for a change. One that Route 53 no longer knows is long over.
func (s records) settled(ctx context.Context, _ rollout.Routing, change string) (bool, error) {
	out, err := s.client.GetChange(ctx, &route53.GetChangeInput{Id: &change})
	if awserr.HasCode(err, "NoSuchChange") {
		return true, nil
	}
	if err != nil {
		return false, s.fault("ask whether the change of "+s.String()+" is everywhere", err)
	}
	return out.ChangeInfo.Status == types.ChangeStatusInsync, nil
}

// upsert makes or replaces the record set of a side. Whether the target is
// healthy is not evaluated: a set that is not would give its share to the other
// side, and a measurement would not be of the weights that were set.
func (s records) upsert(side rollout.Side, weight int64) types.Change {
	set := &types.ResourceRecordSet{
		Name: aws.String(s.config.Name), Type: types.RRType(s.config.Type), SetIdentifier: aws.String(setPrefix + side.Name), Weight: aws.Int64(weight),
	}
	if side.AliasZone != "" {
		set.AliasTarget = &types.AliasTarget{DNSName: aws.String(side.Endpoint), HostedZoneId: aws.String(side.AliasZone)}
	} else {
		set.TTL = aws.Int64(int64(time.Duration(s.config.TTL) / time.Second))
		set.ResourceRecords = []types.ResourceRecord{{Value: aws.String(s.value(side))}}
	}
	return types.Change{Action: types.ChangeActionUpsert, ResourceRecordSet: set}
}

// serving is the value of a plain record, or of the only set with a weight.
func (s records) serving(ctx context.Context) (endpoint string, found bool, err error) {
	sets, err := s.list(ctx)
	for _, set := range sets {
		if set.Weight != nil && *set.Weight == 0 {
			continue
		}
		if found {
			return "", false, nil
		}
		endpoint, found = valueOf(set), true
	}
	return endpoint, found && endpoint != "", err
}

// plain reports whether a set is a plain record that leads to the side.
func (s records) plain(set types.ResourceRecordSet, side rollout.Side) bool {
	return set.SetIdentifier == nil && s.leads(set, side)
}

// valueOf is the one value of a set, without quotes, or "".
func valueOf(set types.ResourceRecordSet) string {
	switch {
	case set.AliasTarget != nil:
		return strings.TrimSuffix(aws.ToString(set.AliasTarget.DNSName), ".")
	case len(set.ResourceRecords) == 1:
		return strings.Trim(aws.ToString(set.ResourceRecords[0].Value), `"`)
	}
	return ""
}

// list returns all record sets of the name and type. They come in the order of
// names, from the one that is asked for.
func (s records) list(ctx context.Context) ([]types.ResourceRecordSet, error) {
	var sets []types.ResourceRecordSet
	pages := route53.NewListResourceRecordSetsPaginator(s.client, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(s.config.Zone), StartRecordName: aws.String(s.config.Name), StartRecordType: types.RRType(s.config.Type),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.fault("read the record sets of "+s.String(), err)
		}
		for _, set := range page.ResourceRecordSets {
			if canonical(aws.ToString(set.Name)) != canonical(s.config.Name) || string(set.Type) != s.config.Type {
				return sets, nil
			}
			sets = append(sets, set)
		}
	}
	return sets, nil
}

// leads reports whether a record set leads to a side.
func (s records) leads(set types.ResourceRecordSet, side rollout.Side) bool {
	if set.AliasTarget != nil {
		return side.Endpoint != "" && canonical(aws.ToString(set.AliasTarget.DNSName)) == canonical(side.Endpoint)
	}
	return side.Endpoint != "" && slices.ContainsFunc(set.ResourceRecords, func(record types.ResourceRecord) bool {
		value := aws.ToString(record.Value)
		return value == s.value(side) || s.config.Type == string(types.RRTypeCname) && canonical(value) == canonical(side.Endpoint)
	})
}

// value is the text of a side's record. That of a TXT record is in quotes.
// Source: Route 53 developer guide, "TXT record type".
func (s records) value(side rollout.Side) string {
	if s.config.Type == string(types.RRTypeTxt) && !strings.HasPrefix(side.Endpoint, `"`) {
		return `"` + strings.ReplaceAll(strings.ReplaceAll(side.Endpoint, `\`, `\\`), `"`, `\"`) + `"`
	}
	return side.Endpoint
}

func (s records) String() string {
	return s.config.Name + " " + s.config.Type + " in the zone " + s.config.Zone
}

// fault classifies an error of Route 53.
func (s records) fault(doing string, err error) error {
	if awserr.HasCode(err, "NoSuchHostedZone", "InvalidChangeBatch", "InvalidInput") {
		return fault.Invalid("%s: %w", doing, err)
	}
	return awserr.Classify(doing, err)
}

// canonical is the form in which Route 53 answers names.
// Source: Route 53 developer guide, "DNS domain name format".
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return strings.ReplaceAll(name, `\052`, "*")
}

func describe(set types.ResourceRecordSet) string {
	var values []string
	for _, record := range set.ResourceRecords {
		values = append(values, aws.ToString(record.Value))
	}
	if set.AliasTarget != nil {
		values = append(values, aws.ToString(set.AliasTarget.DNSName))
	}
	return orNone(aws.ToString(set.SetIdentifier), "without an identifier") + " (" + weightText(set.Weight) + ", " + strings.Join(values, " ") + ")"
}

func orNone(text, none string) string {
	if text == "" {
		return none
	}
	return text
}
