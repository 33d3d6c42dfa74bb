# SPDX-License-Identifier: GPL-2.0
"""Compares the kernel symbols that the module imports with a committed list."""

import os

from .context import reason

LIST = "gki-symbols.txt"

# The variables that leave the optional parts out
WITHOUT = ("CONFIG_MTK_GZVM_DEBUGFS=", "CONFIG_MTK_GZVM_TRACE=")

# The lean module must import none of these
OPTIONAL = ("debugfs_", "trace_event_", "bpf_trace_", "perf_trace_")


def allowed(ctx):
    """Names of the list; text after a name is a reason."""
    return {line.split()[0] for line in
            (ctx.testing / LIST).read_text().splitlines()
            if line.strip() and not line.startswith("#")}


def imports(ctx, ko):
    nm = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-") + "nm"
    status, output = ctx.run("gki-nm", nm, "-u", ko)
    if status:
        ctx.report.fail(ko.name, reason(output))
    return {line.split()[-1] for line in output.splitlines() if line.strip()}


def check(ctx, name, ko):
    found = imports(ctx, ko)
    more = sorted(found - allowed(ctx))
    ctx.report.check(f"{name}: imports are in {LIST}", found and not more,
                     " ".join(more))
    kvm = sorted(symbol for symbol in found if "kvm_" in symbol and
                 not symbol.startswith("kvmalloc"))
    ctx.report.check(f"{name}: no symbol of KVM", not kvm, " ".join(kvm))
    if "lean" in name:
        left = sorted(s for s in found if s.startswith(OPTIONAL))
        ctx.report.check(f"{name}: optional parts are left out", not left,
                         " ".join(left))
