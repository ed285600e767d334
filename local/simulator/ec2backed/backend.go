// Package ec2backed holds the simulator's EC2 resources in a real EC2 API, in
// practice the local cloud's moto server (local/ec2.md): what a shell changes
// there is real drift, and a CloudFormation update is a real EC2 change.
package ec2backed

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/evenkeel/evenkeel/local/simulator"
)

// handler are the operations of one resource type. Identifiers are primary
// identifiers, models are those of the provider schema.
type handler struct {
	create func(ctx context.Context, desired map[string]any) (string, error)
	read   func(ctx context.Context, identifier string) (map[string]any, error)
	update func(ctx context.Context, identifier string, previous, desired map[string]any) error
	remove func(ctx context.Context, identifier string) error
	list   func(ctx context.Context) ([]string, error)
}

// Backend is an EC2 of one account and region.
type Backend struct {
	client   *ec2.Client
	handlers map[string]handler
}

var _ simulator.EC2 = (*Backend)(nil)

// New makes a backend on a client for one account and region.
func New(client *ec2.Client) *Backend {
	b := &Backend{client: client}
	b.handlers = map[string]handler{
		"AWS::EC2::VPC":                  {b.createVPC, b.readVPC, b.updateVPC, b.deleteVPC, b.listVPCs},
		"AWS::EC2::Subnet":               {b.createSubnet, b.readSubnet, b.updateSubnet, b.deleteSubnet, b.listSubnets},
		"AWS::EC2::SecurityGroup":        {b.createGroup, b.readGroup, b.updateGroup, b.deleteGroup, b.listGroups},
		"AWS::EC2::PrefixList":           {b.createList, b.readList, b.updateList, b.deleteList, b.listLists},
		"AWS::EC2::SecurityGroupIngress": b.ruleHandler(false),
		"AWS::EC2::SecurityGroupEgress":  b.ruleHandler(true),
	}
	return b
}

// Backs implements simulator.EC2.
func (b *Backend) Backs(typeName string) bool {
	_, ok := b.handlers[typeName]
	return ok
}

// Create implements simulator.EC2.
func (b *Backend) Create(ctx context.Context, typeName string, desired map[string]any) (string, error) {
	identifier, err := b.handlers[typeName].create(ctx, desired)
	return identifier, classify(err)
}

// Read implements simulator.EC2.
func (b *Backend) Read(ctx context.Context, typeName, identifier string) (map[string]any, error) {
	model, err := b.handlers[typeName].read(ctx, identifier)
	return model, classify(err)
}

// Update implements simulator.EC2.
func (b *Backend) Update(ctx context.Context, typeName, identifier string, previous, desired map[string]any) error {
	return classify(b.handlers[typeName].update(ctx, identifier, previous, desired))
}

// Delete implements simulator.EC2.
func (b *Backend) Delete(ctx context.Context, typeName, identifier string) error {
	return classify(b.handlers[typeName].remove(ctx, identifier))
}

// List implements simulator.EC2.
func (b *Backend) List(ctx context.Context, typeName string) ([]string, error) {
	list, err := b.handlers[typeName].list(ctx)
	return list, classify(err)
}

// classify turns an EC2 error into a handler error.
// Source: EC2 API reference, "Error codes".
func classify(err error) error {
	var api smithy.APIError
	if err == nil || !errors.As(err, &api) {
		return err
	}
	code := "GeneralServiceException"
	switch name := api.ErrorCode(); {
	case strings.HasSuffix(name, "NotFound"):
		code = "NotFound"
	case strings.HasSuffix(name, ".Duplicate") || strings.HasSuffix(name, "AlreadyExists"):
		code = "AlreadyExists"
	case strings.HasPrefix(name, "Invalid") || strings.HasPrefix(name, "MissingParameter"):
		code = "InvalidRequest"
	}
	return &simulator.ResourceError{Code: code, Message: api.ErrorMessage() + " (Service: Ec2, Error Code: " + api.ErrorCode() + ")"}
}

func notFound(what, identifier string) error {
	return &simulator.ResourceError{Code: "NotFound", Message: "The " + what + " '" + identifier + "' does not exist"}
}
