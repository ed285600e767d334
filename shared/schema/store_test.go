package schema

import "testing"

func TestCorruptStore(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("EKS3"), storeBytes[:100], append([]byte("XXXX"), storeBytes[4:]...), storeBytes[:len(storeBytes)-10]} {
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
