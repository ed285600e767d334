package template

// Mappings: keys, duplicates and merge keys.

// mapMode says what duplicate and null keys mean in a mapping.
type mapMode uint8

const (
	mapUnique  mapMode = iota // duplicates and null keys are faults
	mapLenient                // the last duplicate wins: arguments of short forms, values of merge keys
)

// building is a mapping that is being read; its entries lie on the parser's
// entryTop from base on.
type building struct {
	n      *Node
	base   int
	mode   mapMode
	height int
	keys   keySet
	merges [][]Entry
	dup    *SyntaxError // first duplicate, a fault unless a merge key comes too
}

func (p *yamlParser) mapping(start mark, depth int, m mapMode) parsed {
	b := building{n: p.node(Map, start), base: len(p.entryTop), mode: m}
	for p.err == nil {
		t := p.peek()
		if t.kind != tokKey {
			p.closeBlock(t, "did not find expected key")
			break
		}
		end := t.end
		p.next()
		var key parsed
		var e Entry
		switch t = p.peek(); t.kind {
		case tokKey, tokValue, tokBlockEnd:
			key = p.null(end)
		default:
			key, e = p.key(t, depth+1, context{block: true, indentless: true})
		}
		value := p.blockValue(depth+1, key)
		p.put(&b, e, key, value)
	}
	return p.closeMap(&b)
}

// blockValue reads the value of a key in a block mapping.
func (p *yamlParser) blockValue(depth int, key parsed) parsed {
	t := p.peek()
	if t.kind != tokValue {
		return p.null(t.start)
	}
	end := t.end
	p.next()
	switch t = p.peek(); t.kind {
	case tokKey, tokValue, tokBlockEnd:
		return p.null(end)
	}
	return p.content(depth, context{block: true, indentless: true, lenient: key.tag == tagMerge})
}

// key reads a key. Strings, which nearly all keys are, give an entry and need
// no node.
func (p *yamlParser) key(t *token, depth int, c context) (parsed, Entry) {
	if t.kind == tokScalar && (!t.plain || implicitTag(p.text(t)) == tagStr) {
		e := Entry{Key: p.text(t), Line: int(t.start.line) + 1, Column: int(t.start.col) + 1}
		if t.end.line == t.start.line {
			e.EndColumn = t.end.col + 1
		}
		p.next()
		return parsed{tag: tagStr}, e
	}
	start, end := t.start, t.end
	v := p.content(depth, c)
	e := Entry{Line: int(start.line) + 1, Column: int(start.col) + 1}
	if n := v.node; n != nil {
		e.Key = n.Text
		if n.Kind != String || n.Form != FormNone {
			e.KeyNode = n
		}
		if n.EndLine == start.line+1 {
			e.EndColumn = max(n.EndColumn, end.col+1)
		}
	}
	return v, e
}

func (p *yamlParser) flowMapping(start mark, depth int, m mapMode) parsed {
	b := building{n: p.node(Map, start), base: len(p.entryTop), mode: m}
	end := start
	for first := true; p.err == nil; first = false {
		t := p.peek()
		if t.kind != tokFlowMapEnd && !first {
			if t.kind != tokComma {
				p.fail(t.start, "did not find expected ',' or '}'")
				break
			}
			p.next()
			t = p.peek()
		}
		if t.kind == tokFlowMapEnd {
			end = t.end
			p.next()
			break
		}
		p.flowEntry(&b, depth+1)
	}
	v := p.closeMap(&b)
	b.n.endAt(end)
	return v
}

// flowEntry reads "key: value", "key" or "? key : value" in a flow mapping.
func (p *yamlParser) flowEntry(b *building, depth int) {
	t := p.peek()
	var key parsed
	var e Entry
	if t.kind != tokKey {
		key, e = p.key(t, depth, context{})
		p.put(b, e, key, p.null(p.peek().start))
		return
	}
	p.next()
	switch t = p.peek(); t.kind {
	case tokValue, tokComma, tokFlowMapEnd:
		key = p.null(t.start)
	default:
		key, e = p.key(t, depth, context{})
	}
	p.put(b, e, key, p.flowValue(depth, key, tokFlowMapEnd))
}

func (p *yamlParser) flowValue(depth int, key parsed, end tokenKind) parsed {
	t := p.peek()
	if t.kind == tokValue {
		p.next()
		if t = p.peek(); t.kind != tokComma && t.kind != end {
			return p.content(depth, context{lenient: key.tag == tagMerge})
		}
	}
	return p.null(t.start)
}

