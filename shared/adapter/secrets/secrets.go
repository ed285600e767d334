// Package secrets keeps tokens in Secrets Manager.
package secrets

import (
	"context"
	"crypto/rand"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/evenkeel/evenkeel/shared/adapter/awserr"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/webhook"
)

var _ webhook.Secrets = (*Store)(nil)

// Store is Secrets Manager of the hub account.
type Store struct{ client *secretsmanager.Client }

// New returns the store.
func New(cfg aws.Config) *Store { return &Store{secretsmanager.NewFromConfig(cfg)} }

// Secret returns the current text of a secret.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
	if awserr.HasCode(err, "ResourceNotFoundException") {
		return nil, fault.Permanent("the secret %s does not exist, or has no value", name)
	}
	if err != nil {
		return nil, awserr.Classify("read the secret "+name, err)
	}
	if out.SecretString == nil {
		return nil, fault.Permanent("the secret %s is not text", name)
	}
	return []byte(*out.SecretString), nil
}

// PutSecret gives a secret a new value, and makes the secret if there is none.
// It is encrypted with the account's aws/secretsmanager key, which whoever may
// read the secret may use.
func (s *Store) PutSecret(ctx context.Context, name, description string, value []byte) error {
	_, err := s.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(name), SecretString: aws.String(string(value)), ClientRequestToken: aws.String(rand.Text() + rand.Text()),
	})
	if awserr.HasCode(err, "ResourceNotFoundException") {
		_, err = s.client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: aws.String(name), Description: aws.String(description), SecretString: aws.String(string(value)), ClientRequestToken: aws.String(rand.Text() + rand.Text()),
		})
	}
	return awserr.Classify("write the secret "+name, err)
}
