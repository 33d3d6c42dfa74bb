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
from .machine import split_runs
from .static import DRIVER, scratch

LIST = "tools/testing/geniezone/mutants.txt"
# Which test names stand for the end of the whole machine
SPLAT = "splat"

Mutant = namedtuple("Mutant", "name file test old new")


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
                            old, new))
    return found


class Bench:
    """A copy of the driver, and the machine that tries it."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.tree = scratch(ctx, "mutants/tree")
        self.module = ctx.build / "check/mutants/module"
        self.module.mkdir(parents=True, exist_ok=True)
        for name in ("drivers", "include", "tools/virt/geniezone/image"):
            shutil.copytree(ctx.top / name, self.tree / name)
        shutil.copy(ctx.top / "Makefile", self.tree)

    def path(self, mutant):
        return self.tree / DRIVER / mutant.file

    def build(self, kunit):
        """Returns why it does not build, or nothing."""
        options = []
        flags = ""
        if kunit:
            options = ["CONFIG_MTK_GZVM_KUNIT_TEST=y"]
            flags = " -DCONFIG_MTK_GZVM_KUNIT_TEST=1"
        status, output = self.ctx.run(
            "mutant-build", self.tree / "tools/virt/geniezone/image/module.sh",
            self.ctx.linux_612, self.ctx.host, self.module, *options,
            env={"BUILD": str(self.ctx.build), "KCFLAGS": flags})
        return reason(output) if status else ""

    def boot(self, what, append, el2):
        """Runs the module that was built; returns what the host reported."""
        ctx = self.ctx
        initrd = ctx.build / "check/mutants/host.cpio"
        ko = self.module / DRIVER / "gzvm.ko"
        ctx.run("mutant-image", ctx.image / "initramfs.sh", "host", initrd,
                ctx.host / "usr/gen_init_cpio",
                ctx.build / "arm64/root/bin/busybox",
                f"{ko}=/lib/modules/gzvm.ko",
                f"{ctx.host}.ctl/gzhyp_ctl.ko=/lib/modules/gzhyp_ctl.ko",
                f"{ctx.build}/selftests=/usr/libexec/geniezone")
        options = ["--el2", ctx.gzhyp] if el2 else []
        ctx.run(f"{what}.qemu", ctx.image / "qemu.sh", *options,
                "--kernel", ctx.kernel_image, "--initrd", initrd,
                "--append", append, "--timeout", "180", what)
        result = ctx.logs / f"{what}.result"
        return result.read_text(errors="replace").splitlines()

    def kunit(self, suite):
        """Names of the tests that fail, of those that did not finish."""
        self.boot("mutant-kunit", "gz.do=kunit kunit.enable=1 "
                  f"kunit.filter_glob={suite}", False)
        log = self.ctx.log("mutant-kunit").read_text(errors="replace")
        text = re.sub(r"^\[ *\d+\.\d+\] ", "", log.replace("\r", ""),
                      flags=re.M)
        # The first one is of the kernel itself, which has no tests
        begin = text.rfind("\nKTAP version 1")
        return self.judge(ktap.parse(text[begin:]) if begin >= 0 else [], log)

    def selftest(self, program):
        lines = self.boot("mutant-selftest", "gz.do=tests gz.timeout=120 "
                          f"gzhyp.controls gz.tests={program}", True)
        log = self.ctx.log("mutant-selftest").read_text(errors="replace")
        text, code = split_runs(lines).get(program, ("", None))
        failed = self.judge(ktap.parse(text), log)
        if code is None or "host: done" not in lines:
            failed.add(SPLAT)
        return failed

    @staticmethod
    def judge(results, log):
        """What failed; a machine that ran no test at all has failed, too."""
        failed = {r.name.split(".")[-1] for r in results
                  if r.status == ktap.FAIL}
        ran = any(r.status == ktap.PASS for r in results)
        if not ran or re.search("Kernel panic|Unable to handle", log):
            failed.add(SPLAT)
        return failed

    def run(self, where):
        if where.startswith("gzvm-"):
            return self.kunit(where)
        return self.selftest(where)


def try_mutant(bench, mutant):
    """Returns why the fault was not caught, or nothing."""
    where, _, test = mutant.test.partition(" ")
    path = bench.path(mutant)
    source = path.read_text()
    if source.count(mutant.old) != 1:
        return f"what it changes is there {source.count(mutant.old)} times"
    path.write_text(source.replace(mutant.old, mutant.new))
    try:
        why = bench.build(where.startswith("gzvm-"))
        if why:
            return f"does not build: {why}"
        failed = bench.run(where)
    finally:
        path.write_text(source)
    if test in failed:
        return ""
    return f"missed; what failed: {', '.join(sorted(failed)) or 'nothing'}"


def pristine(bench, where):
    """Without a fault, nothing fails: otherwise nothing would be shown."""
    why = bench.build(where.startswith("gzvm-"))
    if why:
        return why
    failed = bench.run(where)
    return f"fails without a fault: {', '.join(sorted(failed))}" \
        if failed else ""


def mutants(ctx):
    bench = Bench(ctx)
    wanted = os.environ.get("MUTANT", "")
    listed = [mutant for mutant in read_list((ctx.top / LIST).read_text())
              if wanted in mutant.name]
    ctx.report.check("there are such mutants", bool(listed))
    places = sorted({m.test.split(" ")[0] for m in listed})
    for where in places:
        why = pristine(bench, where)
        ctx.report.check(f"{where} as it is", not why, why)
    for i, mutant in enumerate(listed, 1):
        why = try_mutant(bench, mutant)
        print(f"{ctx.report.elapsed()}   {i}/{len(listed)} {mutant.name}: "
              f"{why or 'caught by ' + mutant.test}", flush=True)
        ctx.report.check(mutant.name, not why, why)
