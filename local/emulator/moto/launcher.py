"""Starts moto server as the EC2 of the workload accounts.

Single functions of it are replaced where it does not do what EC2 does and where
the healing of security groups would notice. local/ec2.md says what moto lacks,
what AWS does, and what is done here; the functions quote its numbers. Each has a
test against the unchanged moto, too, which fails when a later release does it by
itself, so that the replacement can go.
"""

import sys


def main():
    sys.dont_write_bytecode = True  # tests run it where it lies
    import interfaces
    import lists
    import rules

    rules.replace()
    lists.replace()
    interfaces.replace()
    from moto.server import main as serve

    serve(sys.argv[1:])


if __name__ == "__main__":
    main()
