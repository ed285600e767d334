package ec2backed

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (b *Backend) createVPC(ctx context.Context, desired map[string]any) (string, error) {
	in := &ec2.CreateVpcInput{CidrBlock: text(desired, "CidrBlock"), TagSpecifications: specification(types.ResourceTypeVpc, desired)}
	if tenancy := text(desired, "InstanceTenancy"); tenancy != nil {
		in.InstanceTenancy = types.Tenancy(*tenancy)
	}
	out, err := b.client.CreateVpc(ctx, in)
	if err != nil {
		return "", err
	}
	return *out.Vpc.VpcId, b.vpcAttributes(ctx, *out.Vpc.VpcId, desired)
}

// vpcAttributes sets the DNS attributes, one a call.
func (b *Backend) vpcAttributes(ctx context.Context, id string, desired map[string]any) error {
	if on := flag(desired, "EnableDnsSupport"); on != nil {
		if _, err := b.client.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &id, EnableDnsSupport: &types.AttributeBooleanValue{Value: on}}); err != nil {
			return err
		}
	}
	if on := flag(desired, "EnableDnsHostnames"); on != nil {
		if _, err := b.client.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &id, EnableDnsHostnames: &types.AttributeBooleanValue{Value: on}}); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) readVPC(ctx context.Context, id string) (map[string]any, error) {
	out, err := b.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(out.Vpcs) == 0 {
		return nil, notFound("vpc ID", id)
	}
	vpc := out.Vpcs[0]
	model := map[string]any{"VpcId": id, "CidrBlock": aws.ToString(vpc.CidrBlock), "InstanceTenancy": string(vpc.InstanceTenancy)}
	showTags(model, vpc.Tags)
	for name, attribute := range map[string]types.VpcAttributeName{"EnableDnsSupport": types.VpcAttributeNameEnableDnsSupport, "EnableDnsHostnames": types.VpcAttributeNameEnableDnsHostnames} {
		answer, err := b.client.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &id, Attribute: attribute})
		if err != nil {
			return nil, err
		}
		for _, value := range []*types.AttributeBooleanValue{answer.EnableDnsSupport, answer.EnableDnsHostnames} {
			if value != nil {
				model[name] = aws.ToBool(value.Value)
			}
		}
	}
	groups, err := b.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("vpc-id", id), filter("group-name", "default")}})
	if err != nil {
		return nil, err
	}
	if len(groups.SecurityGroups) > 0 {
		set(model, "DefaultSecurityGroup", groups.SecurityGroups[0].GroupId)
	}
	lists, err := b.client.DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{Filters: []types.Filter{filter("vpc-id", id), filter("default", "true")}})
	if err != nil {
		return nil, err
	}
	if len(lists.NetworkAcls) > 0 {
		set(model, "DefaultNetworkAcl", lists.NetworkAcls[0].NetworkAclId)
	}
	return model, nil
}

func (b *Backend) updateVPC(ctx context.Context, id string, previous, desired map[string]any) error {
	if err := b.vpcAttributes(ctx, id, desired); err != nil {
		return err
	}
	return b.retag(ctx, id, previous, desired)
}

func (b *Backend) deleteVPC(ctx context.Context, id string) error {
	_, err := b.client.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &id})
	return err
}

func (b *Backend) listVPCs(ctx context.Context) ([]string, error) {
	out, err := b.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, vpc := range out.Vpcs {
		ids = append(ids, *vpc.VpcId)
	}
	return ids, nil
}

func (b *Backend) createSubnet(ctx context.Context, desired map[string]any) (string, error) {
	out, err := b.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{
		VpcId: text(desired, "VpcId"), CidrBlock: text(desired, "CidrBlock"), AvailabilityZone: text(desired, "AvailabilityZone"),
		TagSpecifications: specification(types.ResourceTypeSubnet, desired),
	})
	if err != nil {
		return "", err
	}
	return *out.Subnet.SubnetId, b.publicIPs(ctx, *out.Subnet.SubnetId, desired)
}

func (b *Backend) publicIPs(ctx context.Context, id string, desired map[string]any) error {
	on := flag(desired, "MapPublicIpOnLaunch")
	if on == nil {
		return nil
	}
	_, err := b.client.ModifySubnetAttribute(ctx, &ec2.ModifySubnetAttributeInput{SubnetId: &id, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: on}})
	return err
}

func (b *Backend) readSubnet(ctx context.Context, id string) (map[string]any, error) {
	out, err := b.client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{id}})
	if err != nil {
		return nil, err
	}
	if len(out.Subnets) == 0 {
		return nil, notFound("subnet ID", id)
	}
	subnet := out.Subnets[0]
	model := map[string]any{"SubnetId": id, "MapPublicIpOnLaunch": aws.ToBool(subnet.MapPublicIpOnLaunch)}
	set(model, "VpcId", subnet.VpcId)
	set(model, "CidrBlock", subnet.CidrBlock)
	set(model, "AvailabilityZone", subnet.AvailabilityZone)
	showTags(model, subnet.Tags)
	return model, nil
}

func (b *Backend) updateSubnet(ctx context.Context, id string, previous, desired map[string]any) error {
	if err := b.publicIPs(ctx, id, desired); err != nil {
		return err
	}
	return b.retag(ctx, id, previous, desired)
}

func (b *Backend) deleteSubnet(ctx context.Context, id string) error {
	_, err := b.client.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &id})
	return err
}

func (b *Backend) listSubnets(ctx context.Context) ([]string, error) {
	out, err := b.client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, subnet := range out.Subnets {
		ids = append(ids, *subnet.SubnetId)
	}
	return ids, nil
}
