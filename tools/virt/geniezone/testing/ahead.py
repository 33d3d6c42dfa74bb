# SPDX-License-Identifier: GPL-2.0
"""What is made ahead of time, while the steps before leave a CPU with nothing to do.

A machine in QEMU mostly keeps one CPU busy. What runs here gets what is left of
the others, and nothing else: SCHED_IDLE (sched(7)).
"""

import atexit
import os
import subprocess
from pathlib import Path


def lowest():
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError:
        os.nice(19)


def family(pid):
    """A process with all that descend from it, those first that were first."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found


class Ahead:
    """Targets of the top Makefile that are being made."""

    def __init__(self, ctx, *targets):
        self.log = open(ctx.log(f"ahead-{'-'.join(targets)}"), "wb")
        self.process = subprocess.Popen(
            [*ctx.make_command, "-C", ctx.top, *targets],
            stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, preexec_fn=lowest)
        atexit.register(self.stop)

    def stop(self):
        if self.process.poll() is None:
            for pid in family(self.process.pid):
                try:
                    os.kill(pid, 15)
                except ProcessLookupError:
                    pass
            self.process.wait()
        self.log.close()

    def finish(self):
        """
        Now it is waited for. Whether it went well is found out by who makes the
        same targets again.
        """
        for pid in family(self.process.pid):
            try:
                os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
            except (ProcessLookupError, PermissionError):
                pass
        self.process.wait()
