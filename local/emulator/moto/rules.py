"""The calls of security group rules: local/ec2.md, EC2-1 to EC2-13."""

import contextlib
import copy
import threading

from answers import page, xml
from moto.core.responses import ActionResult
from moto.core.utils import aws_api_matches
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidGroupIdMalformedError,
    InvalidParameterCombination,
    InvalidParameterValue,
    InvalidPermissionDuplicateError,
    InvalidSecurityGroupNotFoundError,
    InvalidSecurityGroupRuleIdNotFoundError,
    MissingParameter,
    MissingParameterError,
)
from moto.ec2.models import security_groups as models
from moto.ec2.responses import security_groups as responses
from moto.ec2.utils import is_valid_security_group_id
from rule import KINDS, canonical, canonical_range, check_size, describe, key, protocol, shown

# One change of rules at a time: moto serves each call in a thread of its own.
LOCK = threading.RLock()


@contextlib.contextmanager
def whole(group, direction):
    """All changes inside take effect, or none. (EC2-3)"""
    name = direction + "_rules"
    with LOCK:
        before = list(getattr(group, name))
        try:
            yield before
        except Exception:
            setattr(group, name, before)
            raise


def named(response, name):
    group = response.ec2_backend.get_security_group_by_name_or_id(name)
    if group is None:
        raise InvalidSecurityGroupNotFoundError(name)
    return group


def authorize(direction):
    def call(self):
        self.error_on_dryrun()
        calls, made = list(self._process_rules_from_querystring()), []
        if not calls:
            raise MissingParameterError("ipPermissions")
        group = named(self, calls[0]["group_name_or_id"])
        with whole(group, direction):
            for arguments in calls:
                made += getattr(self.ec2_backend, "authorize_security_group_" + direction)(**arguments)[0]
            check_size(self.ec2_backend, getattr(group, direction + "_rules"))
        return ActionResult({"Return": True, "SecurityGroupRules": [shown(rule) for rule in made]})

    return call


def revoke(direction):
    def call(self):
        self.error_on_dryrun()
        calls = list(self._process_rules_from_querystring())
        if not calls:
            raise MissingParameterError("ipPermissions")
        group = named(self, calls[0]["group_name_or_id"])
        with whole(group, direction) as before:
            for arguments in calls:
                del arguments["sgrule_tags"]
                getattr(self.ec2_backend, "revoke_security_group_" + direction)(**arguments)
            left = {rule.id for rule in getattr(group, direction + "_rules")}
        gone = []
        for rule in before:
            if rule.id not in left:
                view = shown(rule)
                view["ReferencedGroupId"] = view.pop("ReferencedGroupInfo", {}).get("GroupId")
                gone.append({name: value for name, value in view.items() if value is not None})
        return ActionResult({"Return": True, "RevokedSecurityGroupRules": gone})

    return call


def changed(backend, rule, request):
    """The rule that a SecurityGroupRuleRequest makes of a rule. (EC2-1, EC2-2)"""
    given = [name for name in KINDS if request.get(name) is not None]
    if len(given) > 1:
        raise InvalidParameterCombination("Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified")
    if not given:
        raise MissingParameter("The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId")
    kind, value = given[0], request[given[0]]
    old = next(name for name, (_, source) in KINDS.items() if source(rule))
    if kind != old:
        raise InvalidParameterValue(
            f"Invalid rule type for security group rule '{rule.id}'. You may not specify {kind} for an existing {KINDS[old][0]} rule."
        )
    new = copy.copy(rule)
    new.ip_protocol, new.from_port, new.to_port = protocol(request.get("IpProtocol"), request.get("FromPort"), request.get("ToPort"))
    if kind == "CidrIpv4":
        new.ip_range = {"CidrIp": canonical(value, 4)}
    elif kind == "CidrIpv6":
        new.ip_range = {"CidrIpv6": canonical(value, 6)}
    elif kind == "PrefixListId":
        new.prefix_list_id = value
    else:
        if backend.get_security_group_from_id(value) is None:
            raise InvalidSecurityGroupNotFoundError(value)
        new.source_group = {"GroupId": value, "UserId": backend.account_id, "OwnerId": backend.account_id}
    describe(new, request.get("Description"))
    return new


def modify_security_group_rules(self):
    self.error_on_dryrun()
    backend, updates = self.ec2_backend, self._get_param("SecurityGroupRules", [])
    if not updates:
        raise MissingParameterError("SecurityGroupRule")
    with LOCK:
        group = backend.get_security_group_from_id(self._get_param("GroupId"))
        if group is None:
            raise InvalidSecurityGroupNotFoundError(self._get_param("GroupId"))
        news = {}
        for update in updates:
            rule = group.get_rule(update.get("SecurityGroupRuleId"))
            if rule is None:
                raise InvalidSecurityGroupRuleIdNotFoundError(update.get("SecurityGroupRuleId"))
            news[rule.id] = changed(backend, rule, update.get("SecurityGroupRule", {}))
        for rules in (group.ingress_rules, group.egress_rules):
            after = [news.get(rule.id, rule) for rule in rules]
            if len({key(rule) for rule in after}) < len(after):
                raise InvalidPermissionDuplicateError()
            check_size(backend, after)
        for rule in group.ingress_rules + group.egress_rules:
            if rule.id in news:
                rule.__dict__.update(news[rule.id].__dict__)
    return ActionResult({"Return": True})


