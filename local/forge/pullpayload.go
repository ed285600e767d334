package forge

import (
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// pullPayload is GitHub's "pull_request" payload.
// Source: GitHub documentation, "Webhook events and payloads", pull_request.
func pullPayload(base, head Repository, p PullRequest, action, before string, now time.Time) map[string]any {
	web := strings.TrimSuffix(base.CloneURL, ".git")
	author := map[string]any{"login": p.Author, "id": crc32.ChecksumIEEE([]byte(p.Author)), "type": "User", "site_admin": false}
	side := func(r Repository, ref, sha string) map[string]any {
		owner, _, _ := strings.Cut(r.Name, "/")
		return map[string]any{"label": owner + ":" + ref, "ref": ref, "sha": sha, "user": map[string]any{"login": owner, "type": "Organization"}, "repo": pullRepository(r, r.Name != base.Name)}
	}
	closed := any(nil)
	if p.State == "closed" {
		closed = now.Format(time.RFC3339)
	}
	payload := map[string]any{
		"action": action, "number": p.Number,
		"pull_request": map[string]any{
			"id": crc32.ChecksumIEEE([]byte(fmt.Sprint(base.Name, p.Number))), "number": p.Number, "state": p.State, "locked": false,
			"title": p.Title, "body": nil, "user": author, "draft": p.Draft, "merged": false, "mergeable": nil, "merge_commit_sha": nil,
			"created_at": now.Format(time.RFC3339), "updated_at": now.Format(time.RFC3339Nano), "closed_at": closed, "merged_at": nil,
			"html_url": fmt.Sprintf("%s/pull/%d", web, p.Number), "url": fmt.Sprintf("%s/pulls/%d", web, p.Number),
			"head": side(head, p.Head, p.Commit), "base": side(base, p.Base, none), "author_association": "CONTRIBUTOR",
		},
		"repository": pullRepository(base, false), "sender": author,
	}
	if before != "" {
		payload["before"], payload["after"] = before, p.Commit
	}
	return payload
}

func pullRepository(r Repository, fork bool) map[string]any {
	owner, name, _ := strings.Cut(r.Name, "/")
	web := strings.TrimSuffix(r.CloneURL, ".git")
	visibility := "private"
	if r.Public {
		visibility = "public"
	}
	return map[string]any{
		"id": crc32.ChecksumIEEE([]byte(r.Name)), "node_id": "R_" + name, "name": name, "full_name": r.Name, "private": !r.Public, "visibility": visibility,
		"fork": fork, "owner": map[string]any{"login": owner, "type": "Organization", "site_admin": false},
		"html_url": web, "url": web, "clone_url": r.CloneURL, "default_branch": "main",
	}
}

// codeCommitPullDetail is the detail of CodeCommit's event of a pull request.
// Source: CodeCommit user guide, "Monitoring CodeCommit events", pullRequestCreated,
// pullRequestSourceBranchUpdated and pullRequestStatusChanged.
func codeCommitPullDetail(r Repository, p PullRequest, action string) map[string]any {
	event := map[string]string{"opened": "pullRequestCreated", "synchronize": "pullRequestSourceBranchUpdated", "closed": "pullRequestStatusChanged"}[action]
	caller := "arn:aws:iam::" + r.Account + ":user/" + p.Author
	return map[string]any{
		"event": event, "pullRequestId": fmt.Sprint(p.Number), "pullRequestStatus": strings.ToUpper(p.State[:1]) + p.State[1:], "isMerged": "False",
		"repositoryNames": []string{r.Name}, "title": p.Title, "author": caller, "callerUserArn": caller,
		"sourceReference": "refs/heads/" + p.Head, "sourceCommit": p.Commit, "destinationReference": "refs/heads/" + p.Base, "destinationCommit": none,
		"revisionId": repositoryID(r.Name + p.Commit),
	}
}
