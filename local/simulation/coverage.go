package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/infra/workflow"
	"github.com/evenkeel/evenkeel/infra/workflow/interpreter"
)

// kinds is how many kinds of chaos the seeds take turns in, the last ones of
// them forced.
const kinds, forced = 9, 4

// chaosOf gives a seed its chaos. In four of nine worlds one state fails in one
// way, all ways in turn, and the world is calm otherwise.
func chaosOf(seed uint64, machine string) Chaos {
	switch seed % kinds {
	case 0:
		return calm()
	case 1:
		return light()
	case 2:
		return heavy()
	case 3:
		return sluggish()
	case 4:
		return crowded()
	}
	forces := forcesOf(machine)
	chaos := calm()
	turn := forced*int(seed/kinds) + int(seed%kinds) - (kinds - forced)
	chaos.Force = &forces[turn%len(forces)]
	return chaos
}

// forcesOf lists every way in which a Task of the workflow can fail: each error
// that it names, and one that it does not name, with and without effect.
func forcesOf(machine string) []Force {
	m, err := workflow.Parse([]byte(workflow.Definitions()[machine]))
	if err != nil {
		panic(err) // the definition is embedded, and linted by a test
	}
	var forces []Force
	eachState(m, "", func(at string, s *workflow.State) {
		if s.Type != "Task" {
			return
		}
		names := []string{"PermanentError"}
		for _, r := range s.Retry {
			names = append(names, r.ErrorEquals...)
		}
		for _, c := range s.Catch {
			names = append(names, c.ErrorEquals...)
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if name == "States.ALL" {
				continue
			}
			forces = append(forces, Force{State: at, Error: name})
			if name != "States.Timeout" { // a call that hangs has no effect
				forces = append(forces, Force{State: at, Error: name, After: true})
			}
		}
	})
	return forces
}

// eachState visits the states of a machine and of its Maps, sorted.
func eachState(m *workflow.Machine, prefix string, visit func(at string, s *workflow.State)) {
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		s := m.States[name]
		visit(prefix+name, s)
		if s.ItemProcessor != nil {
			eachState(s.ItemProcessor, prefix+name+" / ", visit)
		}
	}
}

// Coverage counts what executions of a workflow have visited.
type Coverage map[string]int

// Visits counts the visits of a world's executions of the machine.
func (w *World) Visits(machine string, into Coverage) {
	for _, e := range w.Runs {
		if e.Machine != machine {
			continue
		}
		for _, v := range e.Visits {
			switch v.Kind {
			case interpreter.Entered:
				into[v.State]++
				into[v.From+" → "+v.State]++
			default:
				into[fmt.Sprintf("%s %s by %d", v.State, v.Kind, v.Index)]++
			}
		}
	}
}

// Missing lists what a workflow has and no execution has visited: states, ways
// between states, and every entry of a Retry or Catch.
func (c Coverage) Missing(machine string) []string {
	m, err := workflow.Parse([]byte(workflow.Definitions()[machine]))
	if err != nil {
		return []string{err.Error()}
	}
	var missing []string
	want := func(what string) {
		if c[what] == 0 {
			missing = append(missing, what)
		}
	}
	eachState(m, "", func(at string, s *workflow.State) {
		want(at)
		prefix := ""
		if i := strings.LastIndex(at, " / "); i >= 0 {
			prefix = at[:i+len(" / ")]
		}
		for _, next := range workflow.Targets(s) {
			want(at + " → " + prefix + next)
		}
		for i := range s.Retry {
			want(fmt.Sprintf("%s %s by %d", at, interpreter.Retried, i))
		}
		for i := range s.Catch {
			want(fmt.Sprintf("%s %s by %d", at, interpreter.Caught, i))
		}
	})
	return missing
}
