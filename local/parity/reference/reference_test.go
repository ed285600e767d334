package reference

import (
	"regexp"
	"strings"
	"testing"
)

// Every package is pinned by hash, and cfn-lint is the version that we say.
func TestRequirementsArePinnedByHash(t *testing.T) {
	logical := strings.ReplaceAll(string(requirements), "\\\n", " ")
	pin := regexp.MustCompile(`^([a-z0-9-]+)==(\S+) (?:; [^-]+ )?(?:\s*--hash=sha256:[0-9a-f]{64})+$`)
	versions := map[string]string{}
	for line := range strings.Lines(logical) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := pin.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("not pinned: %.100s", line)
			continue
		}
		versions[m[1]] = m[2]
	}
	if versions["cfn-lint"] != Version || len(versions) < 15 {
		t.Errorf("%v", versions)
	}
}
