//go:build !validator

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/shared/adapter/repositories"
	"github.com/evenkeel/evenkeel/shared/adapter/secrets"
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
	repository                                 source.Repository
	secretStdin, credentialsStdin, statusStdin bool
	identities                                 []string // login=principal
}

// stdins is how many secrets are asked for on standard input.
func (f repoFlags) stdins() int {
	n := 0
	for _, asked := range []bool{f.secretStdin, f.credentialsStdin, f.statusStdin} {
		if asked {
			n++
		}
	}
	return n
}

func newRepoAddCommand(a *app) *cobra.Command {
	var f repoFlags
	cmd := &cobra.Command{
		Use:   "add <name>",
		Short: "Register a repository, or change its registration",
		Long: `Registers a repository. Secrets are kept as SecureString parameters; give them on standard
input, so that they are in no process list and no shell history, or name existing parameters
below the installation's prefix.

With a token that may publish, pull requests are validated and planned, and the plan is published
as a commit status and one comment; pushes get a commit status. The token is kept in Secrets
Manager. A fine-grained token of a user of its own needs "Commit statuses: write" and
"Pull requests: write" for this repository (a classic one: the scope repo); add the event
"Pull requests" to the webhook. Whoever may open a pull request in the repository itself may then
see what the accounts' stacks look like; one from a fork is validated only.`,
		Example: `  evenkeel repo add acme/shop --clone-url https://github.com/acme/shop.git --webhook-secret-stdin < secret
  evenkeel repo add acme/shop --clone-url https://github.com/acme/shop.git \
    --webhook-secret /evenkeel/secrets/acme/shop/webhook --status-token-stdin < token
  evenkeel repo add shop --provider codecommit --clone-url https://git-codecommit.us-east-1.amazonaws.com/v1/repos/shop`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.repository.Name = args[0]
			var err error
			if f.repository.Identities, err = identities(f.identities); err != nil {
				return err
			}
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
	flags.StringArrayVar(&f.identities, "identity", nil, "who somebody of the forge is in AWS: login=session-name, e-mail=session-name, or a pattern of an ARN, login=arn:aws:sts::*:assumed-role/*/ann; repeatable. With it, the push of somebody who is not named can be approved only where selfApproval is allowed")
	flags.BoolVar(&f.repository.SelfApproval, "allow-self-approval", false, "let evenkeel.yaml say selfApproval: allowed, also in the accounts of --account")
	flags.StringSliceVar(&f.repository.MandatoryChecks, "mandatory-checks", nil, "rules of validation that nothing in the repository suppresses, by id or its beginning: EK1 is the security pack")
	flags.StringVar(&f.repository.StatusSecret, "status-secret", "", "name of the secret in Secrets Manager that holds the token for statuses and comments; begins with evenkeel/")
	flags.BoolVar(&f.statusStdin, "status-token-stdin", false, "read the token for statuses and comments from standard input and keep it")
	flags.StringVar(&f.repository.APIURL, "api-url", "", "base address of the provider's REST API, if it is not the usual one of the clone URL's host")
	flags.BoolVar(&f.credentialsStdin, "credentials-stdin", false, "read user:password from standard input and keep it")
	return cmd
}

// identities reads login=principal pairs; a login may come several times.
func identities(pairs []string) (map[string][]string, error) {
	var found map[string][]string
	for _, pair := range pairs {
		login, principal, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usageError("--identity %s: want login=principal", pair)
		}
		if found == nil {
			found = map[string][]string{}
		}
		found[login] = append(found[login], principal)
	}
	return found, nil
}

// registered is a repository as --json shows it.
type registered struct {
	Name string `json:"name"`
	source.Repository
}

func (a *app) addRepository(ctx context.Context, f repoFlags) error {
	if f.stdins() > 1 {
		return usageError("standard input can hold one secret: register again with the other one, or name its parameter")
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
	if f.statusStdin && r.StatusSecret == "" {
		r.StatusSecret = repositories.StatusName(r.Name)
	}
	if err := r.Check(); err != nil {
		return usageError("%w", err)
	}
	if err := loosens(ctx, store, r); err != nil {
		return err
	}
	if f.statusStdin {
		if err := a.keepToken(ctx, r); err != nil {
			return err
		}
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

// loosens refuses to lose the bounds of a registration by leaving their flags out:
// whoever only adds a token does not mean to.
func loosens(ctx context.Context, store *repositories.Store, r source.Repository) error {
	before, err := store.Repository(ctx, r.Name)
	if errors.Is(err, source.ErrNotRegistered) {
		return nil
	}
	if err != nil {
		return err
	}
	for flag, lost := range map[string]bool{
		"--account":          len(before.Accounts) > 0 && len(r.Accounts) == 0,
		"--identity":         len(before.Identities) > 0 && len(r.Identities) == 0,
		"--mandatory-checks": len(before.MandatoryChecks) > 0 && len(r.MandatoryChecks) == 0,
	} {
		if lost {
			return usageError("%s is registered with %s, which this would take away: `evenkeel repo list --json` shows it; give it again", r.Name, flag)
		}
	}
	return nil
}

func (a *app) keepSecret(ctx context.Context, store *repositories.Store, name string) error {
	secret, err := a.readSecret()
	if err != nil {
		return err
	}
	return store.PutSecret(ctx, name, secret)
}

// keepToken keeps the token for statuses and comments in Secrets Manager.
func (a *app) keepToken(ctx context.Context, r source.Repository) error {
	token, err := a.readSecret()
	if err != nil {
		return err
	}
	found, err := a.installation(ctx)
	if err != nil {
		return err
	}
	return secrets.New(found.cfg).PutSecret(ctx, r.StatusSecret, "Token by which Evenkeel publishes statuses and comments in "+r.Name, token)
}

func (a *app) readSecret() ([]byte, error) {
	secret, err := io.ReadAll(io.LimitReader(a.in, 4<<10))
	if err != nil {
		return nil, err
	}
	secret = bytes.TrimRight(secret, "\r\n")
	if len(secret) == 0 {
		return nil, usageError("there is no secret on standard input")
	}
	return secret, nil
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
