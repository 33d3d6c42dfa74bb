# SPDX-License-Identifier: GPL-2.0
"""Runs steps in sequence, or in parallel, since a machine leaves a CPU half idle."""

import copy
import threading

from .report import Report


def bundles(steps, beside):
    """Bundles of a step and the later steps that may run in parallel with it."""
    found = []
    for name, step in steps:
        if found and name in beside.get(found[-1][0][0], ()):
            found[-1].append((name, step))
        else:
            found.append([(name, step)])
    return found


def run_all(ctx, steps):
    for name, step in steps:
        ctx.report.begin(name)
        try:
            step(ctx)
        except Exception as error:
            ctx.report.fail("", f"{type(error).__name__}: {error}")
        ctx.report.end()


def run_bundle(ctx, first, *others):
    """Runs the first step here, and the others in sequence in a thread."""
    if not others:
        return run_all(ctx, [first])
    aside = copy.copy(ctx)
    aside.report = Report(ctx.report)
    thread = threading.Thread(target=run_all, args=(aside, others), daemon=True)
    thread.start()
    run_all(ctx, [first])
    thread.join()
    return ctx.report.take_over(aside.report)
