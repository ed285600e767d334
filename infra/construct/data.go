package construct

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
)

// StateTable makes the table of what is under way: locks, task tokens,
// approvals, undo records. Items that may be forgotten carry "ttl".
func StateTable(c *Common) awsdynamodb.Table {
	return table(c, "StateTable", "pk", "sk", text("ttl"))
}

// LedgerTable makes the append-only table of every fact, readable by subject
// and, newest first, by kind.
func LedgerTable(c *Common) awsdynamodb.Table {
	t := table(c, "LedgerTable", "subject", "sequence", nil)
	t.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		IndexName:    text("byKind"),
		PartitionKey: &awsdynamodb.Attribute{Name: text("kind"), Type: awsdynamodb.AttributeType_STRING},
		SortKey:      &awsdynamodb.Attribute{Name: text("sequence"), Type: awsdynamodb.AttributeType_STRING},
	})
	return t
}

// WritesTable makes the table of who changed which resource, newest last. A
// write is forgotten by "ttl".
func WritesTable(c *Common) awsdynamodb.Table {
	return table(c, "WritesTable", "resource", "at", text("ttl"))
}

func table(c *Common, id, partition, sort string, ttl *string) awsdynamodb.Table {
	return awsdynamodb.NewTable(c.Scope, text(id), &awsdynamodb.TableProps{
		PartitionKey:                     &awsdynamodb.Attribute{Name: text(partition), Type: awsdynamodb.AttributeType_STRING},
		SortKey:                          &awsdynamodb.Attribute{Name: text(sort), Type: awsdynamodb.AttributeType_STRING},
		BillingMode:                      awsdynamodb.BillingMode_PAY_PER_REQUEST,
		TimeToLiveAttribute:              ttl,
		Encryption:                       awsdynamodb.TableEncryption_CUSTOMER_MANAGED,
		EncryptionKey:                    c.Key,
		DeletionProtection:               yes(),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: yes()},
		RemovalPolicy:                    awscdk.RemovalPolicy_RETAIN,
	})
}

// Bucket makes the bucket of sources, templates and plans.
func Bucket(c *Common) awss3.Bucket {
	return awss3.NewBucket(c.Scope, text("Bucket"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_KMS, EncryptionKey: c.Key, BucketKeyEnabled: yes(),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: yes(), Versioned: yes(),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: text("forget"), Expiration: awscdk.Duration_Days(number(365)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(number(30)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(number(1)),
		}},
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
}
