# SPDX-License-Identifier: GPL-2.0
"""Runs the benchmark on GenieZone and on KVM, and shows the results."""

import csv
import datetime
import os
import re
import subprocess
from dataclasses import dataclass

from . import bench_table, chart, profile
from .machine import Machine

# Makes addresses and costs the same in each run
ALWAYS = "nokaslr norandmaps mitigations=off gz.do=bench"
OPTIONS = ("--icount", "--cpu", "cortex-a76", "--smp", "1")
OPS = 400

TABLE = "tools/virt/geniezone/docs/performance.rst"


@dataclass(frozen=True)
class Boot:
    """Groups of measurements that one machine makes in sequence.

    plugin: the plugin of QEMU that counts. longest.so has results of its own.
    """
    name: str
    groups: str
    append: str = ""
    plugin: str = ""
    seconds: int = 1200
    cpus: int = 1
    memory: str = "4G"


OPERATIONS = Boot("operations", "exits,ioeventfd,irqfd,touch,slots,life,ipi",
                  plugin="profile")
TOUCH = Boot("operations", "touch", plugin="profile")
SIZE = Boot("size", "memory,size")
POPULATE = Boot("size", "size", plugin="profile")
LARGE = Boot("size", "memory,size,large")
# A task that wakes up runs at the next scheduling point, not earlier
STRETCH = Boot("stretch", "stretch", "preempt=none")

# Without demand paging a slot gets its memory at once. "plain" does it page by page.
GIVE = Boot("give", "give,plain", "gzhyp.nodemand", plugin="profile")

# A guest with 4 GiB
LONGEST = Boot("longest", "longest", plugin="longest", memory="6G")
VCPUS = Boot("vcpus", "vcpus", cpus=2)

BOOTS = {
    "gz": (OPERATIONS, LARGE, STRETCH, GIVE, LONGEST, VCPUS),
    "gz-page": (TOUCH, SIZE, STRETCH),
    "gz-protected": (OPERATIONS, POPULATE),
    "gz-guestmem": (OPERATIONS, POPULATE),
    "kvm-vhe": (OPERATIONS, SIZE),
    "kvm-nvhe": (OPERATIONS, LARGE, STRETCH),
    "kvm-protected": (OPERATIONS, SIZE),
}


def out_dir(ctx):
    out = ctx.build / "bench"
    out.mkdir(exist_ok=True)
    return out


def program(ctx):
    return ctx.build / "bench-program/bench"


def plugin_option(ctx, plugin, file, *marked):
    """The plugin with the addresses of the marks in these programs, and of the levels."""
    symbols = subprocess.run(["aarch64-linux-gnu-nm", *(str(m) for m in marked)],
                             check=True, capture_output=True, text=True).stdout
    marks = re.findall(r"^([0-9a-f]+) [tT] mark_(\w+)$", symbols, re.M)
    levels = profile.ranges() if plugin == "longest" else ()
    return ",".join((str(ctx.build / f"bench-program/{plugin}.so"), f"out={file}",
                     *(f"{name}={address}" for address, name in marks), *levels))


def plugin_file(ctx, name, plugin):
    """The file that the plugin writes in a boot"""
    return out_dir(ctx) / f"{name}.{plugin}"


def run_boot(ctx, mode, boot):
    """Runs one machine; its results stay in a file with its name."""
    name = f"bench-{mode.name}-{boot.name}"
    kernel = ctx.kbuild / "lean/arch/arm64/boot/Image"
    machine = Machine(ctx, "bench", kernel, ctx.kbuild / "bench.cpio", 1)
    options = OPTIONS + ("--smp", str(boot.cpus), "--mem", boot.memory)
    if boot.plugin:
        options += ("--plugin", plugin_option(
            ctx, boot.plugin, plugin_file(ctx, name, boot.plugin), program(ctx)))
    kvm = mode.hypervisor == "kvm"
    if kvm:
        options += ("--vhe",)
    status, lines = machine.boot(
        name, f"{ALWAYS} gz.hypervisor={mode.hypervisor} gz.ops={OPS} "
        f"gz.bench={boot.groups} {mode.append} {boot.append}", boot.seconds,
        *options, el2=not kvm)
    ctx.report.check("all groups ended", lines.count("bench: done")
                     == boot.groups.count(",") + 1, "", ctx.log(name))
    machine.ended(name, status, lines)


def boot_step(mode, boot):
    return lambda ctx: run_boot(ctx, mode, boot)


def build(ctx):
    for part in ("gzhyp", "bench-program", "bench-image"):
        ctx.built(part, part)
    for plugin in ("profile", "longest"):
        for old in out_dir(ctx).glob(f"*.{plugin}"):
            old.unlink()
    for old in ctx.logs.glob("bench-*.result"):
        old.unlink()


def lines_of(ctx, mode, boot):
    path = ctx.logs / f"bench-{mode.name}-{boot.name}.result"
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def results_of(ctx, mode, boot):
    """The results of a boot, with those that the plugin has found"""
    results = list(bench_table.parse(lines_of(ctx, mode, boot)))
    path = plugin_file(ctx, f"bench-{mode.name}-{boot.name}", "longest")
    if boot.plugin == "longest" and path.exists():
        results += bench_table.longest(results, profile.longest(path))
    return results


