# SPDX-License-Identifier: GPL-2.0
"""Measures whole guests: the same gzrun on GenieZone and on KVM."""

from dataclasses import dataclass

from . import bench, bench_table
from .machine import Machine

LOADS = ("nothing", "disk", "net", "vsock", "build", "messages")
SECONDS = 1800
# The title and the hypervisor of each column; the second is compared with
COLUMNS = (("gz", "gz"), ("KVM nVHE", "kvm"))


@dataclass(frozen=True)
class Figure:
    """title: of its row. ratio: upper limit for gz's cost divided by KVM's."""
    title: str
    ratio: float = 0.8


FIGURES = {
    "guest-init": Figure("start of the VMM to the guest's init"),
    "guest-life": Figure("start of the VMM to its end, idle guest"),
    "disk-write-small": Figure("disk, write of 4 KiB", 0.5),
    "disk-read-small": Figure("disk, read of 4 KiB", 0.5),
    "disk-write-large": Figure("disk, write of 1 MiB", 0.5),
    "disk-read-large": Figure("disk, read of 1 MiB", 0.5),
    "tcp-trip": Figure("TCP, round trip of a byte"),
    "tcp-out": Figure("TCP, 1 MiB to the host"),
    "tcp-in": Figure("TCP, 1 MiB from the host"),
    "vsock-trip": Figure("vsock, round trip of a byte"),
    "vsock-out": Figure("vsock, 1 MiB to the host"),
    "vsock-in": Figure("vsock, 1 MiB from the host"),
    "build": Figure("fork, exec, mmap, a file, exit"),
    "messages": Figure("message to a process on another vCPU"),
}

# Text before the name of a figure, what it is, and whether the targets hold for it
KINDS = (("", "instructions", True), ("exits-", "exits", False),
         ("bytes-", "bytes of the host's kernel", False))


def name_of(hypervisor):
    return f"guests-{hypervisor}"


def run(ctx, hypervisor):
    """Runs all guests in one machine; the results stay in a file with its name."""
    name = name_of(hypervisor)
    machine = Machine(ctx, "guests", ctx.kernel_image,
                      ctx.kbuild / "bench-guests.cpio", 1)
    options = bench.OPTIONS + ("--mem", "4G")
    append = f"{bench.ALWAYS} gz.do=guests gz.hypervisor={hypervisor} " \
        f"gz.loads={','.join(LOADS)}"
    if hypervisor == "kvm":
        options += ("--vhe",)
        append += " kvm-arm.mode=nvhe"
    status, lines = machine.boot(name, append, SECONDS, *options,
                                 el2=hypervisor != "kvm")
    ctx.report.check("all guests ended", "guests: done" in lines, "", ctx.log(name))
    machine.ended(name, status, lines)


def step(hypervisor):
    return lambda ctx: run(ctx, hypervisor)


def build(ctx):
    for part in ("gzhyp", "bench-guests-image"):
        ctx.built(part, part)
    for old in ctx.logs.glob("guests-*.result"):
        old.unlink()


def results(ctx, hypervisor):
    path = ctx.logs / f"{name_of(hypervisor)}.result"
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return {r.figure: r.value for r in bench_table.parse(lines)}


def rows(values):
    """The rows of the table, first its head. values: of each column, by figure."""
    yield ["guest", "unit", *(title for title, _ in COLUMNS), "gz/nVHE", "wanted", ""]
    for prefix, unit, has_target in KINDS:
        for key, figure in FIGURES.items():
            gz, kvm = (v.get(prefix + key) for v in values)
            if gz is None and kvm is None:
                continue
            ratio = gz / kvm if gz is not None and kvm else None
            judged = has_target and ratio is not None
            yield [figure.title, unit, bench_table.number(gz), bench_table.number(kvm),
                   f"{ratio:.2f}" if ratio is not None else "",
                   f"{figure.ratio:g}" if judged else "",
                   ("met" if ratio <= figure.ratio else "MISSED") if judged else ""]


def table(ctx):
    """Both hypervisors side by side. A missed target is not a failure."""
    values = [results(ctx, hypervisor) for _, hypervisor in COLUMNS]
    lines = list(rows(values))
    text = bench_table.text_table(lines, range(2, 2 + len(COLUMNS) + 1))
    print(text, end="", flush=True)
    path = bench.out_dir(ctx) / "guests.txt"
    before = path.read_text() if path.exists() else None
    path.write_text(text)
    if before is not None:
        print(f"          {'the same as' if before == text else 'not the same as'}"
              " the last time")
    bench.update_document(ctx, text, "guests")
    ctx.report.check("there is a table", len(lines) > 1)


STEPS = [("build", build)] + \
    [(hypervisor, step(hypervisor)) for _, hypervisor in COLUMNS] + \
    [("table", table)]
