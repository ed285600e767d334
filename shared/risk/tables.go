package risk

// Guard is a property that is watched, for the documentation.
type Guard struct {
	Code  string
	Types []string
	Path  string
	Text  string
}

// Guards returns the watched properties in the order of the table.
func Guards() []Guard {
	list := make([]Guard, 0, len(guardTable))
	for _, g := range guardTable {
		list = append(list, Guard{g.code, g.types, g.path, g.text})
	}
	return list
}
