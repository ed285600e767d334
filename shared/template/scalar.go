package template

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// CloudFormation reads YAML 1.1 (user guide, "CloudFormation template format").
// These are its plain scalars; timestamps stay strings.
var (
	yamlInt   = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$`)
	yamlFloat = regexp.MustCompile(`^[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9_]+([eE][-+][0-9]+)?)$`)
)

// scalar fills n from a scalar of YAML.
func scalar(n *Node, y *yaml.Node) {
	n.Kind, n.Text = String, y.Value
	quoted := y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	tagged := y.Style&yaml.TaggedStyle != 0
	switch {
	case tagged && y.Tag != "!!bool" && y.Tag != "!!int" && y.Tag != "!!float" && y.Tag != "!!null":
		return // "!!str 1" and the argument of a short form
	case quoted && !tagged:
		return
	}
	switch strings.ToLower(y.Value) {
	case "", "~", "null":
		if y.Value != "nULL" {
			n.Kind, n.Text = Null, ""
		}
		return
	case "true", "yes", "on":
		n.Kind, n.True = Bool, true
		return
	case "false", "no", "off":
		n.Kind = Bool
		return
	}
	if f, ok := yamlNumber(y.Value); ok {
		n.Kind, n.Float = Number, f
	}
}

func yamlNumber(s string) (float64, bool) {
	if s == "" || s[0] > '9' {
		return 0, false // most scalars are words
	}
	plain := strings.ReplaceAll(s, "_", "")
	switch {
	case yamlInt.MatchString(s):
		if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
			return float64(i), true
		}
	case !yamlFloat.MatchString(s):
		return 0, false
	}
	f, err := strconv.ParseFloat(plain, 64)
	return f, err == nil && !math.IsInf(f, 0)
}
