package pipeline_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

const alarmARN = "arn:aws:cloudwatch:us-east-1:222222222222:alarm:shop errors"

const watched = `version: 1
stacks:
  monitoring: {template: t.yaml, alarms: []}
  slow: {template: t.yaml, bake: 1h, disableRollback: true}
  web: {template: t.yaml}
stages:
  - name: test
    branch: main
    account: "222222222222"
    region: us-east-1
    approval: never
    alarms: [shop-errors, "` + alarmARN + `"]
    bake: 10m
  - {name: prod, branch: main, account: "333333333333", region: us-east-1, approval: never, disableRollback: true}
`

func TestDecodeRollback(t *testing.T) {
	p, err := pipeline.Decode(pipeline.FileName, []byte(watched), all)
	if err != nil {
		t.Fatal(err)
	}
	stages := p.For("main")
	alarms := []string{"shop-errors", alarmARN}
	lines := []int{12, 12}
	for i, want := range []pipeline.Rollback{
		{Alarms: []string{}}, // nothing is watched, so that there is no time to wait
		{Alarms: alarms, Lines: lines, Bake: 60, Disable: true},
		{Alarms: alarms, Lines: lines, Bake: 10},
	} {
		if got := stages[0].Stacks[i].Rollback; !reflect.DeepEqual(got, want) {
			t.Errorf("%s in test: %+v, want %+v", stages[0].Stacks[i].Name, got, want)
		}
	}
	if got := stages[1].Stacks[2].Rollback; !reflect.DeepEqual(got, pipeline.Rollback{Disable: true}) {
		t.Errorf("web in prod: %+v", got)
	}
	if got := stages[0].Stacks[2].Rollback.Place(1); got != "evenkeel.yaml:12" {
		t.Errorf("the alarm stands at %s", got)
	}
	if got := pipeline.AlarmName(alarmARN); got != "shop errors" {
		t.Errorf("the name in %s is %q", alarmARN, got)
	}
	if got := pipeline.AlarmName("a:b"); got != "a:b" {
		t.Errorf("a name became %q", got)
	}
}

func TestBadRollback(t *testing.T) {
	tests := []struct{ from, to, want string }{
		{"bake: 10m", "bake: 10", `13:11: bake "10" is not a time from 0s to 3h`},
		{"bake: 10m", "bake: 181m", "is not a time from 0s to 3h"},
		{"bake: 10m", "bake: 90s", `bake "90s" is not whole minutes`},
		{"bake: 10m", "bakes: 10m", `unknown key "bakes"`},
		{"alarms: []", "alarms: x", "3:42: alarms must be a list"},
		{"alarms: []", "alarms: [a, a]", `"a" stands twice in alarms`},
		{"alarms: []", "alarms: [1, 2, 3, 4, 5, 6]", "3:58: stack monitoring has more than 5 alarms"},
		{"alarms: []", `alarms: [""]`, `the alarm "" is not the name or the ARN of an alarm`},
		{"alarms: []", "alarms: ['arn:aws:sns:us-east-1:222222222222:x']", "is not the ARN of an alarm"},
		{"alarms: []", "alarms: ['" + alarmARN + "']", "is not in the account 333333333333 and region us-east-1 of stage prod"},
		{"222222222222:alarm", "222222222223:alarm", "12:27: the alarm arn:aws:cloudwatch:us-east-1:222222222223:alarm:shop errors is not in the account 222222222222"},
		{"disableRollback: true}\n  web", "disableRollback: maybe}\n  web", `disableRollback "maybe" is not one of true, false`},
	}
	for _, tt := range tests {
		text := strings.Replace(watched, tt.from, tt.to, 1)
		if _, err := pipeline.Decode(pipeline.FileName, []byte(text), all); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.to, err, tt.want)
		}
	}
}
