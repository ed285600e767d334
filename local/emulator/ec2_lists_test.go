package emulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/evenkeel/evenkeel/local/cloudtest"
	"github.com/evenkeel/evenkeel/local/emulator"
)

const (
	noList      = "pl-0123456789abcdef0"
	motoAccount = "123456789012" // whose calls they are without X-Moto-Account-Id
)

// edit adds an entry to the list at a version.
func (n *vpc) edit(list string, version int64, cidr string) (*ec2types.ManagedPrefixList, error) {
	out, err := n.ModifyManagedPrefixList(n.t.Context(), &ec2.ModifyManagedPrefixListInput{PrefixListId: &list, CurrentVersion: &version, AddEntries: []ec2types.AddPrefixListEntry{{Cidr: &cidr}}})
	if err != nil {
		return nil, err
	}
	return out.PrefixList, nil
}

func (n *vpc) entries(list string) string {
	out, err := n.GetManagedPrefixListEntries(n.t.Context(), &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &list})
	if err != nil {
		return code(err)
	}
	var all []string
	for _, e := range out.Entries {
		all = append(all, aws.ToString(e.Cidr))
	}
	return strings.Join(all, " ")
}

func (n *vpc) listed(list string) (ec2types.ManagedPrefixList, string) {
	out, err := n.DescribeManagedPrefixLists(n.t.Context(), &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{list}})
	if err != nil || len(out.PrefixLists) != 1 {
		return ec2types.ManagedPrefixList{}, code(err)
	}
	return out.PrefixLists[0], fmt.Sprint(out.PrefixLists[0].State, " ", aws.ToInt64(out.PrefixLists[0].Version))
}

