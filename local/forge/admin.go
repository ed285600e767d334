package forge

import (
	"encoding/json"
	"net/http"
)

// Admin serves the forge's own settings:
//
//	PUT  …/repositories            create or change a repository
//	GET  …/repositories/{name...}  its settings
//	PUT  …/users                   let a user in with a token: {login, token}
//	GET  …/pulls                   every pull request
//	POST …/pulls                   open one
//	GET  …/deliveries              every delivery
//	POST …/deliveries/{id}         deliver again under the same id
func (f *Forge) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /repositories", func(w http.ResponseWriter, r *http.Request) {
		var repository Repository
		if err := json.NewDecoder(r.Body).Decode(&repository); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w)(f.Set(r.Context(), repository))
	})
	mux.HandleFunc("GET /repositories/{name...}", func(w http.ResponseWriter, r *http.Request) {
		answer(w)(f.Get(r.PathValue("name")))
	})
	mux.HandleFunc("PUT /users", func(w http.ResponseWriter, r *http.Request) {
		var user User
		if err := json.NewDecoder(r.Body).Decode(&user); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w)(f.SetUser(user))
	})
	mux.HandleFunc("GET /pulls", func(w http.ResponseWriter, _ *http.Request) { answer(w)(f.PullRequests(), nil) })
	mux.HandleFunc("POST /pulls", func(w http.ResponseWriter, r *http.Request) {
		var pull PullRequest
		if err := json.NewDecoder(r.Body).Decode(&pull); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w)(f.OpenPullRequest(r.Context(), pull))
	})
	mux.HandleFunc("GET /deliveries", func(w http.ResponseWriter, _ *http.Request) { answer(w)(f.Deliveries(), nil) })
	mux.HandleFunc("POST /deliveries/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer(w)(f.Redeliver(r.PathValue("id")))
	})
	return mux
}

func answer(w http.ResponseWriter) func(any, error) {
	return func(value any, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
}
