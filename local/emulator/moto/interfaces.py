"""Groups of network interfaces and instances: local/ec2.md, EC2-30 and EC2-31."""

from moto.ec2.exceptions import InvalidSecurityGroupNotFoundError
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.instances import Instance, InstanceBackend
from rules import LOCK


def known(backend, ids):
    """The groups with the ids; none may be missing. (EC2-31)"""
    groups = [backend.get_security_group_from_id(group_id) for group_id in ids or []]
    for group_id, group in zip(ids or [], groups):
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
    return groups


def primary(instance):
    """The primary interface, or None while the instance is being made."""
    return getattr(instance, "nics", {}).get(0)


def groups_of(instance):
    return primary(instance)._group_set if primary(instance) else instance.given_groups


def give_groups(instance, groups):
    instance.given_groups = groups
    if primary(instance):
        primary(instance)._group_set = list(groups)


def replace():
    stock_create = NetworkInterfaceBackend.create_network_interface
    stock_modify = NetworkInterfaceBackend.modify_network_interface_attribute

    def create(self, *args, **more):
        known(self, args[3] if len(args) > 3 else more.get("group_ids"))
        return stock_create(self, *args, **more)

    def modify(self, eni_id, group_ids, *args, **more):
        known(self, group_ids)
        with LOCK:
            return stock_modify(self, eni_id, group_ids, *args, **more)

    def modify_instance(self, instance_id, new_group_id_list):
        instance, groups = self.get_instance(instance_id), known(self, new_group_id_list)
        with LOCK:
            instance.security_groups = groups
        return instance

    NetworkInterfaceBackend.create_network_interface = create
    NetworkInterfaceBackend.modify_network_interface_attribute = modify
    InstanceBackend.modify_instance_security_groups = modify_instance
    # An interface has its own groups, and an instance those of its primary one. (EC2-30)
    NetworkInterface.group_set = property(lambda self: self._group_set)
    Instance.security_groups = property(groups_of, give_groups)
