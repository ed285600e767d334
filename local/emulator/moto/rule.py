"""One security group rule as EC2 keeps it and shows it: local/ec2.md."""

import ipaddress
import os

from answers import tags
from moto.ec2.exceptions import InvalidCIDRSubnetError, InvalidParameterValue, RulesPerSecurityGroupLimitExceededError

LIMIT = int(os.environ.pop("EVENKEEL_EC2_RULES_PER_GROUP", "") or 60)

# The four kinds of source: parameter, what EC2 calls it, and how a rule shows it.
KINDS = {
    "CidrIpv4": ("IPv4 CIDR", lambda rule: rule.cidr_ipv4),
    "CidrIpv6": ("IPv6 CIDR", lambda rule: rule.cidr_ipv6),
    "PrefixListId": ("prefix list", lambda rule: rule.prefix_list_id),
    "ReferencedGroupId": ("security group", lambda rule: rule.source_group.get("GroupId")),
}

NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


def canonical(cidr, version):
    """The prefix as EC2 keeps it: host bits cleared, IPv6 in its short form. (EC2-5)"""
    try:
        if not cidr.partition("/")[2].isdigit() or "%" in cidr:
            raise ValueError
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        raise InvalidCIDRSubnetError(cidr=cidr)
    if network.version != version:
        raise InvalidCIDRSubnetError(cidr=cidr)
    return str(network)


def canonical_range(given):
    out = dict(given)
    for name, version in (("CidrIp", 4), ("CidrIpv6", 6)):
        if name in out:
            out[name] = canonical(out[name], version)
    return out


def protocol(name, from_port, to_port):
    """Protocol and ports as EC2 keeps them. (EC2-6)"""
    if name is None:
        raise InvalidParameterValue("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
    name = NUMBERS.get(str(name).lower(), str(name).lower())
    if name == "-1":
        return name, None, None
    if name not in ("tcp", "udp", "icmp", "icmpv6"):
        if not name.isdigit() or int(name) > 255:
            raise InvalidParameterValue(f"Invalid value '{name}' for IP protocol. Unknown protocol.")
        return name, -1, -1
    if name == "icmpv6" and from_port is None and to_port is None:
        return name, -1, -1
    if from_port is None or to_port is None:
        raise InvalidParameterValue("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
    return name, int(from_port), int(to_port)


def key(rule):
    """What makes a rule another one: never its id, description or tags. (EC2-4)"""
    ports = tuple(-1 if port is None else int(port) for port in (rule.from_port, rule.to_port))
    return (rule.ip_protocol, *ports, *(source(rule) for _, source in KINDS.values()))


def describe(rule, text):
    """Gives a rule another description, or none. (EC2-7)"""
    rule.list_description = text if rule.prefix_list_id else None
    for name in ("ip_range", "source_group"):
        kept = {k: v for k, v in getattr(rule, name).items() if k != "Description"}
        if kept and text is not None:
            kept["Description"] = text
        setattr(rule, name, kept)


def shown(rule):
    """A rule as DescribeSecurityGroupRules and the authorizing calls show it. (EC2-8)"""
    backend = rule.ec2_backend
    out = {
        "SecurityGroupRuleId": rule.id,
        "SecurityGroupRuleArn": f"arn:aws:ec2:{backend.region_name}:{backend.account_id}:security-group-rule/{rule.id}",
        "GroupId": rule.group_id,
        "GroupOwnerId": backend.account_id,
        "IsEgress": rule.is_egress,
        "IpProtocol": rule.ip_protocol,
        "FromPort": -1 if rule.from_port is None else int(rule.from_port),
        "ToPort": -1 if rule.to_port is None else int(rule.to_port),
        "Tags": tags(backend, rule.id),
    }
    optional = {"CidrIpv4": rule.cidr_ipv4, "CidrIpv6": rule.cidr_ipv6, "PrefixListId": rule.prefix_list_id, "Description": rule.description}
    out.update({name: value for name, value in optional.items() if value is not None})
    if rule.source_group:
        out["ReferencedGroupInfo"] = {"GroupId": rule.source_group.get("GroupId"), "UserId": rule.source_group.get("UserId")}
    return out


def check_size(backend, rules):
    """Refuses more rules than the quota. (EC2-9)"""
    for family, cidr in (("IPv4", lambda rule: rule.cidr_ipv4), ("IPv6", lambda rule: rule.cidr_ipv6)):
        size = 0
        for rule in rules:
            listed = backend.managed_prefix_lists.get(rule.prefix_list_id) if rule.prefix_list_id else None
            if listed is not None and listed.max_entries:
                size += int(listed.max_entries) if listed.address_family == family else 0
            elif rule.prefix_list_id or rule.source_group or cidr(rule):
                size += 1
        if size > LIMIT:
            raise RulesPerSecurityGroupLimitExceededError
