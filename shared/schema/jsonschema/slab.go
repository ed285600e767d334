package jsonschema

// slabs allocate what schemas are made of many at a time: a document has
// hundreds of schemas that live and die together.
type slabs struct {
	schemas    slab[Schema]
	keywords   slab[Keyword]
	properties slab[Property]
	demands    slab[demands]
	limits     slab[limits]
	branches   slab[branches]
}

type slab[T any] struct{ free []T }

// one returns a zero value.
func (s *slab[T]) one() *T {
	if len(s.free) == 0 {
		s.free = make([]T, 16)
	}
	v := &s.free[0]
	s.free = s.free[1:]
	return v
}

// room returns an empty slice with room for n values.
func (s *slab[T]) room(n int) []T {
	if len(s.free) < n {
		s.free = make([]T, max(64, n))
	}
	v := s.free[:0:n]
	s.free = s.free[n:]
	return v
}
