package healing

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PortRange is a range of TCP or UDP ports, both ends included. It is written
// "22", "20-23", "161/udp" or "all".
type PortRange struct {
	From, To int
	Protocol string // tcp, udp, or "" for both
}

// MarshalText implements encoding.TextMarshaler.
func (r PortRange) MarshalText() ([]byte, error) {
	s := portsText(r.From, r.To)
	if r.Protocol != "" {
		s += "/" + r.Protocol
	}
	return []byte(s), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *PortRange) UnmarshalText(data []byte) error {
	span, protocol, named := strings.Cut(string(data), "/")
	if named && protocol != "tcp" && protocol != "udp" {
		return fmt.Errorf("port range %q: the protocol is tcp or udp", data)
	}
	from, to, err := parsePorts(span)
	if err != nil {
		return fmt.Errorf("port range %q: %w", data, err)
	}
	*r = PortRange{From: from, To: to, Protocol: protocol}
	return nil
}

const lastPort = 65535

func parsePorts(span string) (from, to int, err error) {
	if span == "all" || span == "-1" {
		return 0, lastPort, nil
	}
	low, high, isRange := strings.Cut(span, "-")
	if !isRange {
		high = low
	}
	from, errFrom := strconv.Atoi(low)
	to, errTo := strconv.Atoi(high)
	if errFrom != nil || errTo != nil || from < 0 || from > to || to > lastPort {
		return 0, 0, errors.New("want a port, a range such as 20-23, or all")
	}
	return from, to, nil
}
