package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/evenkeel/evenkeel/local/dns"
)

// visitors are those who ask the services of testdata/repositories/rollouts.
// They find a side as anybody does, by the weights of the records that are in
// the hosted zone and by the alias of the function, and what happens to them is
// put as metrics of that side.
type visitors struct {
	zone    string
	records *route53.Client
	metrics *cloudwatch.Client
	lambda  *lambda.Client
	cancel  context.CancelFunc
	done    chan struct{}

	mu       sync.Mutex
	weights  map[string][]int  // of each service: the weights of green that were seen, as they changed
	versions map[string]int    // how often each version of the function answered
	spoiled  map[string]string // version to what it answered in place of its release
	fault    error             // the first of their own
}

const (
	visitsPerLook = 40
	rolloutsZone  = "rollouts.example"
	workerName    = "rollouts-worker"
	workerAlias   = "live"
	recordType    = "CNAME"
)

// services are the stacks whose records are asked.
var services = []string{"breach", "doubtful", "healthy", "silent", "switch"}

// comeVisitors lets visitors come until they are told to leave.
func (w *World) comeVisitors(zone string) *visitors {
	cfg := w.account(testAccount)
	ctx, cancel := context.WithCancel(context.Background())
	v := &visitors{
		zone: zone, records: route53.NewFromConfig(cfg), metrics: cloudwatch.NewFromConfig(cfg), lambda: lambda.NewFromConfig(cfg), cancel: cancel, done: make(chan struct{}),
		weights: map[string][]int{}, versions: map[string]int{}, spoiled: map[string]string{},
	}
	go v.come(ctx)
	return v
}

// leave ends the visits.
func (v *visitors) leave() {
	v.cancel()
	<-v.done
}

func (v *visitors) come(ctx context.Context) {
	defer close(v.done)
	for seed := uint64(1); ; seed++ {
		if err := firstError(v.ask(ctx, seed), v.call(ctx)); err != nil && ctx.Err() == nil {
			v.mu.Lock()
			v.fault = firstError(v.fault, err)
			v.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// errorRate is which part of the requests to a side of a service fail, in
// percent, when it has a share of the traffic; ok is false when the side says
// nothing of how it does.
func errorRate(service, side string, share int) (rate float64, ok bool) {
	switch {
	case side == "blue":
		return 0, true
	case service == "breach" && share >= 25:
		return 40, true
	case service == "doubtful" && share >= 25:
		return 3, true
	case service == "silent" && share >= 25:
		return 0, false
	}
	return 0, true
}

// ask resolves the names of the services, and tells how the sides did.
func (v *visitors) ask(ctx context.Context, seed uint64) error {
	out, err := v.records.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &v.zone})
	if err != nil {
		return err
	}
	resolver, shares := dns.New(out.ResourceRecordSets, seed), map[string]int{}
	for _, set := range out.ResourceRecordSets {
		if aws.ToString(set.SetIdentifier) == "evenkeel-green" {
			service, _, _ := strings.Cut(aws.ToString(set.Name), ".")
			shares[service] = int(aws.ToInt64(set.Weight))
			v.noteWeight(service, shares[service])
		}
	}
	var data []cwtypes.MetricDatum
	for _, service := range services {
		requests := map[string]int{}
		for range visitsPerLook {
			if hosts, ok := resolver.Resolve(service+"."+rolloutsZone, recordType); ok {
				side, _, _ := strings.Cut(hosts[0], ".")
				requests[side]++
			}
		}
		for side, n := range requests {
			rate, ok := errorRate(service, side, shares[service])
			if !ok {
				continue
			}
			data = append(data, datum("Requests", float64(n), "Stack", service, "Side", side), datum("Errors", float64(n)*rate/100, "Stack", service, "Side", side))
			if service == "healthy" {
				data = append(data, datum("HealthyFailures-"+side, 0))
			}
		}
	}
	return v.put(ctx, data)
}

// call invokes the function by its alias, and tells how the versions did.
func (v *visitors) call(ctx context.Context) error {
	var data []cwtypes.MetricDatum
	for range 3 {
		out, err := v.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(workerName), Qualifier: aws.String(workerAlias), Payload: []byte("{}")})
		if err != nil {
			if strings.Contains(err.Error(), "ResourceNotFoundException") {
				return nil // the alias is made by the first rollout
			}
			return err
		}
		version := aws.ToString(out.ExecutedVersion)
		var answer struct{ Environment map[string]string }
		if err := json.Unmarshal(out.Payload, &answer); err != nil || answer.Environment["RELEASE"] != version {
			v.spoil(version, string(out.Payload))
		}
		v.mu.Lock()
		v.versions[version]++
		v.mu.Unlock()
		data = append(data, datum("Errors", 0, "Version", version))
	}
	return v.put(ctx, data)
}

func (v *visitors) put(ctx context.Context, data []cwtypes.MetricDatum) error {
	if len(data) == 0 {
		return nil
	}
	_, err := v.metrics.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Rollouts"), MetricData: data})
	return err
}

// datum is a value of now, of high resolution; dimensions are names and values.
func datum(metric string, value float64, dimensions ...string) cwtypes.MetricDatum {
	d := cwtypes.MetricDatum{MetricName: &metric, Value: &value, Timestamp: aws.Time(time.Now()), StorageResolution: aws.Int32(1)}
	for pair := range slices.Chunk(dimensions, 2) {
		d.Dimensions = append(d.Dimensions, cwtypes.Dimension{Name: &pair[0], Value: &pair[1]})
	}
	return d
}

func (v *visitors) noteWeight(service string, weight int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if seen := v.weights[service]; len(seen) == 0 || seen[len(seen)-1] != weight {
		v.weights[service] = append(seen, weight)
	}
}

func (v *visitors) spoil(version, answer string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.spoiled[version] = answer
}

// saw is the weights of green that were in the zone, in order: "0 5 25 0".
func (v *visitors) saw(service string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return strings.Trim(fmt.Sprint(v.weights[service]), "[]")
}
