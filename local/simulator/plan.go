package simulator

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/evenkeel/evenkeel/shared/schema"
	"github.com/evenkeel/evenkeel/shared/template"
)

// planned is the plan for one resource.
type planned struct {
	id          string
	typeName    string
	action      types.ChangeAction
	old         *resource // nil for Add
	properties  map[string]any
	attributes  resourceAttributes
	details     []types.ResourceChangeDetail
	replacement types.Replacement
	policy      types.PolicyAction
	driftStatus types.StackResourceDriftStatus
	ignored     []types.ResourceDriftIgnoredAttribute
	actual      map[string]any // live properties, of a drift-aware plan
	changeSetID string         // of a nested stack (CFN-75)
}

// fate is what a plan does with a resource, as far as others can see it.
type fate struct {
	added, replaced bool
	old             *resource
	properties      map[string]any // after the change
	changed         map[string]bool
}

func (f *fate) changes() bool { return f.added || f.replaced || len(f.changed) > 0 }

// attribute gives what an expression can know about the resource beforehand.
func (f *fate) attribute(name string) (any, error) {
	if f.added || f.replaced {
		return template.Unknown, nil
	}
	top, _, _ := strings.Cut(name, ".")
	if name != "" && f.changed[top] {
		if value, ok := lookup(f.properties, strings.Split(name, ".")); ok {
			return cloneAny(value), nil
		}
		return template.Unknown, nil
	}
	return f.old.attribute(name)
}

// planner compares a prepared deployment with what is deployed.
type planner struct {
	region            *region
	p                 *prepared
	oldTemplate       *template.Template // nil for a new stack
	old               map[string]*resource
	changedParameters map[string]bool
	fates             map[string]*fate
	planning

	changes  []planned
	failures []types.OperationEvent
}

// planning says how a plan is made.
type planning struct {
	revert   bool       // drift-aware (CFN-36)
	validate bool       // with early validation (CFN-15)
	set      *changeSet // whose nested stacks get change sets; nil without IncludeNestedStacks
}

