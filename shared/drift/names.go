package drift

import "strings"

// names reports that one text is an ARN in the stack's own account and region
// and the other is the name or id in it: many services take either form and
// return the other. It holds only where the schema says that the property
// refers to something. Two different ARNs are never the same.
// Source: IAM user guide, "Identify AWS resources with Amazon Resource Names (ARNs)".
func (n *normaliser) names(p place, a, b string) bool {
	if p.shape != nil && !p.reference {
		return false
	}
	return n.namedBy(a, b) || n.namedBy(b, a)
}

// pathTypes are the resource types of IAM whose name stands behind a path.
// Source: IAM user guide, "IAM identifiers".
var pathTypes = []string{"role/", "user/", "group/", "policy/", "instance-profile/"}

// namedBy reports that arn is the ARN of what is called name: the resource part
// as a whole, or without its type, and for IAM without the path. What stands
// behind a version, a qualifier or another name is not a name of the resource.
func (n *normaliser) namedBy(arn, name string) bool {
	parts := strings.SplitN(arn, ":", 6) // arn:partition:service:region:account:resource
	if name == "" || len(parts) < 6 || parts[0] != "arn" || strings.HasPrefix(name, "arn:") {
		return false
	}
	if (parts[3] != "" && parts[3] != n.kind.Region) || (parts[4] != "" && parts[4] != n.kind.Account) {
		return false
	}
	resource := strings.TrimSuffix(parts[5], ":*") // as of a log group
	if name == resource {
		return true
	}
	if i := strings.IndexAny(resource, ":/"); i >= 0 && name == resource[i+1:] {
		return true
	}
	for _, typ := range pathTypes {
		if path, ok := strings.CutPrefix(resource, typ); ok && parts[2] == "iam" {
			return name == path[strings.LastIndexByte(path, '/')+1:]
		}
	}
	return false
}
