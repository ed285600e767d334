"""Looks for 0.0.0.0/0 or ::/0 in what AuthorizeSecurityGroupIngress was asked for.

Detection rules that match the text of a CloudTrail record work this way. It
reads no live rules: what it would close is what the record's answer shows.
"""

import json
import sys

WORLD = {"0.0.0.0/0", "::/0"}


def texts(value):
    """Yields every text in a JSON value."""
    if isinstance(value, dict):
        for child in value.values():
            yield from texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from texts(child)
    elif isinstance(value, str):
        yield value


def judge(question):
    event = question["event"]
    record = event["detail"] if isinstance(event.get("detail"), dict) else event
    if record.get("eventName") != "AuthorizeSecurityGroupIngress":
        return "none", []
    if not WORLD.intersection(texts(record.get("requestParameters"))):
        return "none", []
    answer = (record.get("responseElements") or {}).get("securityGroupRuleSet", {})
    return "close", [
        rule["securityGroupRuleId"]
        for rule in answer.get("items", [])
        if WORLD.intersection([rule.get("cidrIpv4"), rule.get("cidrIpv6")])
    ]


action, rules = judge(json.load(sys.stdin))
json.dump({"action": action, "rules": rules}, sys.stdout)
