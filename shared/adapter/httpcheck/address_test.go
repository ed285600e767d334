package httpcheck

import (
	"net/netip"
	"testing"
)

func TestAllowed(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.216.34": true, "10.0.0.1": true, "172.31.0.1": true, "192.168.1.1": true, "2600:1f18::1": true, "fd12:3456::1": true,
		"169.254.169.254": false, "169.254.170.2": false, "169.254.0.0": false, "169.253.255.255": true, "169.255.0.0": true,
		"fd00:ec2::254": false, "fd00:ec2::23": false, "fd00:ec3::1": true,
		"::ffff:169.254.169.254": false, "::169.254.169.254": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::5db8:d822": true,
		"64:ff9b:1::1": false, "2002:a9fe:a9fe::1": false, "2002:5db8:d822::1": true, "2001:0:1::1": false,
		"0.0.0.0": false, "0.1.2.3": false, "::": false, "fe80::1%eth0": false, "fe80::1": false, "ff02::1": false, "224.0.0.1": false, "255.255.255.255": false,
		"127.0.0.1": false, "127.8.9.1": false, "::1": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
	} {
		if got := allowed(netip.MustParseAddr(address), false); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	for address, want := range map[string]bool{"127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": true, "169.254.169.254": false, "0.0.0.0": false, "fd00:ec2::254": false} {
		if got := allowed(netip.MustParseAddr(address), true); got != want {
			t.Errorf("with loopback, %s: %v", address, got)
		}
	}
	if allowed(netip.Addr{}, true) {
		t.Error("no address is allowed")
	}
}

// FuzzAllowed: an address and every form that carries it are judged the same,
// and link-local ones are refused whatever is set.
func FuzzAllowed(f *testing.F) {
	f.Add([]byte{169, 254, 169, 254}, true)
	f.Add([]byte{127, 0, 0, 1}, false)
	f.Add([]byte{8, 8, 8, 8}, false)
	f.Fuzz(func(t *testing.T, data []byte, loopback bool) {
		if len(data) < 4 {
			return
		}
		four := netip.AddrFrom4([4]byte(data))
		want := allowed(four, loopback)
		if four.IsLinkLocalUnicast() && want {
			t.Fatalf("%s is allowed", four)
		}
		mapped := netip.AddrFrom16(four.As16())
		nat := nat64.Addr().As16()
		copy(nat[12:], data[:4])
		six := sixToFour.Addr().As16()
		copy(six[2:], data[:4])
		for _, form := range []netip.Addr{mapped, netip.AddrFrom16(nat), netip.AddrFrom16(six)} {
			if allowed(form, loopback) != want {
				t.Fatalf("%s is judged otherwise than %s", form, four)
			}
		}
	})
}
