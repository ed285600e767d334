package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

const resourceGuide = guide + "resources-section-structure.html"

var resourceRules = []Rule{
	{ID: "E3001", Severity: Error, Title: "Resources are configured properly", Link: resourceGuide, Check: checkResources},
	{ID: "E3004", Severity: Error, Title: "Resources do not wait for each other", Link: guide + "troubleshooting.html#troubleshooting-errors-circular-dependency", Check: checkCycles},
	{ID: "E3005", Severity: Error, Title: "DependsOn names other resources", Link: guide + "aws-attribute-dependson.html", Check: checkDependsOn},
	{ID: "E3006", Severity: Error, Title: "Resource types exist", Link: guide + "aws-template-resource-type-ref.html", Check: checkTypes},
	{ID: "E3007", Severity: Error, Title: "Resources and parameters have different names", Link: resourceGuide, Check: checkUniqueNames},
	{ID: "E3010", Severity: Error, Title: "At most 500 resources", Link: guide + "cloudformation-limits.html", Check: limited("Resources", 500)},
	{ID: "E3011", Severity: Error, Title: "Logical ids are at most 255 characters long", Link: guide + "cloudformation-limits.html", Check: shortNames("Resources")},
	{ID: "E3035", Severity: Error, Title: "DeletionPolicy has a known value", Link: guide + "aws-attribute-deletionpolicy.html", Check: policy("DeletionPolicy", "Delete", "Retain", "RetainExceptOnCreate", "Snapshot")},
	{ID: "E3036", Severity: Error, Title: "UpdateReplacePolicy has a known value", Link: guide + "aws-attribute-updatereplacepolicy.html", Check: policy("UpdateReplacePolicy", "Delete", "Retain", "Snapshot")},
	{ID: "E3710", Severity: Error, Title: "The service of the resource still exists", Link: "https://docs.aws.amazon.com/general/latest/gr/full_shutdown_services.html", Check: lifecycle("shutdown", "has been shut down")},
	{ID: "W3696", Severity: Warning, Title: "The service of the resource is not about to be shut down", Link: "https://docs.aws.amazon.com/general/latest/gr/sunset_services.html", Check: lifecycle("sunset", "will be shut down")},
	{ID: "W3697", Severity: Warning, Title: "The service of the resource is still developed", Link: "https://docs.aws.amazon.com/general/latest/gr/maintenance_services.html", Check: lifecycle("maintenance", "is in maintenance mode")},
	{ID: "W3005", Severity: Warning, Title: "DependsOn says something that no reference says", Link: guide + "aws-attribute-dependson.html", Check: checkRedundantDependsOn},
	{ID: "W3011", Severity: Warning, Title: "DeletionPolicy and UpdateReplacePolicy come together", Link: guide + "aws-attribute-updatereplacepolicy.html", Check: checkBothPolicies},
	{ID: "W3045", Severity: Warning, Title: "Access to buckets is controlled by policies", Link: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html", Check: ofTypes(checkAccessControl, "AWS::S3::Bucket")},
}

var resourceKeys = []string{
	"Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdatePolicy", "UpdateReplacePolicy", "Version",
}

func checkResources(c *Template) {
	n := c.Root.Get("Resources")
	if n != nil && !n.IsMap() {
		c.reportf(path{"Resources"}, "Resources is an object")
	}
	for id, r := range c.Resources.All() {
		at := path{"Resources", id}
		if !alphanumeric.MatchString(id) {
			c.reportf(at, "the logical id %q is not alphanumeric", id)
		}
		if !r.Node.IsMap() {
			c.reportf(at, "a resource is an object with a Type")
			continue
		}
		checkResourceKeys(c, at, r)
	}
}

func checkResourceKeys(c *Template, at path, r *template.Resource) {
	if t := r.Node.Get("Type"); t == nil && r.Node.Get("Fn::Transform") == nil {
		c.reportf(at, "the resource %s has no Type", r.LogicalID)
	} else if t != nil && !t.IsString() {
		c.reportf(at.with("Type"), "Type is a string")
	}
	serverless := strings.HasPrefix(r.Type, "AWS::Serverless::")
	for _, e := range r.Node.Entries {
		if !slices.Contains(resourceKeys, e.Key) && !template.Expands(e.Key) && !c.opaque() && !(serverless && (e.Key == "Connectors" || e.Key == "IgnoreGlobals")) {
			c.reportf(at.with(e.Key), "%q is not an attribute of a resource", e.Key)
		}
	}
	if n := r.Node.Get("Condition"); n != nil && !n.IsString() {
		c.reportf(at.with("Condition"), "Condition is the name of a condition")
	}
	if n := r.Node.Get("DependsOn"); n != nil && !n.IsString() && !n.IsList() {
		c.reportf(at.with("DependsOn"), "DependsOn is a logical id or a list of them")
	}
}

func checkCycles(c *Template) {
	for _, cycle := range c.Cycles() {
		if c.hasTransform(serverless) && slices.ContainsFunc(cycle, c.isServerless) {
			continue // what the transform makes of it may depend on other things
		}
		for i, id := range cycle {
			next := cycle[(i+1)%len(cycle)]
			c.reportf(path{"Resources", id}, "%s depends on %s: %v", id, next, &template.CycleError{Cycle: cycle})
		}
	}
}

func (c *Template) isServerless(id string) bool {
	r, ok := c.Resources.Get(id)
	return ok && strings.HasPrefix(r.Type, "AWS::Serverless::")
}

func checkDependsOn(c *Template) {
	if c.opaque() {
		return
	}
	for id, r := range c.Resources.All() {
		c.eachDependsOn(r, func(name string, p path) {
			switch {
			case name == id:
				c.reportf(p, "%s cannot depend on itself", id)
			case !c.Resources.Has(name) && !c.generated(name):
				c.reportf(p, "%q is not a resource of this template", name)
			}
		})
	}
}

func (c *Template) eachDependsOn(r *template.Resource, visit func(name string, p path)) {
	n := r.Node.Get("DependsOn")
	at := path{"Resources", r.LogicalID, "DependsOn"}
	if n.IsString() {
		visit(n.Text, at)
	}
	if n.IsList() {
		for i, item := range n.Items {
			if item.IsString() {
				visit(item.Text, at.with(digits(i)))
			}
		}
	}
}

// checkRedundantDependsOn finds a DependsOn that a Ref, Fn::GetAtt or Fn::Sub
// already implies.
func checkRedundantDependsOn(c *Template) {
	for id, r := range c.Resources.All() {
		if len(r.DependsOn) == 0 {
			continue
		}
		implied := map[string]string{}
		for _, ref := range template.References(r.Node) {
			implied[ref.Name] = ref.Function
		}
		c.eachDependsOn(r, func(name string, p path) {
			if fn, ok := implied[name]; ok && name != id && c.Resources.Has(name) {
				c.reportf(p, "%s already depends on %s by %s", id, name, fn)
			}
		})
	}
}

func checkTypes(c *Template) {
	for id, r := range c.Resources.All() {
		if r.Type == "" || c.knownType(r.Type) {
			continue
		}
		c.reportf(path{"Resources", id, "Type"}, "the resource type %q does not exist in us-east-1", r.Type)
	}
}

// knownType accepts private and third-party types, whose schemas only the
// account knows.
func (c *Template) knownType(name string) bool {
	if _, ok := schema.Load(name); ok {
		return true
	}
	if strings.HasPrefix(name, "AWS::Serverless::") {
		return c.hasTransform(serverless)
	}
	if c.opaque() {
		return true
	}
	return strings.Count(name, "::") == 2 && !strings.HasPrefix(name, "AWS::") && !strings.HasPrefix(name, "Alexa::")
}

func checkUniqueNames(c *Template) {
	for id := range c.Resources.All() {
		if c.Parameters.Has(id) {
			c.reportf(path{"Resources", id}, "%q is also the name of a parameter", id)
		}
	}
}

func policy(key string, allowed ...string) func(*Template) {
	return func(c *Template) {
		for id, r := range c.Resources.All() {
			n := r.Node.Get(key)
			if n == nil || n.IsMap() {
				continue // functions are allowed with AWS::LanguageExtensions
			}
			switch {
			case !slices.Contains(allowed, n.Str()):
				c.reportf(path{"Resources", id, key}, "%q is not one of %s", n.Text, quoted(allowed))
			case n.Str() == "Snapshot" && !slices.Contains(snapshots, r.Type):
				c.reportf(path{"Resources", id, key}, "%s cannot be kept as a snapshot", r.Type)
			}
		}
	}
}

// snapshots lists the types that can be kept as a snapshot (user guide,
// DeletionPolicy attribute).
var snapshots = []string{
	"AWS::DocDB::DBCluster", "AWS::EC2::Volume", "AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup",
	"AWS::Neptune::DBCluster", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster",
}

func checkBothPolicies(c *Template) {
	for id, r := range c.Resources.All() {
		if r.Type == "AWS::Lambda::Version" || r.Type == "AWS::Lambda::LayerVersion" {
			continue // every update makes a new version, the old one stays as asked
		}
		if keeps(r.DeletionPolicy) && r.Node.Get("UpdateReplacePolicy") == nil {
			c.reportf(path{"Resources", id}, "%s keeps its data when it is deleted but not when it is replaced: add UpdateReplacePolicy", id)
		}
		if keeps(r.UpdateReplacePolicy) && r.Node.Get("DeletionPolicy") == nil {
			c.reportf(path{"Resources", id}, "%s keeps its data when it is replaced but not when it is deleted: add DeletionPolicy", id)
		}
	}
}

func checkAccessControl(c *Template, r *template.Resource, p path) {
	if r.Properties.Get("AccessControl") != nil {
		c.reportf(p.with("AccessControl"), "AccessControl is a legacy property: use a bucket policy")
	}
}

// lifecycle reports types whose service has a status, as the schema has it.
func lifecycle(status, words string) func(*Template) {
	return func(c *Template) {
		for id, r := range c.Resources.All() {
			typ, ok := schema.Load(r.Type)
			if !ok || typ.Lifecycle.Status != status {
				continue
			}
			when := ""
			if typ.Lifecycle.Date != "" {
				when = " (" + typ.Lifecycle.Date + ")"
			}
			c.reportf(path{"Resources", id, "Properties"}, "the service of %s %s%s: plan to use another", r.Type, words, when)
		}
	}
}

func keeps(policy string) bool { return policy != "" && policy != "Delete" }
