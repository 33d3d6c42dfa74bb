#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the tests; make test, make check-static and others start it.

Each step gives one or more counted results. The last line is
"N passed, N failed", and the status is not zero when anything failed.
"""

import argparse
import sys

sys.dont_write_bytecode = True

from testing import bench, coverage, docs, gate, machine, mutants, reset, \
    selfcheck, static, steps, terminal
from testing.ahead import Ahead
from testing.context import Context
from testing.report import Report


def build_host(ctx):
    if ctx.built("kernel", "kernel"):
        dropped = (ctx.host / "dropped").read_text().split()
        ctx.report.check("kernel has all that was asked for", not dropped,
                         " ".join(dropped))
    for part in ("gzhyp", "gzrun", "selftests", "images"):
        ctx.built(part, part)


def build_debug(ctx):
    if ctx.ahead:
        ctx.ahead.finish()
    if ctx.built("debug kernel", "debug-kernel"):
        dropped = (ctx.debug / "dropped").read_text().split()
        ctx.report.check("kernel has all that was asked for", not dropped,
                         " ".join(dropped))
    ctx.built("debug image", "debug-image")


def kselftest(pick, name, mode, only, log="kselftest", limit=60):
    modes = dict(machine.MODES)
    seed = 1 + list(modes).index(mode)
    append = f"{modes[mode]} gz.ioctl_fuzz={machine.FUZZ_SECONDS[name]},{seed}"
    if name == "debug" and mode in machine.DEBUG_MODES:
        append += f" {machine.DEBUG_MODES[mode]}"

    def step(ctx):
        pick(ctx).tests(f"{log}-{name}-{mode}", append, only, limit)
    return step


def kselftests(pick, name, others):
    """All programs in the first mode, and these in the others."""
    first = machine.MODES[0][0]
    return [(f"kselftest {name} {mode}",
             kselftest(pick, name, mode, "" if mode == first else others))
            for mode, _ in machine.MODES]


def unpack(ctx):
    ctx.built("linux-6.12", str(ctx.build / "integrated"))
    ctx.built("linux-6.1", f"{ctx.linux_61}.stamp")


# What is quick and often broken comes first. The static checks need kernel
# trees, and one of them the host kernel.
FIRST = [("selfcheck", selfcheck.selfcheck), ("unpack", unpack)]
STATIC = [
    ("checkpatch", static.checkpatch),
    ("kernel-doc", static.kernel_doc),
    ("uapi", static.uapi),
    ("integrate", static.integration),
    ("compile", static.compilers),
    ("kconfig", static.kconfig_ext),
    ("docs", docs.docs),
]
HOST = [("build", build_host)]
EXTERNAL = [("external", static.external)]
UNIT = [("gzhyp unit", machine.unit_tests),
        ("gzrun unit", machine.gzrun_unit_tests)]
KUNIT = [("kunit", machine.kunit)]
UNIT_BASE = [("unit tests", machine.kunit_base)]
BASE = [("guest", machine.guest), ("smp guests", machine.smp_guests),
        ("gzrun", machine.gzrun), ("shell", terminal.shell),
        ("kexec", machine.kexec), ("reset", reset.reset),
        ("no hypervisor", machine.no_hypervisor), ("unlisted", machine.unlisted)] + \
    kselftests(machine.base_machine, "base", machine.MODE_TESTS)
DEBUG = [("build debug", build_debug)] + \
    kselftests(machine.debug_machine, "debug", machine.MEMORY_TESTS) + \
    [("unit tests debug", machine.kunit_debug),
     ("ioctl fuzz debug",
      kselftest(machine.debug_machine, "debug", machine.MODES[0][0],
                machine.FUZZ_TEST, "fuzz", 120))]

# What may run beside the longest of all, when it comes after that
BESIDE = {"kselftest debug default":
          ("kselftest debug noblock", "kselftest debug nodemand",
           "unit tests debug", "ioctl fuzz debug")}

GROUPS = {
    "all": FIRST + UNIT + STATIC + HOST + UNIT_BASE + BASE +
           [("bench gate", gate.gate), ("incremental", machine.incremental)] +
           EXTERNAL + DEBUG,
    "static": FIRST + STATIC + HOST + EXTERNAL,
    "kunit": FIRST + KUNIT,
    "kselftest": HOST + BASE,
    "mutants": HOST + [("mutants", mutants.mutants)],
    "soak": HOST + [("soak", machine.soak),
                    ("soak kicks", machine.soak_kicks)],
    "fuzz": HOST + [("build debug", build_debug),
                    ("ioctl fuzz", machine.fuzz_ioctl)],
    "coverage": HOST + [("coverage", coverage.coverage)],
    "kcsan": HOST + [("kcsan", machine.kcsan)],
    "bench": bench.STEPS,
    "bench-record": HOST + [("record", gate.record)],
    "fuzz-hyp": HOST + [("hypervisor fuzz", machine.fuzz_hypervisor)],
}


def main():
    parser = argparse.ArgumentParser()
    for name in ("top", "build", "linux", "kbuild", "make"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("group", choices=GROUPS)
    args = parser.parse_args()
    report = Report()
    ctx = Context(args, report)
    only = tuple(args.only.split(",")) if args.only else ("",)
    chosen = [(name, step) for name, step in GROUPS[args.group]
              if name.startswith(only)]
    for bundle in steps.bundles(chosen, BESIDE):
        steps.run_bundle(ctx, *bundle)
        # It needs the tree, and time while machines run
        if bundle[0][1] is unpack and build_debug in (s for _, s in chosen):
            ctx.ahead = Ahead(ctx, "debug-kernel")
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
