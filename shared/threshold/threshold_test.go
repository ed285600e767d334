package threshold

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestHolds(t *testing.T) {
	for _, tt := range []struct {
		text   string
		holds  []float64
		breaks []float64
	}{
		{"< 1", []float64{-3, 0, 0.999}, []float64{1, 5}},
		{"<=1", []float64{1}, []float64{1.0001}},
		{"> 1", []float64{1.1}, []float64{1, 0}},
		{">= 0.5 and < 2", []float64{0.5, 1.9}, []float64{0.49, 2}},
		{"< 1 or > 9", []float64{0, 10}, []float64{1, 9}},
		{"< 1 or > 2 and < 3 or == 7", []float64{0, 2.5, 7}, []float64{1, 2, 3, 8}},
		{"== 0", []float64{0, math.Copysign(0, -1)}, []float64{1e-9}},
		{"!= 0", []float64{1}, []float64{0}},
		{"  >\t-1.5e2 ", []float64{-149}, []float64{-150}},
		{"<1and>0", []float64{0.5}, []float64{0, 1}},
	} {
		c, err := Parse(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		for _, v := range tt.holds {
			if !c.Holds(v) {
				t.Errorf("%q does not hold for %v", tt.text, v)
			}
		}
		for _, v := range append(tt.breaks, math.NaN(), math.Inf(1), math.Inf(-1)) {
			if c.Holds(v) {
				t.Errorf("%q holds for %v", tt.text, v)
			}
		}
	}
	if c, err := Parse("< 1 or >= 2 and < 3"); err != nil || !slices.Equal(c.Bounds(), []float64{1, 2, 3}) {
		t.Errorf("%v, %v", c.Bounds(), err)
	}
	if (Condition{}).Holds(0) || !(Condition{}).IsZero() {
		t.Error("no condition holds for nothing")
	}
}

func TestParseSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":               `column 1 of "": expected a comparison such as "< 1": one of <, <=, >, >=, ==, != and a number`,
		"1":              `column 1 of "1": expected a comparison such as "< 1": one of <, <=, >, >=, ==, != and a number`,
		"= 1":            `column 1 of "= 1": expected a comparison such as "< 1": one of <, <=, >, >=, ==, != and a number`,
		"<":              `column 2 of "<": expected a number, without a unit`,
		"< 1%":           `column 4 of "< 1%": expected "and", "or" or the end`,
		"< 1 and":        `column 8 of "< 1 and": expected a comparison such as "< 1": one of <, <=, >, >=, ==, != and a number`,
		"< 1 xor > 2":    `column 5 of "< 1 xor > 2": expected "and", "or" or the end`,
		"< 1-2":          `column 3 of "< 1-2": "1-2" is not a number`,
		"< 1e999":        `column 3 of "< 1e999": "1e999" is not a number`,
		"< NaN":          `column 3 of "< NaN": expected a number, without a unit`,
		"≤ 1":            `column 1 of "≤ 1": expected a comparison such as "< 1": one of <, <=, >, >=, ==, != and a number`,
		"< 1 and result": `column 9 of "< 1 and result": expected a comparison such as "< 1": one of <, <=, >, >=, ==, != and a number`,
	} {
		_, err := Parse(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %T", text, err)
		}
	}
	if _, err := Parse("< 1" + strings.Repeat(" ", MaxText)); err == nil {
		t.Error("a condition without end was read")
	}
}

// FuzzParse: no text stops it; what was read is read again from its own text
// with the same meaning; no condition holds for what is no number.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"< 1", ">= 0.5 and < 2", "< 1 or > 9 and != 10", "== -1e3", "≤ 1", "< 1 and"} {
		f.Add(seed, 1.0)
	}
	f.Fuzz(func(t *testing.T, text string, value float64) {
		c, err := Parse(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Column < 1 || syntax.Column > len([]rune(text))+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := Parse(c.String())
		if err != nil {
			t.Fatalf("%q was read, %q was not: %v", text, c, err)
		}
		if c.Holds(value) != again.Holds(value) {
			t.Fatalf("%q and %q differ at %v", text, c, value)
		}
		if c.Holds(math.NaN()) || c.Holds(math.Inf(1)) || c.Holds(math.Inf(-1)) {
			t.Fatalf("%q holds for what is no number", text)
		}
	})
}
