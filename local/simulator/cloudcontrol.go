package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cc "github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol/types"

	"github.com/evenkeel/evenkeel/shared/schema"
)

// request is one asynchronous Cloud Control request.
type request struct{ event types.ProgressEvent }

// cloudControlHandler serves AWS JSON 1.0: the action in X-Amz-Target, JSON in
// and out. Source: Smithy, "AWS JSON 1.0 protocol".
type cloudControlHandler struct{ region *region }

type jsonAction func(ctx context.Context, r *region, body []byte) (any, error)

func jsonAct[I, O any](handle func(*region, context.Context, *I) (*O, error)) jsonAction {
	return func(ctx context.Context, r *region, body []byte) (any, error) {
		in := new(I)
		if err := json.Unmarshal(body, in); err != nil {
			return nil, apiError(400, "SerializationException", "%v", err)
		}
		return handle(r, ctx, in)
	}
}

var cloudControlActions = map[string]jsonAction{
	"CreateResource":           jsonAct((*region).createResource),
	"DeleteResource":           jsonAct((*region).deleteResource),
	"GetResource":              jsonAct((*region).getResource),
	"GetResourceRequestStatus": jsonAct((*region).getResourceRequestStatus),
	"ListResourceRequests":     jsonAct((*region).listResourceRequests),
	"ListResources":            jsonAct((*region).listResources),
	"UpdateResource":           jsonAct((*region).updateResource),
}

func (h cloudControlHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", newUUID())
	answer, err := h.serve(req)
	if err != nil {
		e := asAPIError(err)
		w.Header().Set("X-Amzn-Errortype", e.Code)
		w.WriteHeader(e.Status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.cloudapiservice#" + e.Code, "Message": e.Message})
		return
	}
	_ = json.NewEncoder(w).Encode(encodeJSON(reflect.ValueOf(answer)))
}

func (h cloudControlHandler) serve(req *http.Request) (any, error) {
	_, name, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	run, ok := cloudControlActions[name]
	if !ok {
		return nil, apiError(400, "UnknownOperationException", "Could not find operation %s", name)
	}
	if err := h.region.sim.faults.onCall(req.Context(), "cloudcontrol", name, h.region.account, h.region.name); err != nil {
		return nil, err
	}
	var body json.RawMessage
	if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
		return nil, apiError(400, "SerializationException", "%v", err)
	}
	return run(req.Context(), h.region, body)
}

// encodeJSON renders an SDK output shape: members by name, times in seconds,
// nothing for what is absent.
func encodeJSON(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if t, ok := v.Interface().(time.Time); ok {
		return float64(t.UnixMilli()) / 1000
	}
	switch v.Kind() {
	case reflect.Struct:
		m := map[string]any{}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() || field.Name == "ResultMetadata" || v.Field(i).IsZero() {
				continue
			}
			m[field.Name] = encodeJSON(v.Field(i))
		}
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range v.Len() {
			list[i] = encodeJSON(v.Index(i))
		}
		return list
	}
	return v.Interface()
}

// ccError maps a handler error to Cloud Control's exceptions.
func ccError(err error) error {
	var failed *ResourceError
	if !errors.As(err, &failed) {
		return apiError(400, "GeneralServiceException", "%v", err)
	}
	code := map[string]string{"NotFound": "ResourceNotFoundException", "AlreadyExists": "AlreadyExistsException", "InvalidRequest": "InvalidRequestException", "NotUpdatable": "NotUpdatableException"}[failed.Code]
	return apiError(400, orDefault(code, "GeneralServiceException"), "%s", failed.Message)
}

func mustSupport(typeName *string) (*schema.Type, error) {
	t, ok := schema.Load(aws.ToString(typeName))
	if !ok || len(t.PrimaryIdentifier) == 0 {
		return nil, apiError(400, "UnsupportedActionException", "Resource type %s does not support this action", aws.ToString(typeName))
	}
	return t, nil
}

// submit runs a request in the background; it reports progress by its token.
func (r *region) submit(operation types.Operation, typeName, identifier string, token *string, run func(ctx context.Context) (string, map[string]any, error)) *types.ProgressEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	req := &request{event: types.ProgressEvent{
		RequestToken: aws.String(orDefault(aws.ToString(token), newUUID())), Operation: operation, TypeName: &typeName, Identifier: optional(identifier),
		OperationStatus: types.OperationStatusInProgress, EventTime: aws.Time(r.now()),
	}}
	if earlier, ok := r.requests[*req.event.RequestToken]; ok {
		event := earlier.event
		return &event
	}
	r.requests[*req.event.RequestToken] = req
	r.start(func(ctx context.Context) {
		if !pause(ctx, r.sim.opts.ResourceDelay) {
			return
		}
		identifier, model, err := run(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		req.event.EventTime, req.event.OperationStatus = aws.Time(r.now()), types.OperationStatusSuccess
		req.event.Identifier = optional(identifier)
		if model != nil {
			req.event.ResourceModel = aws.String(compactJSON(model))
		}
		if err != nil {
			req.event.OperationStatus, req.event.StatusMessage = types.OperationStatusFailed, aws.String(err.Error())
			req.event.ErrorCode = types.HandlerErrorCodeGeneralServiceException
			var failed *ResourceError
			if errors.As(err, &failed) {
				req.event.ErrorCode = types.HandlerErrorCode(failed.Code)
			}
		}
	})
	event := req.event
	return &event
}

