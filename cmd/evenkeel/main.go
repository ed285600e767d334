// Command evenkeel is the suite on the command line: the same cores as the
// Lambdas, printed for a person. It speaks to AWS, or to the local cloud, by
// the SDK's own environment variables.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends what does not look at the first
	os.Exit(run(ctx, newApp(os.Stdin, os.Stdout, os.Stderr, os.Getenv), os.Args[1:]))
}
