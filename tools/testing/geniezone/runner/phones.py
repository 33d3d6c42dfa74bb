# SPDX-License-Identifier: GPL-2.0
"""
Runs guests and test programs with the words of gzhyp.as: each word is an answer that
the hypervisor of a phone may give.
"""

import os
import re

from . import ktap, programs
from .machine import DEMO_STEPS, base_machine

# gzhyp's table of words
OPTIONS = "tools/virt/geniezone/gzhyp/core/options.c"

# This program tests gzhyp's answers themselves
ANSWERS = "gzhyp_as_test"

# These have gzhyp give answers of their own
OTHER_ANSWERS = ("forge_test", "inject_test")

# These use nothing that shipped drivers do not: a script, doorbells, interrupts that
# come again, slots, and processes that end or are killed
NOTHING_NEW = ("stream_test", "ioeventfd_test", "irqfd_test", "lifetime_test")

GUESTS = ("plain", "protected")
STEPS = {
    "plain": [step for step in DEMO_STEPS if step.startswith("guest")],
    "protected": [step for step in DEMO_STEPS if step.startswith("protected")],
}

# Words with which some kinds of guests do not run, and the kinds that do
LESS_GUESTS = {
    "mapstuck": (),             # no page is mapped
    "gicsgi": (),               # the VMM must emulate the SGI frames
    "noprotect": ("plain",),    # there are no protected VMs
}

# With this word no VM ends, so the driver cannot be unloaded
KEEPS_VMS = {"destroystuck"}

# Modes with words that are compatible, as many as possible at once
TOGETHER = {
    "odd": "dvcpunone,runerror,st32junk,svehint,idlenomigrate,idlenodelay,"
           "nofw,lrstay,held,few,wholeblocks,mmiolow,romflag,gicfixed",
    "old with others": "old,dvcpuerror,st32zero,pstateonly,dropactive,mapbusy",
}


def words(ctx):
    """The words of gzhyp.as, as gzhyp's source has them."""
    text = (ctx.top / OPTIONS).read_text()
    table = text[text.index("as_words[]"):]
    return re.findall(r'^\t\{ "(\w+)", OPT_', table[:table.index("};")], re.M)


def chosen(ctx, word):
    """The programs that the word can make a difference to."""
    if word in LESS_GUESTS and not LESS_GUESTS[word]:
        return programs.named(ctx, ANSWERS)
    return [program for program in programs.for_modes(ctx, "base")
            if "alone" not in program.needs and program.name not in OTHER_ANSWERS] + \
        programs.needing(ctx, "answers")


class Row:
    """The results of one machine: of its programs, and of each kind of guest."""

    def __init__(self, report, word):
        self.report = report
        self.before = dict(report.count)
        self.cells = [word]

    def add_cell(self):
        """Ends a column. Its results are those since the last one."""
        count = {s: n - self.before[s] for s, n in self.report.count.items()}
        self.before = dict(self.report.count)
        cell = f"{count[ktap.PASS]} passed" if count[ktap.PASS] else "-"
        if count[ktap.SKIP]:
            cell += f", {count[ktap.SKIP]} skipped"
        if count[ktap.FAIL]:
            cell += f", {count[ktap.FAIL]} FAILED"
        self.cells.append(cell)


def boot(ctx, word, append, found):
    """Boots guests and runs programs in one machine. Returns a row of the table."""
    machine = base_machine(ctx)
    name = f"phone-{word.replace(' ', '-')}"
    guests = LESS_GUESTS.get(word, GUESTS)
    row = Row(ctx.report, word)
    if word in KEEPS_VMS:
        machine.demo(name, append=append)
        row.add_cell()
        return [word, "-", *row.cells[1:], "(both guests)"]
    lines = machine.tests(name, append, found, guests=guests)
    row.add_cell()
    for kind in GUESTS:
        if kind in guests:
            machine.reached(name, lines, STEPS[kind])
        row.add_cell()
    return row.cells


def strict(ctx):
    """Guests and programs cause no call that shipped drivers do not make."""
    row = boot(ctx, "strict", "gzhyp.strict", programs.named(ctx, *NOTHING_NEW))
    log = ctx.log("phone-strict")
    told = re.findall(r"gzhyp: strict: .*", log.read_text(errors="replace"))
    ctx.report.check("no call that shipped drivers do not make", not told,
                     " ".join(told[:1]), log)
    return row


def odd(ctx):
    """Many of the answers at once, for those programs that test answers."""
    return boot(ctx, "odd", f"gzhyp.as={TOGETHER['odd']}",
                programs.needing(ctx, "answers"))


def phones(ctx):
    """One machine for each word and mode, or for those in WORDS; and a table."""
    rows = []
    group = ctx.report.group
    modes = {word: f"gzhyp.as={word}" for word in words(ctx)}
    modes.update({name: f"gzhyp.as={mode}" for name, mode in TOGETHER.items()})
    wanted = os.environ.get("WORDS", "")
    if wanted:
        modes = {word: modes[word] for word in wanted.split(",")}
    for word, append in modes.items():
        ctx.report.group = f"{group}, {word}"
        rows.append(boot(ctx, word, append, chosen(ctx, word)))
    ctx.report.group = f"{group}, strict"
    rows.append(strict(ctx))
    ctx.report.group = group
    table = format_table([["word", "programs", "plain guest", "protected guest"]] + rows)
    (ctx.logs / "phones.txt").write_text(table)
    print(table, flush=True)


def format_table(rows):
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths))
                   .rstrip() + "\n" for row in rows)
