package pipeline

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The limits of a rollback configuration.
// Source: CloudFormation API reference, RollbackConfiguration.
const (
	maxTriggers = 5
	maxBake     = 180 * time.Minute
)

// Rollback is what makes CloudFormation roll a stack back. CloudFormation keeps
// the alarms and the time on the stack until they are replaced, so that they
// are given with every change set, also when there are none.
type Rollback struct {
	Alarms []string `json:"alarms,omitempty"` // names or ARNs of CloudWatch alarms in the stage's account and region
	Lines  []int    `json:"lines,omitempty"`  // where each of them stands
	Bake   int      `json:"bake,omitempty"`   // minutes that they are watched for after the last resource
	// Disable leaves a stack that failed as it is, for a person to look at.
	Disable bool `json:"disable,omitempty"`
}

// Place is where the alarm stands: evenkeel.yaml:12.
func (r Rollback) Place(alarm int) string {
	if alarm >= len(r.Lines) {
		return FileName
	}
	return FileName + ":" + strconv.Itoa(r.Lines[alarm])
}

// rollbackKeys is what a stage, or a stack in place of it, says about Rollback.
// A nil field is not said.
type rollbackKeys struct {
	alarms  *[]string
	at      []Position // of each alarm
	bake    *int
	disable *bool
}

// over is the stage's with what the stack says itself in place of it.
func (r rollbackKeys) over(stage rollbackKeys) Rollback {
	var all Rollback
	for _, keys := range []rollbackKeys{stage, r} {
		if keys.alarms != nil {
			all.Alarms, all.Lines = *keys.alarms, nil
			for _, at := range keys.at {
				all.Lines = append(all.Lines, at.Line)
			}
		}
		if keys.bake != nil {
			all.Bake = *keys.bake
		}
		if keys.disable != nil {
			all.Disable = *keys.disable
		}
	}
	if len(all.Alarms) == 0 {
		all.Bake = 0 // nothing is watched
	}
	return all
}

// size is about how many bytes the alarms take in each stack of a stage.
func (r rollbackKeys) size() int {
	size := 0
	if r.alarms != nil {
		for _, alarm := range *r.alarms {
			size += len(alarm) + len(`"",9999,`)
		}
	}
	return size
}

var (
	// A name, or the ARN of an alarm. Names may hold nearly everything.
	// Source: CloudWatch API reference, PutMetricAlarm, AlarmName: 1 to 255
	// characters, no ASCII control characters.
	alarmPattern = newPattern(`^[^\x00-\x1f\x7f]{1,400}$`)
	// Source: Service authorization reference, "Actions, resources, and condition
	// keys for Amazon CloudWatch", resource type alarm.
	alarmARN = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^arn:[a-z-]+:cloudwatch:([a-z0-9-]+):([0-9]{12}):alarm:(.{1,255})$`)
	})
)

// AlarmName is the name of an alarm that evenkeel.yaml gives by name or ARN.
func AlarmName(nameOrARN string) string {
	if parts := alarmARN().FindStringSubmatch(nameOrARN); parts != nil {
		return parts[3]
	}
	return nameOrARN
}

// The keys of a stage and of a stack. A stack's own win, so that a stack that
// makes the alarms can be deployed before there are any.
var rollbackTable = []key{
	{"alarms", false, "Names or ARNs of CloudWatch alarms, composite ones too, in the stage's account and region: CloudFormation rolls back when one goes to ALARM during the deployment or the bake time. On a stack, in place of the stage's.",
		map[string]any{"type": "array", "items": text(alarmPattern), "uniqueItems": true, "maxItems": maxTriggers}},
	{"bake", false, "How long the alarms are watched after the last resource: 0m to 3h, whole minutes. Without it, only until then.", text(durationPattern)},
	{"disableRollback", false, "true leaves a stack that failed as it is, for a person to look at; the next push, or evenkeel recover, rolls it back. Without it, CloudFormation rolls back.", map[string]any{"type": "boolean"}},
}

func (d *decoder) rollback(keys map[string]entry, what string) rollbackKeys {
	var r rollbackKeys
	if k, ok := keys["alarms"]; ok {
		alarms := []string{}
		for _, item := range d.items(k.value, "alarms") {
			r.at = append(r.at, position(item))
			alarms = append(alarms, d.matching(item, "the alarm", alarmPattern, "the name or the ARN of an alarm"))
			if len(alarms) == maxTriggers+1 {
				d.fault(position(item), what+" has more than "+strconv.Itoa(maxTriggers)+" alarms, which is what CloudFormation watches; a composite alarm can stand for several")
			}
			if strings.HasPrefix(item.Value, "arn:") && !alarmARN().MatchString(item.Value) {
				d.fault(position(item), strconv.Quote(item.Value)+" is not the ARN of an alarm, such as arn:aws:cloudwatch:us-east-1:222222222222:alarm:errors")
			}
		}
		r.alarms = &alarms
	}
	if k, ok := keys["bake"]; ok {
		bake := time.Duration(d.duration(k.value, "bake", 0, maxBake))
		if bake%time.Minute != 0 {
			d.fault(position(k.value), "bake "+strconv.Quote(k.value.Value)+" is not whole minutes")
		}
		minutes := int(bake / time.Minute)
		r.bake = &minutes
	}
	if k, ok := keys["disableRollback"]; ok {
		disable := d.oneOf(k.value, "disableRollback", []string{"true", "false"}) == "true"
		r.disable = &disable
	}
	return r
}

// checkAlarms refuses alarms that CloudFormation could not watch: it takes those
// of the stack's own account and region only.
func (d *decoder) checkAlarms(p *Pipeline) {
	for _, stage := range p.Stages {
		d.alarmsIn(stage, stage.rollback)
	}
	for _, stack := range p.Stacks {
		for _, stage := range p.Stages {
			if d.alarmsIn(stage, stack.rollback) {
				break
			}
		}
	}
}

// alarmsIn reports whether an alarm is not of the stage's account and region.
func (d *decoder) alarmsIn(stage Stage, r rollbackKeys) (elsewhere bool) {
	if r.alarms == nil {
		return false
	}
	for i, alarm := range *r.alarms {
		parts := alarmARN().FindStringSubmatch(alarm)
		if parts != nil && (parts[1] != stage.Region || parts[2] != stage.Account) {
			d.fault(r.at[i], "the alarm "+alarm+" is not in the account "+stage.Account+" and region "+stage.Region+" of stage "+stage.Name+", where CloudFormation could watch it")
			elsewhere = true
		}
	}
	return elsewhere
}
