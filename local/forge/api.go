package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// User is who may use the API with a token.
type User struct {
	Login string `json:"login"`
	Token string `json:"token"`
}

// SetUser lets a user in with a token.
func (f *Forge) SetUser(u User) (User, error) {
	if u.Login == "" || u.Token == "" {
		return u, errors.New("a user needs a login and a token")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users[u.Token] = u.Login
	return u, nil
}

// Comment is a comment on a pull request.
type Comment struct {
	ID         int64     `json:"id"`
	Repository string    `json:"-"`
	Number     int       `json:"-"`
	HTMLURL    string    `json:"html_url"`
	Body       string    `json:"body"`
	User       Author    `json:"user"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// Author is who wrote something.
type Author struct {
	Login string `json:"login"`
	ID    uint32 `json:"id"`
	Type  string `json:"type"`
}

func author(login string) Author {
	return Author{Login: login, ID: crc32.ChecksumIEEE([]byte(login)), Type: "User"}
}

// Status is a commit status.
type Status struct {
	ID          int64     `json:"id"`
	State       string    `json:"state"`
	Context     string    `json:"context"`
	Description string    `json:"description"`
	TargetURL   string    `json:"target_url"`
	Creator     Author    `json:"creator"`
	CreatedAt   time.Time `json:"created_at"`
}

// Limits of GitHub.
// Source: GitHub REST API, "Create a commit status" and "Create an issue
// comment"; its answers to what is longer.
const (
	maxDescription = 140
	maxBody        = 65_536
	maxPerPage     = 100
)

// API serves the part of GitHub's REST API that publishes about commits and
// pull requests, below /api/v3 as a GitHub Enterprise Server does.
func (f *Forge) API() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, serve func(r *http.Request, user string) (int, any)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			user := f.userOf(r)
			if user == "" {
				reply(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials"})
				return
			}
			status, body := serve(r, user)
			if list, ok := body.(page); ok {
				if list.next != "" {
					w.Header().Set("Link", "<"+list.next+`>; rel="next"`)
				}
				body = list.items
			}
			reply(w, status, body)
		})
	}
	handle("GET /api/v3/user", func(_ *http.Request, user string) (int, any) { return http.StatusOK, author(user) })
	const repository = "/api/v3/repos/{owner}/{name}"
	handle("POST "+repository+"/statuses/{sha}", f.postStatus)
	handle("GET "+repository+"/commits/{sha}/statuses", func(r *http.Request, _ string) (int, any) {
		return http.StatusOK, f.Statuses(fullName(r), r.PathValue("sha"))
	})
	handle("GET "+repository+"/issues/{number}/comments", f.listComments)
	handle("POST "+repository+"/issues/{number}/comments", f.postComment)
	handle("PATCH "+repository+"/issues/comments/{id}", f.patchComment)
	return mux
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(status int, format string, args ...any) (int, any) {
	return status, map[string]any{"message": fmt.Sprintf(format, args...)}
}

func (f *Forge) userOf(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users[token]
}

func fullName(r *http.Request) string { return r.PathValue("owner") + "/" + r.PathValue("name") }

func (f *Forge) postStatus(r *http.Request, user string) (int, any) {
	name, sha := fullName(r), r.PathValue("sha")
	var status Status
	if err := json.NewDecoder(r.Body).Decode(&status); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if _, err := f.Get(name); err != nil {
		return refuse(http.StatusNotFound, "Not Found")
	}
	if _, err := f.run(r.Context(), "-C", f.dir(name), "cat-file", "-e", sha+"^{commit}"); err != nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", sha)
	}
	switch status.State {
	case "error", "failure", "pending", "success":
	default:
		return refuse(http.StatusUnprocessableEntity, "Validation Failed: state is not one of error, failure, pending, success")
	}
	if utf8.RuneCountInString(status.Description) > maxDescription {
		return refuse(http.StatusUnprocessableEntity, "Validation Failed: description is too long (maximum is %d characters)", maxDescription)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written++
	status.ID, status.Creator, status.CreatedAt = f.written, author(user), f.opts.Now().UTC()
	f.statuses[name+"@"+sha] = append(f.statuses[name+"@"+sha], status)
	return http.StatusCreated, status
}

// Statuses returns the statuses of a commit, the newest first.
func (f *Forge) Statuses(repository, sha string) []Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []Status{}
	for _, s := range f.statuses[repository+"@"+sha] {
		list = append([]Status{s}, list...)
	}
	return list
}

// page is a part of a list, and the address of the next one.
type page struct {
	items any
	next  string
}

func (f *Forge) listComments(r *http.Request, _ string) (int, any) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || !f.hasPull(fullName(r), number) {
		return refuse(http.StatusNotFound, "Not Found")
	}
	size := bounded(r.URL.Query().Get("per_page"), 30)
	at := bounded(r.URL.Query().Get("page"), 1)
	all := f.Comments(fullName(r), number)
	from, to := min((at-1)*size, len(all)), min(at*size, len(all))
	p := page{items: all[from:to]}
	if to < len(all) {
		p.next = fmt.Sprintf("%s?per_page=%d&page=%d", r.URL.Path, size, at+1)
	}
	return http.StatusOK, p
}

// bounded reads a number of a query, which GitHub bounds silently.
func bounded(text string, fallback int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return fallback
	}
	return min(n, maxPerPage)
}

// Comments returns the comments on a pull request, the oldest first.
func (f *Forge) Comments(repository string, number int) []Comment {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []Comment{}
	for _, c := range f.comments {
		if c.Repository == repository && c.Number == number {
			list = append(list, c)
		}
	}
	return list
}

func (f *Forge) hasPull(repository string, number int) bool {
	for _, p := range f.PullRequests() {
		if p.Repository == repository && p.Number == number {
			return true
		}
	}
	return false
}

func bodyOf(r *http.Request) (text string, status int, refusal any) {
	var in struct {
		Body string `json:"body"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		status, refusal = refuse(http.StatusBadRequest, "Problems parsing JSON")
	} else if in.Body == "" {
		status, refusal = refuse(http.StatusUnprocessableEntity, "Validation Failed: body cannot be blank")
	} else if utf8.RuneCountInString(in.Body) > maxBody {
		status, refusal = refuse(http.StatusUnprocessableEntity, "Validation Failed: body is too long (maximum is %d characters)", maxBody)
	}
	return in.Body, status, refusal
}

