package deployment

import (
	"maps"
	"slices"
	"time"
)

// The answers to a run that wants the lock.
const (
	LockHeld       = "held"
	LockSuperseded = "superseded"
)

// rememberPushes is for how long the time of a branch's latest push is kept:
// EventBridge delivers an event up to 24 hours late.
// Source: EventBridge user guide, "Retrying event delivery".
const rememberPushes = 25 * time.Hour

// Queue is a repository's lock: one run holds it, at most one run of each
// branch waits. Its methods return a new Queue and the answers that become due
// with it; the caller stores the queue first and sends the answers then.
type Queue struct {
	Holder  *Entrant             `json:"holder,omitempty"`
	Waiting []Entrant            `json:"waiting,omitempty"` // first come, first served
	Aside   []Entrant            `json:"aside,omitempty"`   // stepped aside until their stage opens, and join again
	Latest  map[string]time.Time `json:"latest,omitempty"`  // branch → its latest push
}

// Entrant is a run that holds or wants the lock.
type Entrant struct {
	RunID   string    `json:"runId"`
	Branch  string    `json:"branch"`
	Pushed  time.Time `json:"pushed"`
	Token   string    `json:"token"`             // of the Lock state that waits
	Expires time.Time `json:"expires,omitempty"` // end of the holder's lease
}

// Answer goes to the Lock state that waits on Token.
type Answer struct {
	RunID, Token string
	LockAnswer
}

// Join asks for the lock. A free lock, or one whose lease has ended, is granted
// at once; otherwise the run waits, and an older push of the same branch that
// waits is superseded. A push that is older than another one of its branch is
// superseded itself: events may arrive late and in any order. Joining again
// only renews the token.
func (q Queue) Join(e Entrant, now time.Time, lease time.Duration) (Queue, []Answer) {
	q = q.clone()
	if q.Holder != nil && q.Holder.RunID == e.RunID {
		q.Holder.Token = e.Token
		q.Holder.Expires = now.Add(lease)
		return q, []Answer{granted(*q.Holder)}
	}
	q.Aside = slices.DeleteFunc(q.Aside, func(a Entrant) bool { return !now.Before(a.Expires) })
	for branch, pushed := range q.Latest {
		returns := slices.ContainsFunc(q.Aside, func(a Entrant) bool { return a.Branch == branch })
		if pushed.Before(now.Add(-rememberPushes)) && !returns {
			delete(q.Latest, branch)
		}
	}
	q.Aside = without(q.Aside, e.RunID)
	if latest, ok := q.Latest[e.Branch]; ok && e.Pushed.Before(latest) {
		q.Waiting = without(q.Waiting, e.RunID)
		return q, []Answer{superseded(e, q.newest(e.Branch))}
	}
	if q.Latest == nil {
		q.Latest = map[string]time.Time{}
	}
	q.Latest[e.Branch] = e.Pushed

	var answers []Answer
	place := len(q.Waiting)
	for i, waiting := range q.Waiting {
		if waiting.RunID == e.RunID || waiting.Branch == e.Branch {
			place = i
			if waiting.RunID != e.RunID {
				answers = append(answers, superseded(waiting, e.RunID))
			}
		}
	}
	if place == len(q.Waiting) {
		q.Waiting = append(q.Waiting, e)
	} else {
		q.Waiting[place] = e
	}
	if q.Holder != nil && !now.Before(q.Holder.Expires) {
		q.Holder = nil
	}
	return q.grant(now, lease, answers)
}

// StepAside is Leave for a run that will join again: the latest push of its
// branch is remembered until then, so that it is superseded if there was a
// later one.
func (q Queue) StepAside(e Entrant, until, now time.Time, lease time.Duration) (Queue, []Answer) {
	q, answers := q.Leave(e.RunID, now, lease)
	e.Expires = until.Add(rememberPushes)
	q.Aside = append(q.Aside, e)
	return q, answers
}

// Leave takes the run out, wherever it stands, and grants a lock that became
// free to the first that waits.
func (q Queue) Leave(runID string, now time.Time, lease time.Duration) (Queue, []Answer) {
	q = q.clone()
	q.Waiting, q.Aside = without(q.Waiting, runID), without(q.Aside, runID)
	if q.Holder != nil && q.Holder.RunID == runID {
		q.Holder = nil
	}
	return q.grant(now, lease, nil)
}

// Drop is Leave for a holder whose task no longer waits for the answer. A
// holder that has joined again since, with another token, stays.
func (q Queue) Drop(answer Answer, now time.Time, lease time.Duration) (Queue, []Answer) {
	if q.Holder == nil || q.Holder.RunID != answer.RunID || q.Holder.Token != answer.Token {
		return q, nil
	}
	return q.Leave(answer.RunID, now, lease)
}

// Renew extends the holder's lease to until; false when the run does not hold
// the lock, because its lease ended and another run took over.
func (q Queue) Renew(runID string, until time.Time) (Queue, bool) {
	if q.Holder == nil || q.Holder.RunID != runID {
		return q, false
	}
	q = q.clone()
	if until.After(q.Holder.Expires) {
		q.Holder.Expires = until
	}
	return q, true
}

// lasts reports whether the run holds the lock until then, or longer.
func (q Queue) lasts(runID string, until time.Time) bool {
	return q.Holder != nil && q.Holder.RunID == runID && !q.Holder.Expires.Before(until)
}

func (q Queue) grant(now time.Time, lease time.Duration, answers []Answer) (Queue, []Answer) {
	if q.Holder == nil && len(q.Waiting) > 0 {
		next := q.Waiting[0]
		q.Waiting = q.Waiting[1:]
		next.Expires = now.Add(lease)
		q.Holder = &next
		answers = append(answers, granted(next))
	}
	return q, answers
}

// newest names the run that an older push gives way to; empty when that run
// has left already.
func (q Queue) newest(branch string) string {
	for _, e := range q.Waiting {
		if e.Branch == branch {
			return e.RunID
		}
	}
	if q.Holder != nil && q.Holder.Branch == branch {
		return q.Holder.RunID
	}
	for _, e := range q.Aside {
		if e.Branch == branch && e.Pushed.Equal(q.Latest[branch]) {
			return e.RunID
		}
	}
	return ""
}

func (q Queue) clone() Queue {
	if q.Holder != nil {
		holder := *q.Holder
		q.Holder = &holder
	}
	q.Waiting, q.Aside = slices.Clone(q.Waiting), slices.Clone(q.Aside)
	q.Latest = maps.Clone(q.Latest)
	return q
}

func without(list []Entrant, runID string) []Entrant {
	return slices.DeleteFunc(list, func(e Entrant) bool { return e.RunID == runID })
}

func granted(e Entrant) Answer {
	return Answer{RunID: e.RunID, Token: e.Token, LockAnswer: LockAnswer{State: LockHeld}}
}

func superseded(e Entrant, by string) Answer {
	return Answer{RunID: e.RunID, Token: e.Token, LockAnswer: LockAnswer{State: LockSuperseded, By: by}}
}
