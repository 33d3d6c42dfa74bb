#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs the tests, for "make test", "make check-static" and similar targets.

Each step gives one or more results. The last line is "N passed, N failed". The
exit status is not zero if a result is a failure.
"""

import argparse
import sys

sys.dont_write_bytecode = True

from runner import bench, coverage, docs, framework, gate, graph, guests, hypmutants, \
    kernels, machine, models, mutants, onecore, phones, programs, reset, selfcheck, \
    series, static, steps, terminal, upstream
from runner.prebuild import Prebuild
from runner.context import Context
from runner.report import Report


def build_host(ctx):
    if ctx.built("kernel", "kernel"):
        dropped = (ctx.host / "dropped").read_text().split()
        ctx.report.check("kernel has each wanted option", not dropped,
                         " ".join(dropped))
    for part in ("gzhyp", "gzhyp-test", "gzrun", "selftests", "images"):
        ctx.built(part, part)


def build_debug(ctx):
    if ctx.prebuild:
        ctx.prebuild.finish()
    if ctx.built("debug kernel", "debug-kernel"):
        dropped = (ctx.debug / "dropped").read_text().split()
        ctx.report.check("kernel has each wanted option", not dropped,
                         " ".join(dropped))
    ctx.built("debug image", "debug-image")


def kselftest(pick, name, mode, choose, log="kselftest"):
    """The programs that choose(ctx) gives, on a kernel in a mode of gzhyp."""
    modes = dict(machine.MODES)
    seed = 1 + list(modes).index(mode)
    append = f"{modes[mode]} gz.ioctl_fuzz={machine.FUZZ_SECONDS.get(name, 20)},{seed}"
    if name == "debug" and mode in machine.DEBUG_MODES:
        append += f" {machine.DEBUG_MODES[mode]}"

    def step(ctx):
        pick(ctx).tests(f"{log}-{name}-{mode}", append, choose(ctx))
    return step


def kselftests(pick, name):
    """The driver's programs in the default mode; those that a mode matters to, in it."""
    def choose(mode):
        if mode != machine.MODES[0][0]:
            return lambda ctx: programs.for_modes(ctx, name)
        return lambda ctx: programs.for_kernel(
            programs.programs(ctx, programs.DRIVER), name)

    return [(f"kselftest {name} {mode}", kselftest(pick, name, mode, choose(mode)))
            for mode, _ in machine.MODES]


# Sizes of host pages, as flavours of the kernel
PAGES = ("16k", "64k")


def check_pages(kernel):
    """All that depends on the size of host pages, on a kernel with this size."""
    def build(ctx):
        if ctx.built("kernel", f"{kernel}-kernel"):
            dropped = (ctx.kbuild / kernel / "dropped").read_text().split()
            ctx.report.check("kernel has each wanted option", not dropped,
                             " ".join(dropped))
        ctx.built("image", f"{kernel}-image")

    def kunit(ctx):
        machine.kunit_module(ctx, machine.pages_machine(ctx, kernel),
                             ctx.kbuild / kernel)

    return [(f"{kernel} build", build), (f"{kernel} unit tests", kunit),
            (f"{kernel} guests", lambda ctx: machine.pages_guests(ctx, kernel))] + \
        kselftests(lambda ctx: machine.pages_machine(ctx, kernel), kernel)


def unpack(ctx):
    ctx.built("linux-6.12", str(ctx.build / "integrated"))
    ctx.built("linux-6.1", f"{ctx.linux_61}.stamp")


# Fast checks that often fail come first. The static checks need kernel trees, and
# one of them needs the host kernel.
FIRST = [("selfcheck", selfcheck.selfcheck), ("unpack", unpack)]
STATIC = [
    ("checkpatch", static.checkpatch),
    ("kernel-doc", static.kernel_doc),
    ("uapi", static.uapi),
    ("integrate", upstream.integration),
    ("kselftest install", framework.install),
    ("compile", static.compilers),
    ("series", series.series_612),
    ("kconfig", static.kconfig_ext),
    ("docs", docs.docs),
]
HOST = [("build", build_host)]
# Reads objects that "build" leaves
GRAPH = [("file graph", graph.graph)]
EXTERNAL = [("external", static.external)]
UNIT = [("gzhyp unit", machine.unit_tests), ("gzhyp fuzz", machine.fuzz_core),
        ("gzrun unit", machine.gzrun_unit_tests)]
