package schema

import (
	"maps"
	"slices"
)

// The kinds of what is lost with a resource.
const (
	Data     = "data"     // what it holds
	Identity = "identity" // an address, a name or an id that others refer to
)

// Loss is what is lost with a resource when it is removed or replaced.
type Loss struct {
	Kind string // Data, Identity
	What string // "a table's items"
}

// Holds returns what is lost with a resource of a type; ok is false if it can
// be made again from its template.
func Holds(typeName string) (loss Loss, ok bool) {
	loss, ok = holds[typeName]
	return loss, ok
}

// HoldsTypes returns the types that Holds knows, sorted.
func HoldsTypes() []string { return slices.Sorted(maps.Keys(holds)) }

// holds is the one table of stateful types. Sources: CloudFormation template
// reference, "DeletionPolicy attribute" (the types that can be snapshotted or
// that keep data), what each type's page says about replacement and its return
// values, and cfn-lint's table, of which it has every type (see Stateful).
// Kept by hand, sorted; docs/risk.md shows it.
var holds = map[string]Loss{
	"AWS::AmazonMQ::Broker":                     {Data, "messages"},
	"AWS::ApiGateway::RestApi":                  {Identity, "the address that others call"},
	"AWS::ApiGatewayV2::Api":                    {Identity, "the address that others call"},
	"AWS::AppSync::GraphQLApi":                  {Identity, "the address that others call"},
	"AWS::Backup::BackupVault":                  {Data, "recovery points"},
	"AWS::Cassandra::Keyspace":                  {Data, "tables"},
	"AWS::Cassandra::Table":                     {Data, "rows"},
	"AWS::CertificateManager::Certificate":      {Identity, "a certificate that others refer to"},
	"AWS::CloudFormation::Stack":                {Identity, "the resources of a nested stack"},
	"AWS::CloudFront::Distribution":             {Identity, "the domain name that others call"},
	"AWS::CloudTrail::Trail":                    {Identity, "the audit trail's configuration"},
	"AWS::CodeArtifact::Repository":             {Data, "packages"},
	"AWS::CodeCommit::Repository":               {Data, "a repository's history"},
	"AWS::CodeConnections::Connection":          {Identity, "a connection that a person confirmed"},
	"AWS::CodeStarConnections::Connection":      {Identity, "a connection that a person confirmed"},
	"AWS::Cognito::IdentityPool":                {Data, "identities"},
	"AWS::Cognito::UserPool":                    {Data, "users"},
	"AWS::Cognito::UserPoolClient":              {Identity, "a client id that applications hold"},
	"AWS::DAX::Cluster":                         {Identity, "a cache in front of a table"},
	"AWS::DMS::ReplicationInstance":             {Identity, "replication state"},
	"AWS::DSQL::Cluster":                        {Data, "a database"},
	"AWS::DirectoryService::MicrosoftAD":        {Data, "a directory of users"},
	"AWS::DirectoryService::SimpleAD":           {Data, "a directory of users"},
	"AWS::DocDB::DBCluster":                     {Data, "a database"},
	"AWS::DocDB::DBInstance":                    {Data, "a database instance"},
	"AWS::DocDBElastic::Cluster":                {Data, "a database"},
	"AWS::DynamoDB::GlobalTable":                {Data, "a table's items"},
	"AWS::DynamoDB::Table":                      {Data, "a table's items"},
	"AWS::EC2::EIP":                             {Identity, "a public address that others may hold"},
	"AWS::EC2::Instance":                        {Data, "instance volumes and an address"},
	"AWS::EC2::Subnet":                          {Identity, "a network that others are attached to"},
	"AWS::EC2::VPC":                             {Identity, "a network that others are attached to"},
	"AWS::EC2::VPNConnection":                   {Identity, "the tunnels of another network"},
	"AWS::EC2::Volume":                          {Data, "a volume's data"},
	"AWS::ECR::PublicRepository":                {Data, "images"},
	"AWS::ECR::Repository":                      {Data, "images"},
	"AWS::EFS::FileSystem":                      {Data, "files"},
	"AWS::EKS::Cluster":                         {Identity, "a cluster and what runs on it"},
	"AWS::EMR::Cluster":                         {Data, "files of the cluster"},
	"AWS::ElastiCache::CacheCluster":            {Data, "cached data"},
	"AWS::ElastiCache::ReplicationGroup":        {Data, "cached data"},
	"AWS::ElastiCache::ServerlessCache":         {Data, "cached data"},
	"AWS::ElasticLoadBalancing::LoadBalancer":   {Identity, "the DNS name that others call"},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {Identity, "the DNS name that others call"},
	"AWS::Elasticsearch::Domain":                {Data, "an index"},
	"AWS::FSx::FileSystem":                      {Data, "files"},
	"AWS::FSx::Volume":                          {Data, "files"},
	"AWS::GlobalAccelerator::Accelerator":       {Identity, "fixed addresses that others hold"},
	"AWS::Glue::Database":                       {Data, "a data catalogue"},
	"AWS::Glue::Table":                          {Data, "a catalogue's table"},
	"AWS::HealthLake::FHIRDatastore":            {Data, "health records"},
	"AWS::IAM::User":                            {Identity, "access keys"},
	"AWS::KMS::Key":                             {Data, "a key that data is encrypted with"},
	"AWS::KMS::ReplicaKey":                      {Data, "a key that data is encrypted with"},
	"AWS::Kendra::Index":                        {Data, "an index"},
	"AWS::Kinesis::Stream":                      {Data, "records"},
	"AWS::KinesisFirehose::DeliveryStream":      {Data, "buffered records"},
	"AWS::Lightsail::Database":                  {Data, "a database"},
	"AWS::Lightsail::Disk":                      {Data, "a disk's data"},
	"AWS::Logs::LogGroup":                       {Data, "log events"},
	"AWS::MSK::Cluster":                         {Data, "topics"},
	"AWS::MSK::ServerlessCluster":               {Data, "topics"},
	"AWS::MemoryDB::Cluster":                    {Data, "a database"},
	"AWS::MemoryDB::MultiRegionCluster":         {Data, "a database"},
	"AWS::Neptune::DBCluster":                   {Data, "a database"},
	"AWS::Neptune::DBInstance":                  {Data, "a database instance"},
	"AWS::NeptuneGraph::Graph":                  {Data, "a graph"},
	"AWS::OpenSearchServerless::Collection":     {Data, "an index"},
	"AWS::OpenSearchService::Domain":            {Data, "an index"},
	"AWS::Organizations::Account":               {Data, "a whole account"},
	"AWS::QLDB::Ledger":                         {Data, "a ledger"},
	"AWS::RDS::DBCluster":                       {Data, "a database"},
	"AWS::RDS::DBInstance":                      {Data, "a database"},
	"AWS::RDS::GlobalCluster":                   {Data, "a database"},
	"AWS::Redshift::Cluster":                    {Data, "a data warehouse"},
	"AWS::RedshiftServerless::Namespace":        {Data, "a data warehouse"},
	"AWS::Route53::HostedZone":                  {Data, "records and the zone's name servers"},
	"AWS::S3::Bucket":                           {Data, "a bucket's objects"},
	"AWS::S3Express::DirectoryBucket":           {Data, "a bucket's objects"},
	"AWS::S3Outposts::Bucket":                   {Data, "a bucket's objects"},
	"AWS::S3Tables::Table":                      {Data, "a table's rows"},
	"AWS::S3Tables::TableBucket":                {Data, "tables"},
	"AWS::S3Vectors::VectorBucket":              {Data, "vectors"},
	"AWS::SDB::Domain":                          {Data, "items"},
	"AWS::SES::EmailIdentity":                   {Identity, "a verified sender"},
	"AWS::SNS::Topic":                           {Identity, "subscriptions from outside the stack"},
	"AWS::SQS::Queue":                           {Data, "messages"},
	"AWS::SSM::Parameter":                       {Data, "a value that others read"},
	"AWS::SageMaker::Domain":                    {Data, "home directories of users"},
	"AWS::SageMaker::FeatureGroup":              {Data, "features"},
	"AWS::SecretsManager::Secret":               {Data, "a secret's value"},
	"AWS::Timestream::Database":                 {Data, "time series"},
	"AWS::Timestream::InfluxDBInstance":         {Data, "time series"},
	"AWS::Timestream::Table":                    {Data, "time series"},
	"AWS::Transfer::Server":                     {Identity, "the address that others call"},
	"AWS::WorkSpaces::Workspace":                {Data, "a person's desktop"},
}