var ofLists = []behaviour{
	{"EC2-20", "Entries are kept in their canonical form", func(n *vpc) string {
		return first(unless(n.entries(n.list(4, "5.6.7.8/1", "200.1.1.1/1")), "0.0.0.0/1 128.0.0.0/1"), unless(n.entries(n.list(4, "2001:DB8:0::1/32")), "2001:db8::/32"))
	}},
	{"EC2-20", "an entry is there once, with its last description", func(n *vpc) string {
		list := n.list(4, "10.0.0.0/8")
		_, err := n.edit(list, 1, "10.1.1.1/8")
		return first(unless(code(err), "none"), unless(n.entries(list), "10.0.0.0/8"))
	}},
	{"EC2-20", "what is no prefix of the list's family is refused", func(n *vpc) string {
		list := n.list(4, "10.0.0.0/8")
		_, six := n.edit(list, 1, "::/0")
		_, none := n.edit(list, 1, "nonsense")
		return first(unless(code(six), "InvalidParameterValue"), unless(code(none), "InvalidParameterValue"))
	}},
	{"EC2-20", "and so is more than MaxEntries", func(n *vpc) string {
		_, err := n.edit(n.list(1, "10.0.0.0/8"), 1, "192.0.2.0/24")
		return unless(code(err), "PrefixListMaxEntriesExceeded")
	}},
	{"EC2-21", "A list that does not exist is InvalidPrefixListID.NotFound", func(n *vpc) string {
		_, read := n.GetManagedPrefixListEntries(n.t.Context(), &ec2.GetManagedPrefixListEntriesInput{PrefixListId: aws.String(noList)})
		_, edit := n.edit(noList, 1, "10.0.0.0/8")
		_, shown := n.DescribeManagedPrefixLists(n.t.Context(), &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{noList}})
		const want = "InvalidPrefixListID.NotFound"
		return first(unless(code(read), want), unless(code(edit), want), unless(code(shown), want))
	}},
	{"EC2-22", "a CurrentVersion that is not current is PrefixListVersionMismatch", func(n *vpc) string {
		list := n.list(4, "10.0.0.0/8")
		_, now := n.edit(list, 1, "192.0.2.0/24")
		_, late := n.edit(list, 1, "198.51.100.0/24")
		return first(unless(code(now), "none"), unless(code(late), "PrefixListVersionMismatch"), unless(n.entries(list), "10.0.0.0/8 192.0.2.0/24"))
	}},
	{"EC2-22", "a name that is left out stays", func(n *vpc) string {
		list := n.list(4, "10.0.0.0/8")
		before, _ := n.listed(list)
		if _, err := n.edit(list, 1, "192.0.2.0/24"); err != nil {
			n.t.Fatal(err)
		}
		after, _ := n.listed(list)
		return unless(aws.ToString(after.PrefixListName), aws.ToString(before.PrefixListName))
	}},
	{"EC2-22", "a list of AWS cannot be changed", func(n *vpc) string {
		out, err := n.DescribeManagedPrefixLists(n.t.Context(), &ec2.DescribeManagedPrefixListsInput{Filters: []ec2types.Filter{{Name: aws.String("owner-id"), Values: []string{"AWS"}}}})
		if err != nil || len(out.PrefixLists) == 0 {
			n.t.Fatal("no list of AWS: ", err)
		}
		_, err = n.ModifyManagedPrefixList(n.t.Context(), &ec2.ModifyManagedPrefixListInput{PrefixListId: out.PrefixLists[0].PrefixListId, PrefixListName: out.PrefixLists[0].PrefixListName})
		return unless(code(err), "OperationNotPermitted")
	}},
	{"EC2-23", "The answer shows the list in progress, at the version before", func(n *vpc) string {
		list := n.list(4, "10.0.0.0/8")
		answer, err := n.edit(list, 1, "192.0.2.0/24")
		if err != nil {
			n.t.Fatal(err)
		}
		_, after := n.listed(list)
		return first(unless(fmt.Sprint(answer.State, " ", aws.ToInt64(answer.Version)), "modify-in-progress 1"), unless(after, "modify-complete 2"))
	}},
	{"EC2-24", "RestoreManagedPrefixListVersion makes a new version of an old one's entries", func(n *vpc) string {
		list := n.list(4, "10.0.0.0/8")
		if _, err := n.edit(list, 1, "192.0.2.0/24"); err != nil {
			n.t.Fatal(err)
		}
		_, err := n.RestoreManagedPrefixListVersion(n.t.Context(), &ec2.RestoreManagedPrefixListVersionInput{PrefixListId: &list, CurrentVersion: aws.Int64(2), PreviousVersion: aws.Int64(1)})
		_, after := n.listed(list)
		return first(unless(code(err), "none"), unless(n.entries(list), "10.0.0.0/8"), unless(after, "restore-complete 3"))
	}},
	{"EC2-25", "GetManagedPrefixListAssociations names the groups that refer to a list", func(n *vpc) string {
		list := n.list(4, "10.0.0.0/8")
		n.open(22, list)
		out, err := n.GetManagedPrefixListAssociations(n.t.Context(), &ec2.GetManagedPrefixListAssociationsInput{PrefixListId: &list})
		if err != nil || len(out.PrefixListAssociations) != 1 {
			return "none: " + code(err)
		}
		return unless(aws.ToString(out.PrefixListAssociations[0].ResourceId)+" "+aws.ToString(out.PrefixListAssociations[0].ResourceOwner), n.group+" "+motoAccount)
	}},
	{"EC2-26", "Entries come in pages of up to 100", func(n *vpc) string {
		list := n.list(300)
		for version := range int64(2) {
			in := &ec2.ModifyManagedPrefixListInput{PrefixListId: &list, CurrentVersion: aws.Int64(version + 1)}
			for i := range 100 {
				in.AddEntries = append(in.AddEntries, ec2types.AddPrefixListEntry{Cidr: aws.String(fmt.Sprintf("10.%d.%d.0/24", version, i))})
			}
			if _, err := n.ModifyManagedPrefixList(n.t.Context(), in); err != nil {
				n.t.Fatal(err)
			}
		}
		pages, sizes := ec2.NewGetManagedPrefixListEntriesPaginator(n, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &list, MaxResults: aws.Int32(99)}), ""
		for pages.HasMorePages() {
			page, err := pages.NextPage(n.t.Context())
			if err != nil {
				return code(err)
			}
			sizes += fmt.Sprint(len(page.Entries), " ")
		}
		return unless(sizes, "99 99 2 ")
	}},
}

