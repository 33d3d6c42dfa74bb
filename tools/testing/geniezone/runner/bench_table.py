# SPDX-License-Identifier: GPL-2.0
"""The figures of the benchmark, their targets, and the table of results."""

import re
from dataclasses import dataclass

RESULT = re.compile(r"^R (\S+) (\d+) (-?\d+\.\d+) (\d+)$")


@dataclass(frozen=True)
class Mode:
    """A hypervisor and its mode. hypervisor: the argument of the program."""
    name: str
    title: str
    hypervisor: str
    append: str = ""


MODES = (
    Mode("gz", "gz", "gz"),
    Mode("gz-page", "gz page", "gz", "gzhyp.noblock"),
    Mode("gz-protected", "gz prot.", "gz-protected"),
    Mode("gz-guestmem", "gz gmem", "gz-guestmem"),
    Mode("kvm-vhe", "KVM VHE", "kvm"),
    Mode("kvm-nvhe", "KVM nVHE", "kvm", "kvm-arm.mode=nvhe"),
    Mode("kvm-protected", "KVM prot.", "kvm", "kvm-arm.mode=protected"),
)

# The mode that results are compared with
PEER = "kvm-nvhe"

# Counts as the same cost: work that the kernel does from time to time may or may not
# happen during a measurement
SAME = 1.02


@dataclass(frozen=True)
class Figure:
    """A measured cost: its title, the unit of its size, and the targets.

    ratio: upper limit for GenieZone's cost divided by the peer's. page: the same for
    memory that is mapped page by page. growth: upper limit for the cost of a size
    divided by the cost of the smallest size. most: upper limit of the cost itself.
    base: a result that is not in the table and is subtracted from this one.
    """
    title: str
    size: str = ""
    ratio: float = 0
    page: float = 0
    growth: float = 0
    most: float = 0
    base: str = ""

    def heading(self):
        """The title of its chart, with the unit if that is instructions."""
        if self.title.startswith("bytes") or self.title.endswith(", ns"):
            return self.title
        return f"{self.title}: instructions"


FIGURES = {
    "mmio-write": Figure("MMIO write, to user space and back", "", 0.5),
    "mmio-read": Figure("MMIO read, to user space and back", "", 0.5),
    "mmio-write-slots": Figure("MMIO write", "slots", 0.5, growth=1.1),
    "mmio-write-vcpus": Figure("MMIO write", "vCPUs", 0.5, growth=1.1),
    "ioeventfd": Figure("ioeventfd, any value", "others", 0.5, growth=SAME),
    "ioeventfd-match": Figure("ioeventfd, one value", "others", 0.5,
                              growth=SAME),
    "ioeventfd-one-address": Figure("ioeventfd, all on one address", "others",
                                    0.5, growth=SAME),
    "irqfd-write": Figure("irqfd write, vCPU out", "vCPUs", 0.9, growth=1.1),
    "irqfd-eoi": Figure("irqfd write, injection, EOI", "vCPUs", 0.9, growth=1.1,
                        base="irqfd-base"),
    "irqfd-idle": Figure("irqfd write, vCPU idle, until it rings back"),
    "null-hvc": Figure("hypercall SMCCC_VERSION"),
    "ptp-hvc": Figure("hypercall PTP, to the kernel and back"),
    "ipi": Figure("IPI to a vCPU that sleeps", "vCPUs", growth=1.1),
    "timer-late": Figure("lateness of a timer", "times preempted"),
    "touch-fresh": Figure("first touch, fresh page", "", 0.45, 0.8),
    "touch-there": Figure("first touch, page there", "", 0.1, 0.8),
    "touch-thp-fresh": Figure("first touch, fresh THP, per 4 KiB"),
    "touch-thp-there": Figure("first touch, THP there, per 4 KiB", "", 0.2),
    "populate": Figure("populate, per 4 KiB", "MiB", 0.45, 0.8),
    "teardown": Figure("tear down, per 4 KiB", "MiB", 0.5),
    "populate-thp": Figure("populate with THP, per 4 KiB", "MiB"),
    "teardown-thp": Figure("tear down with THP, per 4 KiB", "MiB", 0.5),
    "fault-slots": Figure("fault in a slot of a page", "slots", growth=1.1),
    "touch-vcpus": Figure("first touch at once, two CPUs", "vCPUs", growth=1.1),
    "contended-vcpus": Figure("waits for a lock per 2 MiB, two CPUs", "vCPUs", most=2),
    "el2-slot": Figure("longest at EL2, new slot", "MiB", growth=1.1),
    "el2-populate": Figure("longest at EL2, first touch", "MiB", growth=1.1),
    "el2-relinquish": Figure("longest at EL2, page given up", "MiB", growth=1.1),
    "el2-destroy": Figure("longest at EL2, end of the VM", "MiB", growth=1.1),
    "masked-slot": Figure("longest without interrupts, new slot", "MiB", growth=1.1),
    "masked-populate": Figure("longest without interrupts, first touch", "MiB",
                              growth=1.1),
    "masked-relinquish": Figure("longest without interrupts, page given up", "MiB",
                                growth=1.1),
    "masked-destroy": Figure("longest without interrupts, end of the VM", "MiB",
                             most=1e6),
    "give": Figure("slot gets all at once, page there", "MiB"),
    "give-thp": Figure("slot gets all at once, THP there", "MiB"),
    "plain": Figure("page by page: pin, note, map", "MiB"),
    "plain-thp": Figure("page by page: pin, note, map, THP", "MiB"),
    "plain-teardown": Figure("page by page: tear down", "MiB"),
    "plain-thp-teardown": Figure("page by page: tear down, THP", "MiB"),
    "stretch-populate": Figure("longest stretch, populate, ns", "MiB", most=1e6),
    "stretch-teardown": Figure("longest stretch, tear down, ns", "MiB",
                               most=1e6),
    "stretch-populate-thp": Figure("longest stretch, populate THP, ns", "MiB",
                                   most=1e6),
    "stretch-teardown-thp": Figure("longest stretch, tear down THP, ns", "MiB",
                                   most=1e6),
    "create": Figure("create VM, vCPUs, slot", "vCPUs", 0.5),
    "destroy": Figure("destroy a VM that never ran", "vCPUs", 0.5),
    "memory-page": Figure("bytes per 4 KiB page", "MiB", most=9),
    "memory-page-scattered": Figure("bytes per 4 KiB page, scattered", "MiB",
                                    most=9),
    "memory-page-thp": Figure("bytes per 4 KiB page, THP", "MiB", most=0.5),
    "memory-vm": Figure("bytes per VM with a vCPU", most=12288),
    "memory-vcpu": Figure("bytes per vCPU more", most=2048),
}


