package emulator

import "context"

// StartUnchangedMoto starts moto server as it comes: what tells when a
// replacement is not needed any more.
func StartUnchangedMoto(ctx context.Context, s Settings) (*Emulator, error) {
	return startMoto(ctx, s, s.Env.Bin("moto_server"), nil)
}
