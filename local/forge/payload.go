package forge

import (
	"hash/crc32"
	"strings"
	"time"
)

// payload is GitHub's "push" payload of a change.
// Source: GitHub documentation, "Webhook events and payloads", push.
func payload(r Repository, change Change, commits []commit, head *commit, now time.Time) map[string]any {
	owner, name, ok := strings.Cut(r.Name, "/")
	if !ok {
		owner, name = "local", r.Name
	}
	web := strings.TrimSuffix(r.CloneURL, ".git")
	pusher := map[string]any{"name": owner, "email": owner + "@example.com"}
	if head != nil {
		pusher = map[string]any{"name": head.committerName, "email": head.committerEmail}
	}
	out := map[string]any{
		"ref": change.Ref, "before": change.Before, "after": change.After,
		"created": change.created(), "deleted": change.deleted(), "forced": change.Forced,
		"base_ref": nil, "compare": web + "/compare/" + change.Before[:12] + "..." + change.After[:12],
		"commits": []any{}, "head_commit": nil,
		"repository": map[string]any{
			"id": crc32.ChecksumIEEE([]byte(r.Name)), "node_id": "R_" + name, "name": name, "full_name": owner + "/" + name,
			"private": true, "visibility": "private", "fork": false, "archived": false, "disabled": false,
			"owner":    map[string]any{"name": owner, "login": owner, "email": owner + "@example.com", "type": "Organization", "site_admin": false},
			"html_url": web, "url": web, "clone_url": r.CloneURL, "git_url": r.CloneURL, "ssh_url": r.CloneURL,
			"default_branch": "main", "master_branch": "main", "pushed_at": now.Unix(), "description": nil, "topics": []any{},
		},
		"pusher":       pusher,
		"sender":       map[string]any{"login": pusher["name"], "type": "User", "site_admin": false},
		"organization": map[string]any{"login": owner},
	}
	var list []any
	for _, c := range commits {
		list = append(list, commitPayload(web, c))
	}
	if list != nil {
		out["commits"] = list
	}
	if head != nil {
		out["head_commit"] = commitPayload(web, *head)
	}
	return out
}

func commitPayload(web string, c commit) map[string]any {
	return map[string]any{
		"id": c.id, "tree_id": c.tree, "distinct": true, "message": c.message, "timestamp": c.time.Format(time.RFC3339),
		"url":    web + "/commit/" + c.id,
		"author": map[string]any{"name": c.authorName, "email": c.authorEmail, "username": c.authorName},
		"committer": map[string]any{
			"name": c.committerName, "email": c.committerEmail, "username": c.committerName,
		},
		"added": c.added, "removed": c.removed, "modified": c.modified,
	}
}

// codeCommitDetail is the detail of CodeCommit's event of a change.
// Source: CodeCommit user guide, "Monitoring CodeCommit events", referenceCreated,
// referenceUpdated and referenceDeleted.
func codeCommitDetail(r Repository, change Change) map[string]any {
	kind, short := "branch", strings.TrimPrefix(change.Ref, "refs/heads/")
	if strings.HasPrefix(change.Ref, "refs/tags/") {
		kind, short = "tag", strings.TrimPrefix(change.Ref, "refs/tags/")
	}
	detail := map[string]any{
		"event": "referenceUpdated", "repositoryName": r.Name, "repositoryId": repositoryID(r.Name),
		"referenceType": kind, "referenceName": short, "referenceFullName": change.Ref,
		"commitId": change.After, "oldCommitId": change.Before,
		"callerUserArn": "arn:aws:iam::" + r.Account + ":user/operator",
	}
	switch {
	case change.created():
		detail["event"] = "referenceCreated"
		delete(detail, "oldCommitId")
	case change.deleted():
		detail["event"] = "referenceDeleted"
		delete(detail, "commitId")
	}
	return detail
}
