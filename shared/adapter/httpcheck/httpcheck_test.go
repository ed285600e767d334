package httpcheck_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/shared/adapter/httpcheck"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/verification"
)

func do(t *testing.T, q verification.Request) (verification.Response, error) {
	t.Helper()
	if q.Method == "" {
		q.Method = "GET"
	}
	if q.Timeout == 0 {
		q.Timeout = 10 * time.Second
	}
	now := time.Unix(0, 0)
	return httpcheck.New(func() time.Time { now = now.Add(time.Second); return now }, true).Do(t.Context(), q)
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestDo(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		w.Header().Add("X-Seen", q.Method+" "+q.Header.Get("Authorization"))
		w.Header().Add("X-Seen", q.UserAgent())
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
	})
	got, err := do(t, verification.Request{Method: "POST", URL: address + "/x", Body: "hello", Headers: map[string]string{"authorization": "t"}, Secret: true})
	if err != nil || got.Status != 418 || string(got.Body) != "hello" || got.Truncated || got.Headers["X-Seen"] != "POST t, evenkeel" || got.Latency != time.Second {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheBodyIsBounded(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 20 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	got, err := do(t, verification.Request{URL: address})
	if err != nil || len(got.Body) != 256<<10 || !got.Truncated {
		t.Errorf("%d bytes, truncated %v, %v", len(got.Body), got.Truncated, err)
	}
}

func TestTimeIsBounded(t *testing.T) {
	release := make(chan struct{})
	address := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	_, err := do(t, verification.Request{URL: address, Timeout: 50 * time.Millisecond})
	close(release)
	if !errors.Is(err, context.DeadlineExceeded) || !fault.Is(err, fault.TransientError) {
		t.Errorf("%v", err)
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	var address string
	address = serve(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/near":
			http.Redirect(w, q, address+"/there", http.StatusFound)
		case "/far":
			http.Redirect(w, q, elsewhere, http.StatusFound)
		case "/twice":
			http.Redirect(w, q, "/far", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, q, "/loop", http.StatusFound)
		}
	})
	for path, want := range map[string]int{"/near": 200, "/far": 302, "/twice": 302, "/loop": 302} {
		if got, err := do(t, verification.Request{URL: address + path}); err != nil || got.Status != want {
			t.Errorf("%s: %d, %v", path, got.Status, err)
		}
	}
}

// TestProxiesAreNotUsed: the environment may name one that reaches anything.
func TestProxiesAreNotUsed(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	t.Setenv("HTTP_PROXY", proxy)
	address := serve(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := do(t, verification.Request{URL: strings.Replace(address, "127.0.0.1", "localhost", 1)}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	address := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	port := address[strings.LastIndex(address, ":"):]
	strict := httpcheck.New(time.Now, false)
	tests := []struct {
		name, url, want string
		secret          bool
	}{
		{"loopback", address, "may not be asked", false},
		{"a name of loopback", "http://localhost" + port, "may not be asked", false},
		{"an odd form of loopback", "http://[::ffff:127.0.0.1]" + port, "may not be asked", false},
		{"this machine", "http://0.0.0.0" + port, "may not be asked", false},
		{"metadata", "http://169.254.169.254/latest/meta-data/", "may not be asked", false},
		{"metadata over IPv6", "http://[fd00:ec2::254]/latest/meta-data/", "may not be asked", false},
		{"another scheme", "file:///etc/passwd", "not with https: or http:", false},
		{"no host", "http:///x", "names no host", false},
		{"a password", "http://a:b@example.com", "holds a user name", false},
		{"a secret in plain text", "http://example.com", "over https only", true},
		{"no URL", "http://a b", "cannot be read", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := strict.Do(t.Context(), verification.Request{Method: "GET", URL: tt.url, Timeout: time.Second, Secret: tt.secret})
			if !fault.Is(err, fault.InvalidError) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	_, err := do(t, verification.Request{URL: server.URL})
	if !fault.Is(err, fault.TransientError) || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "http://") {
		t.Errorf("%v", err)
	}
}

func TestBadHeader(t *testing.T) {
	_, err := do(t, verification.Request{URL: serve(t, func(http.ResponseWriter, *http.Request) {}), Headers: map[string]string{"A": "x\r\nB: y"}})
	if err == nil {
		t.Error("a header with two lines was sent")
	}
}
