package installation

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
)

// document is what the deployment needs to know of a template. It is sent as
// it was read, never re-encoded.
type document struct {
	Parameters map[string]parameter `json:"Parameters"`
	Resources  map[string]resource  `json:"Resources"`
}

type parameter struct {
	Type    string `json:"Type"`
	Default any    `json:"Default"`
}

type resource struct {
	Type       string          `json:"Type"`
	Properties json.RawMessage `json:"Properties"`
}

// asset is a file in S3 that a template names.
type asset struct {
	bucket, key string
}

func parse(body []byte) (document, error) {
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return document{}, err
	}
	if len(d.Resources) == 0 {
		return document{}, errors.New("the template has no resources")
	}
	return d, nil
}

// functions returns the code of the template's Lambda functions, sorted by key.
func (d document) functions(account, region string) ([]asset, error) {
	seen := map[asset]bool{}
	for id, r := range d.Resources {
		if r.Type != "AWS::Lambda::Function" {
			continue
		}
		var properties struct {
			Code struct {
				S3Bucket json.RawMessage `json:"S3Bucket"`
				S3Key    string          `json:"S3Key"`
			} `json:"Code"`
		}
		if err := json.Unmarshal(r.Properties, &properties); err != nil {
			return nil, fmt.Errorf("function %s: %w", id, err)
		}
		if properties.Code.S3Key == "" {
			continue // code within the template, or an image
		}
		bucket, err := bucketName(properties.Code.S3Bucket, account, region)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", id, err)
		}
		seen[asset{bucket, properties.Code.S3Key}] = true
	}
	var list []asset
	for a := range seen {
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].key < list[j].key })
	return list, nil
}

// bucketName evaluates the two forms in which CDK writes the bucket of its
// assets: a string, and Fn::Sub with the account and region.
func bucketName(raw json.RawMessage, account, region string) (string, error) {
	var text string
	var sub struct {
		Sub string `json:"Fn::Sub"`
	}
	if json.Unmarshal(raw, &text) != nil {
		if err := json.Unmarshal(raw, &sub); err != nil || sub.Sub == "" {
			return "", fmt.Errorf("the code's S3Bucket %s is neither a name nor Fn::Sub", raw)
		}
		text = sub.Sub
	}
	return strings.NewReplacer("${AWS::AccountId}", account, "${AWS::Region}", region, "${AWS::Partition}", "aws").Replace(text), nil
}

// systemParameters returns the Parameter Store names that template parameters
// read their values from, sorted.
func (d document) systemParameters() []string {
	var names []string
	for _, p := range d.Parameters {
		if name, ok := p.Default.(string); ok && strings.HasPrefix(p.Type, "AWS::SSM::Parameter::Value<") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
