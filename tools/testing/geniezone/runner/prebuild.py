# SPDX-License-Identifier: GPL-2.0
"""Builds targets early, while earlier steps leave a CPU idle.

A machine in QEMU keeps about one CPU busy. These builds use only the time that is
left: SCHED_IDLE, see sched(7).
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
    """A process with all its descendants, parents first."""
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


class Prebuild:
    """A build of targets of the top Makefile that is running."""

    def __init__(self, ctx, *targets):
        self.log = open(ctx.log(f"prebuild-{'-'.join(targets)}"), "wb")
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
        Waits for the build, now at normal priority. The caller builds the same
        targets again and so finds out whether it succeeded.
        """
        for pid in family(self.process.pid):
            try:
                os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
            except (ProcessLookupError, PermissionError):
                pass
        self.process.wait()
