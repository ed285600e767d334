package simulator

import (
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// stack is one stack, also after its deletion.
type stack struct {
	id            string // ARN
	name          string
	status        types.StackStatus
	statusReason  string
	created       time.Time
	updated       *time.Time
	deleted       *time.Time
	lastOperation types.OperationEntry
	operations    []*operation

	// current is what the last successful operation deployed.
	current   deployment
	resources map[string]*resource
	changes   []*changeSet
	events    []types.StackEvent // newest last

	disableRollback       bool
	retainExceptOnCreate  bool
	terminationProtection bool
	policy                string
	drift                 types.StackDriftStatus
	driftChecked          *time.Time
	undo                  *execution // failed, and can still be rolled back
	parent, root          *stack     // of a nested stack (CFN-70)
	detecting             string
	outputs               []types.Output
	imported              map[string]bool // names of exports that the stack uses
}

// deployment is everything that a caller gives to a create or an update.
type deployment struct {
	body          string
	parameters    []types.Parameter // resolved: each has its value
	capabilities  []types.Capability
	tags          []types.Tag
	notifications []string
	role          *string
	rollback      *types.RollbackConfiguration
	changeSetID   string
	description   *string
}

// resource is a logical resource of a stack and what CloudFormation last
// deployed as it.
type resource struct {
	logicalID  string
	typeName   string
	physicalID string         // the value of Ref
	identifier string         // primary identifier, by which the model is read
	properties map[string]any // as evaluated from the template
	model      map[string]any // as the last create or update left it
	status     types.ResourceStatus
	reason     string
	updated    time.Time
	attributes resourceAttributes
	drift      *types.StackResourceDrift
}

// resourceAttributes are the attributes of a resource beside its properties.
type resourceAttributes struct {
	metadata            any
	deletionPolicy      string
	updateReplacePolicy string
	description         string
}

func (res *resource) clone() *resource {
	c := *res
	c.properties, c.model = clone(res.properties), clone(res.model)
	return &c
}

var stackName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

// findStack gives a live stack by name, or any stack by its ARN (CFN-4).
func (r *region) findStack(nameOrID string) *stack {
	for i := len(r.stacks) - 1; i >= 0; i-- {
		s := r.stacks[i]
		if s.id == nameOrID || s.name == nameOrID && s.status != types.StackStatusDeleteComplete {
			return s
		}
	}
	return nil
}

func (r *region) mustFindStack(nameOrID string) (*stack, error) {
	if s := r.findStack(nameOrID); s != nil {
		return s, nil
	}
	return nil, validationError("Stack with id %s does not exist", nameOrID)
}

// newStack adds an empty stack.
func (r *region) newStack(name string) *stack {
	s := &stack{
		id:        r.arn("cloudformation", "stack/"+name+"/"+newUUID()),
		name:      name,
		created:   r.now(),
		resources: map[string]*resource{},
		drift:     types.StackDriftStatusNotChecked,
	}
	r.stacks = append(r.stacks, s)
	return s
}

// busy tells whether an operation runs.
func (s *stack) busy() bool {
	return strings.HasSuffix(string(s.status), "_IN_PROGRESS") && s.status != types.StackStatusReviewInProgress
}

// updatable are the states from which an update may start (CFN-6).
var updatable = map[types.StackStatus]bool{
	types.StackStatusCreateComplete:         true,
	types.StackStatusUpdateComplete:         true,
	types.StackStatusUpdateRollbackComplete: true,
	types.StackStatusImportComplete:         true,
	types.StackStatusImportRollbackComplete: true,
	types.StackStatusCreateFailed:           true,
	types.StackStatusUpdateFailed:           true,
}

func (s *stack) checkUpdatable() error {
	if updatable[s.status] {
		return nil
	}
	return validationError("Stack:%s is in %s state and can not be updated.", s.id, s.status)
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func urlSuffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
