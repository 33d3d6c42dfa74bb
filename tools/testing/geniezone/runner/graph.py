# SPDX-License-Identifier: GPL-2.0
"""Which source files call which, read from the symbols of their objects."""

import os

from .context import reason
from .static import DRIVER, scratch

GZHYP = "tools/virt/geniezone/gzhyp"
GZRUN = "tools/virt/geniezone/gzrun"
LIBRARY = "tools/lib/gzvm"
NO_PART = ("tests/", "examples/", "module/", "pvmfw/", "asm-offsets")

# Labels of which C takes the address, and which it does not call: where the image
# begins, and the exception vectors
LABELS = {"_start", "vectors"}

# gzhyp: one table of calls may lead back to a file that uses the table
GZHYP_CIRCLE = 3


def reachable(graph, start):
    """All that can be reached from a node, itself only by a circle."""
    found = set()
    ahead = list(graph.get(start, ()))
    while ahead:
        node = ahead.pop()
        if node not in found:
            found.add(node)
            ahead += graph.get(node, ())
    return found


def circles(graph):
    """Groups of nodes that all reach each other, the largest first."""
    reach = {node: reachable(graph, node) for node in graph}
    groups = {frozenset(other for other in reach[node]
                        if node in reach.get(other, ()))
              for node in graph if node in reach[node]}
    return sorted((sorted(group) for group in groups),
                  key=lambda group: (-len(group), group))


def symbols(text):
    """The functions that "nm" says an object defines, and what it needs."""
    defined, needed = set(), set()
    for line in text.splitlines():
        *_, kind, name = line.split() if line.strip() else ("", "")
        if kind in ("T", "W"):
            defined.add(name)
        elif kind == "U":
            needed.add(name)
    return defined, needed - LABELS


def call_graph(tables):
    """From {file: nm's output}: {file: the files whose functions it uses}."""
    parts = {file: symbols(text) for file, text in tables.items()}
    home = {name: file for file, (defined, _) in parts.items()
            for name in defined}
    return {file: {home[name] for name in needed
                   if home.get(name, file) != file}
            for file, (_, needed) in parts.items()}


def sources(top, suffixes=(".c",)):
    """Source files below a directory that belong to its program, without suffix."""
    found = []
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.suffix in suffixes and not path.name.endswith(".mod.c") and \
                not any(part in name for part in NO_PART):
            found.append(name[:-len(path.suffix)])
    return found


def read_objects(ctx, what, objects):
    """The call graph of {file: object}; None when an object is missing."""
    nm = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-") + "nm"
    missing = [file for file, path in objects.items() if not path.exists()]
    if not ctx.report.check(f"{what}: objects", objects and not missing,
                            f"not built: {', '.join(missing) or 'all'}"):
        return None
    tables = {}
    for file, path in objects.items():
        status, tables[file] = ctx.run(f"graph-{what}", nm, path)
        if status:
            ctx.report.fail(f"{what}: {file}", reason(tables[file]))
    return call_graph(tables)


def judge(ctx, what, graph, limit):
    """Tells of the circles; fails when one has more files than the limit."""
    if graph is None:
        return
    ctx.report.check(f"{what}: graph", any(graph.values()), "no calls at all")
    found = circles(graph)
    for circle in found:
        print(f"          {what}: circle of {len(circle)}: {' '.join(circle)}")
    if limit is not None:
        ctx.report.check(f"{what}: circles",
                         all(len(circle) <= limit for circle in found),
                         " ".join(found[0]) if found else "")


def driver(ctx):
    """As the host kernel has it, without the unit tests."""
    place = ctx.host / DRIVER
    return read_objects(ctx, "driver", {
        name: place / f"{name}.o" for name in sources(ctx.top / DRIVER)})


def gzhyp(ctx):
    """Compiled once more: what is optimised at link time has no symbols yet.

    Any file does for the firmware, which is a program of its own.
    """
    out = scratch(ctx, "graph/gzhyp")
    objects = {name: out / f"{name}.o"
               for name in sources(ctx.top / GZHYP, (".c", ".S"))}
    status, output = ctx.run(
        "graph-gzhyp-build", *ctx.make_command, f"-j{os.cpu_count()}", "-C",
        ctx.top / GZHYP, f"O={out}", "LTO=", "CONTROL=1",
        f"LIBFDT={ctx.linux_612}/scripts/dtc/libfdt", "PVMFW=Makefile",
        *objects.values())
    if not ctx.report.check("gzhyp: builds without LTO", status == 0,
                            reason(output), ctx.log("graph-gzhyp-build")):
        return None
    return read_objects(ctx, "gzhyp", objects)


def gzrun(ctx):
    """With the library below it, without the programs beside it."""
    place = ctx.build / "gzrun"
    objects = {name: place / f"{name}.o" for name in sources(ctx.top / GZRUN)
               if not name.startswith("tools/")}
    objects.update({f"lib/{name}": place / f"gzvm/{name}.o"
                    for name in sources(ctx.top / LIBRARY)})
    return read_objects(ctx, "gzrun", objects)


def graph(ctx):
    """No circle in the driver, only small ones in gzhyp; gzrun's are told."""
    judge(ctx, "driver", driver(ctx), 0)
    judge(ctx, "gzhyp", gzhyp(ctx), GZHYP_CIRCLE)
    judge(ctx, "gzrun", gzrun(ctx), None)