// plan lists what deploying p would change, sorted by logical id, and the
// early-validation failures (CFN-11, CFN-15).
func (r *region) plan(ctx context.Context, s *stack, p *prepared, how planning) ([]planned, []types.OperationEvent, error) {
	r.mu.Lock()
	pl := &planner{region: r, p: p, old: map[string]*resource{}, fates: map[string]*fate{}, planning: how, changedParameters: changedParameters(s.current.parameters, p.deployment.parameters)}
	for id, res := range s.resources {
		pl.old[id] = res.clone()
	}
	body := s.current.body
	r.mu.Unlock()
	p.blind = how.revert
	defer func() { p.blind = false }()
	if body != "" {
		pl.oldTemplate, _ = template.Parse("template", []byte(body))
	}
	for _, id := range p.order {
		if err := pl.one(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	for _, id := range sortedKeys(pl.old) {
		if !slices.Contains(p.order, id) {
			pl.remove(id)
		}
	}
	slices.SortFunc(pl.changes, func(a, b planned) int { return strings.Compare(a.id, b.id) })
	return pl.changes, pl.failures, nil
}

func changedParameters(before, after []types.Parameter) map[string]bool {
	value := func(p types.Parameter) string {
		return aws.ToString(p.ParameterValue) + "\x00" + aws.ToString(p.ResolvedValue)
	}
	old := map[string]string{}
	for _, p := range before {
		old[*p.ParameterKey] = value(p)
	}
	changed := map[string]bool{}
	for _, p := range after {
		if was, had := old[*p.ParameterKey]; !had || was != value(p) {
			changed[*p.ParameterKey] = true
		}
	}
	return changed
}

func (pl *planner) resource(id, attribute string) (any, error) {
	if f, ok := pl.fates[id]; ok {
		return f.attribute(attribute)
	}
	return template.Unknown, nil
}

func (pl *planner) one(ctx context.Context, id string) error {
	declared, _ := pl.p.template.Resources.Get(id)
	properties, attributes, err := pl.p.evaluate(ctx, id, pl.resource)
	if err != nil {
		return err
	}
	t, _ := schema.Load(declared.Type)
	change := planned{id: id, typeName: declared.Type, old: pl.old[id], properties: properties, attributes: attributes}
	if pl.validate {
		pl.validateEarly(t, change)
	}
	if change.typeName == nestedStack {
		return pl.nestedStack(ctx, declared.Properties, change)
	}
	if change.old == nil {
		pl.add(change)
		return nil
	}
	d := pl.differ(t, id, declared.Properties)
	if pl.revert {
		return pl.compareActual(ctx, d, change)
	}
	for _, l := range leaves(change.old.properties, properties) {
		change.details = append(change.details, d.detail(l))
	}
	pl.modify(change)
	return nil
}

// differ explains the changes of one resource.
func (pl *planner) differ(t *schema.Type, id string, node *template.Node) *differ {
	d := &differ{schema: t, node: node, changedParameters: pl.changedParameters, fates: pl.fates}
	if pl.oldTemplate != nil {
		if before, ok := pl.oldTemplate.Resources.Get(id); ok {
			d.previous = before.Properties
		}
	}
	return d
}

func (pl *planner) add(change planned) {
	change.action = types.ChangeActionAdd
	pl.fates[change.id] = &fate{added: true, properties: change.properties}
	pl.changes = append(pl.changes, change)
}

// modify records a resource that stays or is replaced.
func (pl *planner) modify(change planned) {
	f := &fate{old: change.old, properties: change.properties, changed: map[string]bool{}}
	pl.fates[change.id] = f
	for _, detail := range change.details {
		if detail.Target.AttributeChangeType != types.AttributeChangeTypeSyncWithActual {
			f.changed[topLevel(detail)] = true
		}
	}
	change.details = append(change.details, attributeDetails(change.old.attributes, change.attributes)...)
	change.replacement = replacementOf(change.details)
	if change.old.typeName != change.typeName {
		change.replacement = types.ReplacementTrue
	}
	f.replaced = change.replacement == types.ReplacementTrue
	if change.replacement != types.ReplacementFalse {
		change.policy = replacePolicy(change.attributes.updateReplacePolicy)
	}
	if len(change.details) == 0 && !f.replaced {
		return
	}
	change.action = types.ChangeActionModify
	if !f.replaced && len(f.changed) == 0 && pl.revert && onlySync(change.details) {
		change.action, change.replacement = types.ChangeActionSyncWithActual, ""
	}
	pl.changes = append(pl.changes, change)
}

func topLevel(detail types.ResourceChangeDetail) string {
	path := strings.Split(aws.ToString(detail.Target.Path), "/")
	if len(path) < 3 {
		return ""
	}
	return path[2]
}

func onlySync(details []types.ResourceChangeDetail) bool {
	return !slices.ContainsFunc(details, func(d types.ResourceChangeDetail) bool {
		return d.Target.AttributeChangeType != types.AttributeChangeTypeSyncWithActual
	})
}

func (pl *planner) remove(id string) {
	old := pl.old[id]
	change := planned{id: id, typeName: old.typeName, action: types.ChangeActionRemove, old: old, policy: types.PolicyActionDelete}
	switch old.attributes.deletionPolicy {
	case "Retain":
		change.policy = types.PolicyActionRetain
	case "Snapshot":
		change.policy = types.PolicyActionSnapshot
	}
	pl.changes = append(pl.changes, change)
}

func replacePolicy(policy string) types.PolicyAction {
	switch policy {
	case "Retain":
		return types.PolicyActionReplaceAndRetain
	case "Snapshot":
		return types.PolicyActionReplaceAndSnapshot
	}
	return types.PolicyActionReplaceAndDelete
}

// attributeDetails lists changes beside the properties.
func attributeDetails(before, after resourceAttributes) []types.ResourceChangeDetail {
	var details []types.ResourceChangeDetail
	add := func(attribute types.ResourceAttribute, before, after any) {
		if reflect.DeepEqual(before, after) || before == nil && after == "" || before == "" && after == nil {
			return
		}
		details = append(details, types.ResourceChangeDetail{
			Target: &types.ResourceTargetDefinition{
				Attribute: attribute, Path: aws.String("/" + string(attribute)), RequiresRecreation: types.RequiresRecreationNever,
				BeforeValue: valueText(before), AfterValue: valueText(after), AttributeChangeType: changeType(before, after),
			},
			Evaluation: types.EvaluationTypeStatic, ChangeSource: types.ChangeSourceDirectModification,
		})
	}
	add(types.ResourceAttributeMetadata, before.metadata, after.metadata)
	add(types.ResourceAttributeDeletionPolicy, before.deletionPolicy, after.deletionPolicy)
	add(types.ResourceAttributeUpdateReplacePolicy, before.updateReplacePolicy, after.updateReplacePolicy)
	return details
}

func changeType(before, after any) types.AttributeChangeType {
	switch {
	case before == nil || before == "":
		return types.AttributeChangeTypeAdd
	case after == nil || after == "":
		return types.AttributeChangeTypeRemove
	}
	return types.AttributeChangeTypeModify
}

// validateEarly is early validation: property syntax against the schema, and name
// conflicts of new resources.
func (pl *planner) validateEarly(t *schema.Type, change planned) {
	for _, v := range checkProperties(t, change.properties) {
		pl.fail(change, "AWS::EarlyValidation::PropertyValidation", v.Path, v.String())
	}
	if change.old != nil || t == nil || len(t.PrimaryIdentifier) == 0 {
		return
	}
	for _, pointer := range t.PrimaryIdentifier {
		value, given := lookup(change.properties, pointerPath(pointer))
		if !given || template.IsUnknown(value) {
			return
		}
	}
	if identifier := identify(t, change.properties, nameHint{}); pl.region.models.exists(change.typeName, identifier) {
		pl.fail(change, "AWS::EarlyValidation::ResourceExistenceCheck", "", "Resource of type '"+change.typeName+"' with identifier '"+identifier+"' already exists.")
	}
}

func (pl *planner) fail(change planned, name, path, reason string) {
	pl.failures = append(pl.failures, types.OperationEvent{
		EventId: aws.String(newUUID()), EventType: types.EventTypeValidationError, LogicalResourceId: aws.String(change.id),
		ResourceType: aws.String(change.typeName), Timestamp: aws.Time(pl.region.now()),
		ValidationName: aws.String(name), ValidationFailureMode: types.HookFailureModeFail, ValidationStatus: types.ValidationStatusFailed,
		ValidationPath: aws.String("/Resources/" + change.id + "/Properties" + path), ValidationStatusReason: aws.String(reason),
	})
}
