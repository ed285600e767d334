package rollout

import (
	"fmt"
	"math"
	"strconv"

	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/threshold"
)

// Judge says what a value of a CloudWatch metric means. With one condition the
// other is its opposite; with both, failure is looked at first, and a value
// that meets neither is inconclusive. What is no number, or infinite, is an
// error, as is a condition that cannot be read: neither is ever a success.
func Judge(m pipeline.Metric, value float64) (outcome, why string) {
	success, err := condition("success", m.Success)
	if err != nil {
		return Errored, err.Error()
	}
	failure, err := condition("failure", m.Failure)
	switch {
	case err != nil:
		return Errored, err.Error()
	case success.IsZero() && failure.IsZero():
		return Errored, "there is neither a success nor a failure condition"
	case math.IsNaN(value) || math.IsInf(value, 0):
		return Errored, fmt.Sprintf("the value is %v", value)
	}
	shown := Number(value)
	if rounded, err := strconv.ParseFloat(shown, 64); err != nil || success.Holds(rounded) != success.Holds(value) || failure.Holds(rounded) != failure.Holds(value) {
		shown = template.FormatNumber(value) // else it would read "5 is not >= 5"
	}
	switch {
	case failure.Holds(value):
		return Failed, fmt.Sprintf("%s is %s", shown, failure)
	case success.Holds(value):
		return Successful, fmt.Sprintf("%s is %s", shown, success)
	case failure.IsZero():
		return Failed, fmt.Sprintf("%s is not %s", shown, success)
	case success.IsZero():
		return Successful, fmt.Sprintf("%s is not %s", shown, failure)
	default:
		return Inconclusive, fmt.Sprintf("%s is neither %s nor %s", shown, success, failure)
	}
}

func condition(name, text string) (threshold.Condition, error) {
	if text == "" {
		return threshold.Condition{}, nil
	}
	c, err := threshold.Parse(text)
	if err != nil {
		return c, fmt.Errorf("the %s condition cannot be read: %w", name, err)
	}
	return c, nil
}

// Number writes a value for a person: four significant digits, no exponent
// where a person needs none.
func Number(v float64) string {
	if a := math.Abs(v); v != 0 && (a < 1e-4 || a >= 1e15) || math.IsNaN(v) {
		return fmt.Sprintf("%.4g", v)
	}
	digits := 3 - int(math.Floor(math.Log10(max(math.Abs(v), 1))))
	scale := math.Pow10(max(digits, 0))
	if math.Abs(v) < 1 {
		scale = 1e4
	}
	return template.FormatNumber(math.Round(v*scale) / scale)
}
