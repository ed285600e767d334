package pipeline

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// RolePrefix begins the name of every role that a stage may name: the suite may
// assume no other.
const RolePrefix = "evenkeel-deploy-"

// rolePattern is a role's name, or the ARN of a role without a path.
// Source: IAM API reference, CreateRole, RoleName.
var rolePattern = newPattern(`^(arn:aws[a-z-]*:iam::[0-9]{12}:role/)?` + RolePrefix + `[A-Za-z0-9+=,.@_-]{1,48}$`)

// role reads the role of a stage in an account: its name is kept.
func (d *decoder) role(n *yaml.Node, account string) string {
	value := d.matching(n, "role", rolePattern, "the name or the ARN of a role without a path, whose name begins with "+RolePrefix)
	arn, name, isARN := strings.Cut(value, ":role/")
	if !isARN {
		return value
	}
	if !strings.HasSuffix(arn, "::"+account) {
		d.fault(position(n), "role "+strconv.Quote(value)+" is not a role of the stage's account "+account)
	}
	return name
}
