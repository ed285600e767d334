"""Closes every live ingress rule whose source is exactly 0.0.0.0/0 or ::/0 and
whose ports touch a protected one.

Remediation runbooks that are started by a finding work this way: they do not
look at the event at all, and compare sources as text. The list of ports is the
benchmark's, so that only the method is compared.
"""

import json
import sys


def span(text):
    """Reads "22", "20-23" or "all", with or without "/tcp"."""
    ports, _, protocol = str(text).partition("/")
    if ports in ("all", "-1"):
        return 0, 65535, protocol
    first, _, last = ports.partition("-")
    return int(first), int(last or first), protocol


def holds(rule, port, ports):
    return any(
        first <= port <= last and protocol in ("", rule["protocol"]) for first, last, protocol in map(span, ports)
    )


def protected(rule, policy):
    if rule["protocol"] == "-1":
        return True
    if rule["protocol"] not in ("tcp", "udp"):
        return False
    return any(
        holds(rule, port, policy["protectedPorts"]) and not holds(rule, port, policy.get("openPorts", []))
        for port in range(rule["fromPort"], rule["toPort"] + 1)
    )


question = json.load(sys.stdin)
rules = [
    rule["ruleId"]
    for rule in question["after"].get("rules", [])
    if not rule.get("egress")
    and (rule.get("cidrIpv4") == "0.0.0.0/0" or rule.get("cidrIpv6") == "::/0")
    and protected(rule, question["policy"])
]
json.dump({"action": "close" if rules else "none", "rules": rules}, sys.stdout)
