package check

import (
	"net/netip"
	"regexp"
	"strings"
	"time"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// format is the keyword format: the standard ones, and those that rules check.
func format(v *Validator, s *js.Schema, n *template.Node) {
	if n.Kind != template.String {
		return
	}
	if matches := formats[s.Format]; matches != nil {
		if !matches(n.Text) {
			v.Fault("%s is no %s", quoted{n}, s.Format)
		}
		return
	}
	for _, rule := range v.Registry.formats[s.Format] {
		if !rule.Matches(v, n.Text) {
			v.Fault("%s is no %s", quoted{n}, s.Format).By(rule.ID)
		}
	}
}

const (
	clock    = `([01]\d|2[0123]):[0-5]\d:[0-5]\d(\.\d+)?`
	offset   = `(Z|[+-]([01]\d|2[0123]):[0-5]\d)`
	calendar = `\d{4}-(0[1-9]|1[0-2])-\d{2}`
)

var (
	dateTime = regexp.MustCompile(`^` + calendar + `T` + clock + offset + `$`)
	timeOnly = regexp.MustCompile(`^` + clock + offset + `$`)
)

// formats are the formats of JSON Schema (RFC 3339, RFC 4291, …) that CloudFormation's schemas use.
var formats = map[string]func(string) bool{
	"date":         func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	"date-time":    dateTime.MatchString,
	"time":         timeOnly.MatchString,
	"email":        func(s string) bool { return strings.Contains(s, "@") },
	"ipv4":         func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is4() },
	"ipv6":         func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is6() && a.Zone() == "" },
	"ipv4-network": func(s string) bool { return isNetwork(s, true) },
	"ipv6-network": func(s string) bool { return isNetwork(s, false) },
	"regex":        func(s string) bool { return js.NewRegexp(s).Valid() },
}

// isNetwork accepts a prefix without host bits, or a single address.
func isNetwork(s string, four bool) bool {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		return err == nil && a.Is4() == four
	}
	p, err := netip.ParsePrefix(s)
	return err == nil && p.Addr().Is4() == four && p.Masked() == p
}
