//go:build !validator

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/repositories"
	"github.com/evenkeel/evenkeel/shared/source"
)

func newRepoCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repo",
		Short: "Register the repositories whose pushes are deployed",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listRepositories(cmd.Context()) },
	}
	cmd.AddCommand(newRepoAddCommand(a), &cobra.Command{
		Use: "list", Short: "List the registered repositories", Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listRepositories(cmd.Context()) },
	})
	return cmd
}

// repoFlags are the settings of `evenkeel repo add`.
type repoFlags struct {
	repository                    source.Repository
	secretStdin, credentialsStdin bool
}

func newRepoAddCommand(a *app) *cobra.Command {
	var f repoFlags
	cmd := &cobra.Command{
		Use:   "add <name>",
		Short: "Register a repository, or change its registration",
		Long: `Registers a repository. Secrets are kept as SecureString parameters; give them on standard
input, so that they are in no process list and no shell history, or name existing parameters
below the installation's prefix.`,
		Example: `  evenkeel repo add acme/shop --clone-url https://github.com/acme/shop.git --webhook-secret-stdin < secret
  evenkeel repo add shop --provider codecommit --clone-url https://git-codecommit.us-east-1.amazonaws.com/v1/repos/shop`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.repository.Name = args[0]
			return a.addRepository(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.repository.Provider, "provider", source.GitHub, "github or codecommit")
	flags.StringVar(&f.repository.CloneURL, "clone-url", "", "where to fetch commits from (https)")
	flags.StringVar(&f.repository.WebhookSecret, "webhook-secret", "", "name of the parameter that holds the webhook's secret")
	flags.BoolVar(&f.secretStdin, "webhook-secret-stdin", false, "read the webhook's secret from standard input and keep it")
	flags.StringVar(&f.repository.Credentials, "credentials", "", "name of the parameter that holds user:password for fetching")
	flags.StringToStringVar(&f.repository.Accounts, "account", nil, "account that it may deploy to, and the least approval there: 333333333333=always; repeatable. Without it: every account that trusts the suite, and evenkeel.yaml decides who is asked")
	flags.StringSliceVar(&f.repository.MandatoryChecks, "mandatory-checks", nil, "rules of validation that nothing in the repository suppresses, by id or its beginning: EK1 is the security pack")
	flags.BoolVar(&f.credentialsStdin, "credentials-stdin", false, "read user:password from standard input and keep it")
	return cmd
}

// registered is a repository as --json shows it.
type registered struct {
	Name string `json:"name"`
	source.Repository
}

func (a *app) addRepository(ctx context.Context, f repoFlags) error {
	if f.secretStdin && f.credentialsStdin {
		return usageError("standard input can hold one secret: name the other one's parameter")
	}
	store, err := a.repositories(ctx)
	if err != nil {
		return err
	}
	r := f.repository
	kind, name := "webhook", &r.WebhookSecret
	if f.credentialsStdin {
		kind, name = "credentials", &r.Credentials
	}
	if f.secretStdin || f.credentialsStdin {
		if *name == "" {
			*name = store.SecretName(r.Name, kind)
		}
	}
	if err := r.Check(); err != nil {
		return usageError("%w", err)
	}
	if f.secretStdin || f.credentialsStdin {
		if err := a.keepSecret(ctx, store, *name); err != nil {
			return err
		}
	}
	if err := store.Register(ctx, r); err != nil {
		return err
	}
	return a.print(registered{r.Name, r}, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n", a.green("registered"), r.Name) })
}

func (a *app) keepSecret(ctx context.Context, store *repositories.Store, name string) error {
	secret, err := io.ReadAll(io.LimitReader(a.in, 4<<10))
	if err != nil {
		return err
	}
	secret = bytes.TrimRight(secret, "\r\n")
	if len(secret) == 0 {
		return usageError("there is no secret on standard input")
	}
	return store.PutSecret(ctx, name, secret)
}

func (a *app) listRepositories(ctx context.Context) error {
	store, err := a.repositories(ctx)
	if err != nil {
		return err
	}
	all, err := store.Repositories(ctx)
	if err != nil {
		return err
	}
	list := make([]registered, 0, len(all))
	for _, r := range all {
		list = append(list, registered{r.Name, r})
	}
	return a.print(list, func(w io.Writer) {
		if len(all) == 0 {
			fmt.Fprintln(w, "No repository is registered; see `evenkeel repo add --help`.")
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tPROVIDER\tCLONE URL")
		for _, r := range all {
			fmt.Fprintf(table, "%s\t%s\t%s\n", r.Name, r.Provider, r.CloneURL)
		}
		_ = table.Flush()
	})
}

func (a *app) repositories(ctx context.Context) (*repositories.Store, error) {
	found, err := a.installation(ctx)
	if err != nil {
		return nil, err
	}
	prefix, err := found.output("ParameterPrefix")
	if err != nil {
		return nil, err
	}
	return repositories.New(found.cfg, prefix), nil
}
