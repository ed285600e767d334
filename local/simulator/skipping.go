package simulator

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// skipping are the resources that a continued rollback takes as restored.
type skipping struct {
	ids []string // <logical id>, or <nested stack's name>.<logical id>
	all bool     // ForceRollback
}

// covers tells whether a resource is skipped. A nested stack never is: its
// resources are.
func (k skipping) covers(s *stack, res *resource) bool {
	id := res.logicalID
	if s.parent != nil {
		id = s.name + "." + id
	}
	return res.typeName != nestedStack && (slices.Contains(k.ids, id) || k.all && res.status == types.ResourceStatusUpdateFailed)
}

// check refuses what cannot be skipped (CFN-19). The caller holds r.mu.
func (k skipping) check(r *region, root *stack) error {
	if k.all && len(k.ids) > 0 {
		return validationError("ForceRollback and ResourcesToSkip cannot be specified together")
	}
	for _, id := range k.ids {
		s, logicalID := root, id
		if name, rest, nested := strings.Cut(id, "."); nested {
			logicalID = rest
			if s = r.findStack(name); s == nil || s.root != root {
				return validationError("Stack [%s] has no nested stack [%s]", root.name, name)
			}
		}
		if res := s.resources[logicalID]; res == nil || res.status != types.ResourceStatusUpdateFailed {
			return validationError("Resource [%s] of stack [%s] is not in UPDATE_FAILED and cannot be skipped", logicalID, s.name)
		}
	}
	return nil
}
