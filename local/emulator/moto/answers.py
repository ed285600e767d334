"""What the replaced calls share: pages of an answer, tags, and fast XML."""

import base64
from xml.sax.saxutils import escape

from moto.ec2.exceptions import EC2ClientError, InvalidParameterValue


def page(response, name, items, low, high):
    """One page of an answer. Items are pairs of a key and what is shown, in the
    order of the keys; the token names the last key shown, so that an item that
    comes or goes between two pages moves no other. (EC2-10)"""
    size, token = response._get_param("MaxResults"), response._get_param("NextToken")
    if size is not None and not low <= int(size) <= high:
        raise InvalidParameterValue(f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {low} and {high}.")
    if token:
        try:
            after = base64.urlsafe_b64decode(token.encode()).decode()
        except ValueError:
            raise EC2ClientError("InvalidNextToken", f"The token '{token}' is invalid")
        items = [(key, value) for key, value in items if key > after]
    answer = {}
    if size is not None and len(items) > int(size):
        items = items[: int(size)]
        answer["NextToken"] = base64.urlsafe_b64encode(items[-1][0].encode()).decode()
    answer[name] = [value for _, value in items]
    return answer


def tags(backend, resource):
    """The tags of a resource, in the order in which they were set."""
    return [{"Key": key, "Value": value} for key, value in backend.tags.get(resource, {}).items()]


# Lists are elements of their own, whose name ends with Set.
SETS = {"SecurityGroupRules": "securityGroupRuleSet", "Tags": "tagSet"}


def xml(action, answer):
    """An answer in the EC2 query protocol. moto's own way takes milliseconds for
    each rule, which is most of what reading a large group takes. (EC2-8)"""

    def element(name, value):
        if isinstance(value, list):
            name, inside = SETS[name], "".join(element("item", one) for one in value)
        elif isinstance(value, dict):
            inside = "".join(element(key, one) for key, one in value.items())
        else:
            inside = str(value).lower() if isinstance(value, bool) else escape(str(value))
        name = name[0].lower() + name[1:]
        return f"<{name}>{inside}</{name}>"

    body = "".join(element(name, value) for name, value in answer.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>00000000-0000-0000-0000-000000000000</requestId>{body}</{action}Response>"
    )
