package securitygroups

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/healing"
)

var _ healing.Versions = (*Client)(nil)

// Version implements healing.Versions.
// Source: EC2 API reference, DescribeManagedPrefixLists.
func (c *Client) Version(ctx context.Context, at healing.Place, prefixList string) (int64, string, bool, error) {
	out, err := c.in(at).DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{prefixList}})
	if awserr.HasCode(err, noList...) || err == nil && len(out.PrefixLists) == 0 {
		return 0, "", false, nil
	}
	if err != nil {
		return 0, "", false, awserr.Classify("read the version of "+prefixList, err)
	}
	list := out.PrefixLists[0]
	return aws.ToInt64(list.Version), string(list.State), true, nil
}
