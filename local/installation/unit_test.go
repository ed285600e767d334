package installation

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func folder(t *testing.T, files map[string]os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	for name, mode := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content of "+filepath.Base(name)), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The same build gives the same bytes, whenever and wherever it is packed.
func TestZipIsDeterministic(t *testing.T) {
	files := map[string]os.FileMode{"bootstrap": 0o755, "data/a.json": 0o600, "data/b.json": 0o644}
	first := folder(t, files)
	second := folder(t, files)
	if err := os.Chtimes(filepath.Join(second, "bootstrap"), time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	one, err := Zip(first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Zip(second)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("%d and %d bytes differ (%v)", len(one), len(two), err)
	}
	archive, err := zip.NewReader(bytes.NewReader(one), int64(len(one)))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, file := range archive.File {
		listed = append(listed, file.Name+" "+file.Mode().String())
	}
	if got := strings.Join(listed, ", "); got != "bootstrap -rwxr-xr-x, data/a.json -rw-r--r--, data/b.json -rw-r--r--" {
		t.Error(got)
	}
	if _, err := Zip(filepath.Join(first, "none")); err == nil {
		t.Error("a folder that is not there was packed")
	}
}

const twoFunctions = `{"Resources":{
	"A":{"Type":"AWS::Lambda::Function","Properties":{"Code":{"S3Bucket":{"Fn::Sub":"assets-${AWS::AccountId}-${AWS::Region}"},"S3Key":"a.zip"}}},
	"B":{"Type":"AWS::Lambda::Function","Properties":{"Code":{"S3Bucket":"fixed","S3Key":"0123.zip"}}},
	"Inline":{"Type":"AWS::Lambda::Function","Properties":{"Code":{"ZipFile":"x"}}},
	"T":{"Type":"AWS::SNS::Topic"}},
	"Parameters":{"BootstrapVersion":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/cdk/version"},"P":{"Type":"String","Default":"x"}}}`

func TestPackagesFollowTheTemplateAndTheManifest(t *testing.T) {
	dir := folder(t, map[string]os.FileMode{"builds/a/bootstrap": 0o755, "out/asset.0123/bootstrap": 0o755})
	template := filepath.Join(dir, "out", "evenkeel.template.json")
	text := twoFunctions
	if err := os.WriteFile(template, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	manifest := `{"files":{"0123":{"source":{"path":"asset.0123","packaging":"zip"},"destinations":{"current":{"bucketName":"fixed","objectKey":"0123.zip"}}}}}`
	if err := os.WriteFile(filepath.Join(dir, "out", "evenkeel.assets.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	parsed, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := packages(Options{Account: "000000000000", Region: "eu-west-1", Template: template, Builds: filepath.Join(dir, "builds")}, parsed)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Bucket != "fixed" || got[0].Key != "0123.zip" || got[1].Bucket != "assets-000000000000-eu-west-1" || got[1].Key != "a.zip" {
		t.Errorf("packages %v", got)
	}
	if names := parsed.systemParameters(); len(names) != 1 || names[0] != "/cdk/version" {
		t.Errorf("system parameters %v", names)
	}
	_, err = packages(Options{Template: template, Builds: filepath.Join(dir, "none")}, parsed)
	if err == nil || !strings.Contains(err.Error(), "a.zip") {
		t.Errorf("a function that was not built: %v", err)
	}
}

func TestParseRefusesWhatIsNoTemplate(t *testing.T) {
	for _, text := range []string{"", "x", "[]", "{}"} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	d, err := parse([]byte(`{"Resources":{"A":{"Type":"AWS::Lambda::Function","Properties":{"Code":{"S3Bucket":{"Ref":"B"},"S3Key":"k"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.functions("1", "r"); err == nil || !strings.Contains(err.Error(), "function A") {
		t.Errorf("a bucket by Ref: %v", err)
	}
}

func TestLocalURL(t *testing.T) {
	for given, want := range map[string]string{
		"https://abc.lambda-url.us-east-1.on.aws/":     "http://127.0.0.1:4/_aws/lambda-url/abc/",
		"https://abc.lambda-url.us-east-1.on.aws/hook": "http://127.0.0.1:4/_aws/lambda-url/abc/hook",
		"https://example.com/hook":                     "https://example.com/hook",
		"":                                             "",
	} {
		if got := LocalURL("http://127.0.0.1:4", given); got != want {
			t.Errorf("LocalURL(%q) is %q", given, got)
		}
	}
}
