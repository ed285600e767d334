package rules

import (
	"regexp"
	"slices"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// practiceRules are about values that work, and that one will come to regret.
func practiceRules() []check.Rule {
	return []check.Rule{
		{ID: "I3013", Severity: check.Info, Title: "A resource whose content expires does not say when", Link: guide + "best-practices.html",
			Description: "The default retention period of these services deletes data after some time.",
			Places:      retentionPlaces(), Check: retention},
		{ID: "I3042", Severity: check.Info, Title: "An ARN has the partition written in",
			Description: "An ARN with the partition, region or account written in works nowhere else. Use AWS::Partition, AWS::Region and AWS::AccountId.",
			Link:        guide + "pseudo-parameter-reference.html", Template: hardCodedARNs},
		{ID: "I3100", Severity: check.Info, Title: "An instance type of an earlier generation",
			Description: "Later generations of the family are faster and cost less. Choose one if nothing depends on the old one.",
			Link:        "https://aws.amazon.com/ec2/previous-generation/", Template: previousGeneration},
		{ID: "W2501", Severity: check.Warning, Title: "A password is written in, or its parameter is shown",
			Description: "Whoever reads the template or the stack sees the password. Use a dynamic reference, or a parameter with NoEcho.",
			Link:        guide + "security-best-practices.html#creds", Template: passwords},
	}
}

// retentionProperties are the properties that say how long the content of a
// resource is kept. A database instance has a schema of its own, since a member
// of a cluster has none.
var retentionProperties = map[string][]string{
	"AWS::Kinesis::Stream":    {"RetentionPeriodHours"},
	"AWS::SQS::Queue":         {"MessageRetentionPeriod"},
	"AWS::DocDB::DBCluster":   {"BackupRetentionPeriod"},
	"AWS::Synthetics::Canary": {"SuccessRetentionPeriod", "FailureRetentionPeriod"},
	"AWS::Redshift::Cluster":  {"AutomatedSnapshotRetentionPeriod"},
	"AWS::RDS::DBCluster":     {"BackupRetentionPeriod"},
}

func retentionPlaces() []string {
	places := []string{"Resources/AWS::RDS::DBInstance/Properties"}
	for typ := range retentionProperties {
		places = append(places, "Resources/"+typ+"/Properties")
	}
	slices.Sort(places)
	return places
}

func retention(v *check.Validator, n *template.Node, _ *js.Schema) {
	rule := v.Registry.Rule("I3013")
	if names := retentionProperties[v.Place.NameAt(1)]; names != nil {
		v.Against(rule, requiring(names), n)
		return
	}
	v.Against(rule, schema.Extension("aws_rds_dbinstance/backupretentionperiod"), n)
}

// requiring is a schema that requires properties.
func requiring(names []string) *js.Schema {
	list := &template.Node{Kind: template.List}
	for _, name := range names {
		list.Items = append(list.Items, check.Text(name, nil))
	}
	s, err := js.Compile(&template.Node{Kind: template.Map, Entries: []template.Entry{{Key: "required", Value: list}}}, "", nil)
	if err != nil {
		return nil
	}
	return s
}

// subARN finds the partition, region and account of an ARN in a text of Fn::Sub.
var (
	subARN    = regexp.MustCompile(`arn:(\$\{[^:\r\n]*::[^:\r\n]*}|[^:\s]*):[^:\s]+:(\$\{[^:\r\n]*::[^:\r\n]*}|[^:\s]*):(\$\{[^:\r\n]*::[^:\r\n]*}|[^:\s]*)`)
	partition = regexp.MustCompile(`^(?:\$\{\w+}|\$\{AWS::Partition}|\*|$)`)
	region    = regexp.MustCompile(`^(?:\$\{\w+}|\$\{AWS::Region}|\*|)$`)
	account   = regexp.MustCompile(`^(?:\$\{\w+}|\$\{AWS::AccountId}|aws|lambda|\*|$)`)
)

func hardCodedARNs(t *check.Template, report check.Report) {
	if hasServerlessTransform(t) {
		return
	}
	withPartition := t.Options.Configure["I3042"]["partition"] != "false"
	withRegion, withAccount := t.Options.Configured("I3042", "region"), t.Options.Configured("I3042", "accountId")
	eachText(t.Root.Get("Resources"), append(make(check.Path, 0, roomy), check.Key("Resources")), func(text string, at check.Path) {
		if !slices.ContainsFunc(at, func(s check.Step) bool { return s.Key == "Fn::Sub" }) {
			return
		}
		for _, m := range subARN.FindAllStringSubmatch(text, -1) {
			if withPartition && !partition.MatchString(m[1]) {
				report("", at, "an ARN in %s names the partition; ${AWS::Partition} works in every one", at[1].Key)
			}
			if withRegion && !region.MatchString(m[2]) {
				report("", at, "an ARN in %s names the region; ${AWS::Region} works in every one", at[1].Key)
			}
			if withAccount && !account.MatchString(m[3]) && m[3] != "cloudfront" {
				report("", at, "an ARN in %s names the account; ${AWS::AccountId} works in every one", at[1].Key)
			}
		}
	})
}

// eachText visits every text below a node. The path is valid during the visit.
func eachText(n *template.Node, at check.Path, visit func(string, check.Path)) {
	if at == nil {
		at = make(check.Path, 0, roomy)
	}
	if n == nil {
		return
	}
	if n.Kind == template.String {
		visit(n.Text, at)
		return
	}
	for i := range n.Entries {
		eachText(n.Entries[i].Value, append(at, check.Key(n.Entries[i].Key)), visit)
	}
	for i, item := range n.Items {
		eachText(item, append(at, check.Index(i)), visit)
	}
}

var previousInstance = regexp.MustCompile(`(^|\.)([cmr][1-3]|cc2|cg1|cr1|g2|hi1|hs1|i2|t1)($|\.)`)

// instanceTypes are the properties that name an instance type.
var instanceTypes = map[string][]string{
	"AWS::AutoScaling::LaunchConfiguration":    {"InstanceType"},
	"AWS::EC2::CapacityReservation":            {"InstanceType"},
	"AWS::EC2::Host":                           {"InstanceType"},
	"AWS::EC2::Instance":                       {"InstanceType"},
	"AWS::RDS::DBInstance":                     {"DBInstanceClass"},
	"AWS::ElastiCache::CacheCluster":           {"CacheNodeType"},
	"AWS::ElastiCache::GlobalReplicationGroup": {"CacheNodeType"},
	"AWS::ElastiCache::ReplicationGroup":       {"CacheNodeType"},
	"AWS::EC2::EC2Fleet":                       {"FleetLaunchTemplateOverridesRequest", "InstanceType"},
	"AWS::EC2::LaunchTemplate":                 {"LaunchTemplateData", "InstanceType"},
	"AWS::EC2::SpotFleet":                      {"SpotFleetLaunchSpecification", "InstanceType"},
	"AWS::OpenSearchService::Domain":           {"ClusterConfig", "InstanceType"},
	"AWS::Elasticsearch::Domain":               {"ElasticsearchClusterConfig", "InstanceType"},
}

func previousGeneration(t *check.Template, report check.Report) {
	for _, id := range t.LogicalIDs() {
		r := t.Resources[id]
		names := instanceTypes[r.Written]
		if names == nil {
			continue
		}
		n := r.Node.Get("Properties")
		for _, name := range names {
			n = n.Get(name)
		}
		if n.IsString() && previousInstance.MatchString(n.Text) {
			report("", check.Keys(append([]string{"Resources", id, "Properties"}, names...)...), "%s is of an earlier generation: a newer one is faster and cheaper", n.Text)
		}
	}
}

var passwordProperties = []string{
	"AccountPassword", "AdminPassword", "ADDomainJoinPassword", "CrossRealmTrustPrincipalPassword", "KdcAdminPassword",
	"Password", "DbPassword", "MasterUserPassword", "PasswordParam",
}

var parameterStoreReference = regexp.MustCompile(`^.*\{\{resolve:ssm:[a-zA-Z0-9_\.\-/]+(:\d+)?\}\}.*$`)

// passwords looks at every key that is named as passwords are.
func passwords(t *check.Template, report check.Report) {
	at := append(make(check.Path, 0, roomy), check.Key("Resources"))
	for _, e := range entriesOf(t.Root.Get("Resources")) {
		at := append(at, check.Key(e.Key), check.Key("Properties"))
		eachKey(e.Value.Get("Properties"), at, func(key string, n *template.Node, at check.Path) {
			if slices.Contains(passwordProperties, key) {
				password(t, key, n, at, report)
			}
		})
	}
}

func eachKey(n *template.Node, at check.Path, visit func(string, *template.Node, check.Path)) {
	if at == nil {
		at = make(check.Path, 0, roomy)
	}
	if n == nil {
		return
	}
	for i := range n.Entries {
		e := &n.Entries[i]
		here := append(at, check.Key(e.Key))
		visit(e.Key, e.Value, here)
		eachKey(e.Value, here, visit)
	}
	for i, item := range n.Items {
		eachKey(item, append(at, check.Index(i)), visit)
	}
}

func password(t *check.Template, key string, n *template.Node, at check.Path, report check.Report) {
	switch {
	case n.Kind == template.String && !check.IsDynamicReference(n.Text):
		report("", at, "a password is written into the template")
	case n.Kind == template.String && parameterStoreReference.MatchString(n.Text):
		report("", at, "a password comes from a parameter that is not secure")
	case n.Kind == template.Map && len(n.Entries) == 1 && n.Entries[0].Key == "Ref":
		name := n.Entries[0].Value.Str()
		p := t.Root.Get("Parameters").Get(name)
		if p == nil {
			return
		}
		if no := p.Get("NoEcho"); no == nil || empty(no) {
			report("", check.Keys("Parameters", name), "the parameter %s is used as %s: it needs NoEcho", name, key)
		}
	case n.Kind == template.Map && len(n.Entries) != 1:
		report("", at, "a password is an object")
	}
}
