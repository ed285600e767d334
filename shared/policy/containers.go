package policy

var containerRules = []Rule{
	{
		ID: "EK1087", Severity: Medium, Title: "Images are scanned when they are pushed",
		Types: []string{"AWS::ECR::Repository"},
		FSBP:  []string{"ECR.1"}, ControlTower: []string{"CT.ECR.PR.2"}, Others: []string{"CKV_AWS_163"},
		Rationale: "Known holes in an image are found before it runs, not after.",
		Fix:       "Set ImageScanningConfiguration.ScanOnPush to true.",
		Link:      hub + "ecr-controls.html#ecr-1",
		Check:     on("ImageScanningConfiguration/ScanOnPush", faultIfMissing, "images are not scanned for known holes"),
	},
	{
		ID: "EK1088", Severity: Low, Title: "Tags of images cannot be moved",
		Types: []string{"AWS::ECR::Repository"},
		FSBP:  []string{"ECR.2"}, ControlTower: []string{"CT.ECR.PR.3"}, Others: []string{"CKV_AWS_51"},
		Rationale: "Who can push can replace the image behind a tag that is deployed.",
		Fix:       "Set ImageTagMutability to IMMUTABLE.",
		Link:      hub + "ecr-controls.html#ecr-2",
		Check:     is("ImageTagMutability", faultIfMissing, "the image behind a tag can be replaced", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"),
	},
	{
		ID: "EK1089", Severity: High, Title: "Containers are not privileged",
		Types: []string{"AWS::ECS::TaskDefinition"},
		FSBP:  []string{"ECS.4"}, ControlTower: []string{"CT.ECS.PR.11"},
		Rationale: "A privileged container is root on its host.",
		Fix:       "Remove Privileged; add single capabilities in LinuxParameters where needed.",
		Link:      hub + "ecs-controls.html#ecs-4",
		Check:     off("ContainerDefinitions/*/Privileged", fineIfMissing, "the container is root on its host"),
	},
	{
		ID: "EK1090", Severity: Low, Title: "Containers cannot write to their root file system",
		Types: []string{"AWS::ECS::TaskDefinition"},
		FSBP:  []string{"ECS.5"}, ControlTower: []string{"CT.ECS.PR.6"}, Others: []string{"CKV_AWS_336"},
		Rationale: "An intruder cannot leave programs behind.",
		Fix:       "Set ReadonlyRootFilesystem to true; mount a volume where the program writes.",
		Link:      hub + "ecs-controls.html#ecs-5",
		Check:     on("ContainerDefinitions/*/ReadonlyRootFilesystem", faultIfMissing, "the container can change its own programs"),
	},
	{
		ID: "EK1091", Severity: Medium, Title: "Containers do not share the host's processes",
		Types: []string{"AWS::ECS::TaskDefinition"},
		FSBP:  []string{"ECS.3"}, ControlTower: []string{"CT.ECS.PR.10"},
		Rationale: "The container sees, and may stop or read, every process of the host.",
		Fix:       "Remove PidMode: host.",
		Link:      hub + "ecs-controls.html#ecs-3",
		Check:     not("PidMode", "containers see every process of the host", "host"),
	},
	{
		ID: "EK1092", Severity: High, Title: "Environment variables of containers hold no secrets",
		Types: []string{"AWS::ECS::TaskDefinition"},
		FSBP:  []string{"ECS.8"}, ControlTower: []string{"CT.ECS.PR.12"},
		Rationale: "Everybody who may look at the task definition reads the value.",
		Fix:       "Use Secrets with a reference to Secrets Manager or Parameter Store.",
		Link:      hub + "ecs-controls.html#ecs-8",
		Check: func(r *Resource) {
			r.Each(at("ContainerDefinitions/*/Environment"), func(v Value) { v.secretPair("Name", "Value") })
		},
	},
	{
		ID: "EK1093", Severity: Medium, Title: "Containers have a log",
		Types: []string{"AWS::ECS::TaskDefinition"},
		FSBP:  []string{"ECS.9"}, ControlTower: []string{"CT.ECS.PR.5"}, Others: []string{"AwsSolutions-ECS7"},
		Rationale: "What a container wrote is gone with it.",
		Fix:       "Set LogConfiguration of every container.",
		Link:      hub + "ecs-controls.html#ecs-9",
		Check:     present("ContainerDefinitions/*/LogConfiguration", "what the container writes is not kept"),
	},
	{
		ID: "EK1094", Severity: Medium, Title: "Services have no public addresses of their own",
		Types: []string{"AWS::ECS::Service"},
		FSBP:  []string{"ECS.2"}, ControlTower: []string{"CT.ECS.PR.9"},
		Rationale: "A task with a public address is one open port away from the internet.",
		Fix:       "Set AssignPublicIp to DISABLED; let a load balancer or NAT gateway stand in front.",
		Link:      hub + "ecs-controls.html#ecs-2",
		Check:     not("NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp", "every task gets an address on the internet", "ENABLED"),
	},
	{
		ID: "EK1095", Severity: Medium, Title: "Containers encrypt what they send to file systems",
		Types:     []string{"AWS::ECS::TaskDefinition"},
		Others:    []string{"CKV_AWS_97"},
		Rationale: "Files cross the network in the clear.",
		Fix:       "Set TransitEncryption of the volume to ENABLED.",
		Link:      aws + "AmazonECS/latest/developerguide/efs-volumes.html",
		Check: func(r *Resource) {
			r.At(at("Volumes/*/EFSVolumeConfiguration"), func(volume Value) bool {
				if volume.Known() {
					is("TransitEncryption", faultIfMissing, "files cross the network in the clear", "ENABLED")(&Resource{Value: volume})
				}
				return true
			})
		},
	},
	{
		ID: "EK1097", Severity: High, Title: "Kubernetes endpoints are not open to the world",
		Types: []string{"AWS::EKS::Cluster"},
		FSBP:  []string{"EKS.1"}, ControlTower: []string{"CT.EKS.PR.1"}, Others: []string{"CKV_AWS_38", "CKV_AWS_39", "AwsSolutions-EKS1"},
		Rationale: "The API server is on the internet by default; one leaked token is the cluster.",
		Fix:       "Set EndpointPublicAccess to false, or narrow PublicAccessCidrs.",
		Link:      hub + "eks-controls.html#eks-1",
		Check:     checkKubernetesEndpoint,
	},
	{
		ID: "EK1098", Severity: Low, Title: "Kubernetes secrets are encrypted with a customer key",
		Types: []string{"AWS::EKS::Cluster"},
		FSBP:  []string{"EKS.3"}, ControlTower: []string{"CT.EKS.PR.2"}, Others: []string{"CKV_AWS_58"},
		Rationale: "With a key of one's own, reading secrets from the control plane's store needs a right that can be withdrawn.",
		Fix:       "Set EncryptionConfig with a KMS key for the resource secrets.",
		Link:      hub + "eks-controls.html#eks-3",
		Check:     present("EncryptionConfig", "secrets are not encrypted with a key of one's own"),
	},
	{
		ID: "EK1099", Severity: Medium, Title: "Kubernetes clusters log what users do",
		Types: []string{"AWS::EKS::Cluster"},
		FSBP:  []string{"EKS.8"}, Others: []string{"AwsSolutions-EKS2"},
		Rationale: "Without the audit log nobody can say who changed what in the cluster.",
		Fix:       "List audit in Logging.ClusterLogging.EnabledTypes.",
		Link:      hub + "eks-controls.html#eks-8",
		Check:     checkKubernetesAudit,
	},
	{
		ID: "EK1100", Severity: High, Title: "Nodes of Kubernetes do not open SSH to the world",
		Types:     []string{"AWS::EKS::Nodegroup"},
		Others:    []string{"CKV_AWS_100"},
		Rationale: "With a key and no source groups, EKS opens port 22 of the nodes to 0.0.0.0/0.",
		Fix:       "Set RemoteAccess.SourceSecurityGroups, or remove RemoteAccess and use Session Manager.",
		Link:      aws + "eks/latest/userguide/create-managed-node-group.html",
		Check: func(r *Resource) {
			r.At(at("RemoteAccess"), func(access Value) bool {
				if access.Known() && access.Has("Ec2SshKey") && !access.Has("SourceSecurityGroups") {
					access.Report("SSH of every node is open to the whole internet")
				}
				return true
			})
		},
	},
}

// secretPair is secretEntries for an item of a list of names and values.
func (v Value) secretPair(nameKey, valueKey string) {
	if !v.Known() {
		return
	}
	if name, ok := v.single(nameKey); ok {
		v.At([]string{valueKey}, func(value Value) bool {
			value.reportSecret(name)
			return true
		})
	}
}

func checkKubernetesEndpoint(r *Resource) {
	const message = "the Kubernetes API is open to the whole internet"
	open := r.May(at("ResourcesVpcConfig/PublicAccessCidrs"), "0.0.0.0/0", "::/0") || !r.Has("ResourcesVpcConfig", "PublicAccessCidrs")
	unknownCidrs := false
	r.Each(at("ResourcesVpcConfig/PublicAccessCidrs"), func(v Value) { unknownCidrs = unknownCidrs || v.state == unknown })
	if open && !unknownCidrs {
		r.At(at("ResourcesVpcConfig/EndpointPublicAccess"), func(v Value) bool {
			if v.On() || v.Absent() {
				v.Report(message)
			}
			return true
		})
	}
}

func checkKubernetesAudit(r *Resource) {
	types, audited := Value{}, false
	r.At(at("Logging/ClusterLogging/EnabledTypes"), func(v Value) bool { types = v; return false })
	if types.state == unknown || types.state == partial {
		return
	}
	r.Each(at("Logging/ClusterLogging/EnabledTypes"), func(v Value) {
		audited = audited || v.state == unknown || v.Known() && v.Any(at("Type"), func(name Value) bool { return name.Is("audit") || name.state == unknown })
	})
	if !audited {
		types.Report("what users do in the cluster is not logged")
	}
}
