package codebuild

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

func (w *worker) s3() *s3.Client {
	return s3.NewFromConfig(w.cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// maxSource is the most bytes of a source, packed and unpacked.
const maxSource = 256 << 20

// fetch unpacks the source's zip. Nothing of it is written outside the folder.
func (w *worker) fetch(ctx context.Context) error {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(w.plan.Source.Location, "arn:aws:s3:::"), "/")
	out, err := w.s3().GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxSource))
	if err != nil {
		return err
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(w.src)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(maxSource)
	for _, entry := range r.File {
		n, err := extract(root, entry, left)
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
		left -= n
	}
	return nil
}

func extract(root *os.Root, entry *zip.File, left int64) (int64, error) {
	if entry.FileInfo().IsDir() {
		return 0, root.MkdirAll(strings.TrimSuffix(entry.Name, "/"), 0o755)
	}
	if folder := filepath.Dir(entry.Name); folder != "." {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return 0, err
		}
	}
	part, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer part.Close()
	if entry.Mode()&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(part, 4096))
		if err != nil {
			return 0, err
		}
		return 0, root.Symlink(string(target), entry.Name)
	}
	file, err := root.OpenFile(entry.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644|entry.Mode().Perm()&0o111)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(file, io.LimitReader(part, left+1))
	if n > left {
		err = errors.New("the source is too large")
	}
	return n, errors.Join(err, file.Close())
}

// variables are those of the buildspec and of the project, which win, with the
// values of parameters and secrets.
func (w *worker) variables(ctx context.Context) ([]string, error) {
	all := map[string]variable{}
	for name, value := range w.spec.Env.Variables {
		all[name] = variable{name, value, "PLAINTEXT"}
	}
	for name, value := range w.spec.Env.ParameterStore {
		all[name] = variable{name, value, "PARAMETER_STORE"}
	}
	for name, value := range w.spec.Env.SecretsManager {
		all[name] = variable{name, value, "SECRETS_MANAGER"}
	}
	for _, v := range w.plan.Environment.Variables {
		all[v.Name] = v
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, err := w.value(ctx, all[name])
		if err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", name, err)
		}
		list = append(list, name+"="+value)
	}
	return list, nil
}

func (w *worker) value(ctx context.Context, v variable) (string, error) {
	secret := ""
	switch v.Type {
	case "PARAMETER_STORE":
		out, err := ssm.NewFromConfig(w.cfg).GetParameters(ctx, &ssm.GetParametersInput{Names: []string{v.Value}, WithDecryption: aws.Bool(true)})
		if err != nil {
			return "", err
		}
		if len(out.Parameters) == 0 {
			return "", fmt.Errorf("Parameters do not exist: %s", v.Value)
		}
		secret = aws.ToString(out.Parameters[0].Value)
	case "SECRETS_MANAGER":
		id, key, _ := strings.Cut(v.Value, ":")
		out, err := secretsmanager.NewFromConfig(w.cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
		if err != nil {
			return "", err
		}
		if secret = aws.ToString(out.SecretString); key != "" {
			var fields map[string]any
			if err := json.Unmarshal([]byte(secret), &fields); err != nil || fields[key] == nil {
				return "", fmt.Errorf("the secret %s has no key %s", id, key)
			}
			secret = fmt.Sprint(fields[key])
		}
	default:
		return v.Value, nil
	}
	w.secrets = append(w.secrets, secret)
	return secret, nil
}

// upload puts what the buildspec names into S3.
func (w *worker) upload(ctx context.Context) *problem {
	to := w.plan.Artifacts
	if to.Type != "S3" || w.spec.Artifacts == nil {
		return nil
	}
	base := filepath.Join(w.src, filepath.Clean("/"+w.spec.Artifacts.BaseDirectory))
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		return failure("CLIENT_ERROR", "no matching base directory path found for %s", w.spec.Artifacts.BaseDirectory)
	}
	files, err := matching(base, w.spec.Artifacts.Files)
	if err != nil || len(files) == 0 {
		return failure("CLIENT_ERROR", "no matching artifact paths found")
	}
	if to.Packaging != "ZIP" {
		return w.uploadEach(ctx, base, files)
	}
	data, err := pack(base, files, w.spec.Artifacts.DiscardPaths == "yes")
	if err != nil {
		return failure("CLIENT_ERROR", "%v", err)
	}
	key := to.object(w.build)
	if err := w.put(ctx, key, data); err != nil {
		return failure("CLIENT_ERROR", "Error in UPLOAD_ARTIFACTS phase: %v", err)
	}
	sum := sha256.Sum256(data)
	w.mu.Lock()
	w.State.Digest, w.State.Location = hex.EncodeToString(sum[:]), "arn:aws:s3:::"+to.Location+"/"+key
	w.mu.Unlock()
	return nil
}

func (w *worker) uploadEach(ctx context.Context, base string, files []string) *problem {
	to := w.plan.Artifacts
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(base, filepath.FromSlash(name)))
		if err == nil {
			err = w.put(ctx, to.object(w.build)+"/"+name, data)
		}
		if err != nil {
			return failure("CLIENT_ERROR", "Error in UPLOAD_ARTIFACTS phase: %v", err)
		}
	}
	w.mu.Lock()
	w.State.Location = "arn:aws:s3:::" + to.Location + "/" + to.object(w.build)
	w.mu.Unlock()
	return nil
}

func (w *worker) put(ctx context.Context, key string, data []byte) error {
	_, err := w.s3().PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(w.plan.Artifacts.Location), Key: aws.String(key), Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
	})
	return err
}

// pack zips files with their modes; links stay links.
func pack(base string, files []string, discard bool) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range files {
		full := filepath.Join(base, filepath.FromSlash(name))
		info, err := os.Lstat(full)
		if err != nil {
			return nil, err
		}
		header, err := zip.FileInfoHeader(info)
		if err != nil {
			return nil, err
		}
		if header.Name, header.Method = name, zip.Deflate; discard {
			header.Name = filepath.Base(full)
		}
		part, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		var data []byte
		if info.Mode()&fs.ModeSymlink != 0 {
			var target string
			target, err = os.Readlink(full)
			data = []byte(target)
		} else {
			data, err = os.ReadFile(full)
		}
		if err == nil {
			_, err = part.Write(data)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// writeLog puts the log into CloudWatch Logs, in the name of the service role.
// Its context is the server's: the log of a build that was stopped is wanted, too.
func (w *worker) writeLog(file string) error {
	lines, err := w.lines(file)
	if err != nil || len(lines) == 0 {
		return err
	}
	const (
		batch = 500
		width = 8 << 10
	)
	client, ctx := cloudwatchlogs.NewFromConfig(w.cfg), context.WithoutCancel(w.ctx)
	group, stream := aws.String(w.logGroup), aws.String(w.logStream)
	var exists *types.ResourceAlreadyExistsException
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil && !errors.As(err, &exists) {
		return err
	}
	if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil && !errors.As(err, &exists) {
		return err
	}
	at := w.opts.Now().UnixMilli()
	for part := range slices.Chunk(lines, batch) {
		var list []types.InputLogEvent
		for _, line := range part {
			list = append(list, types.InputLogEvent{Message: aws.String(line[:min(len(line), width)]), Timestamp: aws.Int64(at)})
		}
		if _, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: list}); err != nil {
			return err
		}
	}
	return nil
}