def driver_range(ctx, lines, flavour="lean"):
    """The addresses of the module's code."""
    start = next((int(line.split()[1], 16) for line in lines
                  if line.startswith("text: ")), None)
    if start is None:
        return None
    sizes = subprocess.run(["aarch64-linux-gnu-size", "-A", str(ctx.driver(flavour))],
                           check=True, capture_output=True, text=True).stdout
    size = int(re.search(r"^\.text\s+(\d+)", sizes, re.M)[1])
    return range(start, start + size)


def symbols_of(ctx, name, code, flavour="lean", programs=None):
    """The functions of a machine's kernel, driver, programs and hypervisor."""
    symbols = profile.Symbols()
    symbols.add(ctx.kbuild / flavour / "vmlinux")
    for path in programs or (program(ctx),):
        symbols.add(path)
    if code:
        symbols.add(ctx.driver(flavour), code.start)
    hidden = re.search(r"^gzhyp: .* hidden at ([0-9a-f]+)",
                       ctx.log(name).read_text(errors="replace"), re.M)
    if hidden:
        symbols.add(ctx.build / "gzhyp/gzhyp.elf", int(hidden[1], 16))
    return symbols


def write_profile(file, result, section, code, symbols):
    """Writes the most expensive functions; returns the share of each level."""
    split = {level: n / result.count
             for level, n in profile.split(section, code).items()}
    file.write(f"{result.figure} {result.size}: {result.value:.1f} = " +
               ", ".join(f"{level} {split.get(level, 0):.1f}"
                         for level in profile.LEVELS) + "\n")
    functions = profile.by_function(section, code, symbols).most_common(30)
    for (level, name), count in functions:
        file.write(f"{count / result.count:12.1f}  {level:8} {name}\n")
    return split


def profiles(ctx, mode):
    """(figure, size) -> level -> instructions; also writes them to a file."""
    shares = {}
    with open(out_dir(ctx) / f"profile-{mode.name}.txt", "w") as file:
        for boot in BOOTS[mode.name]:
            name = f"bench-{mode.name}-{boot.name}"
            path = plugin_file(ctx, name, "profile")
            if not path.exists():
                continue
            lines = lines_of(ctx, mode, boot)
            code = driver_range(ctx, lines)
            symbols = symbols_of(ctx, name, code)
            for result, section in zip(bench_table.parse(lines),
                                       profile.sections(path), strict=True):
                shares[result.figure, result.size] = \
                    write_profile(file, result, section, code, symbols)
    return shares


def charts(ctx, values):
    """Draws one chart for each figure."""
    all_keys = bench_table.keys(values)
    for name in dict.fromkeys(key[0] for key in all_keys):
        figure = bench_table.FIGURES[name]
        sizes = [key[1] for key in all_keys if key[0] == name]
        series = [(m.title, [values[m.name].get((name, size)) for size in sizes])
                  for m in bench_table.MODES]
        labels = [f"{size} {figure.size}" if figure.size else ""
                  for size in sizes]
        (out_dir(ctx) / f"{name}.svg").write_text(
            chart.bars(figure.heading(), labels, series))


def update_document(ctx, text, name, document=TABLE):
    """With UPDATE=1, puts the table between its marks in the document."""
    if not os.environ.get("UPDATE"):
        return
    begin, end = (f".. {mark} of the table of {name}\n" for mark in ("begin", "end"))
    path = ctx.top / document
    before, rest = path.read_text().split(begin)
    after = rest.split(end)[1]
    date = datetime.date.today().isoformat()
    block = "".join(f"   {line}\n" for line in text.splitlines())
    path.write_text(f"{before}{begin}\nOf {date}::\n\n{block}\n{end}{after}")


def table(ctx):
    """All results side by side. A missed target is not a failure."""
    values = {m.name: bench_table.by_key(
        r for boot in BOOTS[m.name] for r in results_of(ctx, m, boot))
        for m in bench_table.MODES}
    shares = {m.name: profiles(ctx, m) for m in bench_table.MODES}
    lines = list(bench_table.rows(values, shares["gz"]))
    text = bench_table.text_table(lines)
    print(text, end="", flush=True)
    path = out_dir(ctx) / "table.csv"
    before = path.read_text() if path.exists() else None
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(lines)
    (out_dir(ctx) / "table.txt").write_text(text)
    charts(ctx, values)
    if before is not None:
        same = before == path.read_text()
        print(f"          {'the same as' if same else 'not the same as'}"
              " the last time")
    update_document(ctx, text, "operations")
    ctx.report.check("there is a table", len(lines) > 1)


STEPS = [("build", build)] + \
    [(f"{mode.name} {boot.name}", boot_step(mode, boot))
     for mode in bench_table.MODES for boot in BOOTS[mode.name]] + \
    [("table", table)]
