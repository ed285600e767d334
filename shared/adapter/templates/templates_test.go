package templates_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/adapter/awsstub"
	"github.com/evenkeel/evenkeel/shared/adapter/objects"
	"github.com/evenkeel/evenkeel/shared/adapter/templates"
	"github.com/evenkeel/evenkeel/shared/fault"
	"github.com/evenkeel/evenkeel/shared/validation"
)

const accepted = `<ValidateTemplateResponse><ValidateTemplateResult><Parameters/><Capabilities><member>CAPABILITY_IAM</member></Capabilities>
<CapabilitiesReason>The following resource(s) require capabilities: [AWS::IAM::Role]</CapabilitiesReason></ValidateTemplateResult></ValidateTemplateResponse>`

func refusal(code, message string) func(awsstub.Call) awsstub.Answer {
	return func(awsstub.Call) awsstub.Answer {
		return awsstub.Answer{Status: 400, Body: "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error></ErrorResponse>"}
	}
}

func TestValidateTemplate(t *testing.T) {
	stub := awsstub.Start(t)
	cloud := templates.New(stub.Config(), objects.New(stub.Config(), "b"))
	stub.Reply("cloudformation", "ValidateTemplate", accepted)
	opinion, err := cloud.ValidateTemplate(t.Context(), "k", []byte("Resources: {}"))
	if err != nil || len(opinion.Capabilities) != 1 || opinion.Capabilities[0] != "CAPABILITY_IAM" || !strings.Contains(opinion.Reason, "AWS::IAM::Role") {
		t.Errorf("%+v, %v", opinion, err)
	}
	if body := stub.Calls("cloudformation", "ValidateTemplate")[0].Form.Get("TemplateBody"); body != "Resources: {}" {
		t.Errorf("body %q", body)
	}

	stub.On("cloudformation", "ValidateTemplate", refusal("ValidationError", "Template format error: Unrecognized resource types: [AWS::No::Such]"))
	var refused validation.RefusedError
	if _, err := cloud.ValidateTemplate(t.Context(), "k", []byte("x")); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "AWS::No::Such") {
		t.Errorf("refused: %v", err)
	}
	stub.On("cloudformation", "ValidateTemplate", refusal("Throttling", "Rate exceeded"))
	if _, err := cloud.ValidateTemplate(t.Context(), "k", []byte("x")); !fault.Is(err, fault.TransientError) {
		t.Errorf("throttled: %v", err)
	}
}

// TestLargeTemplate: a body in the request has at most 51,200 bytes; a larger
// template is read from S3.
func TestLargeTemplate(t *testing.T) {
	stub := awsstub.Start(t)
	cloud := templates.New(stub.Config(), objects.New(stub.Config(), "b"))
	stub.Reply("cloudformation", "ValidateTemplate", accepted)
	stub.Reply("s3", "PUT /b/k", "")
	if _, err := cloud.ValidateTemplate(t.Context(), "k", []byte(strings.Repeat("#", 51_201))); err != nil {
		t.Fatal(err)
	}
	form := stub.Calls("cloudformation", "ValidateTemplate")[0].Form
	if form.Get("TemplateBody") != "" || !strings.Contains(form.Get("TemplateURL"), "/b/k?") {
		t.Errorf("form %v", form)
	}
	if len(stub.Calls("s3", "PUT /b/k")) != 1 {
		t.Error("the template was not put into the bucket")
	}
}
