package policy

var launchTypes = []string{"AWS::EC2::Instance", "AWS::EC2::LaunchTemplate", "AWS::AutoScaling::LaunchConfiguration"}

var ec2Rules = []Rule{
	{
		ID: "EK1012", Severity: High, Title: "Instances ask for a token in their metadata service (IMDSv2)",
		Types: launchTypes,
		FSBP:  []string{"EC2.8", "EC2.170", "AutoScaling.3"}, ControlTower: []string{"CT.EC2.PR.1", "CT.AUTOSCALING.PR.2"}, Others: []string{"CKV_AWS_79"},
		Rationale: "Without a token, one forged request through a web application reads the instance's credentials.",
		Fix:       "Set MetadataOptions.HttpTokens to required.",
		Link:      hub + "ec2-controls.html#ec2-8",
		Check:     checkMetadataTokens,
	},
	{
		ID: "EK1034", Severity: Medium, Title: "Instances have no public address of their own",
		Types: launchTypes,
		FSBP:  []string{"EC2.9", "EC2.25", "Autoscaling.5"}, ControlTower: []string{"CT.EC2.PR.8", "CT.EC2.PR.9", "CT.AUTOSCALING.PR.5"}, Others: []string{"CKV_AWS_88"},
		Rationale: "An instance with a public address is one open port away from the internet.",
		Fix:       "Set AssociatePublicIpAddress to false; let a load balancer or NAT gateway stand in front.",
		Link:      hub + "ec2-controls.html#ec2-9",
		Check: byType(map[string]check{
			"AWS::EC2::Instance":                    off("NetworkInterfaces/*/AssociatePublicIpAddress", fineIfMissing, publicAddress),
			"AWS::EC2::LaunchTemplate":              off("LaunchTemplateData/NetworkInterfaces/*/AssociatePublicIpAddress", fineIfMissing, publicAddress),
			"AWS::AutoScaling::LaunchConfiguration": off("AssociatePublicIpAddress", fineIfMissing, publicAddress),
		}),
	},
	{
		ID: "EK1037", Severity: Medium, Title: "Volumes of instances are encrypted",
		Types: launchTypes,
		FSBP:  []string{"EC2.3", "EC2.181"}, ControlTower: []string{"CT.EC2.PR.7", "CT.EC2.PR.14", "CT.AUTOSCALING.PR.9"}, Others: []string{"CKV_AWS_8", "AwsSolutions-EC26"},
		Rationale: "Snapshots and discarded disks are readable without encryption.",
		Fix:       "Set Ebs.Encrypted to true in the block device mapping.",
		Link:      hub + "ec2-controls.html#ec2-3",
		Check:     checkBlockDevices,
	},
	{
		ID: "EK1044", Severity: Low, Title: "Auto Scaling groups use launch templates",
		Types: []string{"AWS::AutoScaling::AutoScalingGroup"},
		FSBP:  []string{"AutoScaling.9"}, ControlTower: []string{"CT.AUTOSCALING.PR.8"},
		Rationale: "Launch configurations get no new features, such as later settings of the metadata service, and have no versions.",
		Fix:       "Replace LaunchConfigurationName by LaunchTemplate.",
		Link:      hub + "autoscaling-controls.html#autoscaling-9",
		Check: func(r *Resource) {
			r.At(at("LaunchConfigurationName"), func(v Value) bool {
				if !v.Absent() {
					v.Report("the group uses a launch configuration")
				}
				return true
			})
		},
	},
}

const publicAddress = "the instance gets an address on the internet"

// checkMetadataTokens asks launch templates and configurations for the setting,
// because without it only some images demand a token. An instance without it
// may have it from a launch template or the account.
func checkMetadataTokens(r *Resource) {
	path, missingIsFine := "MetadataOptions/HttpTokens", r.Type == "AWS::EC2::Instance"
	if r.Type == "AWS::EC2::LaunchTemplate" {
		path = "LaunchTemplateData/MetadataOptions/HttpTokens"
	}
	if r.Any(at(path[:len(path)-len("HttpTokens")]+"HttpEndpoint"), func(v Value) bool { return v.Is("disabled") }) {
		return
	}
	is(path, missingIsFine, "the instance's credentials can be read without a token", "required")(r)
}

func checkBlockDevices(r *Resource) {
	path := "BlockDeviceMappings/*/Ebs"
	if r.Type == "AWS::EC2::LaunchTemplate" {
		path = "LaunchTemplateData/" + path
	}
	r.At(at(path), func(volume Value) bool {
		if !volume.Known() {
			return true
		}
		fromSnapshot := volume.Has("SnapshotId") || volume.Has("KmsKeyId")
		volume.At(at("Encrypted"), func(v Value) bool {
			if v.Off() || v.Absent() && !fromSnapshot {
				v.Report("the volume is not encrypted")
			}
			return true
		})
		return true
	})
}
