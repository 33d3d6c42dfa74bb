# SPDX-License-Identifier: GPL-2.0
"""Puts faults into copies of gzhyp and checks that a unit test notices each."""

import os
import queue
import shutil
from concurrent.futures import ThreadPoolExecutor

from . import ktap
from .context import reason
from .mutants import log_name, read_list, with_fault
from .static import scratch

LIST = "tools/testing/geniezone/mutants-hyp.txt"
GZHYP = "tools/virt/geniezone/gzhyp"

# A fault may make a test loop
SECONDS = 120

# A proof takes longer. It fails with this status of CBMC's; any other is no result.
PROOF = "prove_"
PROOF_SECONDS = 600
PROOF_FAILED = 10


def build_and_run(ctx, tree, what, test):
    """Returns why the test was not built, and the status of its run."""
    out = tree.parent / "out"
    program = out / "tests" / test
    program.unlink(missing_ok=True)
    status, output = ctx.run(
        f"{what}.build", "make", "-s", "-C", tree, f"O={out}",
        f"LIBFDT={ctx.linux_612}/scripts/dtc/libfdt", f"CBMC={ctx.build}/cbmc/cbmc", program)
    if status:
        return reason(output), status
    seconds = PROOF_SECONDS if test.startswith(PROOF) else SECONDS
    status, _ = ctx.run(what, "timeout", str(seconds), program)
    return "", status


def is_caught(test, status):
    """A timeout or an error of CBMC's is not a failed proof."""
    return status == PROOF_FAILED if test.startswith(PROOF) else status != 0


def try_mutant(ctx, tree, mutant):
    """Returns why the fault was not caught, or an empty string."""
    def work():
        why, status = build_and_run(ctx, tree, log_name(f"hyp {mutant.name}"),
                                    mutant.test)
        if why:
            return f"does not build: {why}"
        return "" if is_caught(mutant.test, status) else "missed"

    return with_fault(tree / mutant.file, mutant, work)


def copies(ctx):
    """A copy of gzhyp for each CPU."""
    idle = queue.SimpleQueue()
    for worker in range(os.cpu_count()):
        tree = scratch(ctx, f"mutants-hyp/{worker}") / "gzhyp"
        shutil.copytree(ctx.top / GZHYP, tree)
        idle.put(tree)
    return idle


def without_proofs(ctx, listed):
    """The mutants, without those for proofs if there is no CBMC."""
    proofs = [mutant for mutant in listed if mutant.test.startswith(PROOF)]
    if not proofs or not ctx.make("cbmc", str(ctx.build / "cbmc/cbmc"))[0]:
        return listed
    ctx.report.add("proofs", ktap.SKIP, "no CBMC", ctx.log("make-cbmc"))
    return [mutant for mutant in listed if mutant not in proofs]


def mutants(ctx):
    wanted = os.environ.get("MUTANT", "")
    listed = [mutant for mutant in read_list((ctx.top / LIST).read_text())
              if wanted in mutant.name or wanted == mutant.test]
    ctx.report.check("there are such mutants", bool(listed))
    listed = without_proofs(ctx, listed)
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
        for test, (why, status) in zip(tests, clean):
            ctx.report.check(f"{test} as it is", status == 0, why,
                             ctx.log(log_name(f"hyp none {test}")))
        tried = pool.map(lambda mutant: on_idle(try_mutant, mutant), listed)
        for i, (mutant, why) in enumerate(zip(listed, tried), 1):
            print(f"{ctx.report.elapsed()}   {i}/{len(listed)} {mutant.name}: "
                  f"{why or 'caught by ' + mutant.test}", flush=True)
            ctx.report.check(mutant.name, not why, why,
                             ctx.log(log_name(f"hyp {mutant.name}")))
