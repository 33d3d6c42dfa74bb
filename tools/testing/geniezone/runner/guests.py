# SPDX-License-Identifier: GPL-2.0
"""Measures whole guests: the same gzrun on GenieZone and on KVM, and QEMU on KVM."""

from collections import Counter
from dataclasses import dataclass

from . import bench, bench_table, profile
from .machine import Machine

LOADS = ("nothing", "disk", "net", "vsock", "build", "messages")
SECONDS = 3600
# The title and the hypervisor of each column; the first is compared with the others
COLUMNS = (("gz", "gz"), ("KVM nVHE", "kvm"), ("QEMU", "qemu"))


@dataclass(frozen=True)
class Figure:
    """title: of its row. ratio: upper limit for gz's cost divided by the others'."""
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
    "messages-pipe": Figure("message to another vCPU, pipe"),
    "messages-futex": Figure("message to another vCPU, futex"),
}

# The figure without marks for the plugin
UNMARKED = "guest-life"

# How many functions of each column a profile shows
FUNCTIONS = 40

# Text before the name of a figure, what it is, and whether the targets hold for it
KINDS = (("", "instructions", True), ("exits-", "exits", False),
         ("bytes-", "bytes of the host's kernel", False))


def name_of(hypervisor):
    return f"guests-{hypervisor}"


def profile_path(ctx, hypervisor):
    return bench.out_dir(ctx) / f"{name_of(hypervisor)}.profile"


def programs(ctx, hypervisor):
    """The programs that run, first the two with marks."""
    out = ctx.build / "bench-guests"
    vmms = {"gz": (ctx.build / "gzrun/gzrun",), "kvm": (out / "gzrun-kvm",)}
    # QEMU has no symbols, and its addresses are not its own
    return out / "guest", out / "guests", *vmms.get(hypervisor, ())


def run(ctx, hypervisor):
    """Runs all guests in one machine; the results stay in a file with its name."""
    name = name_of(hypervisor)
    machine = Machine(ctx, "guests", ctx.kernel_image,
                      ctx.kbuild / "bench-guests.cpio", 1)
    options = bench.OPTIONS + (
        "--mem", "4G", "--plugin",
        bench.plugin_option(ctx, "profile", profile_path(ctx, hypervisor),
                            *programs(ctx, hypervisor)[:2]))
    append = f"{bench.ALWAYS} gz.do=guests gz.hypervisor={hypervisor} " \
        f"gz.loads={','.join(LOADS)}"
    if hypervisor != "gz":
        options += ("--vhe",)
        append += " kvm-arm.mode=nvhe"
    status, lines = machine.boot(name, append, SECONDS, *options,
                                 el2=hypervisor == "gz")
    ctx.report.check("all guests ended", "guests: done" in lines, "", ctx.log(name))
    machine.ended(name, status, lines)


def step(hypervisor):
    return lambda ctx: run(ctx, hypervisor)


def build(ctx):
    for part in ("gzhyp", "bench-program", "bench-guests-image"):
        ctx.built(part, part)
    for _, hypervisor in COLUMNS:
        (ctx.logs / f"{name_of(hypervisor)}.result").unlink(missing_ok=True)
        profile_path(ctx, hypervisor).unlink(missing_ok=True)


def lines_of(ctx, hypervisor):
    path = ctx.logs / f"{name_of(hypervisor)}.result"
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def results(ctx, hypervisor):
    return {r.figure: r.value for r in bench_table.parse(lines_of(ctx, hypervisor))}


def counts(ctx, hypervisor):
    """Figure -> (image, function) -> instructions. The plugin knows all but one."""
    path = profile_path(ctx, hypervisor)
    if not path.exists():
        return {}
    lines = lines_of(ctx, hypervisor)
    code = bench.driver_range(ctx, lines, "host")
    symbols = bench.symbols_of(ctx, name_of(hypervisor), code, "host",
                               programs(ctx, hypervisor))
    host, sections = profile.blocks(path)
    profiled = [r for r in bench_table.parse(lines)
                if r.figure in FIGURES and r.figure != UNMARKED]
    return {r.figure: Counter({key: n / r.count for key, n in profile.by_image(
                host, section, code, symbols).items()})
            for r, section in zip(profiled, sections)}


def split(count):
    """Image, or group of functions of the host's kernel -> instructions"""
    parts = Counter()
    for (image, name), n in count.items():
        parts[image] += n
        if image == "host kernel":
            parts[f"  {profile.group(name)}"] += n
    return parts


def parts_in_order():
    for image in profile.IMAGES:
        yield image
        if image == "host kernel":
            yield from (f"  {title}" for title, _ in profile.GROUPS)
            yield "  other"


def write_profile(file, figure, columns):
    """One figure: instructions by image side by side, then the functions."""
    file.write(f"{FIGURES[figure].title}\n")
    parts = [split(count) for count in columns]
    lines = [["", *(title for title, _ in COLUMNS)]]
    lines += [[part, *(bench_table.number(p[part]) for p in parts)]
              for part in parts_in_order() if any(p[part] for p in parts)]
    lines.append(["sum", *(bench_table.number(sum(c.values())) for c in columns)])
    file.write(bench_table.text_table(lines, range(1, len(lines[0]))))
    for (title, _), count in zip(COLUMNS, columns):
        file.write(f"\n  {title}\n")
        for (image, name), n in count.most_common(FUNCTIONS):
            file.write(f"{n:14.1f}  {image:14}{name}\n")
    file.write("\n")


def profiles(ctx):
    """Writes where the instructions of each load are executed."""
    columns = [counts(ctx, hypervisor) for _, hypervisor in COLUMNS]
    with open(bench.out_dir(ctx) / "profile-guests.txt", "w") as file:
        for figure in FIGURES:
            if any(figure in c for c in columns):
                write_profile(file, figure, [c.get(figure, Counter())
                                             for c in columns])


def verdict(limit, ratios):
    """Against which columns a figure misses its target, or "met"."""
    missed = [title for (title, _), ratio in zip(COLUMNS[1:], ratios)
              if ratio is not None and ratio > limit]
    if len(missed) == len(ratios):
        return "MISSED"
    return f"MISSED, {missed[0]}" if missed else "met"


def rows(values):
    """The rows of the table, first its head. values: of each column, by figure."""
    yield ["guest", "unit", *(title for title, _ in COLUMNS),
           *(f"gz/{title.split()[-1]}" for title, _ in COLUMNS[1:]), "wanted", ""]
    for prefix, unit, has_target in KINDS:
        for key, figure in FIGURES.items():
            gz, *others = (v.get(prefix + key) for v in values)
            if gz is None and not any(others):
                continue
            ratios = [gz / other if gz is not None and other else None
                      for other in others]
            judged = has_target and any(ratios)
            yield [figure.title, unit, bench_table.number(gz),
                   *(bench_table.number(other) for other in others),
                   *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
                   f"{figure.ratio:g}" if judged else "",
                   verdict(figure.ratio, ratios) if judged else ""]


def table(ctx):
    """All side by side. A missed target is not a failure."""
    values = [results(ctx, hypervisor) for _, hypervisor in COLUMNS]
    profiles(ctx)
    lines = list(rows(values))
    text = bench_table.text_table(lines, range(2, 2 * len(COLUMNS) + 1))
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
