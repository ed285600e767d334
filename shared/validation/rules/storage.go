package rules

import (
	"regexp"
	"strconv"
	"strings"

	js "github.com/evenkeel/evenkeel/shared/schema/jsonschema"
	"github.com/evenkeel/evenkeel/shared/template"
	"github.com/evenkeel/evenkeel/shared/validation/check"
)

// storageRules are about buckets, queues, records and parameters.
func storageRules() []check.Rule {
	return []check.Rule{
		{ID: "E3041", Severity: check.Error, Title: "A record is not in its hosted zone",
			Description: "The name of a record is the name of its hosted zone or ends in it. Correct the name, or choose another zone.",
			Link:        resource("AWS::Route53::RecordSet"),
			Places:      []string{"Resources/AWS::Route53::RecordSet/Properties"}, Check: recordName},
		{ID: "E3061", Severity: check.Error, Title: "The days of a tier are out of range",
			Description: "Objects go to archive access after 90 to 730 days, to deep archive access after 180 to 730. Choose a number within.",
			Link:        resource("AWS::S3::Bucket"),
			Places:      []string{"Resources/AWS::S3::Bucket/Properties/IntelligentTieringConfigurations/*/Tierings/*"}, Check: tieringDays},
		{ID: "E3501", Severity: check.Error, Title: "The type of the queue does not allow this",
			Description: "Some properties are for FIFO queues only, and the name of a FIFO queue ends in .fifo. Correct the property or the type.",
			Link:        resource("AWS::SQS::Queue"),
			Places:      []string{"Resources/AWS::SQS::Queue/Properties"}, Schema: extension("aws_sqs_queue/properties"), AllMatches: true},
		{ID: "E3502", Severity: check.Error, Title: "A queue and its dead-letter queue are of different types",
			Description: "The dead letters of a FIFO queue go to a FIFO queue, those of a standard queue to a standard queue. Make both the same type.",
			Link:        resource("AWS::SQS::Queue"),
			Places:      []string{"Resources/AWS::SQS::Queue/Properties"}, Schema: extension("aws_sqs_queue/queue_dlq"), AllMatches: true},
		{ID: "W3045", Severity: check.Warning, Title: "An access control list is the old way to give access to a bucket",
			Description: "A bucket policy does the same and can be read in one place. Use one, and leave the access control list out.",
			Link:        services + "AmazonS3/latest/userguide/about-object-ownership.html",
			Places:      []string{"Resources/AWS::S3::Bucket/Properties"}, Check: accessControl},
		{ID: "W3701", Severity: check.Warning, Title: "The name of a parameter is reserved for AWS",
			Description: "Names that begin with aws or ssm belong to AWS. Choose another name.",
			Link:        services + "systems-manager/latest/userguide/sysman-paramstore-su-create.html",
			Places:      []string{"Resources/AWS::SSM::Parameter/Properties/Name"}, Check: parameterName},
	}
}

func recordName(v *check.Validator, n *template.Node, _ *js.Schema) {
	for _, object := range v.Set.Objects(n, "Name", "HostedZoneName") {
		name, zone := object.Node.Get("Name"), object.Node.Get("HostedZoneName")
		if !name.IsString() || !zone.IsString() {
			continue
		}
		if !strings.HasSuffix(zone.Text, ".") {
			v.Fault("the name of a hosted zone ends in a dot").AtKey("HostedZoneName")
		}
		inside, of := strings.TrimSuffix(name.Text, ".")+".", strings.TrimSuffix(zone.Text, ".")+"."
		if inside != of && !strings.HasSuffix(inside, "."+of) {
			v.Fault("%s is not in the zone %s", name.Text, zone.Text).AtKey("Name")
		}
	}
}

// tierings are the least days after which objects move to a tier of archives.
var tierings = map[string]float64{"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 180}

func tieringDays(v *check.Validator, n *template.Node, _ *js.Schema) {
	const most = 730
	at := v.Path().With(check.Key("Days"))
	v.ValuesAt(n, []string{"AccessTier"}, func(tier *template.Node) {
		least, known := tierings[tier.Str()]
		if !known {
			return
		}
		v.ValuesAt(n, []string{"Days"}, func(days *template.Node) {
			f, ok := wholeNumber(days)
			if ok && (f < least || f > most) {
				v.Fault("objects move to %s after %v to %d days", tier.Text, least, most).By("E3061").Path = at
			}
		})
	})
}

func wholeNumber(n *template.Node) (float64, bool) {
	switch {
	case n == nil:
		return 0, false
	case n.Kind == template.Number:
		return n.Float, check.IsType(n, js.Integer)
	case n.Kind == template.String:
		i, err := strconv.Atoi(strings.TrimSpace(n.Text))
		return float64(i), err == nil
	}
	return 0, false
}

func accessControl(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.Map {
		return
	}
	for _, object := range v.Set.Objects(n, "AccessControl") {
		if filled(object.Node.Get("AccessControl")) {
			v.Fault("AccessControl is the old way; use AWS::S3::BucketPolicy").AtKey("AccessControl")
		}
	}
}

var usableParameterName = regexp.MustCompile(`^(?:/?[\w.-]+|/[\w.-]+(?:/[\w.-]+)*)\n?$`)

func parameterName(v *check.Validator, n *template.Node, _ *js.Schema) {
	if n.Kind != template.String {
		return
	}
	first := strings.ToLower(strings.TrimPrefix(n.Text, "/"))
	if !usableParameterName.MatchString(n.Text) || strings.HasPrefix(first, "aws") || strings.HasPrefix(first, "ssm") {
		v.Fault("%s is not a name that everybody can use: names that begin with aws or ssm are reserved", check.Excerpt(n))
	}
}
