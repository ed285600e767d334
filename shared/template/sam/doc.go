// Package sam does what CloudFormation's macro AWS::Serverless-2016-10-31 does:
// it turns the resources of the AWS Serverless Application Model (SAM) into the
// CloudFormation resources that they stand for. Rules can then be checked
// against what will be deployed, and findings name the resources, logical ids
// and paths that cfn-lint names, which runs SAM's own translator first.
//
// The yardstick is aws-sam-translator 1.110.0 as cfn-lint 1.51.0 calls it. All
// of SAM is translated: Globals with IgnoreGlobals; the resource types Function,
// Api, HttpApi, WebSocketApi, StateMachine, SimpleTable, LayerVersion,
// Application, Connector (and the attribute Connectors), GraphQLApi and
// CapacityProvider; all event sources of functions and state machines; implicit
// APIs; policy templates; deployment preferences; and references such as
// MyFunction.Alias. Logical ids with a digest in them are the ones that SAM
// makes. A resource of another type whose name begins with AWS::Serverless stays
// as it is, as in SAM.
//
// What cfn-lint does before is done here too, so that the result is the one that
// it checks: local paths of code become s3://bucket/value, the DefinitionBody of
// a REST API is left out in favour of the definition that SAM makes from events,
// and an application of the Serverless Application Repository becomes a nested
// stack at an unknown place.
//
// A template that SAM refuses is not translated; the problems say why, in our
// words. In what a result can differ from that of SAM:
//
//   - AWS::Serverless::Api with AlwaysDeploy: SAM puts the time into the logical id of the deployment, so that it differs each time.
//   - REST APIs with more than 300 paths, which API Gateway does not take by default: the digest in the logical id of the deployment can differ.
//   - AWS::Serverless::GraphQLApi and AWS::Serverless::CapacityProvider: values of a wrong type that SAM converts (an empty string to an object, say) stay as they are.
//   - YAML anchors inside SAM resources: SAM changes all places of an anchor at once in a few cases, here each place is a copy.
//   - Templates whose parameters refer to each other in their defaults without an end fail after a bounded number of steps.
//   - Messages name the fault in other words, and a template with several faults can have fewer or more of them.
package sam
