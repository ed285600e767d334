package traffic

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/rollout"
)

// alias is an alias of a function. Its own version is the live side's; the
// candidate has an additional weight until it gets everything.
// Source: Lambda developer guide, "Implement Lambda canary deployments using a
// weighted alias".
type alias struct {
	client *lambda.Client
	config pipeline.LambdaAliasRouter
}

// newAlias refuses what an alias cannot lead to.
// Source: Lambda API reference, CreateAlias, FunctionVersion; developer guide,
// "Implement Lambda canary deployments using a weighted alias".
func newAlias(config aws.Config, r rollout.Routing) (router, error) {
	a := alias{lambda.NewFromConfig(config), *r.Router.LambdaAlias}
	if parts := strings.Split(a.config.Function, ":"); parts[0] == "arn" && (len(parts) < 7 || parts[3] != r.Target.Region || parts[4] != r.Target.Account) {
		return nil, fault.Invalid("%s is not in the account %s and the region %s of the stack", a, r.Target.Account, r.Target.Region)
	}
	for _, side := range []rollout.Side{r.Live, r.Candidate} {
		if version := versionOf(side); version != "" && strings.Trim(version, "0123456789") != "" {
			return nil, fault.Invalid("%s cannot lead to %q: the version is the number of a published one, such as an AWS::Lambda::Version has", a, side.Endpoint)
		}
	}
	return a, nil
}

// versionOf is the number of a version that is given as such or as an ARN, as Ref
// of an AWS::Lambda::Version does.
func versionOf(side rollout.Side) string {
	return side.Endpoint[strings.LastIndex(side.Endpoint, ":")+1:]
}

func (a alias) weight(ctx context.Context, r rollout.Routing) (int, bool, error) {
	have, found, err := a.read(ctx)
	if err != nil || !found {
		return 0, false, err
	}
	shares := map[string]float64{}
	rest := 100.0
	for version, weight := range additional(have) {
		shares[version] = weight * 100
		rest -= weight * 100
	}
	shares[aws.ToString(have.FunctionVersion)] += rest
	for version, share := range shares {
		if share > 0 && !slices.Contains([]string{versionOf(r.Candidate), versionOf(r.Live)}, version) {
			return 0, false, fault.Invalid("%s leads to %s, not only to %s: set it back, or name another alias", a, spell(have), versions(r))
		}
	}
	percent := math.Round(shares[versionOf(r.Candidate)])
	if math.Abs(percent-shares[versionOf(r.Candidate)]) > 1e-6 {
		return 0, false, fault.Invalid("%s leads to %s, which is no percentage: set it back, or abort the rollout", a, spell(have))
	}
	return int(percent), true, nil
}

// set makes or updates the alias. The revision that was read guards against a
// change in between by somebody else.
// Source: Lambda API reference, UpdateAlias, RevisionId.
func (a alias) set(ctx context.Context, r rollout.Routing, percent int) (string, error) {
	version, weights := versionOf(r.Live), map[string]float64{versionOf(r.Candidate): float64(percent) / 100}
	if percent == 100 || version == versionOf(r.Candidate) {
		version, weights = versionOf(r.Candidate), map[string]float64{}
	}
	if percent == 0 {
		weights = map[string]float64{}
	}
	have, found, err := a.read(ctx)
	if err != nil {
		return "", err
	}
	routing := &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights}
	if !found {
		_, err := a.client.CreateAlias(ctx, &lambda.CreateAliasInput{
			FunctionName: aws.String(a.config.Function), Name: aws.String(a.config.Alias), FunctionVersion: aws.String(version), RoutingConfig: routing,
			Description: aws.String("Evenkeel moves its weights in rollouts"),
		})
		return "", a.fault("make "+a.String(), err)
	}
	if aws.ToString(have.FunctionVersion) == version && maps.Equal(additional(have), weights) {
		return "", nil
	}
	_, err = a.client.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: aws.String(a.config.Function), Name: aws.String(a.config.Alias), FunctionVersion: aws.String(version), RoutingConfig: routing, RevisionId: have.RevisionId,
	})
	return "", a.fault("change the weights of "+a.String(), err)
}

// settled: an alias has no state that says how far a change is.
func (a alias) settled(context.Context, rollout.Routing, string) (bool, error) { return true, nil }

// serving is the only version that the alias leads to.
func (a alias) serving(ctx context.Context) (string, bool, error) {
	have, found, err := a.read(ctx)
	if err != nil || !found || len(additional(have)) > 0 {
		return "", false, err
	}
	return aws.ToString(have.FunctionVersion), true, nil
}

// read returns the alias; found is false when the function has none of that
// name. The error is the same when there is no function: to make the alias
// then says so.
func (a alias) read(ctx context.Context) (*lambda.GetAliasOutput, bool, error) {
	out, err := a.client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String(a.config.Function), Name: aws.String(a.config.Alias)})
	if awserr.HasCode(err, "ResourceNotFoundException") {
		return nil, false, nil
	}
	return out, err == nil, a.fault("read "+a.String(), err)
}

func (a alias) String() string { return "the alias " + a.config.Alias + " of " + a.config.Function }

// fault classifies an error of Lambda.
func (a alias) fault(doing string, err error) error {
	switch {
	case awserr.HasCode(err, "PreconditionFailedException", "ResourceConflictException"):
		return fault.Conflict("%s: %w", doing, err)
	case awserr.HasCode(err, "ResourceNotFoundException", "InvalidParameterValueException"):
		return fault.Invalid("%s: %w", doing, err)
	}
	return awserr.Classify(doing, err)
}

// additional are the weights besides the alias's own version.
func additional(alias *lambda.GetAliasOutput) map[string]float64 {
	if alias.RoutingConfig == nil {
		return nil
	}
	return alias.RoutingConfig.AdditionalVersionWeights
}

// spell shows where an alias leads.
func spell(alias *lambda.GetAliasOutput) string {
	var text strings.Builder
	text.WriteString("version " + aws.ToString(alias.FunctionVersion))
	for _, version := range slices.Sorted(maps.Keys(additional(alias))) {
		fmt.Fprintf(&text, " and with the weight %g to version %s", additional(alias)[version], version)
	}
	return text.String()
}

// versions names the endpoints of a routing.
func versions(r rollout.Routing) string {
	if alone(r) {
		return "version " + versionOf(r.Candidate)
	}
	return "the versions " + versionOf(r.Live) + " and " + versionOf(r.Candidate)
}
