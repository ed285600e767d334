package jsonschema

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/shared/schema/internal/format"
)

// Document is a schema document in the binary form of the store. Its schemas are
// decoded when they are asked for: a resource type has some hundred definitions,
// of which a template uses a few. It may be used concurrently.
type Document struct {
	doc      format.Doc
	root     int
	others   func(name string) *Document
	patterns *Patterns

	mu       sync.Mutex
	pointers map[string]*Schema    // by JSON pointer
	shared   map[int]*Schema       // by position, of values that stand for several
	refs     map[string]*reference // by the text of $ref
	just     map[TypeSet]*Schema   // those with nothing but a type
	err      error                 // the first thing that is no schema
	free     slabs
}

// NewDocument returns the document at a position of a frame. others finds the
// document before the "#" of a reference, nil if there is none; it may itself be
// nil. Regular expressions are shared through patterns.
func NewDocument(doc format.Doc, root int, others func(name string) *Document, patterns *Patterns) *Document {
	return &Document{
		doc: doc, root: root, others: others, patterns: patterns,
		pointers: map[string]*Schema{}, shared: map[int]*Schema{}, refs: map[string]*reference{}, just: map[TypeSet]*Schema{},
	}
}

// Patterns shares compiled regular expressions by their source.
type Patterns struct{ m sync.Map }

func (p *Patterns) get(source string) *Regexp {
	if r, ok := p.m.Load(source); ok {
		return r.(*Regexp)
	}
	r, _ := p.m.LoadOrStore(source, NewRegexp(source))
	return r.(*Regexp)
}

// At returns the schema at a JSON pointer such as "/definitions/Action"; "" is
// the whole document.
func (d *Document) At(pointer string) (*Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.pointers[pointer]; ok {
		return s, nil
	}
	at, err := d.follow(pointer)
	if err != nil {
		return nil, err
	}
	s, _ := d.schema(at)
	if d.err != nil {
		return nil, d.err
	}
	d.pointers[pointer] = s
	return s, nil
}

func (d *Document) follow(pointer string) (int, error) {
	at := d.root
	pointer = strings.TrimPrefix(pointer, "/")
	if pointer == "" { // "#" and, as cfn-lint's own schemas write it, "#/"
		return at, nil
	}
	for name := range strings.SplitSeq(pointer, "/") {
		if strings.Contains(name, "~") {
			name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		}
		next, ok := d.doc.Member(at, name)
		if !ok {
			next, ok = d.item(at, name)
		}
		if !ok {
			return 0, fmt.Errorf("pointer %q leads nowhere", pointer)
		}
		at = next
	}
	return at, nil
}

func (d *Document) item(list int, index string) (int, bool) {
	if target, _, ref := d.doc.Resolve(list); ref {
		list = target
	}
	i, err := strconv.Atoi(index)
	if err != nil || d.doc.Kind(list) != format.Array {
		return 0, false
	}
	n, at := d.doc.Array(list)
	if i < 0 || i >= n {
		return 0, false
	}
	for range i {
		at = d.doc.Skip(at)
	}
	return at, true
}

// reference is a $ref; those with the same text share one.
type reference struct {
	document *Document
	text     string
	target   atomic.Pointer[Schema]
}

// schema returns the target. A reference that leads nowhere accepts everything;
// the tests of the store and Compile find those.
func (r *reference) schema() *Schema {
	if s := r.target.Load(); s != nil {
		return s
	}
	s, err := r.resolve()
	if err != nil {
		s = True
	}
	r.target.Store(s)
	return s
}

func (r *reference) resolve() (*Schema, error) {
	name, pointer, _ := strings.Cut(r.text, "#")
	if name == "" {
		return r.document.At(pointer)
	}
	if r.document.others != nil {
		if other := r.document.others(name); other != nil {
			return other.At(pointer)
		}
	}
	return nil, fmt.Errorf("$ref %q names an unknown document", r.text)
}

// Verify decodes everything that the schemas decoded so far lead to. The error
// names the reference or value that is wrong.
func (d *Document) Verify() error {
	seen := map[string]bool{}
	for {
		var pending []*reference
		d.mu.Lock()
		for text, r := range d.refs {
			if !seen[text] {
				seen[text] = true
				pending = append(pending, r)
			}
		}
		d.mu.Unlock()
		if len(pending) == 0 {
			return nil
		}
		for _, r := range pending {
			if _, err := r.resolve(); err != nil {
				return fmt.Errorf("$ref %q: %w", r.text, err)
			}
		}
	}
}
