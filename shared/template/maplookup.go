package template

// mapLookup finds a value in Mappings although some names may not be known.
// The guesses are cfn-lint's: the checks that come after see the same values.
type mapLookup struct {
	x          *expander
	params     []binding
	onlyParams bool
	names      [3]operand
	mapping    *Node
}

// name is one of the three names. A name may be a lookup itself, which looks its
// own names up several times: lookups in lookups multiply.
func (l *mapLookup) name(i int) (*Node, error) {
	if l.x.names++; l.x.names > maxMapNames {
		return nil, faultAt(l.x.root.Get("Mappings"), "Fn::FindInMap looks up more than %d names", maxMapNames)
	}
	return l.names[i].value(l.x, l.params, l.onlyParams)
}

// chooseMapping finds the mapping by its name, else by the first key, else by
// the second.
func (l *mapLookup) chooseMapping() error {
	mappings := l.x.root.Get("Mappings")
	if mappings == nil {
		mappings = &Node{Kind: Map}
	}
	if mappings.Kind != Map {
		return faultAt(mappings, "Mappings is not an object")
	}
	name, err := l.name(0)
	if err == nil {
		l.mapping, err = keyed(mappings, name)
	}
	if err != nil && len(mappings.Entries) == 1 {
		l.mapping = mappings.Entries[0].Value
	}
	if l.mapping != nil && l.mapping.Kind == Null {
		l.mapping = nil
	}
	if l.mapping == nil {
		if err := l.byFirstKey(mappings); err != nil && !isUnresolved(err) {
			return err
		}
	}
	if l.mapping == nil {
		if err := l.bySecondKey(mappings); err != nil && !isUnresolved(err) {
			return err
		}
	}
	return nil
}

func (l *mapLookup) byFirstKey(mappings *Node) error {
	key, err := l.name(1)
	if err != nil || key.Kind != String {
		return err
	}
	for _, m := range mappings.Entries {
		if m.Value.Kind != Map {
			continue
		}
		if v, err := keyed(m.Value, key); err != nil || v != nil {
			l.mapping = m.Value
			return err
		}
	}
	return nil
}

// bySecondKey takes the last mapping that has the key, at the first place where
// it has it.
func (l *mapLookup) bySecondKey(mappings *Node) error {
	key, err := l.name(2)
	if err != nil || key.Kind != String {
		return err
	}
	for _, m := range mappings.Entries {
		if m.Value.Kind != Map {
			continue
		}
		for _, first := range m.Value.Entries {
			if first.Value.Get(key.Text) != nil && first.Value.Kind == Map {
				l.mapping = m.Value
				l.names[1] = scalarOperand{keyAsNode(first)}
				break
			}
		}
	}
	return nil
}

func keyAsNode(e Entry) *Node {
	if e.KeyNode != nil {
		return e.KeyNode
	}
	return &Node{Kind: String, Text: e.Key, Line: e.Line, Column: e.Column}
}

// chooseFirstKey guesses the first key if it is not known: the one with the
// longest list under the second key, or the last with a scalar.
func (l *mapLookup) chooseFirstKey() error {
	if _, err := l.name(1); !isUnresolved(err) {
		return err
	}
	key, err := l.name(2)
	if isUnresolved(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.mapping.Kind != Map {
		return faultAt(l.mapping, "expected an object in Mappings")
	}
	longest := -1
	for _, e := range l.mapping.Entries {
		if e.Value.Kind != Map {
			continue
		}
		v, err := keyed(e.Value, key)
		if err != nil {
			return err
		}
		if v == nil || v.Kind == List && len(v.Items) <= longest {
			continue
		}
		if err := l.noteAccount(e); err != nil {
			return err
		}
		l.names[1] = scalarOperand{keyAsNode(e)}
		if v.Kind == List {
			longest = len(v.Items)
		}
	}
	return nil
}

// noteAccount takes the key that stands for AWS::AccountId as the account.
func (l *mapLookup) noteAccount(e Entry) error {
	ref, ok := l.names[1].(refOperand)
	if !ok {
		return nil
	}
	name, ok := ref.name.(scalarOperand)
	if !ok {
		return faultAt(ref.n, "Ref takes a string")
	}
	if name.n.Text == "AWS::AccountId" {
		l.x.account = keyAsNode(e)
	}
	return nil
}

// at gives the value at the names.
func (l *mapLookup) at(where *Node) (*Node, error) {
	first, err := l.name(1)
	if err != nil {
		return nil, err
	}
	inner, err := keyed(l.mapping, first)
	if err != nil {
		return nil, err
	}
	if inner == nil {
		inner = &Node{Kind: Map}
	}
	if inner.Kind != Map {
		return nil, faultAt(inner, "expected an object in Mappings")
	}
	second, err := l.name(2)
	if err != nil {
		return nil, err
	}
	v, err := keyed(inner, second)
	if err == nil && (v == nil || v.Kind == Null) {
		return nil, unresolvedAt(where, "Fn::FindInMap")
	}
	return v, err
}

// anyList gives the first list under the first key, if a function stands for
// the second.
func (l *mapLookup) anyList() (*Node, error) {
	switch l.names[2].(type) {
	case refOperand, *mapOperand:
	default:
		return nil, nil
	}
	first, err := l.name(1)
	if err != nil {
		if isUnresolved(err) {
			err = nil
		}
		return nil, err
	}
	inner, err := keyed(l.mapping, first)
	if err != nil || inner == nil {
		return nil, err
	}
	if inner.Kind != Map {
		return nil, faultAt(inner, "expected an object in Mappings")
	}
	for _, e := range inner.Entries {
		if e.Value.Kind == List {
			return e.Value, nil
		}
	}
	return nil, nil
}
