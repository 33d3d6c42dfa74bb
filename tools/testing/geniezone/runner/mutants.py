# SPDX-License-Identifier: GPL-2.0
"""Puts faults into a copy of the driver and checks that a test notices each.

A fault counts as caught only if the test fails that the fault names.
"""

import os
import queue
import re
import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from . import ktap
from .context import reason
from .machine import DEBUG_APPEND, KUNIT_APPEND, kunit_output, split_runs
from .static import DRIVER, scratch

LIST = "tools/testing/geniezone/mutants.txt"
# Named instead of a test if the kernel must complain
SPLAT = "splat"
# Neither a test nor a splat
NO_RESULT, NO_END = "no result", "no end"

Mutant = namedtuple("Mutant", "name file test kernel old new")


def read_list(text):
    """The mutants of a list, in their order."""
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
    """The prefix of a mutant's logs."""
    return "mutant-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class Bench:
    """A worker's copy of the driver, and a machine that runs it on one kernel."""

    def __init__(self, ctx, worker, kernel):
        self.ctx = ctx
        self.kernel = ctx.kbuild / ("host" if kernel == "base" else kernel)
        self.patience = 3 if kernel == "debug" else 1
        self.append = f" {DEBUG_APPEND}" if kernel == "debug" else ""
        self.place = ctx.build / f"check/mutants/{worker}/{kernel}"
        self.tree = scratch(ctx, f"mutants/{worker}/{kernel}/tree")
        self.module = self.place / "module"
        self.module.mkdir(parents=True, exist_ok=True)
        for name in ("drivers", "include", "tools/virt/geniezone/image"):
            shutil.copytree(ctx.top / name, self.tree / name)
        shutil.copy(ctx.top / "Makefile", self.tree)

    def path(self, mutant):
        return self.tree / DRIVER / mutant.file

    def build(self, what, kunit):
        """Returns why it does not build, or an empty string."""
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
        """Runs the module; returns the lines that the host reported."""
        ctx = self.ctx
        initrd = self.place / "host.cpio"
        ko = self.module / DRIVER / "gzvm.ko"
        files = [f"{ko}=/lib/modules/gzvm.ko"]
        options = []
        if el2:
            files += [f"{self.kernel}.ctl/gzhyp_ctl.ko=/lib/modules/gzhyp_ctl.ko",
                      f"{ctx.build}/selftests=/usr/libexec/geniezone"]
            options = ["--el2", ctx.hypervisor(append)]
        ctx.run(f"{what}.image", ctx.image / "initramfs.sh", "host", initrd,
                ctx.build / "arm64/root/bin/busybox", *files)
        ctx.run(f"{what}.qemu", ctx.image / "qemu.sh", *options,
                "--kernel", self.kernel / "arch/arm64/boot/Image",
                "--initrd", initrd, "--append", append + self.append,
                "--timeout", str(180 * self.patience), what)
        result = ctx.logs / f"{what}.result"
        return result.read_text(errors="replace").splitlines()

    def kunit(self, what, suite, test):
        """
        Returns the names of the tests that fail or do not finish. Only the named
        test runs, so that another failure cannot hide its result.
        """
        only = suite if test in ("", SPLAT, NO_END) else f"{suite}.{test}"
        lines = self.boot(what, f"{KUNIT_APPEND} kunit.filter_glob={only}",
                          False)
        log = self.ctx.log(what).read_text(errors="replace")
        return self.judge(what, ktap.parse(kunit_output(log)),
                          "host: done" in lines)

    def selftest(self, what, program):
        # oops=panic ends a broken kernel at once
        lines = self.boot(what, f"gz.do=tests gz.timeout={120 * self.patience} "
                          f"gzhyp.controls gz.tests={program} oops=panic", True)
        text, code = split_runs(lines).get(program, ("", None))
        return self.judge(what, ktap.parse(text),
                          code is not None and "host: done" in lines)

    def judge(self, what, results, ended):
        """
        Returns the failures. A machine that ran no test or did not finish is a
        failure, too. Only a complaint of a kernel is a splat.
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


def with_fault(path, mutant, work):
    """Returns the result of work() while the file has the fault, or why it cannot."""
    source = path.read_text()
    if source.count(mutant.old) != 1:
        return f"the lines to replace occur {source.count(mutant.old)} times"
    path.write_text(source.replace(mutant.old, mutant.new))
    try:
        return work()
    finally:
        path.write_text(source)


def try_mutant(bench, mutant):
    """Returns why the fault was not caught, or an empty string."""
    where, _, test = mutant.test.partition(" ")
    what = log_name(mutant.name)

    def work():
        why = bench.build(what, where.startswith("gzvm-"))
        if why:
            return f"does not build: {why}"
        failed = bench.run(what, where, test)
        if test in failed:
            return ""
        return f"missed; failures: {', '.join(sorted(failed)) or 'nothing'}"

    return with_fault(bench.path(mutant), mutant, work)


def pristine(bench, what, where):
    """Without a fault nothing fails; otherwise a mutant would prove nothing."""
    why = bench.build(what, where.startswith("gzvm-"))
    if why:
        return why
    failed = bench.run(what, where)
    return f"fails without a fault: {', '.join(sorted(failed))}" \
        if failed else ""


class Workers:
    """One worker for each CPU: most of the work keeps one CPU busy."""

    def __init__(self, ctx, kernels):
        self.count = os.cpu_count()
        self.idle = queue.SimpleQueue()
        for worker in range(self.count):
            self.idle.put({kernel: Bench(ctx, worker, kernel)
                           for kernel in kernels})

    def map(self, work, jobs):
        """
        Yields (job, result of work(bench, *job[1:])) in the order of the jobs. The
        first item of a job is its kernel.
        """
        def on_idle(job):
            benches = self.idle.get()
            try:
                return work(benches[job[0]], *job[1:])
            finally:
                self.idle.put(benches)

        with ThreadPoolExecutor(self.count) as pool:
            yield from zip(jobs, pool.map(on_idle, jobs))


def mutants(ctx):
    wanted = os.environ.get("MUTANT", "")
    listed = [mutant for mutant in read_list((ctx.top / LIST).read_text())
              if wanted in mutant.name]
    ctx.report.check("there are such mutants", bool(listed))
    kernels = {mutant.kernel for mutant in listed}
    for kernel in sorted(kernels - {"base"}):
        if not ctx.built(f"{kernel} image", f"{kernel}-image"):
            return
    workers = Workers(ctx, kernels)
    places = [(kernel, log_name(f"none {kernel} {where}"), where) for kernel, where
              in sorted({(m.kernel, m.test.split(" ")[0]) for m in listed})]
    for (kernel, what, where), why in workers.map(pristine, places):
        ctx.report.check(f"{where} as it is, {kernel} kernel", not why, why,
                         ctx.log(what))
    tried = workers.map(try_mutant, [(m.kernel, m) for m in listed])
    for i, ((_, mutant), why) in enumerate(tried, 1):
        print(f"{ctx.report.elapsed()}   {i}/{len(listed)} {mutant.name}: "
              f"{why or 'caught by ' + mutant.test}", flush=True)
        ctx.report.check(mutant.name, not why, why,
                         ctx.log(log_name(mutant.name)))
