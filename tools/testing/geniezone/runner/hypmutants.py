# SPDX-License-Identifier: GPL-2.0
"""Puts faults into copies of gzhyp and checks that a unit test notices each."""

import os
import queue
import shutil
from concurrent.futures import ThreadPoolExecutor

from .context import reason
from .mutants import log_name, read_list, with_fault
from .static import scratch

LIST = "tools/testing/geniezone/mutants-hyp.txt"
GZHYP = "tools/virt/geniezone/gzhyp"

# A fault may make a test loop
SECONDS = 120


def build_and_run(ctx, tree, what, test):
    """Returns whether the test was built, and whether it passed."""
    out = tree.parent / "out"
    program = out / "tests" / test
    program.unlink(missing_ok=True)
    status, output = ctx.run(
        f"{what}.build", "make", "-s", "-C", tree, f"O={out}",
        f"LIBFDT={ctx.linux_612}/scripts/dtc/libfdt", program)
    if status:
        return reason(output), False
    status, _ = ctx.run(what, "timeout", str(SECONDS), program)
    return "", status == 0


def try_mutant(ctx, tree, mutant):
    """Returns why the fault was not caught, or an empty string."""
    def work():
        why, passed = build_and_run(ctx, tree, log_name(f"hyp {mutant.name}"),
                                    mutant.test)
        if why:
            return f"does not build: {why}"
        return "missed" if passed else ""

    return with_fault(tree / mutant.file, mutant, work)


def copies(ctx):
    """A copy of gzhyp for each CPU."""
    idle = queue.SimpleQueue()
    for worker in range(os.cpu_count()):
        tree = scratch(ctx, f"mutants-hyp/{worker}") / "gzhyp"
        shutil.copytree(ctx.top / GZHYP, tree)
        idle.put(tree)
    return idle


def mutants(ctx):
    wanted = os.environ.get("MUTANT", "")
    listed = [mutant for mutant in read_list((ctx.top / LIST).read_text())
              if wanted in mutant.name]
    ctx.report.check("there are such mutants", bool(listed))
    idle = copies(ctx)

    def on_idle(work, *args):
        tree = idle.get()
        try:
            return work(ctx, tree, *args)
        finally:
            idle.put(tree)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tests = sorted({mutant.test for mutant in listed})
        clean = pool.map(lambda test: on_idle(
            build_and_run, log_name(f"hyp none {test}"), test), tests)
        for test, (why, passed) in zip(tests, clean):
            ctx.report.check(f"{test} as it is", passed, why,
                             ctx.log(log_name(f"hyp none {test}")))
        tried = pool.map(lambda mutant: on_idle(try_mutant, mutant), listed)
        for i, (mutant, why) in enumerate(zip(listed, tried), 1):
            print(f"{ctx.report.elapsed()}   {i}/{len(listed)} {mutant.name}: "
                  f"{why or 'caught by ' + mutant.test}", flush=True)
            ctx.report.check(mutant.name, not why, why,
                             ctx.log(log_name(f"hyp {mutant.name}")))
