package pipeline

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// rollout reads how a stack comes into use. what names the stack in messages.
func (d *decoder) rollout(n *yaml.Node, what string) *Rollout {
	r := &Rollout{
		at: position(n), Promotion: PromotionAuto, PauseTimeout: defaultPauseTimeout, Keep: defaultKeep, Retire: RetireKeep,
	}
	keys := d.object(n, "the rollout of "+what, rolloutKeys)
	if k, ok := keys["strategy"]; ok {
		r.Strategy = d.oneOf(k.value, "strategy", strategies)
	}
	if r.Strategy == StrategyDirect {
		for _, k := range rolloutKeys[1:] {
			if e, ok := keys[k.name]; ok {
				d.fault(e.at, "the strategy direct moves no traffic: "+k.name+" is of blue-green and canary; leave it out")
			}
		}
		return r
	}
	d.rolloutSteps(r, keys)
	if k, ok := keys["router"]; ok {
		d.router(r, k.value)
	} else if r.Strategy != "" {
		d.fault(r.at, "the strategy "+r.Strategy+" needs a router that moves the traffic; write router with one of the keys "+names(routerKeys))
	}
	if k, ok := keys["promotion"]; ok {
		r.Promotion = d.oneOf(k.value, "promotion", promotions)
	}
	if k, ok := keys["pauseTimeout"]; ok {
		r.PauseTimeout = d.duration(k.value, "pauseTimeout", minPause, maxKeep)
	}
	if k, ok := keys["keep"]; ok {
		r.Keep = d.duration(k.value, "keep", 0, maxKeep)
	}
	if k, ok := keys["retire"]; ok {
		r.Retire = d.oneOf(k.value, "retire", retirements)
		if r.Retire == RetireDelete && r.Router.LambdaAlias != nil {
			d.fault(position(k.value), "the versions of an alias are of one stack, whose template keeps them: retire delete is for the routers route53 and alb")
		}
	}
	if k, ok := keys["sideParameter"]; ok {
		r.SideParameter = d.matching(k.value, "sideParameter", logicalPattern, "the name of a parameter: letters and digits")
		if r.Router.LambdaAlias != nil {
			d.fault(position(k.value), "both versions of an alias are of one stack: sideParameter is for the routers route53 and alb")
		}
	}
	if k, ok := keys["analysis"]; ok {
		d.analysis(r, k.value)
	}
	d.checkSteps(r)
	return r
}

func (d *decoder) rolloutSteps(r *Rollout, keys map[string]entry) {
	bake := defaultBake
	if k, ok := keys["bake"]; ok {
		bake = d.duration(k.value, "bake", minStep, maxStepBake)
		r.bakeAt = position(k.value)
	}
	k, given := keys["steps"]
	switch {
	case given && r.Strategy == StrategyBlueGreen:
		d.fault(k.at, "blue-green switches all traffic at once and has no steps; bake says how long it is watched, and the strategy canary has steps")
		return
	case r.Strategy == StrategyBlueGreen:
		r.Steps = []RolloutStep{{Weight: 100, Bake: bake, at: r.bakeAt}}
		return
	case !given:
		for _, weight := range rolloutSteps {
			r.Steps = append(r.Steps, RolloutStep{Weight: weight, Bake: bake, at: r.bakeAt})
		}
		return
	}
	if k.value.Kind != yaml.SequenceNode || len(k.value.Content) == 0 || len(k.value.Content) > maxSteps {
		d.fault(position(k.value), "steps must be a list of 1 to "+strconv.Itoa(maxSteps)+" percentages, such as [5, 25, 100]")
		return
	}
	for i, item := range k.value.Content {
		step := d.rolloutStep(item, bake)
		if i > 0 && step.Weight > 0 && step.Weight <= r.Steps[i-1].Weight {
			d.fault(position(item), "the step "+strconv.Itoa(step.Weight)+" does not ascend: the one before it is "+strconv.Itoa(r.Steps[i-1].Weight))
		}
		r.Steps = append(r.Steps, step)
	}
	if last := r.Steps[len(r.Steps)-1]; last.Weight > 0 && last.Weight < 100 {
		d.fault(last.at, "the last step is "+strconv.Itoa(last.Weight)+" and must be 100: then the new side has all traffic")
	}
}

func (d *decoder) rolloutStep(n *yaml.Node, bake Duration) RolloutStep {
	step := RolloutStep{Bake: bake, at: position(n)}
	if n.Kind != yaml.MappingNode {
		step.Weight = d.integer(n, "the step", 1, 100)
		return step
	}
	keys := d.object(n, "the step", stepKeys)
	if k, ok := keys["weight"]; ok {
		step.Weight = d.integer(k.value, "weight", 1, 100)
	}
	if k, ok := keys["bake"]; ok {
		step.Bake = d.duration(k.value, "bake", minStep, maxStepBake)
	}
	if k, ok := keys["pause"]; ok {
		step.Pause = d.oneOf(k.value, "pause", []string{"true", "false"}) == "true"
	}
	return step
}

// checkSteps checks what the steps, the router and the metrics say together.
func (d *decoder) checkSteps(r *Rollout) {
	ttl, all, rounds := Duration(0), Duration(0), 0
	if r.Router.Route53 != nil {
		ttl = r.Router.Route53.TTL
	}
	told := map[Position]bool{} // the same bake is of several steps
	for _, step := range r.Steps {
		at := step.at
		if at == (Position{}) {
			at = r.at
		}
		if step.Bake > 0 && step.Bake < ttl && !told[at] {
			told[at] = true
			d.fault(at, "bake "+step.Bake.String()+" is shorter than the record's ttl "+ttl.String()+": resolvers would not have seen the step; raise bake or lower ttl")
		}
		all += step.Bake
		rounds += r.stepRounds(max(step.Bake, ttl))
	}
	if all > Duration(maxAllBakes) {
		d.fault(r.at, "the steps bake "+all.String()+" together; the limit is "+Duration(maxAllBakes).String())
	}
	if rounds > maxRounds {
		d.fault(r.at, "the rollout takes about "+strconv.Itoa(rounds)+" looks at its metrics; the limit is "+strconv.Itoa(maxRounds)+", what one workflow execution can hold: raise interval, or lower bake")
	}
}

// stepRounds is how often the workflow looks during a step: for each metric by
// itself, and twice more to begin and to end it.
func (r *Rollout) stepRounds(bake Duration) int {
	rounds := 2
	for _, m := range r.Analysis.Metrics {
		if m.Interval > 0 {
			rounds += max(int(max(0, bake-m.Delay)/m.Interval)+1, m.Count)
		}
	}
	return rounds
}
