package ec2backed_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/evenkeel/evenkeel/shared/testtool"
)

// moto starts a moto server as the local cloud does and gives a client of it.
func moto(t *testing.T) *ec2.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	command := exec.Command(testtool.Own(t, "EVENKEEL_TEST_PYTHON", "python"), filepath.Join(testtool.Root(t), "local", "emulator", "moto", "launcher.py"), "-H", "127.0.0.1", "-p", port)
	command.Env = append(os.Environ(), "MOTO_EC2_LOAD_DEFAULT_AMIS=false", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	url := "http://127.0.0.1:" + port
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(url + "/moto-api/")
		if err == nil {
			_ = answer.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto did not start: %v", err)
		}
	}
	return ec2.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("222222222222", "secret", ""),
	})
}

// ingress gives the CIDR blocks of a group's inbound rules by port.
func ingress(t *testing.T, client *ec2.Client, group string) map[int32][]string {
	t.Helper()
	out, err := client.DescribeSecurityGroups(context.Background(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[int32][]string{}
	for _, p := range out.SecurityGroups[0].IpPermissions {
		for _, r := range p.IpRanges {
			found[aws.ToInt32(p.FromPort)] = append(found[aws.ToInt32(p.FromPort)], *r.CidrIp)
		}
	}
	return found
}
