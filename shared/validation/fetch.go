package validation

import (
	"context"

	"github.com/evenkeel/evenkeel/shared/deployment"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/pipeline"
	"github.com/evenkeel/evenkeel/shared/source"
)

// Fetch fetches the release's commit, keeps it, and says whether a cloud
// assembly has to be built before it is validated. A source whose evenkeel.yaml
// is malformed is not built: Validate tells what is wrong with it.
func (s *Service) Fetch(ctx context.Context, r deployment.Release) (deployment.Release, error) {
	repository, err := s.Registry.Repository(ctx, r.Repository)
	if err != nil {
		return r, err
	}
	r.SourceKey = source.Key(r.Repository, r.Commit)
	tree, err := s.tree(ctx, r, repository, r.SourceKey)
	if err != nil {
		return r, err
	}
	p, _ := readPipeline(tree)
	if p == nil || !p.UsesAssembly() || len(p.For(r.Branch)) == 0 {
		return r, nil
	}
	r.Build = assemblyOf(r, p)
	return r, nil
}

func assemblyOf(r deployment.Release, p *pipeline.Pipeline) deployment.Build {
	folder := p.OutputFolder()
	if p.Build == nil {
		return deployment.Build{Key: r.SourceKey, Folder: folder}
	}
	return deployment.Build{
		Status: deployment.BuildWanted, Spec: p.Build, Key: deployment.BuildKey(r.Repository, r.RunID), Mount: folder, Folder: folder,
	}
}

// built returns the tree with the assembly that was built for it.
func (s *Service) built(ctx context.Context, r deployment.Release, tree source.Tree) (source.Tree, error) {
	data, found, err := s.Archive.Find(ctx, r.Build.Key)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.Permanent("the build %s succeeded, and left nothing under %s", r.Build.ID, r.Build.Key)
	}
	archive, err := r.Build.Open(data)
	if err != nil {
		return nil, err
	}
	return WithAssembly(tree, r.Build.Folder, archive.Read)
}