def describe_security_group_rules(self):
    self.error_on_dryrun()
    backend, ids, filters = self.ec2_backend, self._get_param("SecurityGroupRuleIds", []), self._filters_from_querystring()
    for name, values in filters.items():
        if name not in ("group-id", "security-group-rule-id") and not name.startswith("tag:"):
            raise InvalidParameterValue(f"The filter '{name}' is invalid")
        for value in values if name == "group-id" else []:
            if not is_valid_security_group_id(value):
                raise InvalidGroupIdMalformedError(value)
    if sum(len(values) for values in filters.values()) > 200:
        raise EC2ClientError("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
    wanted = filters.get("group-id")
    with LOCK:
        groups = [group for groups in list(backend.groups.values()) for group in list(groups.values())]
        rules = {rule.id: rule for group in groups if wanted is None or group.id in wanted for rule in group.egress_rules + group.ingress_rules}
        for rule_id in ids:
            if rule_id not in rules:
                raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)
        found = [(rule.id, shown(rule)) for rule in rules.values() if (not ids or rule.id in ids) and matches(rule, filters)]
    return xml("DescribeSecurityGroupRules", page(self, "SecurityGroupRules", sorted(found, key=lambda item: item[0]), 5, 1000))


def matches(rule, filters):
    for name, values in filters.items():
        if name == "group-id":
            continue
        value = rule.id if name == "security-group-rule-id" else rule.ec2_backend.tags.get(rule.id, {}).get(name[len("tag:") :])
        if value is None or not any(aws_api_matches(pattern, value) for pattern in values):
            return False
    return True


def update_descriptions(direction):
    def call(self):
        given = self._get_param("SecurityGroupRuleDescriptions", [])
        with LOCK:
            if not given:
                for arguments in list(self._process_rules_from_querystring()):
                    del arguments["sgrule_tags"]
                    getattr(self.ec2_backend, "update_security_group_rule_descriptions_" + direction)(**arguments)
                return ActionResult({"Return": True})
            group = named(self, self._get_param("GroupId") or self._get_param("GroupName"))
            rules = {rule.id: rule for rule in getattr(group, direction + "_rules")}
            for item in given:
                if item.get("SecurityGroupRuleId") not in rules:
                    raise InvalidSecurityGroupRuleIdNotFoundError(item.get("SecurityGroupRuleId"))
            for item in given:
                describe(rules[item["SecurityGroupRuleId"]], item.get("Description"))
        return ActionResult({"Return": True})

    return call


def flattened(self, rules):
    """Permissions of DescribeSecurityGroups, with the descriptions of prefix lists. (EC2-8)"""
    views = {}
    for rule in rules:
        at = (rule.from_port, rule.to_port, rule.ip_protocol)
        view = views.setdefault(at, models.GroupedSecurityRuleView(*at))
        if rule.ip_range:
            view.all_ip_ranges.append(rule.ip_range)
        if rule.source_group:
            view.source_groups.append(rule.source_group)
        if rule.prefix_list_id:
            listed = {"PrefixListId": rule.prefix_list_id, "Description": rule.description}
            view.prefix_list_ids.append({name: value for name, value in listed.items() if value is not None})
    return list(views.values())


def filter_of(direction, source):
    def match(self, values):
        found = [source(rule) for rule in getattr(self, direction + "_rules")]
        return any(aws_api_matches(value, at) for value in values for at in found if at is not None)

    return match


def replace():
    kept, group, backend, calls = models.SecurityGroupRule, models.SecurityGroup, models.SecurityGroupBackend, responses.SecurityGroups
    stock_init, stock_process = kept.__init__, calls._process_rules_from_querystring

    def init(self, *args, prefix_list_id=None, **more):
        if len(args) > 7:  # moto gives it by position
            prefix_list_id = args[7]
            args = args[:7] + (None,) + args[8:]
        stock_init(self, *args, **more)
        self.prefix_list_id = (prefix_list_id or {}).get("PrefixListId")
        self.list_description = (prefix_list_id or {}).get("Description")

    def process(self):
        for arguments in stock_process(self):
            if arguments["ip_ranges"] or arguments["source_groups"] or arguments["prefix_list_ids"]:
                ports = protocol(arguments["ip_protocol"], arguments["from_port"], arguments["to_port"])
                arguments["ip_protocol"], arguments["from_port"], arguments["to_port"] = ports
                arguments["ip_ranges"] = [canonical_range(given) for given in arguments["ip_ranges"]]
            yield arguments

    def description(self):
        return self.ip_range.get("Description") or self.source_group.get("Description") or self.list_description

    kept.__init__ = init
    kept.__eq__ = lambda self, other: key(self) == key(other)
    kept.description = property(description)
    group._flattened_rules = flattened
    group.filter_ip_permission__prefix_list_id = filter_of("ingress", KINDS["PrefixListId"][1])
    group.filter_egress__ip_permission__prefix_list_id = filter_of("egress", KINDS["PrefixListId"][1])
    group.filter_ip_permission__ipv6_cidr = filter_of("ingress", KINDS["CidrIpv6"][1])
    group.filter_egress__ip_permission__ipv6_cidr = filter_of("egress", KINDS["CidrIpv6"][1])
    backend._verify_group_will_respect_rule_count_limit = lambda *_, **__: None  # check_size does it
    backend._sg_update_description = lambda self, given, old: describe(old, given.description)
    calls._process_rules_from_querystring = process
    calls.modify_security_group_rules = modify_security_group_rules
    calls.describe_security_group_rules = describe_security_group_rules
    for direction in ("ingress", "egress"):
        setattr(calls, "authorize_security_group_" + direction, authorize(direction))
        setattr(calls, "revoke_security_group_" + direction, revoke(direction))
        setattr(calls, "update_security_group_rule_descriptions_" + direction, update_descriptions(direction))
