// Package network reads, through EC2, what decides who can reach a security
// group of a workload account.
package network

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/healing"
	"github.com/evenkeel/evenkeel/shared/reachability"
)

var _ healing.Reach = (*Client)(nil)

const (
	// keep is how long routes and ACLs of a VPC are taken for current: the groups
	// of a burst are mostly of one VPC.
	keep = 15 * time.Second
	// patience bounds the reads of one group. The group is closed by then, but
	// nobody has been told.
	patience = 5 * time.Second
)

// Sessions gives the configuration for an account and region.
type Sessions interface {
	In(account, region string) aws.Config
}

// Client implements healing.Reach. It is safe for concurrent use.
type Client struct {
	sessions Sessions
	now      func() time.Time

	mu   sync.Mutex
	vpcs map[vpcKey]vpc
}

type vpcKey struct {
	healing.Place
	id string
}

// vpc is what is kept of a VPC.
type vpc struct {
	read   time.Time // when reading began
	tables []reachability.RouteTable
	acls   []reachability.ACL
}

// New returns a client that opens its sessions in sessions.
func New(sessions Sessions, now func() time.Time) *Client {
	return &Client{sessions: sessions, now: now, vpcs: map[vpcKey]vpc{}}
}

// Reach implements healing.Reach. It reads the interfaces that use the group
// and, only if one of them has an address on the internet, routes and ACLs of
// their VPCs, which need not be the group's own (AssociateSecurityGroupVpc):
// one call or three, as long as each answer fits on a page.
func (c *Client) Reach(ctx context.Context, at healing.Place, group string, opened []events.SecurityGroupRule) (events.Reachability, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := ec2.NewFromConfig(c.sessions.In(at.Account, at.Region))
	interfaces, err := interfacesOf(ctx, client, group)
	if err != nil {
		return events.Reachability{}, awserr.Classify("read the network interfaces of "+group, err)
	}
	network := reachability.Network{Interfaces: interfaces}
	var ids []string
	for _, i := range interfaces {
		if i.Addressed() {
			ids = append(ids, i.VPC)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	known, err := c.known(ctx, client, at, ids)
	if err != nil {
		return events.Reachability{}, err
	}
	for _, v := range known {
		network.RouteTables = append(network.RouteTables, v.tables...)
		network.ACLs = append(network.ACLs, v.acls...)
	}
	return reachability.Assess(network, opened), nil
}

// known gives the VPCs, from what is kept or else read.
func (c *Client) known(ctx context.Context, client *ec2.Client, at healing.Place, ids []string) ([]vpc, error) {
	began := c.now()
	c.mu.Lock()
	for key, v := range c.vpcs {
		if began.Sub(v.read) >= keep {
			delete(c.vpcs, key)
		}
	}
	var known []vpc
	var missing []string
	for _, id := range ids {
		if v, ok := c.vpcs[vpcKey{at, id}]; ok {
			known = append(known, v)
		} else {
			missing = append(missing, id)
		}
	}
	c.mu.Unlock()
	for some := range slices.Chunk(missing, maxFilter) {
		read, err := readVPCs(ctx, client, some)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		for id, v := range read {
			v.read = began
			c.vpcs[vpcKey{at, id}] = v
			known = append(known, v)
		}
		c.mu.Unlock()
	}
	return known, nil
}

// readVPCs reads route tables and ACLs at the same time.
func readVPCs(ctx context.Context, client *ec2.Client, ids []string) (map[string]vpc, error) {
	var tables []reachability.RouteTable
	var acls []reachability.ACL
	var faults [2]error
	var both sync.WaitGroup
	both.Go(func() {
		var err error
		tables, err = tablesOf(ctx, client, ids)
		faults[0] = awserr.Classify("read the route tables of the group's interfaces", err)
	})
	both.Go(func() {
		var err error
		acls, err = aclsOf(ctx, client, ids)
		faults[1] = awserr.Classify("read the network ACLs of the group's interfaces", err)
	})
	both.Wait()
	if err := errors.Join(faults[:]...); err != nil {
		return nil, err
	}
	read := map[string]vpc{}
	for _, id := range ids {
		read[id] = vpc{
			tables: slices.DeleteFunc(slices.Clone(tables), func(t reachability.RouteTable) bool { return t.VPC != id }),
			acls:   slices.DeleteFunc(slices.Clone(acls), func(a reachability.ACL) bool { return a.VPC != id }),
		}
	}
	return read, nil
}

// Limits of one request. Source: EC2 API reference, DescribeNetworkInterfaces,
// DescribeRouteTables, DescribeNetworkAcls (MaxResults), "Filtering" (values of a filter).
const (
	page       = 1000
	tablesPage = 100
	maxFilter  = 200
)

func filter(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: aws.String(name), Values: values}}
}

func interfacesOf(ctx context.Context, client *ec2.Client, group string) ([]reachability.Interface, error) {
	pages := ec2.NewDescribeNetworkInterfacesPaginator(client, &ec2.DescribeNetworkInterfacesInput{
		Filters: filter("group-id", group), MaxResults: aws.Int32(page)})
	var all []reachability.Interface
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, i := range out.NetworkInterfaces {
			all = append(all, interfaceFrom(i))
		}
	}
	return all, nil
}

func tablesOf(ctx context.Context, client *ec2.Client, vpcs []string) ([]reachability.RouteTable, error) {
	pages := ec2.NewDescribeRouteTablesPaginator(client, &ec2.DescribeRouteTablesInput{
		Filters: filter("vpc-id", vpcs...), MaxResults: aws.Int32(tablesPage)})
	var all []reachability.RouteTable
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range out.RouteTables {
			all = append(all, tableFrom(t))
		}
	}
	return all, nil
}

func aclsOf(ctx context.Context, client *ec2.Client, vpcs []string) ([]reachability.ACL, error) {
	pages := ec2.NewDescribeNetworkAclsPaginator(client, &ec2.DescribeNetworkAclsInput{
		Filters: filter("vpc-id", vpcs...), MaxResults: aws.Int32(page)})
	var all []reachability.ACL
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range out.NetworkAcls {
			all = append(all, aclFrom(a))
		}
	}
	return all, nil
}
