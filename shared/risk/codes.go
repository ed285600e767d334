package risk

import (
	"maps"
	"slices"
)

// Code is one kind of reason.
type Code struct {
	ID, Level, Title, Rationale string
}

// Codes returns all kinds of reasons, the worst first.
func Codes() []Code {
	list := []Code{}
	for _, level := range slices.Backward(levels) {
		for _, id := range slices.Sorted(maps.Keys(codes)) {
			if c := codes[id]; c.level == level {
				list = append(list, Code{ID: id, Level: c.level, Title: c.title, Rationale: c.rationale})
			}
		}
	}
	return list
}

type code struct{ level, title, rationale string }

var codes = map[string]code{
	"protected-resource": {Blocked, "a protected resource is removed or replaced", "The stack's `protect` list in evenkeel.yaml names it. A name is taken off that list by a commit of its own, which somebody reviews."},

	"sg-world-enforced": {Blocked, "a protected port opens to too many addresses, and the healing policy enforces", "The healer would close it right after the deployment, and every deployment would open it again. The healing policy decides: its mode, scopes, allowed sources and exceptions."},

	"delete-stateful":      {Dangerous, "a stateful resource is removed", "What it holds is gone, and a rollback makes an empty one."},
	"replace-stateful":     {Dangerous, "a stateful resource is replaced", "The new one is empty, and the old one is deleted at the end of the update."},
	"may-replace-stateful": {Dangerous, "a stateful resource may be replaced", "CloudFormation has not decided yet (Conditional), or only a value that the deployment gives decides."},
	"dynamic-stateful":     {Dangerous, "a stateful resource changes in a way that is not known", "The action Dynamic may be a removal or a replacement."},
	"unknown-stateful":     {Dangerous, "a stateful resource has an action that this version does not know", "What is not understood may be a removal."},
	"data-expires":         {Dangerous, "data is deleted by age, or sooner than before", "A shorter retention, a new expiry rule or a time to live deletes what is there already, without a further step."},
	"key-disabled":         {Dangerous, "a key is switched off", "Nothing that it encrypted can be read."},
	"public-access":        {Dangerous, "a resource opens to the internet", "A switch that keeps a resource private is switched off, or one that publishes it is switched on."},
	"public-policy":        {Dangerous, "a policy allows everybody", "A statement for the principal * without a condition is for every AWS account, or for the whole internet."},
	"auth-off":             {Dangerous, "callers need no authentication any more", "What asked who calls no longer does."},
	"encryption-off":       {Dangerous, "encryption is switched off", "Data is stored or sent in the clear from now on, or with a key that nobody chose."},
	"audit-off":            {Dangerous, "an audit trail or a detector is switched off", "It is what an attacker does first, and what a forensic investigation misses."},
	"iam-administrator":    {Dangerous, "somebody gets every right", "Every action on every resource, full use of a service that leads to that, or a managed policy that does."},
	"iam-trust-foreign":    {Dangerous, "another account may take a role or use a resource", "Whoever controls that account gets in; no condition limits it."},
	"iam-boundary-removed": {Dangerous, "a permissions boundary is removed", "It is the upper bound of what all other policies may give."},
	"sg-world":             {Dangerous, "a protected port opens to too many addresses", "The healer would report it: the addresses that all rules of the group together admit are more than the healing policy allows for the port."},

	"delete":                         {Review, "a resource is removed", "It can be made again from its template, but something may use it."},
	"replace":                        {Review, "a resource is replaced", "Its physical id changes, and what others know of it with it."},
	"may-replace":                    {Review, "a resource may be replaced", "CloudFormation has not decided yet, or only a value that the deployment gives decides."},
	"delete-stateful-kept":           {Review, "a stateful resource leaves the stack and stays, or a snapshot does", "DeletionPolicy keeps it, but nothing manages it any more."},
	"replace-stateful-kept":          {Review, "a stateful resource is replaced, and the old one or a snapshot stays", "UpdateReplacePolicy keeps the data, but the new resource is empty: somebody has to move it."},
	"dynamic":                        {Review, "a resource changes in a way that is not known", "The action Dynamic may be a removal or a replacement."},
	"unknown-action":                 {Review, "this version does not know what happens", "The action or the replacement is none that the API's reference names."},
	"import":                         {Review, "a resource is imported", "From now on the stack changes, and may delete, what something else made."},
	"sync-drift":                     {Review, "the stack accepts what somebody changed outside of it", "Nothing but CloudFormation's memory changes; somebody should know that the drift is wanted."},
	"deletion-policy-weakened":       {Review, "DeletionPolicy protects less", "The next removal deletes what this one would have kept."},
	"update-replace-policy-weakened": {Review, "UpdateReplacePolicy protects less", "The next replacement deletes what this one would have kept."},
	"deletion-protection-off":        {Review, "protection against deletion is switched off", "It is the step before a deletion."},
	"backup-off":                     {Review, "backups or versions are switched off", "An accident or an attack can no longer be undone."},
	"encryption-key-changed":         {Review, "another key encrypts", "Whoever may use the old key need not be able to use the new one; what is stored keeps the old one."},
	"logging-off":                    {Review, "logging is switched off", "Nobody sees any more who did what."},
	"auth-weakened":                  {Review, "authentication gets weaker", "A second factor, or a protection of credentials, is switched off."},
	"secret-overwritten":             {Review, "the value of a secret is overwritten", "A value that was rotated or set by hand is replaced by the template's."},
	"public-network":                 {Review, "something gets an address or a route to the internet", "It is not open by itself, but one security group away from it."},
	"public-policy-conditional":      {Review, "a policy allows everybody under a condition", "Whether the condition is narrow enough is for a person to see."},
	"iam-wildcard":                   {Review, "a policy allows actions or resources by a wildcard", "It covers more than what is there today."},
	"iam-widened":                    {Review, "a policy allows more than before", "A new action, resource, or holder."},
	"iam-new-principal":              {Review, "somebody else is allowed to act", "A new principal in a resource or trust policy, or one that is not known yet."},
	"iam-condition-dropped":          {Review, "a condition of a policy is dropped or changed", "What it kept out gets in."},
	"iam-deny-removed":               {Review, "a statement that denies is removed or covers less", "Whatever allows the same now takes effect."},
	"iam-managed-policy":             {Review, "a managed policy is attached", "What it allows is decided elsewhere, and may change."},
	"iam-boundary-changed":           {Review, "a permissions boundary is exchanged", "The new one may allow more."},
	"iam-unknown":                    {Review, "a policy changes and cannot be read", "Its content is not shown, or is known only after the deployment."},
	"sg-widened":                     {Review, "a security group admits more addresses than before", "By arithmetic on addresses and ports, not by text: two halves of the internet are the internet."},
	"overwrites-drift":               {Review, "the deployment overwrites what somebody changed outside of the stack", "It may have been an emergency fix."},
	"drift-unknown":                  {Review, "it could not be found out whether somebody changed the resource", "The deployment may overwrite it."},
	"nested-stack-unknown":           {Review, "a nested stack changes, and its change set is not known", "Its own row says nothing about its resources."},
	"custom-resource":                {Review, "a custom resource runs code", "What the code does is not in a change set."},
	"macro-unknown":                  {Review, "a macro makes resources that are not known", "The template is known before the macro only."},
	"values-unknown":                 {Review, "properties change, and nothing shows how", "The change set was read without values, and no template was given."},
}
