# SPDX-License-Identifier: GPL-2.0
"""Operations take as many instructions as is recorded."""

from . import bench, figures, ktap
from .machine import Machine

# How far a result may be from what was recorded
TOLERANCE = 0.03
GROUPS = "exits,ioeventfd,irqfd"
# In a batch; fewer than for the table, since this is done often
OPS = 150
# A machine that has other things to do as well needs more than the usual ten
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
    """Exits, ioeventfds and irqfds with the kernel and the driver that tests have."""
    if not (ctx.built("gzhyp", "gzhyp") and ctx.built("gate image", "gate-image")):
        return {}
    machine = Machine(ctx, "gate", ctx.kernel_image, ctx.kbuild / "gate.cpio", 1)
    status, lines = machine.boot(
        "bench-gate", f"{bench.ALWAYS} gz.hypervisor=gz gz.ops={OPS} "
        f"gz.bench={GROUPS}", SECONDS, *bench.OPTIONS, "--mem", "1G")
    machine.ended("bench-gate", status, lines)
    found = figures.by_key(figures.parse(lines))
    return {key: found[key] for key in found if key[0] in figures.FIGURES}


def judge(recorded, found):
    """What is wrong with a result, or nothing."""
    if found is None:
        return "was not measured"
    if recorded is None:
        return "is not recorded"
    if abs(found - recorded) <= TOLERANCE * recorded:
        return ""
    return (f"{found:.0f} instructions, {recorded:.0f} are recorded; "
            "if that is meant to be so: make bench-record")


def gate(ctx):
    """No operation has become dearer, or cheaper, without anybody's knowledge."""
    if ctx.kbuild != ctx.build:
        return ctx.report.add("", ktap.SKIP, "the kernel is not Debian's")
    found = measure(ctx)
    recorded = read_recorded(ctx)
    for key in {**recorded, **found}:
        why = judge(recorded.get(key), found.get(key))
        ctx.report.check(f"{key[0]} {key[1]}", not why, why)
    return None


def record(ctx):
    found = measure(ctx)
    if ctx.report.check("results", bool(found)):
        (ctx.top / RECORDED).write_text(
            "# SPDX-License-Identifier: GPL-2.0\n"
            "# Instructions of operations: figure, size, count. Written by make\n"
            "# bench-record, held against what they are by make test.\n" +
            "".join(f"{figure} {size} {value:.1f}\n"
                    for (figure, size), value in found.items()))
