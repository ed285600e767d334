//go:build !validator

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// policyDocument is a policy that is kept as a document in Parameter Store.
type policyDocument struct {
	short, long string
	show        func(context.Context) error
	check       func(file string) (document string, err error)
	set         func(ctx context.Context, document string) error
	follows     string // who goes by it, and from when
	schema      func() ([]byte, error)
}

// policyCommand shows, checks and sets a policy document.
func (a *app) policyCommand(p policyDocument) *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: p.short, Long: p.long, Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.show(cmd.Context()) },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "show", Short: "Show the policy that counts", Args: usageArgs(cobra.NoArgs), RunE: cmd.RunE,
	}, &cobra.Command{
		Use: "check file", Short: "Check a policy document", Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := p.check(args[0])
			return err
		},
	}, &cobra.Command{
		Use: "set file", Short: "Check a policy document and make it the one that counts", Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			document, err := p.check(args[0])
			if err != nil {
				return err
			}
			if err := p.set(cmd.Context(), document); err != nil {
				return err
			}
			fmt.Fprintln(a.out, p.follows)
			return nil
		},
	}, &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the document, for editors", Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			schema, err := p.schema()
			if err == nil {
				_, err = a.out.Write(schema)
			}
			return err
		},
	})
	return cmd
}

// readDocument reads a file that a person named.
func readDocument(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, notFound("there is no file %s", file)
	}
	return data, err
}
