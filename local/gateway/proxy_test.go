package gateway

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func proxied(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	upstream := httptest.NewServer(handler)
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(proxy(target, slog.New(slog.NewTextHandler(io.Discard, nil))))
	t.Cleanup(front.Close)
	return front.URL
}

// One read of the connection gives head and body, however the emulator sent
// them: see whole.
func TestAnAnswerTravelsInOnePiece(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]string{"of known length": "5", "of unknown length": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			front := proxied(t, func(w http.ResponseWriter, r *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(30 * time.Millisecond)
				_, _ = io.WriteString(w, "whole")
			})
			conn, err := net.Dial("tcp", strings.TrimPrefix(front, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			buffer := make([]byte, 1<<16)
			n, err := conn.Read(buffer)
			if err != nil || !bytes.HasSuffix(buffer[:n], []byte("\r\n\r\nwhole")) {
				t.Errorf("the first read gave %q (%v)", buffer[:n], err)
			}
		})
	}
}

func TestALargeAnswerIsPassedOn(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, maxWhole, maxWhole + 1, 3*maxWhole + 7} {
		for _, known := range []bool{true, false} {
			want := bytes.Repeat([]byte("0123456"), size/7+1)[:size]
			front := proxied(t, func(w http.ResponseWriter, r *http.Request) {
				if known {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				}
				_ = http.NewResponseController(w).Flush()
				_, _ = w.Write(want)
			})
			response, err := http.Get(front)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes (length known: %t) came as %d (%v)", size, known, len(got), err)
			}
			head, err := http.Head(front)
			if err == nil {
				_ = head.Body.Close()
			}
			if err != nil || known && head.ContentLength != int64(size) {
				t.Errorf("HEAD of %d bytes (length known: %t) says %d (%v)", size, known, head.ContentLength, err)
			}
		}
	}
}

func TestAnEmulatorThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	target, _ := url.Parse("http://127.0.0.1:1")
	w := httptest.NewRecorder()
	proxy(target, slog.New(slog.NewTextHandler(io.Discard, nil))).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "did not answer") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}
