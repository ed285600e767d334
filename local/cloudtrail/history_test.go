package cloudtrail_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/evenkeel/evenkeel/local/cloudtrail"
	"github.com/evenkeel/evenkeel/shared/attribution"
)

// TestHistoryAnswersTheSDK: newest first, in pages, by the name of a resource
// and by time, of one account and region.
func TestHistoryAnswersTheSDK(t *testing.T) {
	history := cloudtrail.NewHistory()
	started := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	for i, region := range []string{"us-east-1", "us-east-1", "eu-west-1", "us-east-1"} {
		c := base()
		c.ID, c.Region, c.Time, c.Status = string(rune('a'+i))+"-1", region, started.Add(time.Duration(i)*time.Minute), 200
		c.Service, c.Action, c.Form, c.JSON, c.Response = "ssm", "PutParameter", nil, map[string]any{"Name": "/shop/size"}, []byte(`{}`)
		if i == 1 {
			c.JSON = map[string]any{"Name": "/shop/other"}
		}
		history.Add(c, cloudtrail.Record(c))
	}
	server := httptest.NewServer(history.Lookup(base().Account, "us-east-1"))
	defer server.Close()
	client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), Retryer: aws.NopRetryer{}})
	ask := func(name string, from, until time.Time) (ids []string) {
		t.Helper()
		pages := sdk.NewLookupEventsPaginator(client, &sdk.LookupEventsInput{MaxResults: aws.Int32(1), StartTime: &from, EndTime: &until,
			LookupAttributes: []types.LookupAttribute{{AttributeKey: types.LookupAttributeKeyResourceName, AttributeValue: &name}}})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				w, skip, err := attribution.Parse([]byte(aws.ToString(e.CloudTrailEvent)))
				if err != nil || skip != "" || w.EventID != aws.ToString(e.EventId) || !w.Time.Equal(aws.ToTime(e.EventTime)) {
					t.Errorf("event %+v: %+v, %q, %v", e, w, skip, err)
				}
				ids = append(ids, w.EventID)
			}
		}
		return ids
	}
	if got := ask("/shop/size", started, started.Add(time.Hour)); len(got) != 2 || got[0] != "d-1" || got[1] != "a-1" {
		t.Errorf("found %v", got)
	}
	if got := ask("/shop/size", started.Add(time.Minute), started.Add(2*time.Minute)); len(got) != 0 {
		t.Errorf("found %v at another time", got)
	}
	if _, err := client.LookupEvents(t.Context(), &sdk.LookupEventsInput{}); err == nil {
		t.Error("every event was looked up")
	}
	if _, err := client.ListTrails(t.Context(), &sdk.ListTrailsInput{}); err == nil {
		t.Error("ListTrails was answered")
	}
}