// EC2-23: "for as long as Settings.Network.PrefixListDelay says, the entries are
// those of the version before, and another change is IncorrectState".
func TestPrefixListsChangeLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const delay = 700 * time.Millisecond
	e, err := emulator.StartMoto(t.Context(), emulator.Settings{Env: cloudtest.Venv(t), State: dir, Logs: dir, Region: region, Network: emulator.Network{PrefixListDelay: delay, RulesPerGroup: 200}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Stop(time.Second) })
	n := newVPC(t, e)
	list := n.list(4, "10.0.0.0/8")
	began := time.Now()
	if _, err := n.edit(list, 1, "0.0.0.0/1"); err != nil {
		t.Fatal(err)
	}
	entries := n.entries(list)
	_, state := n.listed(list)
	_, again := n.edit(list, 1, "128.0.0.0/1")
	if time.Since(began) < delay {
		if entries != "10.0.0.0/8" || state != "modify-in-progress 1" || code(again) != "IncorrectState" {
			t.Errorf("in between: %s, %s, %s", entries, state, code(again))
		}
	}
	eventually(t, 5*time.Second, "the change is in force", func() bool { return n.entries(list) == "10.0.0.0/8 0.0.0.0/1" })
	if took := time.Since(began); took < delay {
		t.Errorf("the change was in force after %s", took)
	}

	// EC2-9: "Settings.Network.RulesPerGroup is another quota".
	for i := range 4 {
		var sources []string
		for j := range 50 {
			sources = append(sources, fmt.Sprintf("10.%d.%d.0/24", i, j))
		}
		if _, err := n.authorize(permission(22, sources...)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.authorize(permission(22, "192.0.2.0/24")); code(err) != "RulesPerSecurityGroupLimitExceeded" {
		t.Errorf("rule 201: %v", err)
	}
}

var ofInterfaces = []behaviour{
	{"EC2-30", "ModifyInstanceAttribute replaces the groups of the primary interface", func(n *vpc) string {
		instance, eni := n.launch()
		other := n.newGroup()
		if _, err := n.ModifyInstanceAttribute(n.t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: &instance, Groups: []string{other}}); err != nil {
			return code(err)
		}
		return first(unless(n.groupsOf(eni), other), unless(n.with(other), eni), unless(n.with(n.group), ""))
	}},
	{"EC2-30", "and an instance shows the groups that its primary interface has", func(n *vpc) string {
		instance, eni := n.launch()
		other := n.newGroup()
		if _, err := n.ModifyNetworkInterfaceAttribute(n.t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &eni, Groups: []string{other}}); err != nil {
			return code(err)
		}
		out, err := n.DescribeInstances(n.t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{instance}})
		if err != nil {
			n.t.Fatal(err)
		}
		var ids []string
		for _, g := range out.Reservations[0].Instances[0].SecurityGroups {
			ids = append(ids, aws.ToString(g.GroupId))
		}
		return unless(strings.Join(ids, " "), other)
	}},
	{"EC2-31", "A group that does not exist is InvalidGroup.NotFound, and the interface keeps its own", func(n *vpc) string {
		instance, eni := n.launch()
		missing := []string{"sg-0123456789abcdef0"}
		_, of := n.ModifyNetworkInterfaceAttribute(n.t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &eni, Groups: missing})
		_, on := n.ModifyInstanceAttribute(n.t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: &instance, Groups: missing})
		const want = "InvalidGroup.NotFound"
		return first(unless(code(of), want), unless(code(on), want), unless(n.groupsOf(eni), n.group))
	}},
}

// launch starts an instance in the group, and gives it and its interface.
func (n *vpc) launch() (instance, eni string) {
	images, err := n.DescribeImages(n.t.Context(), &ec2.DescribeImagesInput{Owners: []string{"amazon"}})
	if err != nil || len(images.Images) == 0 {
		n.t.Fatal("no image: ", err)
	}
	out, err := n.RunInstances(n.t.Context(), &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SecurityGroupIds: []string{n.group}})
	if err != nil {
		n.t.Fatal(err)
	}
	return aws.ToString(out.Instances[0].InstanceId), aws.ToString(out.Instances[0].NetworkInterfaces[0].NetworkInterfaceId)
}

func (n *vpc) groupsOf(eni string) string {
	out, err := n.DescribeNetworkInterfaces(n.t.Context(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{eni}})
	if err != nil {
		return code(err)
	}
	var ids []string
	for _, g := range out.NetworkInterfaces[0].Groups {
		ids = append(ids, aws.ToString(g.GroupId))
	}
	return strings.Join(ids, " ")
}

// with finds the interfaces in a group.
func (n *vpc) with(group string) string {
	out, err := n.DescribeNetworkInterfaces(n.t.Context(), &ec2.DescribeNetworkInterfacesInput{Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{group}}}})
	if err != nil {
		return code(err)
	}
	var ids []string
	for _, i := range out.NetworkInterfaces {
		ids = append(ids, aws.ToString(i.NetworkInterfaceId))
	}
	return strings.Join(ids, " ")
}
