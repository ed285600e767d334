package template

// keySet finds duplicates: by scanning in small maps, by hashing in large ones.
type keySet struct{ index map[string]int }

// add returns where an equal key is among the entries. If there is none, it
// notes that the entry comes next.
func (s *keySet) add(entries []Entry, e *Entry) (int, bool) {
	const small = 16
	if len(entries) < small {
		for i := range entries {
			if sameKey(&entries[i], e) {
				return i, true
			}
		}
		return 0, false
	}
	if s.index == nil {
		s.index = make(map[string]int, 4*small)
		for i := range entries {
			s.index[entries[i].identity()] = i
		}
	}
	id := e.identity()
	if i, ok := s.index[id]; ok {
		return i, true
	}
	s.index[id] = len(entries)
	return 0, false
}

func sameKey(a, b *Entry) bool {
	if a.KeyNode == nil && b.KeyNode == nil {
		return a.Key == b.Key
	}
	return a.KeyNode != nil && b.KeyNode != nil && a.identity() == b.identity()
}

// identity is a text that equal keys share. Of keys that are no strings, those
// of one value are equal: 1, 1.0 and true are one key for Python.
func (e *Entry) identity() string {
	n := e.KeyNode
	switch {
	case n == nil:
		return e.Key
	case n.Kind == Bool && n.True:
		return "\x001"
	case n.Kind == Bool:
		return "\x000"
	case n.Kind == Number:
		return "\x00" + n.Decimal()
	}
	return "\x00" + string('A'+rune(n.Kind)) + string('A'+rune(n.Form)) + n.Text
}
