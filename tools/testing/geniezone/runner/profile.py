# SPDX-License-Identifier: GPL-2.0
"""Assigns the instructions that the plugin counted to functions."""

import bisect
import re
import subprocess
from collections import Counter

# The guest's code, CODE in layout.h
GUEST = range(0x80000000, 0x80010000)
# A static program is at low addresses; stack and vDSO are at the end of user space
PROGRAM = range(0x400000, 0x1000000)
STACK = range(0xff0000000000, 0x1000000000000)
KERNEL = 0xffff000000000000

# The maximum length of a function
LONGEST = 0x10000

LEVELS = ("program", "kernel", "driver", "EL2", "guest")


def ranges():
    """The levels but EL2, as options for longest.so"""
    for name, levels in (("user", PROGRAM), ("user", STACK), ("guest", GUEST),
                         ("kernel", range(KERNEL, 1 << 64))):
        yield f"{name}={levels.start:x}-{levels.stop - 1:x}"


def sections(path):
    """For each result, in order: address of a block -> instructions."""
    results = []
    with open(path) as file:
        for line in file:
            first, second = line.split()
            if first == "result":
                results.append({})
            else:
                results[-1][int(first, 16)] = int(second)
    return results


def longest(path):
    """For each result, in order: what masks interrupts -> instructions."""
    results = []
    with open(path) as file:
        for line in file:
            what, count = line.split()
            if what == "result":
                results.append({})
            else:
                results[-1][what] = int(count)
    return results


class Symbols:
    """The functions of the files that ran."""

    def __init__(self, nm="aarch64-linux-gnu-nm"):
        self.nm = nm
        self.names = {}

    def add(self, path, offset=0):
        """Adds the symbols of a file that was loaded at this offset."""
        done = subprocess.run([self.nm, "-n", str(path)], check=True,
                              capture_output=True, text=True)
        for line in done.stdout.splitlines():
            match = re.match(r"^([0-9a-f]+) [tTwW] (?!\$)(\S+)$", line)
            if match:
                self.names.setdefault(int(match[1], 16) + offset, match[2])
        self.order = sorted(self.names)

    def of(self, addr):
        """The function at an address, or the address if no file has it."""
        at = bisect.bisect_right(self.order, addr) - 1
        if at < 0 or addr - self.order[at] > LONGEST:
            return f"{addr:#x}"
        return self.names[self.order[at]]


def level(addr, code):
    """The level of a block; code is the range of the module's code, or None."""
    if code and addr in code:
        return "driver"
    if addr >= KERNEL:
        return "kernel"
    if addr in GUEST:
        return "guest"
    return "program" if addr in PROGRAM or addr in STACK else "EL2"


def split(section, code):
    """Level -> instructions"""
    count = Counter()
    for addr, n in section.items():
        count[level(addr, code)] += n
    return count


def by_function(section, code, symbols):
    """(level, function) -> instructions"""
    count = Counter()
    for addr, n in section.items():
        where = level(addr, code)
        name = where if where == "guest" else symbols.of(addr)
        count[where, name] += n
    return count
