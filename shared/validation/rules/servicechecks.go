package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/condition"
	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// serviceRules are checks of single services that no schema can express.
func serviceRules() []check.Rule {
	const distribution = "Resources/AWS::CloudFront::Distribution/Properties/DistributionConfig"
	return []check.Rule{
		{ID: "W3660", Severity: check.Warning, Title: "A REST API is defined in two ways",
			Description: "A REST API with a definition is overwritten by it, so that resources beside the definition are lost. Use one of the two ways.",
			Link:        resource("AWS::ApiGateway::RestApi"),
			Places:      []string{"Resources/AWS::ApiGateway::RestApi/Properties/Body", "Resources/AWS::ApiGateway::RestApi/Properties/BodyS3Location"}, Check: mixedDefinitions},
		{ID: "E3504", Severity: check.Error, Title: "A backup stays in cold storage for at least 90 days",
			Description: "A backup that moves to cold storage is kept there for at least 90 days. Delete it later, or move it earlier.",
			Link:        resource("AWS::Backup::BackupPlan"),
			Places:      []string{"Resources/AWS::Backup::BackupPlan/Properties/BackupPlan/BackupPlanRule/*/Lifecycle", "Resources/AWS::Backup::BackupPlan/Properties/BackupPlan/BackupPlanRule/*/CopyActions/*/Lifecycle"},
			Check:       coldStorage},
		{ID: "E3503", Severity: check.Error, Title: "The validation domain is not above the domain",
			Description: "The domain that gets the validation mail is the domain of the certificate or one above it. Correct ValidationDomain.",
			Link:        resource("AWS::CertificateManager::Certificate"),
			Places:      []string{"Resources/AWS::CertificateManager::Certificate/Properties/DomainValidationOptions/*"}, Check: validationDomain},
		{ID: "E3043", Severity: check.Error, Title: "The parameters given to a nested stack are not its own",
			Description: "A nested stack gets the parameters that its template declares, and all of those without a default. Compare the two.",
			Link:        resource("AWS::CloudFormation::Stack"), Template: nestedParameters},
		{ID: "E3013", Severity: check.Error, Title: "An alias is no domain name",
			Description: "An alias of a distribution is a domain name, possibly with a wildcard for its first label. Correct the name.",
			Link:        resource("AWS::CloudFront::Distribution"),
			Places:      []string{distribution + "/Aliases/*"}, Check: alias},
		{ID: "E3057", Severity: check.Error, Title: "The distribution does not have this origin",
			Description: "A cache behavior names an origin or origin group that the distribution does not have. Correct the id, or add the origin.",
			Link:        resource("AWS::CloudFront::Distribution"),
			Places:      []string{distribution}, Check: targetOrigin},
		{ID: "E3039", Severity: check.Error, Title: "The attributes of a table are not those of its keys",
			Description: "A table declares exactly the attributes that its keys and indexes use. Add those that miss and remove the others.",
			Link:        resource("AWS::DynamoDB::Table"), Template: tableAttributes},
		{ID: "E3026", Severity: check.Error, Title: "Redis in cluster mode needs failover and several nodes",
			Description: "With cluster mode on, a replication group needs automatic failover and more than one node or shard. Set both, or switch cluster mode off.",
			Link:        resource("AWS::ElastiCache::ReplicationGroup"), Template: redisClusters},
		{ID: "E3027", Severity: check.Error, Title: "A schedule is neither a rate nor a cron expression",
			Description: "EventBridge schedules are written rate(value unit) or cron(six fields). Correct the expression.",
			Link:        services + "eventbridge/latest/userguide/eb-scheduled-rule-pattern.html",
			Places:      []string{"Resources/AWS::Events::Rule/Properties/ScheduleExpression"}, Check: schedule},
		{ID: "E3063", Severity: check.Error, Title: "A detector has either data sources or features",
			Description: "GuardDuty has features since it has had data sources, and a detector takes one of the two. Move the data sources to Features.",
			Link:        services + "guardduty/latest/ug/guardduty-features-activation-model.html",
			Places:      []string{"Resources/AWS::GuardDuty::Detector/Properties"}, Check: func(v *check.Validator, n *template.Node, _ *js.Schema) {
				if n.IsMap() && n.Get("DataSources") != nil && n.Get("Features") != nil {
					v.Fault("DataSources and Features exclude each other; Features is the newer one")
				}
			}},
	}
}

