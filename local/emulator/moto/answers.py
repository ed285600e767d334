"""What the replaced calls share: pages of an answer, and tags."""

import base64

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