// flowPair reads "key: value" as an item of a flow sequence: a mapping of one.
func (p *yamlParser) flowPair(depth int, lenient bool) parsed {
	t := p.peek()
	b := building{n: p.node(Map, t.start), base: len(p.entryTop)}
	if lenient {
		b.mode = mapLenient
	}
	p.next()
	t = p.peek()
	key, e := p.key(t, depth+1, context{})
	p.put(&b, e, key, p.flowValue(depth+1, key, tokFlowSeqEnd))
	return p.closeMap(&b)
}

// put adds an entry to a mapping, or what a merge key brings in.
func (p *yamlParser) put(b *building, e Entry, key, value parsed) {
	if p.err != nil {
		return
	}
	b.height = max(b.height, value.height)
	if key.tag == tagMerge {
		p.merge(b, value.node)
		return
	}
	if value = p.use(value); p.err != nil {
		return
	}
	e.Value = value.node
	switch {
	case key.node == nil: // a string
	case key.node.Kind == Map || key.node.Kind == List:
		p.failAt(key.node, "a key must be a string")
		return
	case key.node.Kind == Null && b.mode == mapUnique:
		p.failAt(key.node, "a key must not be null")
		return
	case key.node.Kind == Null:
		e.Line, e.Column, e.KeyNode = key.node.Line, key.node.Column, key.node
	}
	entries := p.entryTop[b.base:]
	if i, has := b.keys.add(entries, &e); has {
		if b.dup == nil {
			b.dup = duplicate(e, &entries[i])
		}
		entries[i].Value = e.Value
		return
	}
	p.entryTop = append(p.entryTop, e)
}

func (p *yamlParser) failAt(n *Node, message string) {
	p.fail(mark{int32(n.Line) - 1, int32(n.Column) - 1}, "%s", message)
}

// merge notes the entries that a merge key brings in (YAML 1.1, "Merge Key"):
// of a mapping, or of several, of which the first wins.
func (p *yamlParser) merge(b *building, n *Node) {
	if n.Short {
		n = n.Entries[0].Value
	}
	switch n.Kind {
	case Map:
		b.merges = append(b.merges, n.Entries)
		return
	case List:
		for i := len(n.Items) - 1; i >= 0; i-- {
			item := n.Items[i]
			if item.Short {
				item = item.Entries[0].Value
			}
			if item.Kind != Map {
				p.failAt(item, "a merge key takes a mapping or a list of mappings")
				return
			}
			b.merges = append(b.merges, item.Entries)
		}
		if b.merges == nil {
			b.merges = [][]Entry{}
		}
		return
	}
	p.failAt(n, "a merge key takes a mapping or a list of mappings")
}

func (p *yamlParser) closeMap(b *building) parsed {
	if p.err == nil && b.merges != nil {
		p.mergeAll(b)
	} else if b.dup != nil && b.mode == mapUnique && p.err == nil {
		p.err = b.dup
	}
	n := b.n
	n.Entries = p.object(p.entryTop[b.base:])
	p.entryTop = p.entryTop[:b.base]
	if k := len(n.Entries); k > 0 && p.err == nil {
		last := n.Entries[k-1].Value
		n.EndLine, n.EndColumn = last.EndLine, last.EndColumn
	}
	return parsed{node: n, tag: tagMap, height: b.height + 1}
}

// mergeAll puts merged entries before the mapping's own. An own value replaces
// a merged one but keeps its place, as in the mapping that PyYAML builds.
func (p *yamlParser) mergeAll(b *building) {
	b.n.Merged = b.mode == mapUnique
	own := append([]Entry(nil), p.entryTop[b.base:]...)
	p.entryTop = p.entryTop[:b.base]
	b.keys = keySet{}
	for _, source := range append(b.merges, own) {
		for _, e := range source {
			if e.KeyNode != nil && e.KeyNode.Kind == Null && b.mode == mapUnique {
				p.failAt(e.KeyNode, "a key must not be null")
				return
			}
			entries := p.entryTop[b.base:]
			if i, has := b.keys.add(entries, &e); has {
				entries[i].Value = e.Value
				continue
			}
			if p.expanded++; p.expanded > maxExpansion {
				p.fail(mark{int32(e.Line) - 1, int32(e.Column) - 1}, "merge keys expand to more than %d values", maxExpansion)
				return
			}
			p.entryTop = append(p.entryTop, e)
		}
	}
}

// use takes a node as a value, which "<<" and "=" cannot be.
func (p *yamlParser) use(v parsed) parsed {
	if p.err == nil && (v.tag == tagMerge || v.tag == tagValue) {
		p.failAt(v.node, "'"+excerpt(v.node.Text)+"' cannot be a value without quotes")
	}
	return v
}
