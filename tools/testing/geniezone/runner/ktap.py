# SPDX-License-Identifier: GPL-2.0
"""Turns KTAP, which KUnit and kselftest print, into results.

Each violation of the format becomes a failed result: no plan, fewer results than
planned, output that ends in the middle. So a test that dies never looks like a
test without results.
"""

import re
from collections import namedtuple

PASS, FAIL, SKIP = "pass", "fail", "skip"

Result = namedtuple("Result", "name status reason")

VERSION = re.compile(r"^( *)K?TAP version \d+\s*$")
PLAN = re.compile(r"^( *)1\.\.(\d+)(\s*#.*)?$")
RESULT = re.compile(r"^( *)(ok|not ok) (\d+)(?: -)?(?: ([^#]*))?(?:# *(.*))?$")
DIRECTIVE = re.compile(r"^(SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b\s*(.*)$", re.I)
REMARK = re.compile(r"^ *# ?(.*)$")

# How kselftest's and KUnit's harness begin to tell why a test fails
CAUSE = re.compile(r":Expected |(EXPECTATION|ASSERTION) FAILED at|terminated by ")


class Level:
    """One list of results: the outermost, or the subtests of a test."""

    def __init__(self, indent):
        self.indent = indent
        self.plan = None
        self.count = 0
        self.results = []

    def close(self):
        if self.plan is None:
            self.broken("no plan")
        elif self.count != self.plan:
            self.broken(f"{self.plan} tests planned, {self.count} reported")
        return self.results

    def broken(self, reason):
        self.results.append(Result("", FAIL, reason))


class Parser:
    def __init__(self):
        self.levels = [Level(0)]
        self.children = None
        self.remark = self.cause = ""

    def descend(self, indent):
        if indent > self.levels[-1].indent:
            self.levels.append(Level(indent))

    def ascend(self, indent):
        """Closes deeper levels; their results belong to the line just read."""
        while len(self.levels) > 1 and self.levels[-1].indent > indent:
            done = self.levels.pop().close()
            if len(self.levels) > 1 and self.levels[-1].indent > indent:
                self.levels[-1].broken("subtests without a result of their own")
                self.levels[-1].results += done
            else:
                self.children = done

    def line(self, text):
        for pattern, handle in ((VERSION, self.version), (PLAN, self.planned),
                                (RESULT, self.result), (REMARK, self.remarked)):
            match = pattern.match(text)
            if match:
                handle(match)
                return

    def version(self, match):
        self.descend(len(match[1]))

    def planned(self, match):
        self.descend(len(match[1]))
        level = self.levels[-1]
        if level.plan is not None:
            level.broken("second plan")
        level.plan = int(match[2])
        if level.plan == 0:
            level.results.append(Result("", SKIP, (match[3] or "").strip(" #")))

    def remarked(self, match):
        if match[1].strip():
            self.remark = match[1].strip()
            if not self.cause and CAUSE.search(self.remark):
                self.cause = self.remark

    def result(self, match):
        indent = len(match[1])
        self.descend(indent)
        self.ascend(indent)
        level = self.levels[-1]
        level.count += 1
        name = (match[4] or "").strip() or f"test {match[3]}"
        if int(match[3]) != level.count:
            level.broken(f"{name}: number {match[3]} instead of {level.count}")
        level.results += self.judge(name, match[2] == "ok", match[5] or "")
        self.children = None
        self.remark = self.cause = ""

    def judge(self, name, passed, directive):
        """Each subtest counts; the parent counts only if it adds something."""
        inner = [r._replace(name=f"{name}.{r.name}" if r.name else name)
                 for r in self.children or []]
        if inner and (passed or any(r.status == FAIL for r in inner)):
            return inner
        match = DIRECTIVE.match(directive)
        if match and match[1].upper() == "SKIP":
            return inner + [Result(name, SKIP, match[2])]
        if passed:
            return inner + [Result(name, PASS, "")]
        return inner + [Result(name, FAIL,
                               self.cause or self.remark or directive)]

    def finish(self):
        if len(self.levels) > 1:
            self.levels[0].broken("output ends within a test")
            while len(self.levels) > 1:
                self.levels[0].results += self.levels.pop().close()
        return self.levels[0].close()


def parse(text):
    """Returns the results in the text."""
    parser = Parser()
    for line in text.splitlines():
        parser.line(line.rstrip())
    return parser.finish()


def parse_program(text, status):
    """Does the same for a program that ended with this exit status."""
    results = parse(text)
    if status >= 128:
        results.append(Result("", FAIL, f"ended by signal {status - 128}"))
    elif status not in (0, 4) and not any(r.status == FAIL for r in results):
        results.append(Result("", FAIL, f"ended with status {status}"))
    return results
