package gateway

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// proxy passes calls on to an emulator.
func proxy(target *url.URL, log *slog.Logger) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // S3 and SQS answers name the host that was asked
		},
		// Shorter than the emulators keep a connection (75 s), so that none is
		// used at the moment at which it is closed.
		Transport:      &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, IdleConnTimeout: 30 * time.Second},
		ModifyResponse: whole,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			log.Error("upstream", "target", target.Host, "path", r.URL.Path, "error", err)
			http.Error(w, "the local cloud's emulator did not answer: "+err.Error(), http.StatusBadGateway)
		},
	}
}

// maxWhole is the most bytes of an answer that is read before it is passed on.
const maxWhole = 1 << 20

// whole reads an answer of moderate or unknown size to its end before its head
// is passed on, so that a small one travels in one piece. The Go SDK closes the
// connection under an answer whose body comes later than its head, when it has
// not yet noticed that its request is all written: smithy-go closes the request
// body as soon as the head is there, net/http then reads the closed body once
// more, and its WriteTo gives io.EOF, which net/http takes for a failed write.
// AWS is too far away for that; an emulator on the same machine is not.
func whole(response *http.Response) error {
	if response.ContentLength > maxWhole || response.Request.Method == http.MethodHead {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxWhole+1))
	if err != nil {
		return err
	}
	if len(body) > maxWhole {
		response.Body = &rest{io.MultiReader(bytes.NewReader(body), response.Body), response.Body}
		return nil
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// rest is a body of which the beginning has been read.
type rest struct {
	io.Reader
	io.Closer
}
