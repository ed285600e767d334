package template

// Keys, indentation and the collections' indicators: the context-dependent part
// of YAML's scanner.

// dropStaleKeys gives up the candidates for keys that a line break or too many
// characters follow.
func (s *scanner) dropStaleKeys() {
	// Most levels around a deep one have no candidate; they are passed once.
	for s.idle < len(s.keys)-1 && !s.keys[s.idle].possible {
		s.idle++
	}
	for i := s.idle; i < len(s.keys); i++ {
		k := &s.keys[i]
		if !k.possible || k.at.line == s.line && k.at.col+maxSimpleKey >= s.col() {
			continue
		}
		if k.required {
			s.fail(s.mark(), "could not find expected ':' after the key at line %d", k.at.line+1)
			return
		}
		k.possible = false
	}
}

// saveKey notes that a key may begin here.
func (s *scanner) saveKey() {
	if !s.keyAllowed {
		return
	}
	at := s.mark()
	k := simpleKey{
		possible: true, required: s.flow == 0 && s.indent == at.col,
		token: s.parsed + len(s.queue) - s.head, at: at,
	}
	s.dropKey()
	s.keys[len(s.keys)-1] = k
}

// dropKey gives up the candidate of the innermost collection.
func (s *scanner) dropKey() {
	k := &s.keys[len(s.keys)-1]
	if k.possible && k.required {
		s.fail(s.mark(), "could not find expected ':' after the key at line %d", k.at.line+1)
	}
	k.possible = false
}

// roll begins a block collection if col is deeper than the current one; number
// is that of the token before which it begins, -1 for the end of the queue.
func (s *scanner) roll(col int32, number int, kind tokenKind, at mark) {
	if s.flow > 0 || s.indent >= col {
		return
	}
	s.indents = append(s.indents, s.indent)
	s.indent = col
	if number < 0 {
		s.push(kind, at, at)
	} else {
		s.insert(number, kind, at)
	}
}

// unroll ends the block collections that are deeper than col.
func (s *scanner) unroll(col int32) {
	if s.flow > 0 {
		return
	}
	for s.indent > col {
		at := s.mark()
		s.push(tokBlockEnd, at, at)
		s.indent = s.indents[len(s.indents)-1]
		s.indents = s.indents[:len(s.indents)-1]
	}
}

func (s *scanner) flowStart(kind tokenKind) {
	s.saveKey()
	s.keys = append(s.keys, simpleKey{})
	s.flow++
	s.keyAllowed = true
	s.indicator(kind)
}

func (s *scanner) flowEnd(kind tokenKind) {
	s.dropKey()
	if s.flow > 0 {
		s.flow--
		s.keys = s.keys[:len(s.keys)-1]
		s.idle = min(s.idle, len(s.keys)-1)
	}
	s.keyAllowed = false
	s.indicator(kind)
}

func (s *scanner) blockEntry(col int32) {
	if s.flow == 0 {
		if !s.keyAllowed {
			s.fail(s.mark(), "block sequence entries are not allowed here")
			return
		}
		s.roll(col, -1, tokBlockSeq, s.mark())
	}
	s.dropKey()
	s.keyAllowed = true
	s.indicator(tokEntry)
}

func (s *scanner) complexKey(col int32) {
	if s.flow == 0 {
		if !s.keyAllowed {
			s.fail(s.mark(), "mapping keys are not allowed here")
			return
		}
		s.roll(col, -1, tokBlockMap, s.mark())
	}
	s.dropKey()
	s.keyAllowed = s.flow == 0
	s.indicator(tokKey)
}

// value takes a ":" and, if a simple key comes before it, puts the key's token
// before that.
func (s *scanner) value(col int32) {
	k := &s.keys[len(s.keys)-1]
	if k.possible {
		s.insert(k.token, tokKey, k.at)
		s.roll(k.at.col, k.token, tokBlockMap, k.at)
		k.possible = false
		s.keyAllowed = false
		s.indicator(tokValue)
		return
	}
	if s.flow == 0 {
		if !s.keyAllowed {
			s.fail(s.mark(), "mapping values are not allowed here")
			return
		}
		s.roll(col, -1, tokBlockMap, s.mark())
	}
	s.keyAllowed = s.flow == 0
	s.indicator(tokValue)
}
