package cloudtrail

// attachment gives the calls that attach security groups the names that their
// records have: lists of groups are groupSet, interfaces are
// networkInterfaceSet, what is launched is instancesSet, and what is tagged is
// resourcesSet.
// Source: published records of RunInstances, CreateNetworkInterface and
// CreateTags; EC2 API reference, describing calls of the same attributes.
func attachment(action string, parameters map[string]any) map[string]any {
	switch action {
	case "RunInstances":
		launched := map[string]any{}
		move(parameters, launched, "imageId", "minCount", "maxCount")
		parameters["instancesSet"] = map[string]any{"items": []any{launched}}
		groups(parameters, "securityGroupId", "securityGroup")
		interfaces(parameters)
	case "CreateNetworkInterface":
		groups(parameters, "securityGroupId")
		rename(parameters, "privateIpAddresses", "privateIpAddressesSet")
		for _, set := range []string{"groupSet", "privateIpAddressesSet"} {
			if parameters[set] == nil {
				parameters[set] = map[string]any{}
			}
		}
	case "ModifyNetworkInterfaceAttribute":
		groups(parameters, "securityGroupId")
	case "ModifyInstanceAttribute":
		groups(parameters, "groupId")
	case "CreateTags", "DeleteTags":
		rename(parameters, "resourceId", "resourcesSet")
		rename(parameters, "tag", "tagSet")
	}
	return parameters
}

// groups makes one groupSet of lists of group ids and names.
func groups(parameters map[string]any, lists ...string) {
	var items []any
	for _, list := range lists {
		for _, item := range itemsOf(parameters[list]) {
			element, _ := item.(map[string]any)
			rename(element, "securityGroupId", "groupId")
			rename(element, "securityGroup", "groupName")
			items = append(items, element)
		}
		delete(parameters, list)
	}
	if items != nil {
		parameters["groupSet"] = map[string]any{"items": items}
	}
}

func interfaces(parameters map[string]any) {
	rename(parameters, "networkInterface", "networkInterfaceSet")
	for _, item := range itemsOf(parameters["networkInterfaceSet"]) {
		if element, ok := item.(map[string]any); ok {
			groups(element, "securityGroupId")
		}
	}
}

func itemsOf(set any) []any {
	object, _ := set.(map[string]any)
	items, _ := object["items"].([]any)
	return items
}

func rename(object map[string]any, from, to string) {
	if value, ok := object[from]; ok {
		delete(object, from)
		object[to] = value
	}
}

func move(from, to map[string]any, names ...string) {
	for _, name := range names {
		if value, ok := from[name]; ok {
			delete(from, name)
			to[name] = value
		}
	}
}
