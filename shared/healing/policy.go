package healing

import (
	"net/netip"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/events"
)

// Mode says whether the healer acts.
type Mode string

// The modes.
const (
	Observe Mode = "observe" // report what would be closed
	Enforce Mode = "enforce" // close it
)

// Remediation says how a rule is closed.
type Remediation string

// The remediations.
const (
	Revoke     Remediation = "revoke"     // remove the rule; an undo makes another one with another id
	Quarantine Remediation = "quarantine" // narrow its source to nobody; id, tags and description stay
)

// UnknownLists says what is done about rules whose prefix list cannot be read.
type UnknownLists string

// What is done about them.
const (
	ReportUnknown UnknownLists = "report" // tell that such a rule is there
	CloseUnknown  UnknownLists = "close"  // take it for too open
)

var unknownLists = []UnknownLists{ReportUnknown, CloseUnknown}

// Policy says what too open means. It is data: JSON in Parameter Store.
type Policy struct {
	Mode        Mode        `json:"mode"`
	Remediation Remediation `json:"remediation"`
	// ProtectedPorts must not be reachable from many addresses.
	ProtectedPorts []PortRange `json:"protectedPorts"`
	// OpenPorts are not protected, whatever the two lists say: with every port
	// protected, they are what may be open. None by default.
	OpenPorts []PortRange `json:"openPorts,omitempty"`
	// ProtectedProtocols are protected whatever their ports or types:
	// "icmp", "icmpv6", a number such as "47", or "all" for every protocol, tcp
	// and udp too. None by default.
	ProtectedProtocols []string `json:"protectedProtocols,omitempty"`
	// MaxIPv4 and MaxIPv6 are the widest network, as a prefix length, whose
	// number of addresses may reach a protected port in sum over all rules.
	MaxIPv4 int `json:"maxIPv4"`
	MaxIPv6 int `json:"maxIPv6"`
	// AllowedSources do not count towards that sum.
	AllowedSources []netip.Prefix `json:"allowedSources"`
	// MaxActions is how often one group is healed in an hour. Beyond it
	// something puts the rule back, and a person must look.
	MaxActions int `json:"maxActions"`
	// UndoFor is how long undone rules are left alone.
	UndoFor Duration `json:"undoFor"`
	// QuarantineIPv4 and QuarantineIPv6 are the networks whose addresses take the
	// place of a quarantined rule's source: nobody's (RFC 5737, RFC 3849) by
	// default, or those of the own company.
	QuarantineIPv4 netip.Prefix `json:"quarantineIPv4"`
	QuarantineIPv6 netip.Prefix `json:"quarantineIPv6"`
	// UnknownPrefixLists says what is done about a rule of a prefix list whose
	// entries cannot be read.
	UnknownPrefixLists UnknownLists `json:"unknownPrefixLists"`
	// TrustAWSPrefixLists leaves out the prefix lists that AWS keeps, such as that
	// of CloudFront's origin-facing servers.
	TrustAWSPrefixLists bool `json:"trustAWSPrefixLists"`
	// ForbiddenSources may not reach a protected port at all, however few
	// addresses they are, not even as an allowed source.
	ForbiddenSources []netip.Prefix `json:"forbiddenSources,omitempty"`
	// Severities rate protected ports and protocols; the first that matches
	// counts, and DefaultSeverity where none does.
	Severities      []PortSeverity `json:"severities"`
	DefaultSeverity Severity       `json:"defaultSeverity"`
	// Scopes change the policy for some groups. The first that matches counts.
	Scopes []Scope `json:"scopes,omitempty"`
	// Exceptions are rules that stay although they are too open.
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Severity rates an opening.
type Severity string

// The severities, from worst to mildest.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// PortSeverity rates what is open on ports or a protocol.
type PortSeverity struct {
	Ports    []PortRange `json:"ports,omitempty"`
	Protocol string      `json:"protocol,omitempty"` // "icmp", "47", or "-1" for rules that open every protocol
	Severity Severity    `json:"severity"`
}

// Scope changes the policy for the groups that match all that it names. Each
// list matches by shell pattern (*, ?); an empty one matches everything. What
// it leaves out of the policy stays as it is.
type Scope struct {
	Name     string              `json:"name"` // for a person
	Accounts []string            `json:"accounts,omitempty"`
	Regions  []string            `json:"regions,omitempty"`
	VPCs     []string            `json:"vpcs,omitempty"`
	Groups   []string            `json:"groups,omitempty"` // security group ids or names
	Tags     map[string][]string `json:"tags,omitempty"`   // of the group: key → patterns of the value

	// TrustTags lets Tags make the policy weaker, too.
	TrustTags bool `json:"trustTags,omitempty"`

	Mode               Mode            `json:"mode,omitempty"`
	Remediation        Remediation     `json:"remediation,omitempty"`
	ProtectedPorts     *[]PortRange    `json:"protectedPorts,omitempty"`
	OpenPorts          *[]PortRange    `json:"openPorts,omitempty"`
	ProtectedProtocols *[]string       `json:"protectedProtocols,omitempty"`
	MaxIPv4            *int            `json:"maxIPv4,omitempty"`
	MaxIPv6            *int            `json:"maxIPv6,omitempty"`
	AllowedSources     *[]netip.Prefix `json:"allowedSources,omitempty"`
	ForbiddenSources   *[]netip.Prefix `json:"forbiddenSources,omitempty"`
	MaxActions         *int            `json:"maxActions,omitempty"`
}

// Exception keeps the healer from a rule until it expires.
type Exception struct {
	Group   string    `json:"group"`        // security group id
	Rule    string    `json:"rule"`         // as RuleKey writes it, or "*" for every rule of the group
	Owner   string    `json:"owner"`        // who answers for it
	Reason  string    `json:"reason"`       // why it must stay
	Expires time.Time `json:"expires"`      // when it ends
	By      string    `json:"by,omitempty"` // who recorded it; empty in a policy document
}

// covers reports whether e keeps the rule at the time.
func (e Exception) covers(rule events.SecurityGroupRule, now time.Time) bool {
	return e.Group == rule.GroupID && now.Before(e.Expires) && (e.Rule == "*" || e.Rule == RuleKey(rule))
}

// Duration is a time.Duration written as "24h" in JSON.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// DefaultPolicy observes. It protects the ports of remote administration,
// file shares and directories, of databases and caches, of consoles that let
// whoever comes in do much, and of cluster control planes; it counts neither
// private nor shared address space (RFC 1918, RFC 4193, RFC 6598), and takes
// more than a /16 of the rest for the world.
func DefaultPolicy() Policy {
	return Policy{
		Mode: Observe, Remediation: Quarantine, DefaultSeverity: High,
		UnknownPrefixLists: ReportUnknown, TrustAWSPrefixLists: true,
		QuarantineIPv4: netip.MustParsePrefix("192.0.2.0/24"),  // TEST-NET-1, RFC 5737
		QuarantineIPv6: netip.MustParsePrefix("2001:db8::/32"), // documentation, RFC 3849
		ProtectedPorts: []PortRange{
			// Remote administration and file shares: FTP, SSH, Telnet, RPC, NetBIOS, SNMP, SMB, rsync, NFS, RDP, VNC, WinRM.
			{20, 23, ""}, {111, 111, ""}, {135, 135, "tcp"}, {137, 139, ""}, {161, 161, "udp"}, {445, 445, "tcp"}, {873, 873, "tcp"}, {2049, 2049, ""},
			{3389, 3389, ""}, {5900, 5909, "tcp"}, {5985, 5986, "tcp"},
			// Directories: LDAP, also over UDP, and over TLS.
			{389, 389, ""}, {636, 636, "tcp"},
			// Databases: SQL Server, Oracle, MySQL, PostgreSQL, Redshift, MongoDB.
			{1433, 1434, ""}, {1521, 1521, "tcp"}, {3306, 3306, "tcp"}, {5432, 5432, "tcp"}, {5439, 5439, "tcp"}, {27017, 27020, "tcp"},
			// Caches, search, wide columns: Redis and its sentinels, Cassandra, Elasticsearch, Memcached.
			{6379, 6379, "tcp"}, {26379, 26379, "tcp"}, {7000, 7001, "tcp"}, {9042, 9042, "tcp"}, {9200, 9200, "tcp"}, {9300, 9300, "tcp"}, {11211, 11211, ""},
			// Consoles: Kibana, Jupyter, Prometheus, RabbitMQ.
			{5601, 5601, "tcp"}, {8888, 8888, "tcp"}, {9090, 9090, "tcp"}, {15672, 15672, "tcp"},
			// Container hosts and their control planes: Docker, etcd, Kubernetes.
			{2375, 2376, "tcp"}, {2379, 2380, "tcp"}, {6443, 6443, "tcp"}, {10250, 10250, "tcp"},
		},
		// Who controls the host, or all hosts of a cluster, through the port; the rest, databases above all, is high.
		Severities: []PortSeverity{
			{Protocol: "-1", Severity: Critical},
			{Ports: []PortRange{
				{22, 23, ""}, {135, 135, "tcp"}, {445, 445, "tcp"}, {3389, 3389, ""}, {5900, 5909, "tcp"}, {5985, 5986, "tcp"},
				{2375, 2376, "tcp"}, {2379, 2380, "tcp"}, {10250, 10250, "tcp"},
			}, Severity: Critical},
			{Protocol: "icmp", Severity: Low}, {Protocol: "icmpv6", Severity: Low},
		},
		MaxIPv4: 16,
		MaxIPv6: 32,
		AllowedSources: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
			netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
			netip.MustParsePrefix("fc00::/7"),
		},
		MaxActions: 20,
		UndoFor:    Duration(24 * time.Hour),
	}
}

// With returns the policy with more exceptions.
func (p Policy) With(more []Exception) Policy {
	p.Exceptions = append(slices.Clone(p.Exceptions), more...)
	return p
}

func (p Policy) undoTime() time.Duration { return time.Duration(p.UndoFor) }