KUNIT = [("kunit", machine.kunit)]
UNIT_BASE = [("unit tests", machine.kunit_base)]
BASE = [("guest", machine.guest), ("smp guests", machine.smp_guests),
        ("gzrun", machine.gzrun), ("gzhyp", machine.gzhyp), ("dma", machine.dma),
        ("run", terminal.run), ("shell", terminal.shell),
        ("kexec", machine.kexec), ("reset", reset.reset),
        ("run_kselftest", framework.run),
        ("no hypervisor", machine.no_hypervisor), ("unlisted", machine.unlisted)] + \
    [("phone strict", phones.strict), ("phone odd", phones.odd)] + \
    kselftests(machine.base_machine, "base")
DEBUG = [("build debug", build_debug)] + \
    kselftests(machine.debug_machine, "debug") + \
    [("unit tests debug", machine.kunit_debug),
     ("ioctl fuzz debug",
      kselftest(machine.debug_machine, "debug", machine.MODES[0][0],
                lambda ctx: programs.needing(ctx, "alone"), "fuzz"))]

# Steps that may run in parallel with the longest step, if they come after it
BESIDE = {"kselftest debug default":
          ("kselftest debug noblock", "kselftest debug nodemand",
           "unit tests debug", "ioctl fuzz debug")}

GROUPS = {
    "test": FIRST + UNIT + STATIC + HOST + GRAPH + UNIT_BASE + BASE +
           [("bench gate", gate.gate), ("incremental", machine.incremental)] +
           EXTERNAL + DEBUG,
    "check-static": FIRST + STATIC + HOST + GRAPH + EXTERNAL,
    "kunit": FIRST + KUNIT,
    "kselftest": HOST + BASE,
    "mutants": HOST + [("mutants", mutants.mutants)],
    "mutants-hyp": [("unpack", unpack), ("mutants", hypmutants.mutants)],
    "phones": HOST + [("phones", phones.phones)],
    "machines": HOST + [("machines", models.machines), ("models", models.models),
                        ("newest qemu", models.selftests),
                        ("one core", onecore.one_core)],
    "soak": HOST + [("phones", phones.phones), ("soak", machine.soak),
                    ("soak kicks", machine.soak_kicks)],
    "fuzz": HOST + [("build debug", build_debug),
                    ("ioctl fuzz", machine.fuzz_ioctl)],
    "coverage": HOST + [("coverage", coverage.coverage)],
    "kcsan": HOST + [("kcsan", machine.kcsan)],
    "check-pages": HOST + [step for kernel in PAGES for step in check_pages(kernel)],
    "bench": bench.STEPS,
    "bench-guests": guests.STEPS,
    "bench-record": HOST + [("record", gate.record)],
    "check-kernels": [("fetch", kernels.fetch), ("in tree", kernels.in_tree),
                      ("module", kernels.modules),
                      ("series newest", kernels.series_newest),
                      ("boot", kernels.boot)],
    "check-rt": HOST + [("build debug", build_debug), ("nmi", machine.nmi),
                        ("fetch rt", kernels.fetch_rt), ("rt", kernels.boot_rt)],
    "check-gki": [("fetch gki", kernels.fetch_gki), ("gki", kernels.gki_modules)],
    "fuzz-core": [("core fuzz", machine.fuzz_core_longer)],
    "prove": [("proofs", machine.prove)],
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
        # Needs the tree, and uses the CPU time that machines leave
        if bundle[0][1] is unpack and build_debug in (s for _, s in chosen):
            ctx.prebuild = Prebuild(ctx, "release-kernel", "debug-kernel")
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
