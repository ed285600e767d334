"""Managed prefix lists: local/ec2.md, EC2-20 to EC2-26."""

import os
import time

from answers import page, tags
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidParameterCombination, InvalidParameterValue, MissingParameterError
from moto.ec2.models.managed_prefixes import ManagedPrefixList
from moto.ec2.responses.vpcs import VPCs
from rule import canonical
from rules import LOCK

# How long a change of a list takes, in seconds. (EC2-23)
SECONDS = float(os.environ.pop("EVENKEEL_EC2_PREFIX_LIST_SECONDS", "") or 0)


def find(response, prefix_list_id):
    """The list with the id, its finished change applied. (EC2-21)"""
    found = response.ec2_backend.managed_prefix_lists.get(prefix_list_id)
    if found is None or found.state.startswith("delete"):
        raise EC2ClientError("InvalidPrefixListID.NotFound", f"The prefix list ID '{prefix_list_id}' does not exist")
    pending = getattr(found, "pending", None)
    if pending and time.monotonic() >= pending[0]:
        _, found.state, found.version, entries = pending
        found.entries[found.version], found.pending = entries, None
    return found


def current(found):
    """The entries that are in force. Lists of AWS have no version."""
    return found.entries.get(found.version) or (list(found.entries.values())[-1] if found.version is None else [])


def begin(found, doing, entries):
    """Starts a change, and shows the list as it is until then. (EC2-23)"""
    found.pending = (time.monotonic() + SECONDS, doing + "-complete", found.version + 1, entries)
    found.state = doing + "-in-progress"
    return ActionResult({"PrefixList": shown(found)})


def shown(found):
    backend = found.ec2_backend
    out = {
        "PrefixListId": found.id,
        "AddressFamily": found.address_family,
        "State": found.state,
        "PrefixListArn": found.prefix_list_arn,
        "PrefixListName": found.prefix_list_name,
        "MaxEntries": found.max_entries,
        "Version": found.version,
        "OwnerId": found.owner_id,
        "Tags": tags(backend, found.id),
    }
    return {name: value for name, value in out.items() if value is not None}


def canonical_entries(entries, family):
    """Entries as EC2 keeps them: one for each prefix, the last one given. (EC2-20)"""
    if len(entries) > 100:
        raise InvalidParameterValue("No more than 100 entries can be given in one request.")
    out = {}
    for entry in entries:
        cidr = canonical(entry.get("Cidr") or "", 6 if family == "IPv6" else 4)
        out[cidr] = {name: value for name, value in {"Cidr": cidr, "Description": entry.get("Description")}.items() if value is not None}
    return list(out.values())


def check_size(entries, most):
    if len(entries) > int(most):
        raise EC2ClientError("PrefixListMaxEntriesExceeded", f"The prefix list cannot have more than {most} entries.")


def changeable(found, version):
    """Refuses a change of another version than the caller knows. (EC2-22)"""
    if found.owner_id == "AWS":
        raise EC2ClientError("OperationNotPermitted", f"The prefix list '{found.id}' is managed by AWS")
    if found.state.endswith("-in-progress"):
        raise EC2ClientError("IncorrectState", f"The prefix list ('{found.id}') is in the current state ({found.state})")
    if version is not None and int(version) != found.version:
        raise EC2ClientError("PrefixListVersionMismatch", "The prefix list has the incorrect version number")


def create_managed_prefix_list(self):
    self.error_on_dryrun()
    for name in ("PrefixListName", "MaxEntries", "AddressFamily"):
        if self._get_param(name) is None:
            raise MissingParameterError(name)
    family, most = self._get_param("AddressFamily"), int(self._get_param("MaxEntries"))
    entries = canonical_entries(self._get_param("Entries", []), family)
    check_size(entries, most)
    with LOCK:
        made = self.ec2_backend.create_managed_prefix_list(
            address_family=family,
            entry=entries,
            max_entries=most,
            prefix_list_name=self._get_param("PrefixListName"),
            tags=self._parse_tag_specification().get("prefix-list", {}),
        )
        made.entries = {1: entries}
        return ActionResult({"PrefixList": {**shown(made), "State": "create-in-progress"}})


