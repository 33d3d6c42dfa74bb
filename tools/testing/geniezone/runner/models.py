# SPDX-License-Identifier: GPL-2.0
"""
Runs gzhyp on the machines and CPU models that QEMU offers: the installed QEMU, and the
newest one of Debian.
"""

import os
import re

from . import bench, ktap, programs
from .context import reason
from .machine import DEMO_STEPS, SMMU, Machine, base_machine, split_runs
from .phones import format_table

QEMU = "qemu-system-aarch64"

# gzhyp must start on each of these machines, and run guests.
MACHINES = (
    ("8 CPUs", ("--smp", "8")),
    ("two clusters", ("--smp", "4,sockets=1,clusters=2,cores=2,threads=1")),
    ("four memory nodes", ("--nodes", "4")),
    ("EL3", ("--machine", "secure=on")),
    ("GICv4", ("--machine", "gic-version=4")),
    ("SMMUv3", SMMU),
    ("no ITS", ("--machine", "its=off")),
    ("memory tags", ("--machine", "mte=on")),
    ("8 GiB", ("--mem", "8G")),
)

# Models with EL2 in AArch64. On the a64fx, Linux itself warns: its cache lines are too
# long.
MODEL = re.compile(r"^ +(cortex-a[3-9]\d\w*|neoverse-\w+|max)\b", re.M)
VARIANTS = ("max,pauth=off", "max,sve=off")

# These run for long, and test the owners of memory rather than the CPU.
NOT_GZHYP = ("gzhyp_fuzz_test", "gzhyp_split_test")

# Of the driver's programs those for which the CPU might make a difference
CORE = ("run_test", "irq_test", "mmio_test", "idle_test", "protected_test",
        "memslot_test", "fault_test")

# Emulation of pointer authentication is slow
PATIENCE = 4

TABLE = "tools/virt/geniezone/docs/gzhyp.rst"


def newest(ctx):
    """The newest QEMU, or None if it cannot be had."""
    path = ctx.build / "qemu" / QEMU
    status, output = ctx.make("newest-qemu", str(path))
    if not status:
        return path
    ctx.report.add("newest QEMU", ktap.SKIP, f"cannot be had: {reason(output)}",
                   ctx.log("make-newest-qemu"))
    return None


def qemus(ctx):
    """Version -> program, of each QEMU."""
    found = {}
    for program in filter(None, (QEMU, newest(ctx))):
        _, output = ctx.run("qemu-version", program, "--version")
        found[re.search(r"version (\S+)", output)[1]] = program
    return found


def slug(name):
    return re.sub("[^a-z0-9]+", "-", name.lower())


def each_qemu(ctx, names, work):
    """Does work(version, program, name) for each QEMU and each of names(program)."""
    group = ctx.report.group
    for version, program in qemus(ctx).items():
        for name in names(program):
            ctx.report.group = f"{group}, QEMU {version}, {name}"
            work(version, program, name)
    ctx.report.group = group


def machines(ctx):
    """gzhyp on each kind of machine."""
    options = dict(MACHINES)

    def work(version, program, name):
        base_machine(ctx).demo(f"start-{slug(name)}-{version}", *options[name],
                               "--qemu", program)

    each_qemu(ctx, lambda program: options, work)


def fits(ctx, program, model):
    """Not each model fits into the machine. QEMU only writes a device tree here."""
    status, _ = ctx.run("qemu-model", program, "-nodefaults", "-cpu", model,
                        "-M", f"virt,dumpdtb={ctx.logs}/qemu-model.dtb")
    return status == 0


def models_of(ctx, program):
    """The models of this QEMU that fit, or those in MODELS."""
    wanted = os.environ.get("MODELS")
    if wanted:
        return wanted.split("/")
    _, output = ctx.run("qemu-models", program, "-M", "virt", "-cpu", "help")
    return [model for model in (*MODEL.findall(output), *VARIANTS)
            if fits(ctx, program, model)]


def title(program):
    return program.name.removeprefix("gzhyp_").removesuffix("_test")


def cell(results):
    """How many passed, + how many were skipped."""
    count = {status: 0 for status in (ktap.PASS, ktap.FAIL, ktap.SKIP)}
    for result in results:
        count[result.status] += 1
    if count[ktap.FAIL] or not results:
        return "FAILED"
    skipped = f"+{count[ktap.SKIP]}" if count[ktap.SKIP] else ""
    return f"{count[ktap.PASS]}{skipped}"


def cells(lines, found):
    """A row of the table: guests, and each of the programs."""
    steps = DEMO_STEPS[2:]
    reached = [step for step in steps
               if any(line.startswith(f"ok: {step}") for line in lines)]
    yield "2" if len(reached) == len(steps) else "FAILED"
    runs = split_runs(lines)
    for program in found:
        text, code = runs.get(program.name, ("", None))
        yield cell([] if code is None else ktap.parse_program(text, code))


def selftests(ctx):
    """All programs of gzhyp and of the driver on the newest QEMU."""
    program = newest(ctx)
    if program:
        # The fuzz comes first: programs of the driver leave VMs that cannot end.
        found = programs.programs(ctx, programs.GZHYP) + \
            programs.programs(ctx, programs.DRIVER)
        base_machine(ctx).tests("newest-qemu", "", programs.for_kernel(found, "base"),
                                options=("--qemu", program))


def models(ctx):
    """Guests and programs on each CPU model, and a table."""
    found = [program for program in programs.for_kernel(
        programs.programs(ctx, programs.GZHYP), "base")
        if program.name not in NOT_GZHYP] + programs.named(ctx, *CORE)
    machine = Machine(ctx, "base", ctx.kernel_image, ctx.kbuild / "host.cpio", PATIENCE)
    rows = [["QEMU", "CPU", "guests", *map(title, found)]]

    def work(version, program, model):
        lines = machine.tests(f"model-{slug(model)}-{version}", "", found,
                              guests=("plain", "protected"),
                              options=("--cpu", model, "--qemu", program))
        rows.append([version, model, *cells(lines, found)])

    each_qemu(ctx, lambda program: models_of(ctx, program), work)
    table = format_table(rows)
    (ctx.logs / "models.txt").write_text(table)
    print(table, flush=True)
    bench.update_document(ctx, table, "CPU models", TABLE)
