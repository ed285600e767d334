package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlLine finds the line in the library's messages.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

func parseYAML(data []byte) (root *Node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &SyntaxError{Line: 1, Column: 1, Message: "the file is empty"}
		}
		return nil, yamlError(data, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return nil, &SyntaxError{Line: second.Line, Column: max(second.Column, 1), Message: "more than one document in the file"}
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(data, err)
	}
	c := &converter{}
	return c.node(doc.Content[0], 0)
}

func yamlError(data []byte, err error) error {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return &SyntaxError{Line: 1, Column: 1, Message: err.Error()}
	}
	line, _ := strconv.Atoi(m[1])
	return &SyntaxError{Line: faultyLine(data, err.Error(), max(line, 1)), Column: 1, Message: m[2]}
}

// faultyLine finds the line that brings an error about. The library names the
// line where the block begins that it could not read; the text up to the faulty
// line has the same error, the text before it does not.
func faultyLine(data []byte, message string, from int) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	if from > len(lines) {
		return from
	}
	n := sort.Search(len(lines)-from, func(i int) bool {
		var doc yaml.Node
		err := yaml.Unmarshal(bytes.Join(lines[:from+i], nil), &doc)
		return err != nil && err.Error() == message
	})
	return from + n
}

// converter turns the library's tree into ours and counts what aliases add.
type converter struct {
	aliasDepth int
	expanded   int
}

func (c *converter) node(y *yaml.Node, depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, at(y, "nested deeper than %d levels", maxDepth)
	}
	if c.aliasDepth > 0 {
		if c.expanded++; c.expanded > maxExpansion {
			return nil, at(y, "aliases expand to more than %d values", maxExpansion)
		}
	}
	if y.Kind == yaml.AliasNode {
		c.aliasDepth++
		defer func() { c.aliasDepth-- }()
		return c.node(y.Alias, depth+1)
	}
	if fn, ok := function(y.Tag); ok {
		arg, err := c.untagged(y, depth+1)
		if err != nil {
			return nil, err
		}
		call := &Node{Kind: Map, Line: y.Line, Column: y.Column, Short: true}
		call.Entries = []Entry{{Key: fn, Line: y.Line, Column: y.Column, Value: arg}}
		return call, nil
	}
	return c.untagged(y, depth)
}

// function returns the long name of a short form's tag. Tags of YAML itself
// ("!!str") are none.
func function(tag string) (string, bool) {
	name, ok := strings.CutPrefix(tag, "!")
	if !ok || name == "" || strings.HasPrefix(name, "!") {
		return "", false
	}
	if name == "Ref" || name == "Condition" {
		return name, true
	}
	return "Fn::" + name, true
}

func (c *converter) untagged(y *yaml.Node, depth int) (*Node, error) {
	n := &Node{Line: y.Line, Column: y.Column}
	switch y.Kind {
	case yaml.MappingNode:
		n.Kind = Map
		return n, c.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.Kind = List
		n.Items = make([]*Node, 0, len(y.Content))
		for _, item := range y.Content {
			v, err := c.node(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, v)
		}
		return n, nil
	}
	scalar(n, y)
	return n, nil
}

func (c *converter) mapping(n *Node, y *yaml.Node, depth int) error {
	n.Entries = make([]Entry, 0, len(y.Content)/2)
	keys := newKeySet()
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if _, call := function(k.Tag); call || k.Kind != yaml.ScalarNode {
			return at(k, "a key must be a string")
		}
		if k.Value == "<<" && (k.Tag == "!!merge" || k.Tag == "") {
			merges = append(merges, v)
			continue
		}
		e := Entry{Key: k.Value, Line: y.Content[i].Line, Column: y.Content[i].Column}
		if first, dup := keys.add(n, e.Key); dup {
			return duplicate(e, first)
		}
		value, err := c.node(v, depth+1)
		if err != nil {
			return err
		}
		e.Value = value
		n.Entries = append(n.Entries, e)
	}
	for _, m := range merges {
		if err := c.merge(n, keys, m, depth); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the entries of a merge key's value (YAML 1.1, "Merge Key"): keys
// that the mapping has itself win, then the earlier of several mappings.
func (c *converter) merge(n *Node, keys *keySet, y *yaml.Node, depth int) error {
	v, err := c.node(y, depth+1)
	if err != nil {
		return err
	}
	sources := []*Node{v}
	if v.Kind == List {
		sources = v.Items
	}
	for _, s := range sources {
		if s.Kind != Map {
			return at(y, "a merge key takes a mapping or a list of mappings")
		}
		for _, e := range s.Entries {
			if _, has := keys.add(n, e.Key); !has {
				n.Entries = append(n.Entries, e)
			}
		}
	}
	return nil
}

func at(y *yaml.Node, format string, args ...any) error {
	return &SyntaxError{Line: max(y.Line, 1), Column: max(y.Column, 1), Message: fmt.Sprintf(format, args...)}
}

func duplicate(again Entry, first *Entry) *SyntaxError {
	return &SyntaxError{Line: again.Line, Column: again.Column,
		Message: fmt.Sprintf("duplicate key %q, first at line %d", again.Key, first.Line)}
}

// keySet finds duplicates: by scanning in small maps, by hashing in large ones.
type keySet struct{ index map[string]int }

func newKeySet() *keySet { return &keySet{} }

func (s *keySet) add(n *Node, key string) (first *Entry, dup bool) {
	const small = 16
	if len(n.Entries) < small {
		e := n.Entry(key)
		return e, e != nil
	}
	if s.index == nil {
		s.index = make(map[string]int, 2*small)
		for i, e := range n.Entries {
			s.index[e.Key] = i
		}
	}
	if i, ok := s.index[key]; ok {
		return &n.Entries[i], true
	}
	s.index[key] = len(n.Entries)
	return nil, false
}
