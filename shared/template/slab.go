package template

// slab hands out nodes, and the lists of lists and maps, from large blocks: a
// template has tens of thousands of them. Blocks grow with the template.
type slab struct {
	nodes   []Node
	items   []*Node
	entries []Entry
	size    int
	count   int // nodes given
}

const (
	slabLeast = 64
	slabMost  = 1024
)

func (a *slab) node(kind Kind, start mark) *Node {
	if len(a.nodes) == 0 {
		a.size = min(max(2*a.size, slabLeast), slabMost)
		a.nodes = make([]Node, a.size)
	}
	n := &a.nodes[0]
	a.nodes = a.nodes[1:]
	a.count++
	n.Kind = kind
	n.Line, n.Column = int(start.line)+1, int(start.col)+1
	n.EndLine, n.EndColumn = start.line+1, start.col+1
	return n
}

func (n *Node) endAt(m mark) { n.EndLine, n.EndColumn = m.line+1, m.col+1 }

// list copies items into the slab.
func (a *slab) list(items []*Node) []*Node {
	if len(items) > len(a.items) {
		a.items = make([]*Node, max(len(items), a.size))
	}
	n := copy(a.items, items)
	out := a.items[:n:n]
	a.items = a.items[n:]
	return out
}

// object copies entries into the slab.
func (a *slab) object(entries []Entry) []Entry {
	if len(entries) > len(a.entries) {
		a.entries = make([]Entry, max(len(entries), a.size))
	}
	n := copy(a.entries, entries)
	out := a.entries[:n:n]
	a.entries = a.entries[n:]
	return out
}
