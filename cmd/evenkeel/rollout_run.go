//go:build !validator

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/shared/ledger"
)

// runRollouts writes how the traffic of each stack was moved in the run, and
// what a person can do about it. Why is in the timeline.
func (a *app) runRollouts(w io.Writer, r ledger.RunReport) {
	for _, stage := range r.Stages {
		for _, s := range stage.Stacks {
			o := s.Rollout
			if o == nil {
				continue
			}
			fmt.Fprintf(w, "  %s/%s %s by %s, %s: %s %%\n", stage.Name, s.Stack, o.Strategy, o.Router, o.Candidate, trail(o.Moves))
			switch {
			case o.Until != nil:
				fmt.Fprintf(w, "    waits for a person until %s: evenkeel rollout resume|promote|abort %s\n", a.at(*o.Until), o.ID)
			case o.KeptUntil != nil && a.now().Before(*o.KeptUntil):
				fmt.Fprintf(w, "    can be switched back until %s: evenkeel rollout abort %s\n", a.at(*o.KeptUntil), o.ID)
			default:
				fmt.Fprintf(w, "    evenkeel rollout status %s\n", o.ID)
			}
		}
	}
}

// trail is the way that the weight of the new side took.
func trail(moves []ledger.MoveView) string {
	var weights []string
	for i, m := range moves {
		if i == 0 || m.Weight != moves[i-1].Weight {
			weights = append(weights, strconv.Itoa(m.Weight))
		}
	}
	return strings.Join(weights, " → ")
}
