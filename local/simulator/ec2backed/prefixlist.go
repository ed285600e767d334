package ec2backed

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (b *Backend) createList(ctx context.Context, desired map[string]any) (string, error) {
	in := &ec2.CreateManagedPrefixListInput{
		PrefixListName: text(desired, "PrefixListName"), AddressFamily: text(desired, "AddressFamily"), MaxEntries: number(desired, "MaxEntries"),
		TagSpecifications: specification(types.ResourceTypePrefixList, desired),
	}
	for _, e := range entriesOf(desired) {
		in.Entries = append(in.Entries, types.AddPrefixListEntry{Cidr: aws.String(e.cidr), Description: aws.String(e.description)})
	}
	out, err := b.client.CreateManagedPrefixList(ctx, in)
	if err != nil {
		return "", err
	}
	return *out.PrefixList.PrefixListId, nil
}

// entry is one prefix of a list, masked as EC2 keeps it.
type entry struct{ cidr, description string }

func entriesOf(model map[string]any) []entry {
	list, _ := model["Entries"].([]any)
	var entries []entry
	for _, element := range list {
		if m, ok := element.(map[string]any); ok {
			entries = append(entries, entry{masked(aws.ToString(text(m, "Cidr"))), aws.ToString(text(m, "Description"))})
		}
	}
	return entries
}

func (b *Backend) list(ctx context.Context, id string) (types.ManagedPrefixList, []entry, error) {
	out, err := b.client.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{id}})
	if err != nil {
		return types.ManagedPrefixList{}, nil, err
	}
	if len(out.PrefixLists) == 0 {
		return types.ManagedPrefixList{}, nil, notFound("prefix list ID", id)
	}
	var entries []entry
	pages := ec2.NewGetManagedPrefixListEntriesPaginator(b.client, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return types.ManagedPrefixList{}, nil, err
		}
		for _, e := range page.Entries {
			entries = append(entries, entry{aws.ToString(e.Cidr), aws.ToString(e.Description)})
		}
	}
	return out.PrefixLists[0], entries, nil
}

func (b *Backend) readList(ctx context.Context, id string) (map[string]any, error) {
	found, entries, err := b.list(ctx, id)
	if err != nil {
		return nil, err
	}
	model := map[string]any{
		"PrefixListId": id, "MaxEntries": float64(aws.ToInt32(found.MaxEntries)), "Version": float64(aws.ToInt64(found.Version)),
	}
	set(model, "PrefixListName", found.PrefixListName)
	set(model, "AddressFamily", found.AddressFamily)
	set(model, "OwnerId", found.OwnerId)
	set(model, "Arn", found.PrefixListArn)
	showTags(model, found.Tags)
	list := []any{}
	for _, e := range entries {
		m := map[string]any{"Cidr": e.cidr}
		set(m, "Description", &e.description)
		list = append(list, m)
	}
	model["Entries"] = list
	return model, nil
}

// updateList brings the entries to the desired ones; an entry with another
// description is added again, which overwrites it.
func (b *Backend) updateList(ctx context.Context, id string, previous, desired map[string]any) error {
	found, live, err := b.list(ctx, id)
	if err != nil {
		return err
	}
	in := &ec2.ModifyManagedPrefixListInput{PrefixListId: &id, CurrentVersion: found.Version, PrefixListName: text(desired, "PrefixListName")}
	there, wanted := map[string]entry{}, map[string]entry{}
	for _, e := range live {
		there[e.cidr] = e
	}
	for _, e := range entriesOf(desired) {
		wanted[e.cidr] = e
		if there[e.cidr] != e {
			in.AddEntries = append(in.AddEntries, types.AddPrefixListEntry{Cidr: aws.String(e.cidr), Description: aws.String(e.description)})
		}
	}
	for _, e := range live {
		if _, keep := wanted[e.cidr]; !keep {
			in.RemoveEntries = append(in.RemoveEntries, types.RemovePrefixListEntry{Cidr: aws.String(e.cidr)})
		}
	}
	if len(in.AddEntries) > 0 || len(in.RemoveEntries) > 0 || aws.ToString(in.PrefixListName) != aws.ToString(found.PrefixListName) {
		if _, err := b.client.ModifyManagedPrefixList(ctx, in); err != nil {
			return err
		}
	}
	return b.retag(ctx, id, previous, desired)
}

func (b *Backend) deleteList(ctx context.Context, id string) error {
	_, err := b.client.DeleteManagedPrefixList(ctx, &ec2.DeleteManagedPrefixListInput{PrefixListId: &id})
	return err
}

func (b *Backend) listLists(ctx context.Context) ([]string, error) {
	out, err := b.client.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, found := range out.PrefixLists {
		if aws.ToString(found.OwnerId) != "AWS" {
			ids = append(ids, *found.PrefixListId)
		}
	}
	return ids, nil
}
