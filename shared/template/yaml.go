package template

import (
	"fmt"
	"strings"
)

// yamlParser makes nodes of tokens by the grammar of libyaml's parser, and of
// their tags as PyYAML's safe constructor with cfn-lint's additions does.
type yamlParser struct {
	scanner
	slab
	handles  map[string]string // prefixes that %TAG directives give
	anchors  map[string]*anchor
	expanded int // nodes that aliases stand for
	itemTop  []*Node
	entryTop []Entry
}

// anchor is a node that aliases repeat.
type anchor struct {
	node   *Node
	value  parsed
	size   int
	height int
}

// parsed is a node with what its meaning as a key or merged value depends on.
type parsed struct {
	node   *Node
	tag    scalarTag
	height int // levels inside
}

func parseYAML(text string, ascii, exotic bool) (*Node, *SyntaxError) {
	p := &yamlParser{}
	p.src, p.ascii, p.exotic = text, ascii, exotic
	p.indent, p.keyAllowed = -1, true
	p.keys = make([]simpleKey, 1, 8)
	root := p.document()
	if p.err != nil {
		return nil, p.err
	}
	return root, nil
}

// document reads the only document. Text without a document is an empty
// template, as is a null.
func (p *yamlParser) document() *Node {
	t := p.peek()
	var root *Node
	switch t.kind {
	case tokEnd:
		return p.empty()
	case tokDirective, tokDocStart:
		p.directives()
		root = p.documentContent()
	default:
		root = p.use(p.block(0)).node
	}
	if p.err == nil && p.peek().kind == tokDocEnd {
		for p.peek().kind == tokDocEnd {
			p.next()
		}
	}
	if t := p.peek(); p.err == nil && t.kind != tokEnd {
		if t.kind == tokDocStart {
			p.fail(t.start, "more than one document in the file")
		} else {
			p.fail(t.start, "expected the end of the template")
		}
	}
	if p.err == nil && root.Kind == Null {
		return p.empty()
	}
	return root
}

func (p *yamlParser) empty() *Node { return p.node(Map, mark{}) }

func (p *yamlParser) documentContent() *Node {
	t := p.peek()
	if t.kind != tokDocStart {
		p.fail(t.start, "expected the beginning of a document after a directive")
		return nil
	}
	p.next()
	switch t := p.peek(); t.kind {
	case tokDirective, tokDocStart, tokDocEnd, tokEnd:
		return p.node(Null, t.start)
	}
	return p.use(p.block(0)).node
}

// block reads a node in block context.
func (p *yamlParser) block(depth int) parsed {
	return p.content(depth, context{block: true})
}

// context is where a node stands.
type context struct {
	block      bool
	indentless bool // a sequence may stand at the indentation of its key
	lenient    bool // in a merge key's value: duplicate keys are no fault
}

// properties are the anchor and tag before a node.
type properties struct {
	start, end   mark
	anchor, tag  string
	tagged, some bool
}

func (p *yamlParser) properties() (q properties, ok bool) {
	t := p.peek()
	q.start, q.end = t.start, t.start
	anchored := false
	for range 2 {
		switch {
		case t.kind == tokAnchor && !anchored:
			q.anchor, anchored = p.text(t), true
		case t.kind == tokTag && !q.tagged:
			q.tag, q.tagged = p.text(t), true
			p.expandTag(&q, t)
		default:
			return q, p.err == nil
		}
		q.some = true
		q.end = t.end
		p.next()
		t = p.peek()
	}
	return q, p.err == nil
}

func (p *yamlParser) content(depth int, c context) parsed {
	t := p.peek()
	if depth > maxDepth {
		p.fail(t.start, "nested deeper than %d levels", maxDepth)
		return parsed{}
	}
	if p.count > maxNodes {
		p.fail(t.start, "more than %d values", maxNodes)
		return parsed{}
	}
	if t.kind == tokAlias {
		return p.alias(t, depth)
	}
	q := properties{start: t.start, end: t.start}
	if t.kind == tokAnchor || t.kind == tokTag {
		var ok bool
		if q, ok = p.properties(); !ok {
			return parsed{}
		}
		t = p.peek()
	}
	if q.anchor == "" {
		return p.tagged(t, q, depth, c)
	}
	a, ok := p.declare(q)
	if !ok {
		return parsed{}
	}
	before := p.count + p.expanded
	v := p.tagged(t, q, depth, c)
	a.node, a.value, a.height, a.size = v.node, v, v.height, p.count+p.expanded-before
	return v
}

func (p *yamlParser) declare(q properties) (*anchor, bool) {
	if _, has := p.anchors[q.anchor]; has {
		p.fail(q.start, "duplicate anchor %q", excerpt(q.anchor))
		return nil, false
	}
	if p.anchors == nil {
		p.anchors = map[string]*anchor{}
	}
	a := &anchor{}
	p.anchors[q.anchor] = a
	return a, true
}