def modify_managed_prefix_list(self):
    self.error_on_dryrun()
    add, remove, most = self._get_param("AddEntries", []), self._get_param("RemoveEntries", []), self._get_param("MaxEntries")
    if most is not None and (add or remove):
        raise InvalidParameterCombination("The entries and the size of a prefix list cannot be modified at the same time.")
    with LOCK:
        found = find(self, self._get_param("PrefixListId"))
        changeable(found, self._get_param("CurrentVersion"))
        added, removed = canonical_entries(add, found.address_family), canonical_entries(remove, found.address_family)
        entries = {entry["Cidr"]: entry for entry in current(found)}
        for entry in removed:
            entries.pop(entry["Cidr"], None)
        for entry in added:
            entries[entry["Cidr"]] = entry
        check_size(entries, most if most is not None else found.max_entries)
        if most is not None:
            found.max_entries = int(most)
        if self._get_param("PrefixListName") is not None:
            found.prefix_list_name = self._get_param("PrefixListName")
        if not add and not remove:
            found.state = "modify-complete"
            return ActionResult({"PrefixList": {**shown(found), "State": "modify-in-progress"}})
        return begin(found, "modify", list(entries.values()))


def restore_managed_prefix_list_version(self):
    self.error_on_dryrun()
    for name in ("PreviousVersion", "CurrentVersion"):
        if self._get_param(name) is None:
            raise MissingParameterError(name)
    with LOCK:
        found = find(self, self._get_param("PrefixListId"))
        changeable(found, self._get_param("CurrentVersion"))
        previous = int(self._get_param("PreviousVersion"))
        if previous not in found.entries:
            raise InvalidParameterValue(f"The prefix list has no version {previous}.")
        return begin(found, "restore", list(found.entries[previous]))


def get_managed_prefix_list_entries(self):
    self.error_on_dryrun()
    with LOCK:
        found = find(self, self._get_param("PrefixListId"))
        version = self._get_param("TargetVersion")
        if version is not None and int(version) not in found.entries:
            raise InvalidParameterValue(f"The prefix list has no version {version}.")
        entries = current(found) if version is None else found.entries[int(version)]
        return ActionResult(page(self, "Entries", [(f"{i:06}", entry) for i, entry in enumerate(entries)], 1, 100))


def describe_managed_prefix_lists(self):
    self.error_on_dryrun()
    ids = self._get_param("PrefixListIds", [])
    with LOCK:
        for prefix_list_id in ids:
            find(self, prefix_list_id)
        found = self.ec2_backend.describe_managed_prefix_lists(prefix_list_ids=ids, filters=self._filters_from_querystring())
        views = [(one.id, shown(find(self, one.id))) for one in found if not one.state.startswith("delete")]
        return ActionResult(page(self, "PrefixLists", sorted(views, key=lambda item: item[0]), 1, 100))


def get_managed_prefix_list_associations(self):
    self.error_on_dryrun()
    backend = self.ec2_backend
    with LOCK:
        found = find(self, self._get_param("PrefixListId"))
        using = {
            group.id
            for groups in list(backend.groups.values())
            for group in list(groups.values())
            if any(rule.prefix_list_id == found.id for rule in group.ingress_rules + group.egress_rules)
        }
    items = [(group, {"ResourceId": group, "ResourceOwner": backend.account_id}) for group in sorted(using)]
    return ActionResult(page(self, "PrefixListAssociations", items, 5, 255))


def delete_managed_prefix_list(self):
    self.error_on_dryrun()
    with LOCK:
        found = find(self, self._get_param("PrefixListId"))
        changeable(found, None)
        self.ec2_backend.delete_managed_prefix_list(found.id)
        return ActionResult({"PrefixList": {**shown(found), "State": "delete-in-progress"}})


def replace():
    ManagedPrefixList.pending = None
    for call in (
        create_managed_prefix_list,
        modify_managed_prefix_list,
        restore_managed_prefix_list_version,
        get_managed_prefix_list_entries,
        describe_managed_prefix_lists,
        get_managed_prefix_list_associations,
        delete_managed_prefix_list,
    ):
        setattr(VPCs, call.__name__, call)
