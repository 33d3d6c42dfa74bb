# SPDX-License-Identifier: GPL-2.0
"""Counts results and prints them as they come."""

import sys
import time

from . import ktap


def tell(line):
    """Prints a line in one write, since several threads print."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Report:
    """
    The results of steps. A report with another report belongs to steps that run in
    parallel: its lines have a mark, and the other report takes the results over.
    """

    def __init__(self, other=None):
        self.count = {ktap.PASS: 0, ktap.FAIL: 0, ktap.SKIP: 0}
        self.failures = []
        self.start = other.start if other else time.monotonic()
        self.mark = " |" if other else ""
        self.group = ""

    def take_over(self, other):
        for status, count in other.count.items():
            self.count[status] += count
        self.failures += other.failures

    def elapsed(self):
        seconds = int(time.monotonic() - self.start)
        return f"[{seconds // 60:3d}:{seconds % 60:02d}]{self.mark}"

    def begin(self, group):
        self.group = group
        self.before = dict(self.count)
        tell(f"{self.elapsed()} {group}")

    def end(self):
        delta = {k: self.count[k] - self.before[k] for k in self.count}
        if not any(delta.values()):
            self.fail("", "no result at all")
            delta[ktap.FAIL] = 1
        line = f"{delta[ktap.PASS]} passed, {delta[ktap.FAIL]} failed"
        if delta[ktap.SKIP]:
            line += f", {delta[ktap.SKIP]} skipped"
        tell(f"{self.elapsed()}   {line}")

    def indent(self):
        return f"        {self.mark} "

    def add(self, name, status, reason="", log=""):
        self.count[status] += 1
        title = ": ".join(x for x in (self.group, name) if x)
        if status == ktap.FAIL:
            where = f" (see {log})" if log else ""
            line = f"FAIL {title}: {reason or 'failed'}{where}"
            self.failures.append(line)
            tell(f"{self.indent()} {line}")
        elif status == ktap.SKIP:
            tell(f"{self.indent()} skip {title}: {reason}")

    def ok(self, name):
        self.add(name, ktap.PASS)

    def fail(self, name, reason, log=""):
        self.add(name, ktap.FAIL, reason, log)

    def check(self, name, good, reason="", log=""):
        self.add(name, ktap.PASS if good else ktap.FAIL, reason, log)
        return good

    def merge(self, prefix, results, log=""):
        for r in results:
            name = f"{prefix} {r.name}".strip()
            self.add(name, r.status, r.reason, log)

    def summary(self):
        """Prints the summary. Programs read the last line, so its format is fixed."""
        print()
        if self.failures:
            print("\n".join(self.failures))
        if self.count[ktap.SKIP]:
            print(f"{self.count[ktap.SKIP]} skipped")
        print(f"{self.count[ktap.PASS]} passed, {self.count[ktap.FAIL]} failed")
        return 1 if self.count[ktap.FAIL] or not self.count[ktap.PASS] else 0
