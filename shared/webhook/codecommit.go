package webhook

import (
	"strings"

	"github.com/evenkeel/evenkeel/events"
	"github.com/evenkeel/evenkeel/shared/source"
)

// codeCommitPush reads a CodeCommit Repository State Change. It comes from
// EventBridge, which only AWS can publish on with an "aws." source, so there is
// no signature.
// Source: CodeCommit user guide, "Monitoring CodeCommit events".
func codeCommitPush(d events.RepositoryStateDetail) (Push, error) {
	if strings.Contains(d.RepositoryName, "/") || source.CheckName(d.RepositoryName) != nil {
		return Push{}, malformed("detail.repositoryName", "want a CodeCommit repository name")
	}
	p := Push{Repository: d.RepositoryName, Actor: printable(d.CallerUserARN), Deleted: d.Event == "referenceDeleted"}
	var err error
	if p.Branch, p.Tag, err = splitRef("detail.referenceFullName", d.ReferenceFullName); err != nil {
		return Push{}, err
	}
	if d.OldCommitID != "" {
		if p.Before, err = commit("detail.oldCommitId", d.OldCommitID); err != nil {
			return Push{}, err
		}
	}
	if p.Deleted {
		return p, nil
	}
	if p.Commit, err = commit("detail.commitId", d.CommitID); err != nil {
		return Push{}, err
	}
	if p.Commit == "" {
		return Push{}, malformed("detail.commitId", "is all zeros")
	}
	return p, nil
}
