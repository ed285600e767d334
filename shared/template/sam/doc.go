// Package sam translates templates of the AWS Serverless Application Model.
package sam
