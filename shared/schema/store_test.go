package schema

import "testing"

func TestCorruptStore(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("EKS2"), storeBytes[:100], append([]byte("XXXX"), storeBytes[4:]...), storeBytes[:len(storeBytes)-10]} {
		if _, err := open(b); err == nil {
			t.Errorf("a store of %d bytes opens", len(b))
		}
	}
}

// The size is bounded because every Lambda that validates carries the store.
func TestStoreSize(t *testing.T) {
	if len(storeBytes) > 2<<20 {
		t.Errorf("%d bytes", len(storeBytes))
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, err := open(storeBytes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	s, err := open(storeBytes)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::WAFv2::WebACL"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				e := &entry{Entry: s.find(name).Entry, roots: make([]root, 5)}
				s.compile(e, s.root(e, Primary))
			}
		})
	}
}
