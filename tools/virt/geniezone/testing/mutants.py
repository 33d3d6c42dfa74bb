# SPDX-License-Identifier: GPL-2.0
"""Puts faults into a copy of the driver and looks whether a test notices.

A fault counts as caught when the test that it names fails, not when any does.
"""

import os
import re
import shutil
from collections import namedtuple

from . import ktap
from .context import reason
from .machine import DEBUG_APPEND, KUNIT_APPEND, kunit_output, split_runs
from .static import DRIVER, scratch

LIST = "tools/testing/geniezone/mutants.txt"
# What stands for a test where a kernel is to complain
SPLAT = "splat"
# What is no test, and no splat either
NO_RESULT, NO_END = "no result", "no end"

Mutant = namedtuple("Mutant", "name file test kernel old new")


def read_list(text):
    """The mutants in a list, in their order."""
    found = []
    for part in re.split(r"\n\n+", text):
        lines = [line for line in part.splitlines() if line[:1] != "#"]
        if not lines:
            continue
        head = dict(line.split(" ", 1) for line in lines
                    if line[0] not in "-+")
        old, new = ("".join(line[1:] + "\n" for line in lines
                            if line[0] == sign) for sign in "-+")
        found.append(Mutant(head["mutant"], head["file"], head["test"],
                            head.get("kernel", "base"), old, new))
    return found


def log_name(name):
    """What the logs of a mutant begin with."""
    return "mutant-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class Bench:
    """A copy of the driver, and the machine that tries it with one kernel."""

    def __init__(self, ctx, kernel):
        self.ctx = ctx
        self.kernel = ctx.debug if kernel == "debug" else ctx.host
        self.patience = 3 if kernel == "debug" else 1
        self.append = f" {DEBUG_APPEND}" if kernel == "debug" else ""
        self.place = ctx.build / "check/mutants" / kernel
        self.tree = scratch(ctx, f"mutants/{kernel}/tree")
        self.module = self.place / "module"
        self.module.mkdir(parents=True, exist_ok=True)
        for name in ("drivers", "include", "tools/virt/geniezone/image"):
            shutil.copytree(ctx.top / name, self.tree / name)
        shutil.copy(ctx.top / "Makefile", self.tree)

    def path(self, mutant):
        return self.tree / DRIVER / mutant.file

    def build(self, what, kunit):
        """Returns why it does not build, or nothing."""
        options = []
        flags = ""
        if kunit:
            options = ["CONFIG_MTK_GZVM_KUNIT_TEST=y"]
            flags = " -DCONFIG_MTK_GZVM_KUNIT_TEST=1"
        status, output = self.ctx.run(
            f"{what}.build",
            self.tree / "tools/virt/geniezone/image/module.sh",
            self.ctx.linux_612, self.kernel, self.module, *options,
            env={"BUILD": str(self.ctx.build), "KCFLAGS": flags})
        return reason(output) if status else ""

    def boot(self, what, append, el2):
        """Runs the module that was built; returns what the host reported."""
        ctx = self.ctx
        initrd = self.place / "host.cpio"
        ko = self.module / DRIVER / "gzvm.ko"
        files = [f"{ko}=/lib/modules/gzvm.ko"]
        options = []
        if el2:
            files += [f"{self.kernel}.ctl/gzhyp_ctl.ko=/lib/modules/gzhyp_ctl.ko",
                      f"{ctx.build}/selftests=/usr/libexec/geniezone"]
            options = ["--el2", ctx.gzhyp]
        ctx.run(f"{what}.image", ctx.image / "initramfs.sh", "host", initrd,
                ctx.host / "usr/gen_init_cpio",
                ctx.build / "arm64/root/bin/busybox", *files)
        ctx.run(f"{what}.qemu", ctx.image / "qemu.sh", *options,
                "--kernel", self.kernel / "arch/arm64/boot/Image",
                "--initrd", initrd, "--append", append + self.append,
                "--timeout", str(180 * self.patience), what)
        result = ctx.logs / f"{what}.result"
        return result.read_text(errors="replace").splitlines()

    def kunit(self, what, suite, test):
        """
        Names of the tests that fail, of those that did not finish. One that goes
        wrong must not keep the one that matters from its turn.
        """
        only = suite if test in ("", SPLAT, NO_END) else f"{suite}.{test}"
        lines = self.boot(what, f"{KUNIT_APPEND} kunit.filter_glob={only}",
                          False)
        log = self.ctx.log(what).read_text(errors="replace")
        return self.judge(what, ktap.parse(kunit_output(log)),
                          "host: done" in lines)

    def selftest(self, what, program):
        # A kernel that has gone wrong is not waited for.
        lines = self.boot(what, f"gz.do=tests gz.timeout={120 * self.patience} "
                          f"gzhyp.controls gz.tests={program} oops=panic", True)
        text, code = split_runs(lines).get(program, ("", None))
        return self.judge(what, ktap.parse(text),
                          code is not None and "host: done" in lines)

    def judge(self, what, results, ended):
        """
        What failed. A machine that ran no test, or did not come to its end, is
        not as it should be; only what a kernel complains of is a splat.
        """
        failed = {r.name.split(".")[-1] for r in results
                  if r.status == ktap.FAIL} - {""}
        if not any(r.status == ktap.PASS for r in results):
            failed.add(NO_RESULT)
        if not ended:
            failed.add(NO_END)
        log = self.ctx.log(what)
        if log.stat().st_size and self.ctx.run(
                f"{what}.splats", self.ctx.image / "splats.sh", log)[0]:
            failed.add(SPLAT)
        return failed

    def run(self, what, where, test=""):
        if where.startswith("gzvm-"):
            return self.kunit(what, where, test)
        return self.selftest(what, where)