func (r *region) createResource(_ context.Context, in *cc.CreateResourceInput) (*cc.CreateResourceOutput, error) {
	t, err := mustSupport(in.TypeName)
	if err != nil {
		return nil, err
	}
	var desired map[string]any
	if err := json.Unmarshal([]byte(aws.ToString(in.DesiredState)), &desired); err != nil {
		return nil, apiError(400, "InvalidRequestException", "DesiredState is not a JSON object: %v", err)
	}
	conform(t.Root, desired)
	event := r.submit(types.OperationCreate, t.Name, "", in.ClientToken, func(ctx context.Context) (string, map[string]any, error) {
		if found := checkProperties(t, desired); len(found) > 0 {
			return "", nil, resourceError("InvalidRequest", "Model validation failed (%s)", found[0])
		}
		return r.models.create(ctx, t.Name, desired, nameHint{"cloudcontrol", lastPart(t.Name)})
	})
	return &cc.CreateResourceOutput{ProgressEvent: event}, nil
}

func (r *region) getResource(ctx context.Context, in *cc.GetResourceInput) (*cc.GetResourceOutput, error) {
	t, err := mustSupport(in.TypeName)
	if err != nil {
		return nil, err
	}
	model, err := r.models.read(ctx, t.Name, aws.ToString(in.Identifier))
	if err != nil {
		return nil, ccError(err)
	}
	return &cc.GetResourceOutput{TypeName: in.TypeName, ResourceDescription: &types.ResourceDescription{Identifier: in.Identifier, Properties: aws.String(compactJSON(model))}}, nil
}

func (r *region) updateResource(ctx context.Context, in *cc.UpdateResourceInput) (*cc.UpdateResourceOutput, error) {
	t, err := mustSupport(in.TypeName)
	if err != nil {
		return nil, err
	}
	identifier := aws.ToString(in.Identifier)
	before, err := r.models.read(ctx, t.Name, identifier)
	if err != nil {
		return nil, ccError(err)
	}
	after, err := applyPatch(before, aws.ToString(in.PatchDocument))
	if err != nil {
		return nil, apiError(400, "InvalidRequestException", "%v", err)
	}
	conform(t.Root, after)
	event := r.submit(types.OperationUpdate, t.Name, identifier, in.ClientToken, func(ctx context.Context) (string, map[string]any, error) {
		if replaces(t, before, after) {
			return identifier, nil, resourceError("NotUpdatable", "Invalid patch update: createOnlyProperties %v cannot be updated", t.CreateOnly)
		}
		writable, previous := clone(after), clone(before)
		for _, pointer := range t.ReadOnly {
			removePointer(writable, pointerPath(pointer))
			removePointer(previous, pointerPath(pointer))
		}
		if found := checkProperties(t, writable); len(found) > 0 {
			return identifier, nil, resourceError("InvalidRequest", "Model validation failed (%s)", found[0])
		}
		model, err := r.models.update(ctx, t.Name, identifier, previous, writable)
		return identifier, model, err
	})
	return &cc.UpdateResourceOutput{ProgressEvent: event}, nil
}

func (r *region) deleteResource(ctx context.Context, in *cc.DeleteResourceInput) (*cc.DeleteResourceOutput, error) {
	t, err := mustSupport(in.TypeName)
	if err != nil {
		return nil, err
	}
	identifier := aws.ToString(in.Identifier)
	if _, err := r.models.read(ctx, t.Name, identifier); err != nil {
		return nil, ccError(err)
	}
	event := r.submit(types.OperationDelete, t.Name, identifier, in.ClientToken, func(ctx context.Context) (string, map[string]any, error) {
		return identifier, nil, r.models.delete(ctx, t.Name, identifier)
	})
	return &cc.DeleteResourceOutput{ProgressEvent: event}, nil
}

func (r *region) listResources(ctx context.Context, in *cc.ListResourcesInput) (*cc.ListResourcesOutput, error) {
	t, err := mustSupport(in.TypeName)
	if err != nil {
		return nil, err
	}
	identifiers, err := r.models.list(ctx, t.Name)
	if err != nil {
		return nil, ccError(err)
	}
	out := &cc.ListResourcesOutput{TypeName: in.TypeName, ResourceDescriptions: []types.ResourceDescription{}}
	identifiers, out.NextToken = page(identifiers, in.NextToken, int(orDefault(aws.ToInt32(in.MaxResults), 100)))
	for _, identifier := range identifiers {
		model, err := r.models.read(ctx, t.Name, identifier)
		if err != nil {
			continue // deleted meanwhile
		}
		out.ResourceDescriptions = append(out.ResourceDescriptions, types.ResourceDescription{Identifier: aws.String(identifier), Properties: aws.String(compactJSON(model))})
	}
	return out, nil
}

func (r *region) getResourceRequestStatus(_ context.Context, in *cc.GetResourceRequestStatusInput) (*cc.GetResourceRequestStatusOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	req, ok := r.requests[aws.ToString(in.RequestToken)]
	if !ok {
		return nil, apiError(404, "RequestTokenNotFoundException", "Request with token %s does not exist", aws.ToString(in.RequestToken))
	}
	event := req.event
	return &cc.GetResourceRequestStatusOutput{ProgressEvent: &event}, nil
}

func (r *region) listResourceRequests(_ context.Context, in *cc.ListResourceRequestsInput) (*cc.ListResourceRequestsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []types.ProgressEvent
	for _, token := range sortedKeys(r.requests) {
		list = append(list, r.requests[token].event)
	}
	out := &cc.ListResourceRequestsOutput{}
	out.ResourceRequestStatusSummaries, out.NextToken = page(list, in.NextToken, pageSize)
	return out, nil
}