// alias repeats an anchor's node. What all aliases together stand for is
// limited, since aliases of aliases can stand for any amount.
func (p *yamlParser) alias(t *token, depth int) parsed {
	at, name := t.start, p.text(t)
	p.next()
	a := p.anchors[name]
	switch {
	case a == nil:
		p.fail(at, "undefined alias %q", excerpt(name))
		return parsed{}
	case a.node == nil:
		p.fail(at, "the value of alias %q contains itself", excerpt(name))
		return parsed{}
	}
	if p.expanded += a.size; p.expanded > maxExpansion {
		p.fail(at, "aliases expand to more than %d values", maxExpansion)
	}
	if depth+a.height > maxDepth {
		p.fail(at, "nested deeper than %d levels", maxDepth)
	}
	return a.value
}

// tagged reads a node whose properties are known.
func (p *yamlParser) tagged(t *token, q properties, depth int, c context) parsed {
	if !q.tagged || q.tag == "!" {
		return p.untagged(t, q, depth, c, mapUnique)
	}
	if name, ok := strings.CutPrefix(q.tag, "!"); ok {
		return p.call(t, q, name, depth, c)
	}
	return p.standard(t, q, depth, c)
}

// untagged reads a node of the kind that its text has.
func (p *yamlParser) untagged(t *token, q properties, depth int, c context, m mapMode) parsed {
	if c.lenient {
		m = mapLenient
	}
	switch {
	case t.kind == tokScalar:
		text, end, plain := p.text(t), t.end, t.plain || q.tagged
		p.next()
		if !plain {
			n := p.node(String, q.start)
			n.Text = text
			n.endAt(end)
			return parsed{node: n, tag: tagStr}
		}
		n, tag := p.resolve(q.start, text)
		if n != nil {
			n.endAt(end)
		}
		return parsed{node: n, tag: tag}
	case t.kind == tokEntry && c.indentless:
		return p.sequence(q.start, depth, false)
	case t.kind == tokBlockSeq && c.block:
		p.next()
		return p.sequence(q.start, depth, true)
	case t.kind == tokFlowSeq:
		p.next()
		return p.flowSequence(q.start, depth, c)
	case t.kind == tokBlockMap && c.block:
		p.next()
		return p.mapping(q.start, depth, m)
	case t.kind == tokFlowMap:
		p.next()
		return p.flowMapping(q.start, depth, m)
	case q.some:
		// Only the empty tag "!" keeps an absent value from being null.
		n, tag := p.node(Null, q.start), tagNull
		if q.tagged {
			n.Kind, tag = String, tagStr
		}
		n.endAt(q.end)
		return parsed{node: n, tag: tag}
	}
	p.fail(t.start, "did not find expected node content")
	return parsed{}
}

func (p *yamlParser) sequence(start mark, depth int, bracketed bool) parsed {
	n := p.node(List, start)
	base, height := len(p.itemTop), 0
	for p.err == nil {
		t := p.peek()
		if t.kind != tokEntry {
			if bracketed {
				p.closeBlock(t, "did not find expected '-' indicator")
			}
			break
		}
		end := t.end
		p.next()
		var v parsed
		switch t = p.peek(); t.kind {
		case tokEntry, tokBlockEnd:
			v = p.null(end)
		case tokKey, tokValue:
			if bracketed {
				v = p.block(depth + 1)
			} else {
				v = p.null(end)
			}
		default:
			v = p.block(depth + 1)
		}
		p.itemTop = append(p.itemTop, p.use(v).node)
		height = max(height, v.height)
	}
	return p.closeList(n, base, height)
}

func (p *yamlParser) closeBlock(t *token, message string) {
	if t.kind != tokBlockEnd {
		p.fail(t.start, "%s", message)
		return
	}
	p.next()
}

// closeList takes the items since base. Its end is that of the last item;
// flowSequence sets the bracket's.
func (p *yamlParser) closeList(n *Node, base, height int) parsed {
	n.Items = p.list(p.itemTop[base:])
	p.itemTop = p.itemTop[:base]
	if k := len(n.Items); k > 0 && p.err == nil {
		n.EndLine, n.EndColumn = n.Items[k-1].EndLine, n.Items[k-1].EndColumn
	}
	return parsed{node: n, tag: tagSeq, height: height + 1}
}

func (p *yamlParser) null(at mark) parsed {
	return parsed{node: p.node(Null, at), tag: tagNull}
}

func (p *yamlParser) flowSequence(start mark, depth int, c context) parsed {
	n := p.node(List, start)
	base, height := len(p.itemTop), 0
	end := start
	for first := true; p.err == nil; first = false {
		t := p.peek()
		if t.kind != tokFlowSeqEnd && !first {
			if t.kind != tokComma {
				p.fail(t.start, "did not find expected ',' or ']'")
				break
			}
			p.next()
			t = p.peek()
		}
		if t.kind == tokFlowSeqEnd {
			end = t.end
			p.next()
			break
		}
		var v parsed
		if t.kind == tokKey {
			v = p.flowPair(depth+1, c.lenient)
		} else {
			v = p.content(depth+1, context{lenient: c.lenient})
		}
		p.itemTop = append(p.itemTop, p.use(v).node)
		height = max(height, v.height)
	}
	v := p.closeList(n, base, height)
	n.endAt(end)
	return v
}

// duplicate is the error of a key that is already there.
func duplicate(again Entry, first *Entry) *SyntaxError {
	return &SyntaxError{Line: again.Line, Column: again.Column,
		Message: fmt.Sprintf("duplicate key %q, first at line %d", again.Key, first.Line)}
}