def try_mutant(bench, mutant):
    """Returns why the fault was not caught, or nothing."""
    where, _, test = mutant.test.partition(" ")
    what = log_name(mutant.name)
    path = bench.path(mutant)
    source = path.read_text()
    if source.count(mutant.old) != 1:
        return f"what it changes is there {source.count(mutant.old)} times"
    path.write_text(source.replace(mutant.old, mutant.new))
    try:
        why = bench.build(what, where.startswith("gzvm-"))
        if why:
            return f"does not build: {why}"
        failed = bench.run(what, where, test)
    finally:
        path.write_text(source)
    if test in failed:
        return ""
    return f"missed; what failed: {', '.join(sorted(failed)) or 'nothing'}"


def pristine(bench, what, where):
    """Without a fault, nothing fails: otherwise nothing would be shown."""
    why = bench.build(what, where.startswith("gzvm-"))
    if why:
        return why
    failed = bench.run(what, where)
    return f"fails without a fault: {', '.join(sorted(failed))}" \
        if failed else ""


def mutants(ctx):
    wanted = os.environ.get("MUTANT", "")
    listed = [mutant for mutant in read_list((ctx.top / LIST).read_text())
              if wanted in mutant.name]
    ctx.report.check("there are such mutants", bool(listed))
    kernels = {mutant.kernel for mutant in listed}
    if "debug" in kernels and not ctx.built("debug image", "debug-image"):
        return
    benches = {kernel: Bench(ctx, kernel) for kernel in kernels}
    places = sorted({(m.kernel, m.test.split(" ")[0]) for m in listed})
    for kernel, where in places:
        what = log_name(f"none {kernel} {where}")
        why = pristine(benches[kernel], what, where)
        ctx.report.check(f"{where} as it is, {kernel} kernel", not why, why,
                         ctx.log(what))
    for i, mutant in enumerate(listed, 1):
        why = try_mutant(benches[mutant.kernel], mutant)
        print(f"{ctx.report.elapsed()}   {i}/{len(listed)} {mutant.name}: "
              f"{why or 'caught by ' + mutant.test}", flush=True)
        ctx.report.check(mutant.name, not why, why,
                         ctx.log(log_name(mutant.name)))
