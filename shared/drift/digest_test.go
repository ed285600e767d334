package drift_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/drift"
	"github.com/evenkeel/evenkeel/shared/fake"
)

func stands(account, region, name string, open ...drift.Open) drift.Standing {
	return drift.Standing{Stack: events.StackRef{StackID: "arn:" + name, StackName: name, Account: account, Region: region}, Scanned: started, Open: open}
}

func rated(severity string, age time.Duration) drift.Open {
	return drift.Open{LogicalID: "R" + severity, Severity: severity, Since: started.Add(-age)}
}

func TestDigest(t *testing.T) {
	d := drift.Digest([]drift.Standing{
		stands("222222222222", "us-east-1", "clean"),
		stands("222222222222", "us-east-1", "young", rated("high", time.Hour)),
		stands("222222222222", "us-east-1", "old", rated("high", 48*time.Hour), rated("low", 72*time.Hour)),
		stands("111111111111", "eu-west-1", "worst", rated("critical", time.Minute)),
		stands("111111111111", "eu-west-1", "nobody-knows", rated("", 96*time.Hour)),
	}, started)
	var order []string
	for _, s := range d.Stacks {
		order = append(order, s.StackName+":"+s.Severity)
	}
	if got := strings.Join(order, " "); got != "worst:critical old:high young:high nobody-knows:" {
		t.Errorf("order %s", got)
	}
	if d.Resources != 5 || d.Severities["high"] != 2 || d.Severities["unrated"] != 1 || d.More != 0 {
		t.Errorf("%+v", d)
	}
	if len(d.Regions) != 2 || d.Regions[0].Region != "eu-west-1" {
		t.Fatalf("regions %+v", d.Regions)
	}
	if r := d.Regions[1]; r.Stacks != 3 || r.Drifted != 2 || r.Resources != 3 || !r.Since.Equal(started.Add(-72*time.Hour)) {
		t.Errorf("%+v", r)
	}
}

// TestDigestFitsAnEvent: what does not fit is counted.
func TestDigestFitsAnEvent(t *testing.T) {
	var all []drift.Standing
	for i := range 2000 {
		name := fmt.Sprintf("%0100d", i)
		s := stands("222222222222", "ap-southeast-1", name, rated("critical", time.Hour))
		s.Stack.StackID, s.Stack.Repository, s.Stack.RunID = "arn:aws:cloudformation:ap-southeast-1:222222222222:stack/"+name+"/"+strings.Repeat("x", 36), "acme/shop", strings.Repeat("r", 15)
		all = append(all, s)
	}
	d := drift.Digest(all, started)
	text, err := json.Marshal(d)
	if err != nil || len(text) > 250*1024 || d.More != 1700 || d.Resources != 2000 || d.Regions[0].Drifted != 2000 {
		t.Errorf("%d bytes, %d more, %d resources, %v", len(text), d.More, d.Resources, err)
	}
}

// TestPublishDigest: one fact a day.
func TestPublishDigest(t *testing.T) {
	w, _ := standing(t)
	w.scan("one")
	for range 2 {
		if _, did, err := w.service.Handle(ctx, json.RawMessage(`{"action":"digest"}`)); err != nil || did != "digest " {
			t.Fatal(did, err)
		}
	}
	facts := w.facts.Facts()
	digest, ok := facts[len(facts)-1].Data.(events.DriftDigest)
	if len(facts) != 3 || !ok || digest.Resources != 1 || digest.Stacks[0].StackName != network.StackName {
		t.Errorf("%v, %+v", w.facts.Types(), digest)
	}
	w.clock.Advance(24 * time.Hour)
	if _, err := w.service.PublishDigest(ctx); err != nil || len(w.facts.Facts()) != 4 {
		t.Errorf("the next day: %v, %v", w.facts.Types(), err)
	}
	w.service.Standings = &fake.DriftStandings{Fault: func(string) error { return fmt.Errorf("no") }}
	if _, err := w.service.PublishDigest(ctx); err == nil {
		t.Error("published a digest of nothing")
	}
}
