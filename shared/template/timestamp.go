package template

import "time"

// cursor reads the parts of a timestamp.
type cursor struct {
	s string
	i int
}

// number reads least to most digits.
func (c *cursor) number(least, most int) (v int, ok bool) {
	n := 0
	for n < most && c.i < len(c.s) && c.s[c.i] >= '0' && c.s[c.i] <= '9' {
		v = v*10 + int(c.s[c.i]-'0')
		c.i++
		n++
	}
	return v, n >= least
}

func (c *cursor) is(b byte) bool { return c.i < len(c.s) && c.s[c.i] == b }

func (c *cursor) accept(b byte) bool {
	if c.is(b) {
		c.i++
		return true
	}
	return false
}

func (c *cursor) blanks() (n int) {
	for c.accept(' ') || c.accept('\t') {
		n++
	}
	return n
}

// stamp is a timestamp of YAML 1.1 (type repository, "timestamp").
type stamp struct {
	year, month, day     int
	short                bool // month or day of one digit
	timed                bool
	hour, minute, second int
	zone                 int // minutes from UTC without the sign
}

func parseTimestamp(s string) (t stamp, ok bool) {
	c := &cursor{s: s}
	if t.year, ok = c.number(4, 4); !ok || !c.accept('-') {
		return t, false
	}
	from := c.i
	if t.month, ok = c.number(1, 2); !ok || !c.accept('-') {
		return t, false
	}
	if t.day, ok = c.number(1, 2); !ok {
		return t, false
	}
	t.short = c.i-from < len("01-01")
	if c.i == len(s) {
		return t, true
	}
	t.timed = true
	if !c.accept('T') && !c.accept('t') && c.blanks() == 0 {
		return t, false
	}
	return t, c.timeOfDay(&t) && c.i == len(s)
}

func (c *cursor) timeOfDay(t *stamp) (ok bool) {
	if t.hour, ok = c.number(1, 2); !ok || !c.accept(':') {
		return false
	}
	if t.minute, ok = c.number(2, 2); !ok || !c.accept(':') {
		return false
	}
	if t.second, ok = c.number(2, 2); !ok {
		return false
	}
	if c.accept('.') {
		c.number(0, len(c.s))
	}
	if c.i == len(c.s) {
		return true
	}
	c.blanks()
	if c.accept('Z') {
		return true
	}
	if !c.accept('-') && !c.accept('+') {
		return false
	}
	hours, ok := c.number(1, 2)
	minutes := 0
	if ok && c.accept(':') {
		minutes, ok = c.number(2, 2)
	}
	t.zone = hours*60 + minutes
	return ok
}

// isTimestamp reports the form of a timestamp. Without a tag, a date alone has
// two digits for month and day.
func isTimestamp(s string, implicit bool) bool {
	t, ok := parseTimestamp(s)
	return ok && (!implicit || t.timed || !t.short)
}

// timeForm checks that the date and time exist.
func timeForm(s string) (Form, bool) {
	t, ok := parseTimestamp(s)
	if !ok || t.year < 1 || t.month < 1 || t.month > 12 || t.day < 1 {
		return FormNone, false
	}
	last := time.Date(t.year, time.Month(t.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if t.day > last || t.hour > 23 || t.minute > 59 || t.second > 59 || t.zone >= 24*60 {
		return FormNone, false
	}
	if t.timed {
		return FormTime, true
	}
	return FormDate, true
}
