package healing

import (
	"cmp"
	"slices"

	"github.com/evenkeel/evenkeel/events"
)

// Place is a region of an account.
type Place struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

func (p Place) compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Account, o.Account), cmp.Compare(p.Region, o.Region))
}

// PlacesOf lists where stacks were deployed to, each place once, sorted.
func PlacesOf(stacks []events.StackRef) []Place {
	places := make([]Place, 0, len(stacks))
	for _, s := range stacks {
		places = append(places, Place{s.Account, s.Region})
	}
	slices.SortFunc(places, Place.compare)
	return slices.Compact(places)
}
