// Package repositories keeps the registry of repositories, and the secrets
// that it names, in Parameter Store.
package repositories

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/source"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

var (
	_ webhook.Registry = (*Store)(nil)
	_ webhook.Secrets  = (*Store)(nil)
)

// StatusPrefix is how the names of secrets begin that the functions may read in
// Secrets Manager.
const StatusPrefix = "evenkeel/"

// StatusName is where the token for statuses and comments of a repository
// belongs in Secrets Manager.
func StatusName(repository string) string {
	return StatusPrefix + "repositories/" + repository + "/status"
}

// Store is the registry below one path of Parameter Store.
type Store struct {
	client *ssm.Client
	prefix string // "/evenkeel"
}

// New returns the registry below prefix.
func New(cfg aws.Config, prefix string) *Store {
	return &Store{client: ssm.NewFromConfig(cfg), prefix: strings.TrimSuffix(prefix, "/")}
}

func (s *Store) root() string { return s.prefix + "/repositories/" }

// SecretName is where the secret called kind of a repository belongs.
func (s *Store) SecretName(repository, kind string) string {
	return s.prefix + "/secrets/" + repository + "/" + kind
}

// Repository returns an entry, or source.ErrNotRegistered.
func (s *Store) Repository(ctx context.Context, name string) (source.Repository, error) {
	if err := source.CheckName(name); err != nil {
		return source.Repository{}, err
	}
	out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(s.root() + name)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return source.Repository{}, fault.Invalid("%s: %w", name, source.ErrNotRegistered)
	}
	if err != nil {
		return source.Repository{}, awserr.Classify("read the registration of "+name, err)
	}
	return decode(name, aws.ToString(out.Parameter.Value))
}

func decode(name, value string) (source.Repository, error) {
	r := source.Repository{}
	if err := json.Unmarshal([]byte(value), &r); err != nil {
		return r, fault.Permanent("the registration of %s is not JSON: %w", name, err)
	}
	r.Name = name
	if err := r.Check(); err != nil {
		return r, fault.Permanent("the registration is not valid: %w", err)
	}
	return r, nil
}

// Repositories returns every entry, sorted by name.
func (s *Store) Repositories(ctx context.Context) ([]source.Repository, error) {
	var all []source.Repository
	pages := ssm.NewGetParametersByPathPaginator(s.client, &ssm.GetParametersByPathInput{Path: aws.String(strings.TrimSuffix(s.root(), "/")), Recursive: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Classify("list the registered repositories", err)
		}
		for _, p := range page.Parameters {
			r, err := decode(strings.TrimPrefix(aws.ToString(p.Name), s.root()), aws.ToString(p.Value))
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b source.Repository) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Register writes an entry, replacing one of the same name. The secrets that it
// names must stand below the prefix: the functions may read no others, and
// would learn so only with the first push. The error is fault.InvalidError.
func (s *Store) Register(ctx context.Context, r source.Repository) error {
	if err := r.Check(); err != nil {
		return err
	}
	for _, name := range []string{r.WebhookSecret, r.Credentials} {
		if name != "" && !strings.HasPrefix(name, s.prefix+"/") {
			return fault.Invalid("repository %s: the functions cannot read the parameter %s: want a name below %s/", r.Name, name, s.prefix)
		}
	}
	if r.StatusSecret != "" && !strings.HasPrefix(r.StatusSecret, StatusPrefix) {
		return fault.Invalid("repository %s: the functions cannot read the secret %s: want a name that begins with %s", r.Name, r.StatusSecret, StatusPrefix)
	}
	value, err := json.Marshal(r)
	if err != nil {
		return fault.Permanent("encode the registration of %s: %w", r.Name, err)
	}
	_, err = s.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(s.root() + r.Name), Value: aws.String(string(value)), Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	return awserr.Classify("register "+r.Name, err)
}

// Secret reads a SecureString. It is encrypted with the account's aws/ssm key,
// which whoever may read the parameter may use.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(true)})
	if awserr.HasCode(err, "ParameterNotFound") {
		return nil, fault.Permanent("the secret %s does not exist", name)
	}
	if err != nil {
		return nil, awserr.Classify("read the secret "+name, err)
	}
	return []byte(aws.ToString(out.Parameter.Value)), nil
}

// PutSecret writes a SecureString, encrypted with the account's aws/ssm key.
func (s *Store) PutSecret(ctx context.Context, name string, value []byte) error {
	_, err := s.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(name), Value: aws.String(string(value)), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true),
	})
	return awserr.Classify("write the secret "+name, err)
}
