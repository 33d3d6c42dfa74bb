# SPDX-License-Identifier: GPL-2.0
"""Compares the costs of operations with the recorded ones.

The figures of a protected VM begin with the kind of VM and a slash.
"""

from . import bench, bench_table, ktap
from .machine import Machine

# How far a result may differ from the recorded one
TOLERANCE = 0.03
# The worst of many cases depends on what coincides in the host. It only has a limit: a
# timer must not be late by the 1,000,000 instructions that another thread runs.
LIMITS = {("timer-late", 1): 50000}
GROUPS = "exits,ioeventfd,irqfd,slots,late,gz-protected/touch"
# Operations in a batch; fewer than for the table, since this runs often
OPS = 150
# It takes about ten seconds, and longer on a busy machine
SECONDS = 240
RECORDED = "tools/testing/geniezone/bench/recorded.txt"


def read_recorded(ctx):
    recorded = {}
    for line in (ctx.top / RECORDED).read_text().splitlines():
        if line and not line.startswith("#"):
            figure, size, value = line.split()
            recorded[figure, int(size)] = float(value)
    return recorded


def measure(ctx):
    """Measures exits, ioeventfds, irqfds, faults and timers on the host kernel."""
    if not (ctx.built("gzhyp", "gzhyp") and ctx.built("gate image", "gate-image")):
        return {}
    machine = Machine(ctx, "gate", ctx.kernel_image, ctx.kbuild / "gate.cpio", 1)
    status, lines = machine.boot(
        "bench-gate", f"{bench.ALWAYS} gz.hypervisor=gz gz.ops={OPS} "
        f"gz.bench={GROUPS}", SECONDS, *bench.OPTIONS, "--mem", "1G")
    machine.ended("bench-gate", status, lines)
    found = bench_table.by_key(bench_table.parse(lines))
    return {key: value for key, value in found.items()
            if key[0].split("/")[-1] in bench_table.FIGURES}


def judge(recorded, found, limit=None):
    """The problem of a result, or an empty string."""
    if found is None:
        return "was not measured"
    if limit:
        return "" if found <= limit else f"{found:.0f} instructions, limit {limit}"
    if recorded is None:
        return "is not recorded"
    if abs(found - recorded) <= TOLERANCE * recorded:
        return ""
    return (f"{found:.0f} instructions, {recorded:.0f} are recorded; "
            "if this is intended, run make bench-record")


def gate(ctx):
    """No operation costs more or less than recorded."""
    if ctx.kbuild != ctx.build:
        return ctx.report.add("", ktap.SKIP, "the kernel is not Debian's")
    found = measure(ctx)
    recorded = read_recorded(ctx)
    for key in {**recorded, **found}:
        why = judge(recorded.get(key), found.get(key), LIMITS.get(key))
        ctx.report.check(f"{key[0]} {key[1]}", not why, why)
    return None


def record(ctx):
    found = measure(ctx)
    if ctx.report.check("results", bool(found)):
        (ctx.top / RECORDED).write_text(
            "# SPDX-License-Identifier: GPL-2.0\n"
            "# Instructions that operations take: figure, size, count. make\n"
            "# bench-record writes this file; make test compares with it.\n" +
            "".join(f"{figure} {size} {value:.1f}\n"
                    for (figure, size), value in found.items()))
