package rules

import (
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// rdsRules are about databases, as far as an extension schema alone does not say it.
func rdsRules() []check.Rule {
	const (
		cluster  = "Resources/AWS::RDS::DBCluster/Properties"
		instance = "Resources/AWS::RDS::DBInstance/Properties"
	)
	clusterLink, instanceLink := resource("AWS::RDS::DBCluster"), resource("AWS::RDS::DBInstance")
	return []check.Rule{
		{ID: "E3692", Severity: check.Error, Title: "A Multi-AZ cluster does not take this property, or needs another",
			Description: "Multi-AZ clusters of MySQL and PostgreSQL need storage and an instance class, and lack what only Aurora has. Set or remove what the finding names.",
			Link:        clusterLink,
			Places:      []string{cluster}, Schema: extension("aws_rds_dbcluster/multiaz"), AllMatches: true},
		{ID: "E3693", Severity: check.Error, Title: "An Aurora cluster does not take this property, or needs another",
			Description: "Aurora decides on storage and instance classes elsewhere than in the cluster. Set or remove what the finding names.",
			Link:        clusterLink,
			Places:      []string{cluster}, Schema: extension("aws_rds_dbcluster/aurora"), AllMatches: true},
		{ID: "W3693", Severity: check.Warning, Title: "An Aurora cluster ignores this property",
			Description: "Aurora accepts this property and ignores it. Remove it.",
			Link:        clusterLink,
			Places:      []string{cluster}, Schema: extension("aws_rds_dbcluster/aurora_warning"), AllMatches: true},
		{ID: "E3694", Severity: check.Error, Title: "The instance class of a cluster does not exist in the region",
			Description: "RDS does not offer this class for clusters in one of the regions that are validated. Choose another.",
			Link:        clusterLink,
			Places:      []string{cluster}, Regional: true, Check: inEveryRegion("E3694", "aws_rds_dbcluster/dbclusterinstanceclass_enum", false)},
		{ID: "E3025", Severity: check.Error, Title: "The instance class does not exist in the region",
			Description: "RDS does not offer the class for this engine and licence in the region. Choose another class.",
			Link:        instanceLink,
			Places:      []string{instance}, Regional: true, Check: inEveryRegion("E3025", "aws_rds_dbinstance/dbinstanceclass_enum", true)},
		{ID: "E3062", Severity: check.Error, Title: "The engine does not run on this instance class",
			Description: "Not every version of an engine runs on every instance class. Choose another class or version.",
			Link:        instanceLink,
			Places:      []string{instance}, AllMatches: true, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				v.Allow(0)
				v.Against(v.Registry.Rule("E3062"), schema.Extension("aws_rds_dbinstance/db_instance_class"), lowerEngine(n))
			}},
		{ID: "E3682", Severity: check.Error, Title: "The properties of an Aurora instance are those of its cluster",
			Description: "Storage, backups, encryption and credentials of Aurora belong to the cluster. Set them there and remove them here.",
			Link:        instanceLink,
			Places:      []string{instance}, Check: ofInstance("E3682", "aws_rds_dbinstance/aurora_exclusive")},
		{ID: "E3691", Severity: check.Error, Title: "The version of an instance's engine does not exist",
			Description: "RDS does not offer this engine or version for instances. Choose one that exists.",
			Link:        instanceLink,
			Places:      []string{instance}, AllMatches: true, Check: ofInstance("E3691", "aws_rds_dbinstance/engine_version")},
		{ID: "E3719", Severity: check.Error, Title: "The backup retention period is too long, or belongs to the cluster",
			Description: "Backups are kept for at most 35 days, and those of an Aurora instance are the cluster's. Lower the period, or remove it here.",
			Link:        instanceLink,
			Places:      []string{instance}, AllMatches: true, Check: ofInstance("E3719", "aws_rds_dbinstance/backupretentionperiod_maximum")},
		{ID: "W3699", Severity: check.Warning, Title: "The engine has no replica mode",
			Description: "Only Oracle and Db2 have replica modes; others ignore the property. Remove it.",
			Link:        instanceLink, Places: []string{instance}, Check: replicaMode},
	}
}

// inEveryRegion checks the plain values of an object, functions left aside,
// against what each region offers.
func inEveryRegion(rule, name string, engine bool) func(*check.Validator, *template.Node, *js.Schema) {
	return func(v *check.Validator, n *template.Node, _ *js.Schema) {
		if n.Kind != template.Map {
			return
		}
		v.Allow(0)
		if engine {
			n = lowerEngine(n)
		}
		for _, region := range v.Regions {
			v.Against(v.Registry.Rule(rule), schema.RegionalExtension(name, region), n)
		}
	}
}

// ofInstance checks the properties of a database instance, whose engine may be
// written in any case.
func ofInstance(rule, name string) func(*check.Validator, *template.Node, *js.Schema) {
	return func(v *check.Validator, n *template.Node, _ *js.Schema) {
		if n.Kind == template.Map {
			v.Against(v.Registry.Rule(rule), schema.Extension(name), lowerEngine(n))
		}
	}
}

// lowerEngine is the properties with the name of the engine in lower case, as
// the service reads it.
func lowerEngine(n *template.Node) *template.Node {
	engine := n.Get("Engine")
	if !engine.IsString() || strings.ToLower(engine.Text) == engine.Text {
		return n
	}
	out := *n
	out.Entries = append([]template.Entry(nil), n.Entries...)
	out.Entry("Engine").Value = check.Text(strings.ToLower(engine.Text), engine)
	return &out
}

func replicaMode(v *check.Validator, n *template.Node, _ *js.Schema) {
	engine := n.Get("Engine")
	if n.Get("ReplicaMode") == nil || !engine.IsString() {
		return
	}
	for _, has := range []string{"oracle", "custom-oracle", "db2"} {
		if strings.HasPrefix(strings.ToLower(engine.Text), has) {
			return
		}
	}
	v.Fault("ReplicaMode has no meaning for %s", engine.Text).AtKey("ReplicaMode")
}
