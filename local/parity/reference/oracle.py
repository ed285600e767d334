"""Runs cfn-lint over the templates named on standard input, one name a line.

For each it writes one line of JSON:
  {"file": name, "seconds": s, "findings": [[rule, path, line], ...]}
or, instead of findings, "error": "timeout" or the exception that ended it.

The working directory is the corpus. One process serves many templates, so that
starting cfn-lint is not paid for each. Its clock stands still, because some of
its rules compare with today's date.
"""

import argparse
import datetime
import json
import os
import resource
import signal
import sys
import tempfile
import time


class Timeout(BaseException):
    """Not an Exception: cfn-lint turns those into findings of E0002."""


def freeze(rules, date):
    """Makes the rules that read the clock see this date.

    cfn-lint loads its rules as modules of its own making, so the date is put
    into what their functions see as global names.
    """

    class Frozen(datetime.datetime):
        @classmethod
        def today(cls):
            return cls.fromisoformat(date)

        @classmethod
        def now(cls, tz=None):
            return cls.fromisoformat(date).replace(tzinfo=tz)

    frozen = 0
    for rule in rules.values():
        for function in vars(type(rule)).values():
            names = getattr(function, "__globals__", {})
            if names.get("datetime") in (datetime.datetime, Frozen):
                names["datetime"] = Frozen
                frozen += 1
    if not frozen:
        raise RuntimeError("no rule of cfn-lint reads the clock any more")


class Guesses:
    """Stands for the module random where cfn-lint makes up names.

    It draws the names of a loop whose collection is not known, other ones in
    each run. These are the ones that our loops draw (shared/template/loop.go).
    """

    def __init__(self):
        self.count = 0

    def choices(self, _letters, k):
        self.count += 1
        value = self.count * 48271 % (2**31 - 1)
        name = ""
        for _ in range(k):
            name += chr(ord("a") + value % 26)
            value //= 26
        return name.capitalize()


def configured(region):
    """cfn-lint's configuration and rules, as its command line makes them."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner.cli import Runner

    here = os.getcwd()
    with tempfile.TemporaryDirectory() as empty:  # no .cfnlintrc of anybody
        os.chdir(empty)
        open("none.yaml", "w").close()  # it insists on a template that exists
        config = ConfigMixIn(["--include-checks", "I", "--regions", region, "--template", "none.yaml"])
        rules = Runner(config).rules
        os.chdir(here)
    return config, rules


def check(name, config, rules, messages):
    from cfnlint.runner.template.runner import run_template_by_file_path

    found = set()
    for match in run_template_by_file_path(name, config, rules, False):
        path = "/".join(str(p) for p in (getattr(match, "path", None) or []))
        finding = (match.rule.id, path, match.linenumber)
        found.add((*finding, match.message) if messages else finding)
    return sorted(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--date", default="2026-11-01")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--timeout", type=int, default=60, help="seconds a template")
    parser.add_argument("--memory", type=int, default=6 << 30, help="bytes")
    parser.add_argument("--messages", action="store_true", help="a fourth item for each finding: the message")
    args = parser.parse_args()
    try:
        resource.setrlimit(resource.RLIMIT_AS, (args.memory, args.memory))
    except (OSError, ValueError):
        pass  # not every system has this limit
    os.environ["HOME"] = tempfile.gettempdir()

    answers = os.fdopen(os.dup(1), "w")  # what cfn-lint prints is no answer
    os.dup2(2, 1)
    config, rules = configured(args.region)
    freeze(rules, args.date)
    from cfnlint.template.transforms import _language_extensions


    def expire(*_):
        raise Timeout

    signal.signal(signal.SIGALRM, expire)
    for line in sys.stdin:
        name = line.rstrip("\n")
        answer = {"file": name}
        start = time.perf_counter()
        _language_extensions.random = Guesses()
        signal.alarm(args.timeout)
        try:
            answer["findings"] = check(name, config, rules, args.messages)
        except Timeout:
            answer["error"] = "timeout"
        except Exception as e:  # its crash is an answer too
            answer["error"] = f"{type(e).__name__}: {e}"[:200]
        finally:
            signal.alarm(0)
        answer["seconds"] = round(time.perf_counter() - start, 3)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
