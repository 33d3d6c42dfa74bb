# SPDX-License-Identifier: GPL-2.0
"""
Guests with four vCPUs on a machine whose four CPUs share one core of this machine:
whoever holds a lock may not run for a while. The same guests on gzhyp and on KVM.
"""

import re

from .machine import Machine, base_machine
from .phones import format_table

ROUNDS = 2
OPTIONS = ("--smp", "4", "--core", "0")
PATIENCE = 3

# The host's line about a guest
RESULT = re.compile(r"^smp: (\S+) (\d+ s, \d+ lockups)$")


def gzhyp(ctx):
    return base_machine(ctx).smp("guest-smp-core", ROUNDS, *OPTIONS, patience=PATIENCE)


def kvm(ctx):
    """The host has the same kernel, starts at EL2, and has gzrun on KVM."""
    if not ctx.built("gzrun on KVM", "kvm-image"):
        return []
    host = Machine(ctx, "base", ctx.kernel_image, ctx.kbuild / "kvm.cpio", 2)
    return host.smp("guest-smp-core-kvm", ROUNDS, *OPTIONS, "--vhe", patience=PATIENCE,
                    append="gz.hypervisor=kvm kvm-arm.mode=nvhe", el2=False)


def results(lines):
    return dict(match.groups() for match in map(RESULT.match, lines) if match)


def one_core(ctx):
    """Runs both, and prints a table: how long each guest took, and its lockups."""
    group = ctx.report.group
    columns = []
    for name, work in (("gz", gzhyp), ("KVM nVHE", kvm)):
        ctx.report.group = f"{group}, {name}"
        columns.append(results(work(ctx)))
    ctx.report.group = group
    guests = dict.fromkeys(guest for column in columns for guest in column)
    table = format_table([["guest", "gz", "KVM nVHE"]] + [
        [guest, *(column.get(guest, "-") for column in columns)] for guest in guests])
    (ctx.logs / "one-core.txt").write_text(table)
    print(table, flush=True)
