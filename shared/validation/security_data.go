package validation

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/shared/template"
)

// encrypted lists the types that hold data unencrypted unless a property says
// otherwise.
var encrypted = map[string]string{
	"AWS::RDS::DBCluster":                "StorageEncrypted",
	"AWS::DocDB::DBCluster":              "StorageEncrypted",
	"AWS::Neptune::DBCluster":            "StorageEncrypted",
	"AWS::RDS::DBInstance":               "StorageEncrypted",
	"AWS::EFS::FileSystem":               "Encrypted",
	"AWS::EC2::Volume":                   "Encrypted",
	"AWS::Redshift::Cluster":             "Encrypted",
	"AWS::ElastiCache::ReplicationGroup": "AtRestEncryptionEnabled",
}

func checkEncryption(c *Template) {
	for id, r := range c.Resources.All() {
		key, ok := encrypted[r.Type]
		if !ok || inherits(r) {
			continue
		}
		p := path{"Resources", id, "Properties"}
		setting := r.Properties.Get(key)
		if setting == nil {
			c.reportf(p, "%s is not encrypted at rest: set %s", id, key)
			continue
		}
		c.variants(setting, p.with(key), func(n *template.Node, p path) {
			if isFalse(n) {
				c.reportf(p, "%s is not encrypted at rest: set %s", id, key)
			}
		})
	}
}

// inherits reports whether encryption is decided elsewhere: by the cluster, the
// snapshot or the source of a replica.
func inherits(r *template.Resource) bool {
	return slices.ContainsFunc([]string{
		"DBClusterIdentifier", "DBSnapshotIdentifier", "SnapshotIdentifier", "SourceDBInstanceIdentifier", "SourceDBClusterIdentifier", "SnapshotId", "SnapshotName", "KmsKeyId",
	}, func(key string) bool {
		return r.Properties.Get(key) != nil && (key != "KmsKeyId" || r.Type == "AWS::EFS::FileSystem")
	})
}

func checkPublicDatabase(c *Template) {
	for id, r := range c.Resources.All() {
		if !slices.Contains([]string{"AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::Redshift::Cluster", "AWS::DMS::ReplicationInstance"}, r.Type) {
			continue
		}
		c.variants(r.Properties.Get("PubliclyAccessible"), path{"Resources", id, "Properties", "PubliclyAccessible"}, func(n *template.Node, p path) {
			if isTrue(n) {
				c.reportf(p, "%s can be reached from the internet", id)
			}
		})
	}
}

// checkMessaging reports queues whose own encryption is switched off and topics
// that hold messages without a key. Queues are encrypted by default since
// October 2022; topics are not.
func checkMessaging(c *Template) {
	for id, r := range c.Resources.All() {
		p := path{"Resources", id, "Properties"}
		switch {
		case r.Type == "AWS::SQS::Queue" && r.Properties.Get("KmsMasterKeyId") == nil:
			c.variants(r.Properties.Get("SqsManagedSseEnabled"), p.with("SqsManagedSseEnabled"), func(n *template.Node, p path) {
				if isFalse(n) {
					c.reportf(p, "the queue %s is not encrypted", id)
				}
			})
		case r.Type == "AWS::SNS::Topic" && r.Properties.Get("KmsMasterKeyId") == nil:
			c.reportf(p, "the topic %s is not encrypted: set KmsMasterKeyId (alias/aws/sns costs nothing)", id)
		}
	}
}

// secretProperties are properties whose value is a secret.
var secretProperties = map[string][]string{
	"AWS::RDS::DBInstance":               {"MasterUserPassword"},
	"AWS::RDS::DBCluster":                {"MasterUserPassword"},
	"AWS::DocDB::DBCluster":              {"MasterUserPassword"},
	"AWS::Redshift::Cluster":             {"MasterUserPassword"},
	"AWS::SecretsManager::Secret":        {"SecretString"},
	"AWS::ElastiCache::ReplicationGroup": {"AuthToken"},
	"AWS::IAM::User":                     {"LoginProfile/Password"},
	"AWS::DMS::Endpoint":                 {"Password"},
	"AWS::DirectoryService::MicrosoftAD": {"Password"},
	"AWS::DirectoryService::SimpleAD":    {"Password"},
	"AWS::AmazonMQ::Broker":              {"Users/*/Password"},
}

func checkPlainSecrets(c *Template) {
	for id, r := range c.Resources.All() {
		for _, property := range secretProperties[r.Type] {
			c.plainSecret(r.Properties, path{"Resources", id, "Properties"}, strings.Split(property, "/"))
		}
	}
}

func (c *Template) plainSecret(n *template.Node, p path, names []string) {
	switch {
	case n == nil:
	case len(names) > 0 && names[0] == "*":
		for i, item := range n.Items {
			c.plainSecret(item, p.with(digits(i)), names[1:])
		}
	case len(names) > 0:
		c.plainSecret(n.Get(names[0]), p.with(names[0]), names[1:])
	default:
		// A parameter's default is as readable as the template itself.
		c.variants(n, p, func(n *template.Node, p path) {
			if n.Text != "" && !strings.Contains(n.Text, "{{resolve:") {
				c.reportf(p, "a secret stands in the template in plain text: use a dynamic reference to Secrets Manager")
			}
		})
	}
}
