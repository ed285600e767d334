package runtimeapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const invocations = "/2018-06-01/runtime/invocation/"

// api is the Runtime API of one instance.
type api struct{ *Runtime }

func (r *Runtime) api() http.Handler { return &api{r} }

// ServeHTTP implements http.Handler: next, {id}/response and {id}/error of
// invocations, and the report of a failed start.
func (a *api) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	switch path := q.URL.Path; {
	case path == invocations+"next" && q.Method == http.MethodGet:
		a.next(w, q)
	case strings.HasPrefix(path, invocations) && q.Method == http.MethodPost:
		id, outcome, _ := strings.Cut(strings.TrimPrefix(path, invocations), "/")
		a.answered(w, q, id, outcome)
	case path == "/2018-06-01/runtime/init/error" && q.Method == http.MethodPost:
		body, _ := io.ReadAll(q.Body) // whatever arrived is worth printing
		fmt.Fprintf(a.log, "init error: %s\n", body)
		w.WriteHeader(http.StatusAccepted)
	default:
		http.Error(w, q.Method+" "+path+" is not part of the Runtime API", http.StatusNotFound)
	}
}

// next waits for an event, as Lambda does, and hands it out. An invocation
// without an id only asks whether somebody listens.
func (a *api) next(w http.ResponseWriter, q *http.Request) {
	for {
		select {
		case <-q.Context().Done():
			return
		case i := <-a.events:
			if i.id == "" {
				continue
			}
			h := w.Header()
			h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(Limit).UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111111111111:function:under-test")
			h.Set("Content-Type", "application/json")
			_, _ = w.Write(i.event) // a broken connection shows as a missing answer
			return
		}
	}
}

func (a *api) answered(w http.ResponseWriter, q *http.Request, id, outcome string) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result := answer{id: id, payload: body}
	switch outcome {
	case "response":
		// A failure while the response streams arrives as a trailer.
		result.errorType = q.Trailer.Get("Lambda-Runtime-Function-Error-Type")
	case "error":
		result.errorType = errorType(body)
	default:
		http.Error(w, "unknown outcome "+outcome, http.StatusNotFound)
		return
	}
	select {
	case a.answers <- result:
		w.WriteHeader(http.StatusAccepted)
	case <-q.Context().Done():
	}
}

// errorType reads the name of the error; a document without one still is a
// failure and must not look like a success.
func errorType(body []byte) string {
	var document struct {
		ErrorType string `json:"errorType"`
	}
	if err := json.Unmarshal(body, &document); err != nil || document.ErrorType == "" {
		return "Runtime.UnknownError"
	}
	return document.ErrorType
}
