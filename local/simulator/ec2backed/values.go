package ec2backed

import (
	"context"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// text gives a string property, nil if it is absent.
func text(model map[string]any, name string) *string {
	if value, ok := model[name].(string); ok {
		return &value
	}
	return nil
}

// flag gives a boolean property, nil if it is absent.
func flag(model map[string]any, name string) *bool {
	if value, ok := model[name].(bool); ok {
		return &value
	}
	return nil
}

// number gives an integer property, nil if it is absent.
func number(model map[string]any, name string) *int32 {
	if value, ok := model[name].(float64); ok {
		return aws.Int32(int32(value))
	}
	return nil
}

// set adds what is known to a model.
func set(model map[string]any, name string, value *string) {
	if value != nil && *value != "" {
		model[name] = *value
	}
}

func tagsOf(model map[string]any) []types.Tag {
	list, _ := model["Tags"].([]any)
	tags := []types.Tag{}
	for _, element := range list {
		if tag, ok := element.(map[string]any); ok {
			tags = append(tags, types.Tag{Key: text(tag, "Key"), Value: text(tag, "Value")})
		}
	}
	return tags
}

func specification(kind types.ResourceType, model map[string]any) []types.TagSpecification {
	tags := tagsOf(model)
	if len(tags) == 0 {
		return nil
	}
	return []types.TagSpecification{{ResourceType: kind, Tags: tags}}
}

func showTags(model map[string]any, tags []types.Tag) {
	if len(tags) == 0 {
		return
	}
	sort.Slice(tags, func(i, j int) bool { return aws.ToString(tags[i].Key) < aws.ToString(tags[j].Key) })
	list := []any{}
	for _, tag := range tags {
		list = append(list, map[string]any{"Key": aws.ToString(tag.Key), "Value": aws.ToString(tag.Value)})
	}
	model["Tags"] = list
}

// retag removes the tags that only previous names and writes the desired ones.
func (b *Backend) retag(ctx context.Context, identifier string, previous, desired map[string]any) error {
	kept := map[string]bool{}
	tags := tagsOf(desired)
	for _, tag := range tags {
		kept[aws.ToString(tag.Key)] = true
	}
	var gone []types.Tag
	for _, tag := range tagsOf(previous) {
		if !kept[aws.ToString(tag.Key)] {
			gone = append(gone, types.Tag{Key: tag.Key})
		}
	}
	if len(gone) > 0 {
		if _, err := b.client.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{identifier}, Tags: gone}); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		return nil
	}
	_, err := b.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{identifier}, Tags: tags})
	return err
}

func filter(name, value string) types.Filter {
	return types.Filter{Name: aws.String(name), Values: []string{value}}
}
