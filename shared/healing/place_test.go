package healing_test

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/healing"
)

func TestPlacesOf(t *testing.T) {
	got := healing.PlacesOf([]events.StackRef{
		{StackName: "b", Account: "333333333333", Region: "us-east-1"},
		{StackName: "a", Account: "222222222222", Region: "us-east-1"},
		{StackName: "c", Account: "222222222222", Region: "eu-west-1"},
		{StackName: "d", Account: "222222222222", Region: "us-east-1"},
	})
	want := []healing.Place{{Account: "222222222222", Region: "eu-west-1"}, {Account: "222222222222", Region: "us-east-1"}, {Account: "333333333333", Region: "us-east-1"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