@dataclass(frozen=True)
class Result:
    figure: str
    size: int
    value: float
    count: int


def parse(lines):
    """The results, in their order."""
    found = (RESULT.match(line) for line in lines)
    return [Result(m[1], int(m[2]), float(m[3]), int(m[4])) for m in found if m]


def longest(results, counts):
    """The results of longest.so, which ran while these were measured"""
    return [Result(result.figure.replace("longest", what), result.size, count, 1)
            for result, found in zip(results, counts, strict=True)
            for what, count in found.items()]


def by_key(results):
    return {(r.figure, r.size): r.value for r in results}


def keys(values):
    """All (figure, size) that any mode has, in the order of the table."""
    order = list(FIGURES)
    have = {key for mode in values.values() for key in mode}
    return sorted((key for key in have if key[0] in FIGURES),
                  key=lambda key: (order.index(key[0]), key[1]))


def conditions(key, values):
    """The targets: pairs of text and whether it is met."""
    figure = FIGURES[key[0]]
    gz = values.get("gz", {})
    peer = values.get(PEER, {}).get(key)
    page = values.get("gz-page", {}).get(key)
    if key not in gz:
        return
    if figure.most:
        yield f"{figure.most:,.10g}", gz[key] <= figure.most
    if figure.ratio and peer:
        yield f"{figure.ratio:g}", gz[key] <= figure.ratio * peer
    if figure.page and peer and page:
        yield f"page {figure.page:g}", page <= figure.page * peer
    smallest = min(size for name, size in gz if name == key[0])
    if figure.growth and key[1] != smallest:
        yield (f"x{figure.growth:g}",
               gz[key] <= figure.growth * gz[key[0], smallest])


def own_share(key, shares):
    """Level -> instructions of the operation without its base"""
    share = shares.get(key, {})
    base = shares.get((FIGURES[key[0]].base, key[1]), {})
    return {level: n - base.get(level, 0) for level, n in share.items()}


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def rows(values, shares):
    """The rows of the table, first its head. shares: key -> level -> instructions."""
    yield ["operation", "size", *(m.title for m in MODES), "driver", "EL2",
           "gz/nVHE", "wanted", ""]
    for key in keys(values):
        figure = FIGURES[key[0]]
        gz = values.get("gz", {}).get(key)
        peer = values.get(PEER, {}).get(key)
        share = own_share(key, shares)
        wanted = list(conditions(key, values))
        met = "" if not wanted else \
            "met" if all(good for _, good in wanted) else "MISSED"
        yield [figure.title, f"{key[1]} {figure.size}" if figure.size else "",
               *(number(values.get(m.name, {}).get(key)) for m in MODES),
               number(share.get("driver")), number(share.get("EL2")),
               f"{gz / peer:.2f}" if gz is not None and peer else "",
               " ".join(text for text, _ in wanted), met]


def text_table(table, numbers=range(2, 2 + len(MODES) + 3)):
    """numbers: the columns that have numbers"""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "".join(
        "  ".join(cell.rjust(width) if i in numbers else cell.ljust(width)
                  for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
        + "\n" for row in table)