func mixedDefinitions(v *check.Validator, _ *template.Node, _ *js.Schema) {
	at := v.Path()
	if len(at) < 4 {
		return
	}
	parts := []string{"Method", "Model", "Resource", "GatewayResponse", "RequestValidator", "Authorizer"}
	for _, id := range needers(v, at[1].Key) {
		if r := v.Resources[id]; r != nil {
			if part, ok := strings.CutPrefix(r.Type, "AWS::ApiGateway::"); ok && slices.Contains(parts, part) {
				v.Fault("%s changes the API that %s defines already", id, at[3].Key)
			}
		}
	}
}

func coldStorage(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsMap() {
		v.Unusable("a lifecycle is an object")
		return
	}
	remove, move := n.Get("DeleteAfterDays"), n.Get("MoveToColdStorageAfterDays")
	if check.IsType(remove, js.Integer) && check.IsType(move, js.Integer) && remove.Float-move.Float < 90 {
		v.Fault("a backup is deleted 90 days after it went to cold storage at the earliest").AtKey("DeleteAfterDays")
	}
}

func validationDomain(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsMap() {
		return
	}
	for _, object := range v.Set.Objects(n) {
		domain, above := object.Node.Get("DomainName"), object.Node.Get("ValidationDomain")
		if domain.IsString() && above.IsString() && domain.Text != above.Text && !strings.HasSuffix(domain.Text, "."+above.Text) {
			v.Fault("%s is not above %s", above.Text, domain.Text).AtKey("DomainName")
		}
	}
}

// nestedParameters compares what a stack gives to a template of the same
// repository with what that template asks for.
func nestedParameters(t *check.Template, report check.Report) {
	if t.Options.Nested == nil {
		return
	}
	for _, id := range t.LogicalIDs() {
		properties := t.Resources[id].Node.Get("Properties")
		if t.Resources[id].Written != "AWS::CloudFormation::Stack" || !properties.IsMap() {
			continue
		}
		at := check.Keys("Resources", id, "Properties", "Parameters")
		for _, object := range t.Set.Objects(properties, "TemplateURL", "Parameters") {
			url, given := object.Node.Get("TemplateURL"), object.Node.Get("Parameters")
			if !given.IsMap() || !isLocal(url) {
				continue
			}
			if nested := t.Options.Nested(url.Text); nested != nil {
				compareParameters(given, nested.Get("Parameters"), at, object.Scenario != nil, report)
			}
		}
	}
}

func isLocal(url *template.Node) bool {
	if !url.IsString() || check.IsDynamicReference(url.Text) {
		return false
	}
	return !slices.ContainsFunc([]string{"http://", "https://", "s3://"}, func(scheme string) bool { return strings.HasPrefix(url.Text, scheme) })
}

func compareParameters(given, wanted *template.Node, at check.Path, sometimes bool, report check.Report) {
	if wanted != nil && !wanted.IsMap() {
		return
	}
	for _, e := range given.Entries {
		if wanted.Entry(e.Key) != nil {
			continue
		}
		where := at
		if !sometimes {
			where = at.With(check.Key(e.Key))
		}
		report("", where, "the nested template of %s has no parameter %s", at[1].Key, e.Key)
	}
	for _, e := range entriesOf(wanted) {
		if fallback := e.Value.Get("Default"); given.Entry(e.Key) == nil && (fallback == nil || fallback.Kind == template.Null) {
			report("", at, "the nested template of %s needs a value of the parameter %s", at[1].Key, e.Key)
		}
	}
}

