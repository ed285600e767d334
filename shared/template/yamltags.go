package template

import (
	"encoding/base64"
	"strings"
)

// yamlTag is the prefix of YAML's own tags.
const yamlTag = "tag:yaml.org,2002:"

// call reads the argument of a short form, "!Sub …". Scalars in it stay text.
func (p *yamlParser) call(t *token, q properties, name string, depth int, c context) parsed {
	n := p.node(Map, q.start)
	n.Short = true
	arg := parsed{}
	switch {
	case t.kind == tokScalar:
		arg.node = p.node(String, q.start)
		arg.node.Text = p.text(t)
		arg.node.endAt(t.end)
		p.next()
	case hasContent(t, c):
		mode := mapLenient
		if name == "GetAtt" {
			mode = mapUnique
		}
		arg = p.untagged(t, properties{start: q.start, end: q.end}, depth+1, context{block: c.block, indentless: c.indentless}, mode)
	default:
		arg.node = p.node(String, q.start)
		arg.node.endAt(q.end)
	}
	if p.err != nil {
		return parsed{}
	}
	if name == "GetAtt" {
		arg.node = p.getAtt(arg.node)
	}
	arg.node.Merged = false
	p.entryTop = append(p.entryTop, Entry{Key: longName(name), Line: n.Line, Column: n.Column, Value: arg.node})
	e := &p.entryTop[len(p.entryTop)-1]
	if q.end.line == q.start.line {
		e.EndColumn = q.end.col + 1
	}
	n.Entries = p.object(p.entryTop[len(p.entryTop)-1:])
	p.entryTop = p.entryTop[:len(p.entryTop)-1]
	n.EndLine, n.EndColumn = arg.node.EndLine, arg.node.EndColumn
	return parsed{node: n, tag: tagMap, height: arg.height + 1}
}

// hasContent reports whether a collection begins at a token.
func hasContent(t *token, c context) bool {
	switch t.kind {
	case tokFlowSeq, tokFlowMap:
		return true
	case tokBlockSeq, tokBlockMap:
		return c.block
	case tokEntry:
		return c.indentless
	}
	return false
}

// getAtt splits "Id.Attribute" at the first dot. An empty mapping is an empty
// list here, as cfn-lint cannot tell them apart.
func (p *yamlParser) getAtt(arg *Node) *Node {
	if arg.Kind == Map && len(arg.Entries) == 0 {
		arg.Kind = List
	}
	if arg.Kind != String {
		return arg
	}
	n := p.node(List, mark{int32(arg.Line) - 1, int32(arg.Column) - 1})
	n.EndLine, n.EndColumn = arg.EndLine, arg.EndColumn
	id, attribute, dotted := strings.Cut(arg.Text, ".")
	arg.Text = id
	items := [2]*Node{arg}
	if !dotted {
		n.Items = p.list(items[:1])
		return n
	}
	items[1] = p.node(String, mark{int32(arg.Line) - 1, int32(arg.Column) - 1})
	items[1].Text = attribute
	items[1].EndLine, items[1].EndColumn = arg.EndLine, arg.EndColumn
	n.Items = p.list(items[:])
	return n
}

// longName returns the function's name for a short form's tag.
func longName(tag string) string {
	switch tag {
	case "Ref", "Condition":
		return tag
	case "Sub":
		return "Fn::Sub"
	case "GetAtt":
		return "Fn::GetAtt"
	case "Join":
		return "Fn::Join"
	case "If":
		return "Fn::If"
	case "Equals":
		return "Fn::Equals"
	case "Select":
		return "Fn::Select"
	}
	return "Fn::" + tag
}

// standard reads a node with one of YAML's own tags, "!!str".
func (p *yamlParser) standard(t *token, q properties, depth int, c context) parsed {
	name, own := strings.CutPrefix(q.tag, yamlTag)
	tag, known := standardTags[name]
	if !own || !known {
		p.fail(q.start, "unknown tag %s", excerpt(q.tag))
		return parsed{}
	}
	switch tag {
	case tagMerge, tagValue:
		v := p.untagged(t, properties{start: q.start, end: q.end, some: true}, depth, c, mapUnique)
		v.tag = tag
		return v
	case tagMap, tagSeq, tagSet, tagPairs:
		return p.collection(t, q, tag, depth, c)
	}
	text := ""
	end := q.end
	if t.kind == tokScalar {
		text, end = p.text(t), t.end
		p.next()
	} else if hasContent(t, c) {
		p.fail(t.start, "the tag !!%s takes a scalar", name)
		return parsed{}
	}
	n, ok := p.construct(tag, q.start, text)
	if !ok {
		p.fail(q.start, "%q is not of type %s", excerpt(text), name)
		return parsed{}
	}
	n.endAt(end)
	return parsed{node: n, tag: tag}
}

var standardTags = map[string]scalarTag{
	"str": tagStr, "int": tagInt, "float": tagFloat, "bool": tagBool, "null": tagNull, "timestamp": tagTime,
	"binary": tagBinary, "map": tagMap, "seq": tagSeq, "set": tagSet, "omap": tagPairs, "pairs": tagPairs,
	"merge": tagMerge, "value": tagValue,
}

func (p *yamlParser) collection(t *token, q properties, tag scalarTag, depth int, c context) parsed {
	want, mode := Map, mapUnique
	switch tag {
	case tagSeq, tagPairs:
		want = List
	case tagSet:
		mode = mapLenient
	}
	at := t.start
	v := p.untagged(t, properties{start: q.start, end: q.end, some: true}, depth, c, mode)
	if p.err != nil {
		return parsed{}
	}
	if v.node.Kind != want {
		p.fail(at, "the tag !!%s does not fit a value of type %s", strings.TrimPrefix(q.tag, yamlTag), v.node.Kind)
		return parsed{}
	}
	switch tag {
	case tagSet:
		v.node.Form = FormSet
	case tagPairs:
		v.node.Form = FormPairs
		for _, item := range v.node.Items {
			if item.Kind != Map || len(item.Entries) != 1 {
				p.failAt(item, "expected a mapping of one entry")
			}
		}
	}
	return v
}

func decodeBinary(text string) (string, bool) {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return "", false
		}
	}
	// Python's decoder leaves out what is not of the alphabet.
	clean := strings.Map(func(r rune) rune {
		if r == '+' || r == '/' || r == '=' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, text)
	b, err := base64.StdEncoding.DecodeString(clean)
	return string(b), err == nil
}