func (f *Forge) postComment(r *http.Request, user string) (int, any) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || !f.hasPull(fullName(r), number) {
		return refuse(http.StatusNotFound, "Not Found")
	}
	body, status, refusal := bodyOf(r)
	if refusal != nil {
		return status, refusal
	}
	return http.StatusCreated, f.Comment(fullName(r), number, user, body)
}

// Comment writes a comment as somebody.
func (f *Forge) Comment(repository string, number int, login, body string) Comment {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written++
	now := f.opts.Now().UTC()
	c := Comment{
		ID: f.written, Repository: repository, Number: number, Body: body, User: author(login), CreatedAt: now, UpdatedAt: now,
		HTMLURL: fmt.Sprintf("%s/%s/pull/%d#issuecomment-%d", f.opts.URL, repository, number, f.written),
	}
	f.comments = append(f.comments, c)
	return c
}

func (f *Forge) patchComment(r *http.Request, _ string) (int, any) {
	body, status, refusal := bodyOf(r)
	if refusal != nil {
		return status, refusal
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.comments {
		if c := &f.comments[i]; strconv.FormatInt(c.ID, 10) == r.PathValue("id") && c.Repository == fullName(r) {
			c.Body, c.UpdatedAt = body, f.opts.Now().UTC()
			return http.StatusOK, *c
		}
	}
	return refuse(http.StatusNotFound, "Not Found")
}