// domainName is compiled when it is needed: counted repetitions make it large.
var domainName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[a-z0-9*](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]\n?$`)
})

func alias(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.IsString() && !check.IsDynamicReference(n.Text) && (strings.Contains(n.Text, ".*.") || !domainName().MatchString(n.Text)) {
		v.Fault("%s is no domain name that a distribution can have", check.Excerpt(n))
	}
}

func targetOrigin(v *check.Validator, n *template.Node, _ *js.Schema) {
	v.ValuesAt(n, []string{"DefaultCacheBehavior", "TargetOriginId"}, func(want *template.Node) {
		if !want.IsString() {
			return
		}
		found := false // or it cannot be said
		v.ValuesAt(n, []string{"Origins", "*", "Id"}, func(id *template.Node) {
			found = found || !id.IsString() || id.Text == want.Text
		})
		v.ValuesAt(n, []string{"OriginGroups", "Items", "*", "Id"}, func(id *template.Node) {
			found = found || id != nil && (!id.IsString() || id.Text == want.Text)
		})
		if !found {
			v.Fault("no origin of the distribution is called %s", check.Excerpt(want))
		}
	})
}

func tableAttributes(t *check.Template, report check.Report) {
	names := []string{"AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"}
	for _, id := range t.LogicalIDs() {
		properties := t.Resources[id].Node.Get("Properties")
		if t.Resources[id].Written != "AWS::DynamoDB::Table" || !properties.IsMap() {
			continue
		}
		if !tableKeys(keyLists(properties, names)) {
			continue // E0002 says so
		}
		for _, object := range t.Set.Objects(properties, names...) {
			attributes, ok := attributeNames(object.Node)
			if ok && !equalSets(attributes, keyNames(object.Node)) {
				report("", check.Keys("Resources", id, "Properties"), "AttributeDefinitions of %s names other attributes than the keys of the table and of its indexes", id)
				break
			}
		}
	}
}

// keyLists are the lists of attributes, keys and indexes of a table.
func keyLists(table *template.Node, names []string) (lists [4][]*template.Node) {
	for i, name := range names {
		lists[i] = itemsOf(table.Get(name))
	}
	return lists
}

// attributeNames are the attributes that a table defines; ok is false if they
// cannot be told.
func attributeNames(table *template.Node) (names map[string]bool, ok bool) {
	for _, e := range table.Entries {
		if !e.Value.IsList() {
			return nil, false
		}
	}
	names = map[string]bool{}
	for _, item := range itemsOf(table.Get("AttributeDefinitions")) {
		name := item.Get("AttributeName")
		if !name.IsString() {
			return nil, false
		}
		names[name.Text] = true
	}
	return names, true
}

func keyNames(table *template.Node) map[string]bool {
	names := map[string]bool{}
	add := func(keys *template.Node) {
		for _, item := range itemsOf(keys) {
			if name := item.Get("AttributeName"); name.IsString() {
				names[name.Text] = true
			}
		}
	}
	add(table.Get("KeySchema"))
	for _, indexes := range []string{"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} {
		for _, index := range itemsOf(table.Get(indexes)) {
			add(index.Get("KeySchema"))
		}
	}
	return names
}

func itemsOf(n *template.Node) []*template.Node {
	if !n.IsList() {
		return nil
	}
	return n.Items
}

func equalSets(a, b map[string]bool) bool {
	for name := range a {
		if !b[name] {
			return false
		}
	}
	return len(a) == len(b)
}

// redisClusters checks replication groups whose parameter group, in the same
// template, switches cluster mode on.
func redisClusters(t *check.Template, report check.Report) {
	for _, id := range t.LogicalIDs() {
		properties := t.Resources[id].Node.Get("Properties")
		if t.Resources[id].Written != "AWS::ElastiCache::ReplicationGroup" || !properties.IsMap() {
			continue
		}
		at := check.Keys("Resources", id, "Properties", "CacheParameterGroupName")
		eachBranch(properties.Get("CacheParameterGroupName"), at, func(n *template.Node, at check.Path) {
			k, name := check.Function(n)
			if group := t.Resources[name.Str()]; k == js.FnRef && group != nil {
				redisCluster(t, properties, group.Node.Get("Properties").Get("Properties"), at.With(check.Key("Ref")), report)
			}
		})
	}
}

func redisCluster(t *check.Template, properties, settings *template.Node, at check.Path, report check.Report) {
	scenarios := t.Set.ObjectScenarios(properties, settings)
	if len(scenarios) == 0 {
		scenarios = []condition.Scenario{nil}
	}
	steps := make([]string, len(at))
	for i, s := range at {
		steps[i] = s.Text()
	}
	wanted := condition.PathConditions(t.Root, steps)
	off, few := false, false
	for _, scenario := range scenarios {
		if !possible(wanted, scenario) || condition.Resolve(orEmpty(settings), scenario).Get("cluster-enabled").Str() != "yes" {
			continue
		}
		group := condition.Resolve(properties, scenario)
		off = off || isOff(group.Get("AutomaticFailoverEnabled"))
		if filled(group.Get("NumNodeGroups")) {
			continue
		}
		switch nodes := group.Get("NumCacheClusters"); {
		case nodes == nil || nodes.Kind == template.Bool || nodes.Kind == template.Number && nodes.Float <= 1:
			few = true
		case nodes.Kind != template.Number:
			report("E0002", nil, "the number of nodes in %s is not a number", at[1].Key)
			return
		}
	}
	if off {
		report("", at.With(check.Key("AutomaticFailoverEnabled")), "%s is in cluster mode: automatic failover is on", at[1].Key)
	}
	if few {
		report("", at.With(check.Key("NumCacheClusters")), "%s is in cluster mode: it has more than one node", at[1].Key)
	}
}

func orEmpty(n *template.Node) *template.Node {
	if n == nil {
		return &template.Node{Kind: template.Map}
	}
	return n
}

// possible reports whether a place with these conditions exists in a scenario.
func possible(wanted []condition.Wanted, scenario condition.Scenario) bool {
	for _, w := range wanted {
		if value, known := scenario.Get(w.Name); known && (value && !w.True || !value && !w.False) {
			return false
		}
	}
	return true
}

// isOff reports whether a switch is off: false, or a text other than true.
func isOff(n *template.Node) bool {
	return n != nil && (n.Kind == template.Bool && !n.True || n.IsString() && !strings.EqualFold(n.Text, "true"))
}

func schedule(v *check.Validator, n *template.Node, _ *js.Schema) {
	if !n.IsString() {
		return
	}
	kind, rest, _ := strings.Cut(n.Text, "(")
	inner, _, _ := strings.Cut(rest, ")")
	switch {
	case !strings.HasSuffix(n.Text, ")") || kind != "rate" && kind != "cron":
		v.Fault("a schedule is rate(…) or cron(…)")
	case kind == "rate" && !isRate(inner):
		v.Fault("a rate is a positive whole number and a unit, as in rate(5 minutes) or rate(1 hour)")
	case kind == "cron" && !isCron(inner):
		v.Fault("a cron expression has six fields, and the day of the month or the day of the week is a question mark")
	}
}

func isRate(text string) bool {
	number, unit, ok := strings.Cut(text, " ")
	count, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || count == 0 {
		return false
	}
	units := []string{"minutes", "hours", "days"}
	if count == 1 {
		units = []string{"minute", "hour", "day"}
	}
	return slices.Contains(units, unit)
}

func isCron(text string) bool {
	fields := strings.Split(text, " ")
	return len(fields) == 6 && (fields[2] == "?" || fields[4] == "?")
}
