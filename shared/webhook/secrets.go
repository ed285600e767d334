package webhook

import (
	"context"
	"sync"
	"time"
)

// SecretAge is how long a secret is kept, and so how long the old one works
// after a rotation.
const SecretAge = 5 * time.Minute

// CachedSecrets keeps secrets for SecretAge. It is safe for concurrent use.
type CachedSecrets struct {
	from Secrets
	now  func() time.Time

	mu   sync.Mutex
	kept map[string]keptSecret
}

type keptSecret struct {
	value   []byte
	expires time.Time
}

// NewCachedSecrets returns a cache before from.
func NewCachedSecrets(from Secrets, now func() time.Time) *CachedSecrets {
	return &CachedSecrets{from: from, now: now, kept: map[string]keptSecret{}}
}

// Secret implements Secrets. Errors are not kept.
func (c *CachedSecrets) Secret(ctx context.Context, name string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, ok := c.kept[name]; ok && c.now().Before(kept.expires) {
		return kept.value, nil
	}
	value, err := c.from.Secret(ctx, name)
	if err != nil {
		return nil, err
	}
	c.kept[name] = keptSecret{value, c.now().Add(SecretAge)}
	return value, nil
}
