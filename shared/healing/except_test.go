package healing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/fake"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/healing"
)

// TestExcept: while an exception counts the rule stays; when it is taken back,
// or over, it does not.
func TestExcept(t *testing.T) {
	ctx, now := context.Background(), noon
	state := &fake.HealingState{}
	service := &healing.Service{Policies: state, Now: func() time.Time { return now }}
	ask := healing.Exception{Group: "sg-1", Rule: "6/22/1.2.3.4/0", Owner: "net@example.com", Reason: "course", By: "kim", Expires: noon.Add(time.Hour)}
	closed := func() bool {
		recorded, err := state.Exceptions(ctx, "sg-1")
		if err != nil {
			t.Fatal(err)
		}
		return !healing.DefaultPolicy().With(recorded).Plan([]events.SecurityGroupRule{rule("a", "tcp/22", "0.0.0.0/0")}, nil, now).Empty()
	}
	kept, err := service.Except(ctx, ask)
	if err != nil || kept.Rule != "tcp/22/0.0.0.0/0" || closed() {
		t.Fatalf("%+v, %v", kept, err)
	}
	now = noon.Add(time.Minute)
	if ended, err := service.Unexcept(ctx, "sg-1", "tcp/22/0.0.0.0/0", "lee"); err != nil || !ended.Expires.Equal(now) || ended.By != "lee" || !closed() {
		t.Errorf("%+v, %v", ended, err)
	}
	if _, err := service.Unexcept(ctx, "sg-1", "tcp/22/0.0.0.0/0", "lee"); !fault.Is(err, fault.InvalidError) {
		t.Errorf("ended twice: %v", err)
	}
	if _, err := service.Except(ctx, ask); err != nil || closed() {
		t.Errorf("not excepted again: %v", err)
	}
	if now = noon.Add(time.Hour); !closed() {
		t.Error("it counts when it is over")
	}
}

func TestExceptRefuses(t *testing.T) {
	good := healing.Exception{Group: "sg-1", Rule: "*", Owner: "a", Reason: "b", By: "c", Expires: noon.Add(time.Hour)}
	for want, change := range map[string]func(*healing.Exception){
		"no security group id": func(e *healing.Exception) { e.Group = "web" },
		`rule "22"`:            func(e *healing.Exception) { e.Rule = "22" },
		"who answers":          func(e *healing.Exception) { e.Owner = " " },
		"why it must stay":     func(e *healing.Exception) { e.Reason = "" },
		"who asks":             func(e *healing.Exception) { e.By = "" },
		"is past":              func(e *healing.Exception) { e.Expires = noon },
		"within 366 days":      func(e *healing.Exception) { e.Expires = noon.Add(healing.LongestException + 1) },
	} {
		state := &fake.HealingState{}
		service := &healing.Service{Policies: state, Now: func() time.Time { return noon }}
		e := good
		change(&e)
		if _, err := service.Except(context.Background(), e); !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
		if kept, _ := state.Exceptions(context.Background(), e.Group); len(kept) != 0 {
			t.Errorf("%s: recorded all the same", want)
		}
	}
	policy := healing.DefaultPolicy()
	policy.Exceptions = []healing.Exception{good}
	service := &healing.Service{Policies: &fake.HealingState{Current: &policy}, Now: func() time.Time { return noon }}
	if _, err := service.Unexcept(context.Background(), "sg-1", "*", "c"); err == nil || !strings.Contains(err.Error(), "in the policy document") {
		t.Errorf("error %v", err)
	}
}
